"""The training loop of every method: objectives differ, the loop does not.

Everything random in a step follows from seed and step, so an interrupted run that goes on gives the same weights, bit
for bit on a CPU, as an uninterrupted one.
"""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from physioclr_core.data.segments import Segments
from physioclr_core.errors import UserFacingError
from physioclr_core.losses.objective import Objective, ObjectiveResult
from physioclr_core.train.batches import BatchPlan, Views
from physioclr_core.train.checkpoint import parameter_groups, resume, save_last, save_tensors, update_average_
from physioclr_core.train.distributed import World, mean_over_processes
from physioclr_core.train.loop_config import LoopConfig, OptimizerConfig
from physioclr_core.train.monitors import CollapseMonitor, is_collapsed
from physioclr_core.train.run_folder import RunFolder
from physioclr_core.train.schedule import constant_rate, one_cycle_rate

_RATES = {"one-cycle": one_cycle_rate, "constant": constant_rate}
MIN_MICRO_BATCH = 2


class Records(Protocol):
    """Training records by row."""

    def __len__(self) -> int:
        """Return the number of records."""

    def segments(self, rows: npt.NDArray[np.int64]) -> Segments:
        """Return whole records."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is trained.

    Attributes
    ----------
    objective : Objective
        Fresh; the same for the same seed.
    records : Records
    validate : callable
        Averaged objective in evaluation mode -> figures.
    metric : str or None
        Figure of ``validate`` whose highest value selects the epoch; None keeps the last one.
    encoder_rate : float
        Learning rate of the encoder relative to the rest.
    """

    objective: Objective
    records: Records
    validate: Callable[[Objective], dict[str, float]]
    metric: str | None
    encoder_rate: float = 1.0


