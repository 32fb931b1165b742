"""The training loop of the physiology engine's networks, which mark points in time.

A run goes on where it was interrupted, at the last finished round of a hundred steps, and gives the same weights as an
uninterrupted one.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from physioclr_core import __version__
from physioclr_core.errors import UserFacingError
from physioclr_core.train.checkpoint import parameter_groups, resume, save_last, save_tensors, update_average_
from physioclr_core.train.schedule import one_cycle_rate

FloatArray = npt.NDArray[np.float32]
Batch = tuple[FloatArray, FloatArray, FloatArray]

STEPS_A_ROUND = 100
BEST = "best.safetensors"


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """How long and how fast to train; the learning rate rises linearly and falls as a cosine."""

    seed: int
    n_steps: int
    max_learning_rate: float
    warmup_fraction: float
    weight_decay: float
    ema_decay: float


def train_network(
    model: nn.Module,
    make_batch: Callable[[np.random.Generator], Batch],
    loss_of: Callable[[Tensor, Tensor, Tensor], Tensor],
    config: LoopConfig,
    run: Path,
    recorded: dict[str, Any],
) -> nn.Module:
    """Train, or go on; return the running average of the weights.

    Parameters
    ----------
    model : nn.Module
        Fresh; the same for the same seed.
    make_batch : callable
        Random generator -> input, target, weight.
    loss_of : callable
        Logits, target, weight -> loss.
    config : LoopConfig
    run : Path
        Folder for ``config.json``, ``events.jsonl``, ``last.safetensors`` and, at the end, ``best.safetensors``.
    recorded : dict
        What decides the result besides the code: configuration and data hash; written to ``config.json``.

    Raises
    ------
    UserFacingError
        If the folder belongs to another configuration, or the loss is no longer finite.
    """
    run.mkdir(parents=True, exist_ok=True)
    _claim(run, recorded)
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(model)
    if (run / BEST).exists():
        average.load_state_dict(load_file(run / BEST))
        return average.eval()
    optimizer = torch.optim.AdamW(parameter_groups(model, config.weight_decay), lr=0.0)
    last = resume(run, model, average, optimizer)
    n_rounds = math.ceil(config.n_steps / STEPS_A_ROUND)
    for number in range(last["round"] + 1 if last else 0, n_rounds):
        started = time.monotonic()
        rng = np.random.default_rng((config.seed, number))
        torch.manual_seed(config.seed * 10_007 + number)
        model.train()
        total = 0.0
        steps = range(number * STEPS_A_ROUND, min((number + 1) * STEPS_A_ROUND, config.n_steps))
        for step in steps:
            for group in optimizer.param_groups:
                group["lr"] = one_cycle_rate(step, config.n_steps, config.max_learning_rate, config.warmup_fraction)
            x, target, weight = (torch.from_numpy(part) for part in make_batch(rng))
            loss = loss_of(model(x), target, weight)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            update_average_(average, model, min(config.ema_decay, (step + 1) / (step + 10)))
            total += loss.item()
        if not math.isfinite(total):
            raise UserFacingError(f"{run}: the loss is not finite in round {number}; the last good round is kept.")
        save_last(run, model, average, optimizer, {"round": number})
        event = {
            "step": steps.stop,
            "loss": round(total / len(steps), 5),
            "seconds": round(time.monotonic() - started, 1),
        }
        with (run / "events.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(event) + "\n")
        print(run.name, json.dumps(event), flush=True)  # noqa: T201 (the progress of a command)
    save_tensors(run / BEST, average.state_dict(), {"step": config.n_steps})
    return average.eval()


def weighted_bce(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Return the binary cross-entropy averaged by weight; soft targets are allowed."""
    each = nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (each * weight).sum() / weight.sum().clamp(min=1.0)


def load_network(model: nn.Module, run: Path) -> nn.Module:
    """Load a finished run's weights.

    Raises
    ------
    UserFacingError
        If the run is not finished.
    """
    if not (run / BEST).exists():
        raise UserFacingError(f"{run}: this run is not finished; start it again to go on.")
    model.load_state_dict(load_file(run / BEST))
    return model.eval()


def _claim(run: Path, recorded: dict[str, Any]) -> None:
    path = run / "config.json"
    recorded = {**recorded, "code_version": __version__, "torch": torch.__version__.split("+")[0]}
    text = json.dumps(recorded, indent=2) + "\n"
    if path.exists():
        if json.loads(path.read_text(encoding="utf-8")) != json.loads(text):
            raise UserFacingError(f"{run}: this folder holds a run of another configuration, other data or code.")
        return
    path.write_text(text, encoding="utf-8")