def fit(
    task: Task,
    loop: LoopConfig,
    optimizer_config: OptimizerConfig,
    run: RunFolder,
    world: World,
    on_step: Callable[[int, int, float], None] = lambda step, n_steps, loss: None,
) -> dict[str, Any]:
    """Train, or go on where the run was interrupted.

    Parameters
    ----------
    task : Task
    loop, optimizer_config
        Configuration of the loop.
    run : RunFolder
        Claimed and locked by the caller.
    world : World
    on_step : callable
        Called with (steps done, all steps, loss); an exception of it, such as KeyboardInterrupt, ends the run
        resumably.

    Returns
    -------
    dict
        ``best``, ``best_epoch``, ``n_steps``, ``seconds`` of this sitting.

    Raises
    ------
    UserFacingError
        If the loss is not finite, the disk is full or not even two records fit into memory.
    """
    plan = BatchPlan(len(task.records), loop.batch_size, loop.seed, world.rank, world.size)
    n_steps = plan.steps_an_epoch * loop.n_epochs
    model = task.objective.to(world.device)
    average = copy.deepcopy(model).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(
        parameter_groups(model, optimizer_config.weight_decay, task.objective.encoder, task.encoder_rate),
        lr=0.0,
        betas=optimizer_config.betas,
    )
    state: dict[str, Any] = {"step": 0, "best": -math.inf, "best_epoch": -1, "micro_batch": loop.micro_batch_size}
    state |= resume(run.path, model, average, optimizer) or {}
    if world.is_first:
        run.forget_events_after(state["step"])
    sinks = _tensorboard(run, loop) if world.is_first else None
    steps = _Steps(model, optimizer, loop, optimizer_config, world, n_steps, state["micro_batch"])
    monitor, losses, parts = CollapseMonitor(), [], []
    started = epoch_started = saved = time.monotonic()

    def make(rows: npt.NDArray[np.int64], rng: np.random.Generator) -> Views:
        return task.objective.views(task.records.segments(rows), rng)

    def save() -> None:
        if world.is_first:
            save_last(run.path, model, average, optimizer, {**state, "micro_batch": steps.micro_batch})

    batches = plan.batches(state["step"], n_steps, make, loop.n_loader_threads)
    with contextlib.closing(batches):  # type: ignore[type-var]
        for step, views in batches:
            try:
                result = steps.take(step, views, run)
            except BaseException:
                # The weights are those of the last finished step, unless the optimiser was at work.
                if not steps.is_updating and state["step"] == step:
                    save()
                raise
            update_average_(average, model, min(loop.ema_decay, (step + 1) / (step + 10)))
            state["step"] = step + 1
            loss, figures = steps.reported(result)
            losses.append(loss)
            parts.append(figures)
            if result.embedding is not None:
                monitor.add(result.embedding, result.second_embedding)
            is_epoch_end = (step + 1) % plan.steps_an_epoch == 0
            if is_epoch_end:
                epoch = step // plan.steps_an_epoch
                values = {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
                values |= (collapse := monitor.figures())
                if (epoch + 1) % loop.validate_every == 0 or step + 1 == n_steps:
                    values |= task.validate(average)
                    value = epoch if task.metric is None else values.get(task.metric, -math.inf)
                    if world.is_first and value > state["best"]:
                        state |= {"best": value, "best_epoch": epoch}
                        save_tensors(
                            run.best, average.state_dict(), {"epoch": epoch, "selected_by": task.metric, "value": value}
                        )
                save()
                now = time.monotonic()
                seconds, epoch_started, saved = round(now - epoch_started, 2), now, now
                if world.is_first:
                    run.event(
                        event="epoch",
                        step=step + 1,
                        epoch=epoch,
                        loss=float(np.mean(losses)),
                        seconds=seconds,
                        **values,
                    )
                    if is_collapsed(collapse):
                        run.event(event="collapse", step=step + 1, epoch=epoch, **collapse)
                    if sinks is not None:
                        for name, value in {"loss": float(np.mean(losses)), **values}.items():
                            sinks.add_scalar(name, value, step + 1)
                losses, parts = [], []
            elif time.monotonic() - saved > 60.0 * loop.checkpoint_minutes:
                save()
                saved = time.monotonic()
            try:
                on_step(step + 1, n_steps, loss)
            except BaseException:
                save()
                raise
    if sinks is not None:
        sinks.close()
    seconds = round(time.monotonic() - started, 1)
    return {"best": state["best"], "best_epoch": state["best_epoch"], "n_steps": n_steps, "seconds": seconds}


class _Steps:
    """Single steps: forward in micro-batches, backward, clipped update; halves what does not fit into memory."""

    def __init__(
        self,
        model: Objective,
        optimizer: torch.optim.Optimizer,
        loop: LoopConfig,
        config: OptimizerConfig,
        world: World,
        n_steps: int,
        micro_batch: int,
    ) -> None:
        self.model, self.optimizer, self.loop, self.config = model, optimizer, loop, config
        self.world, self.n_steps, self.micro_batch = world, n_steps, micro_batch
        self.is_updating = False
        self._forward: nn.Module = torch.compile(model) if loop.compile else model  # type: ignore[assignment]
        if world.size > 1:
            self._forward = DistributedDataParallel(self._forward)
        self._use_bf16 = arithmetic(loop.precision, world.device) == "bf16"

    def take(self, step: int, views: Views, run: RunFolder) -> ObjectiveResult:
        """Do one step; where memory runs out, with half the records at once, and say so."""
        rate = _RATES[self.config.schedule](
            step, self.n_steps, self.config.max_learning_rate, self.config.warmup_fraction
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["rate"]
        self.model.train()
        while True:
            n_records = len(next(iter(views.values())))
            try:
                result = self._gradients(step, views, min(self.micro_batch or n_records, n_records))
                break
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                at_once = min(self.micro_batch or n_records, n_records)
                if at_once // 2 < MIN_MICRO_BATCH or self.world.size > 1:
                    raise UserFacingError(
                        f"The memory of {self.world.device} does not hold {at_once} records; "
                        "choose a smaller network, shorter segments or a smaller micro_batch_size."
                    ) from None
                self.micro_batch = at_once // 2
                run.event(event="out_of_memory", step=step, records_at_once=self.micro_batch)
            if self.world.device.type == "cuda":
                torch.cuda.empty_cache()
        if not math.isfinite(float(result.loss)):
            raise UserFacingError(
                f"The loss is not finite in step {step}; the weights before it are kept. "
                "A lower learning rate may help."
            )
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.is_updating = True
        self.optimizer.step()
        self.is_updating = False
        return result

    def _gradients(self, step: int, views: Views, at_once: int) -> ObjectiveResult:
        # Dropout is that of the step, whatever was drawn before; one stream a process.
        torch.manual_seed(int(np.random.SeedSequence((self.loop.seed, 3, step, self.world.rank)).generate_state(1)[0]))
        self.optimizer.zero_grad(set_to_none=True)
        n_records = len(next(iter(views.values())))
        starts = range(0, n_records, at_once)
        total: Tensor | None = None
        result: ObjectiveResult | None = None
        for start in starts:
            part = {name: torch.from_numpy(view[start : start + at_once]) for name, view in views.items()}
            part = {name: tensor.to(self.world.device, non_blocking=True) for name, tensor in part.items()}
            share = min(at_once, n_records - start) / n_records
            with _synchronised(self._forward, start == starts[-1]), self._autocast():
                result = self._forward(part)
                assert isinstance(result, ObjectiveResult)
                loss = result.loss * share
                loss.backward()  # type: ignore[no-untyped-call]
            total = loss.detach() if total is None else total + loss.detach()
        assert result is not None
        assert total is not None
        return ObjectiveResult(
            mean_over_processes(total, self.world.size), result.figures, result.embedding, result.second_embedding
        )

    def reported(self, result: ObjectiveResult) -> tuple[float, dict[str, float]]:
        """Return the loss and its figures as numbers."""
        return float(result.loss), {name: float(value) for name, value in result.figures.items()}

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        return torch.autocast(self.world.device.type, torch.bfloat16, enabled=self._use_bf16)


def arithmetic(precision: Literal["auto", "fp32", "bf16"], device: torch.device) -> Literal["fp32", "bf16"]:
    """Return in which numbers a training calculates: ``auto`` is bf16 where the device has instructions for it."""
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    # Without such instructions bf16 is emulated, at half the speed of fp32.
    has = torch.cpu.get_capabilities() if device.type == "cpu" else {}
    return "bf16" if has.get("avx512_bf16") or has.get("amx_bf16") else "fp32"


def is_out_of_memory(error: BaseException) -> bool:
    """Tell a lack of memory, on the CPU or a GPU, from other errors."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "not enough memory" in str(error)


def _synchronised(model: nn.Module, is_last: bool) -> contextlib.AbstractContextManager[Any]:
    if isinstance(model, DistributedDataParallel) and not is_last:
        return model.no_sync()
    return contextlib.nullcontext()


def _tensorboard(run: RunFolder, loop: LoopConfig) -> Any:
    if not loop.tensorboard:
        return None
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserFacingError("TensorBoard is not installed; install physioclr[tensorboard] or leave it off.") from None
    return SummaryWriter(str(run.path / "tensorboard"))
