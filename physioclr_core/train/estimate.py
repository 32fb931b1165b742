"""What a run will take on this machine: weights, memory and time, from a few real steps."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass

import numpy as np
import torch

from physioclr_core.losses.objective import Objective
from physioclr_core.train.checkpoint import parameter_groups
from physioclr_core.train.distributed import world
from physioclr_core.train.finetune import finetuning_data, objective_of, starting_encoder
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.loop_config import LoopConfig
from physioclr_core.train.pretrain import new_objective
from physioclr_core.train.pretrain_config import PretrainConfig
from physioclr_core.train.records import TrainingData, TrainingRecords, open_training_data, with_physiology

_RECORDS_TIMED = 32
_STEPS_TIMED = 3
# Weights, gradient, two moments of AdamW, running average: five numbers of four bytes.
_BYTES_A_WEIGHT = 20


@dataclass(frozen=True, slots=True)
class Estimate:
    """What was found.

    Attributes
    ----------
    n_weights, n_records, n_steps : int
    memory_mb : float
        Weights and what training keeps of them, and the activations of a batch.
    minutes : float
        Of training; validation not counted.
    """

    n_weights: int
    n_records: int
    n_steps: int
    memory_mb: float
    minutes: float
    device: str

    @property
    def sentence(self) -> str:
        """For a person."""
        time_text = f"{self.minutes:.0f} minutes" if self.minutes < 120 else f"{self.minutes / 60:.1f} hours"
        return (
            f"{self.n_weights / 1e6:.2f} million weights, {self.n_records} records, {self.n_steps} steps; about "
            f"{max(self.memory_mb, 1):.0f} MB of memory and {time_text if self.minutes >= 1 else 'under a minute'} of "
            f"training on {self.device}, measured over {_STEPS_TIMED} small steps. Nothing was written."
        )


def estimate_pretraining(config: PretrainConfig) -> Estimate:
    """Return what a pretraining takes."""
    data = open_training_data(config.data, config.probe_task)
    objective = new_objective(config)
    if objective.needs_physiology:
        data = with_physiology(data, config.data, objective.needs_median_beats)
    return _estimate(objective, data, config.loop)


def estimate_finetuning(config: FinetuneConfig) -> Estimate:
    """Return what a fine-tuning takes; a linear probe is one pass over the records."""
    data = finetuning_data(config)
    encoder, _ = starting_encoder(config)
    loop = config.loop.model_copy(update={"n_epochs": 1}) if config.mode == "linear-probe" else config.loop
    return _estimate(objective_of(config, data, encoder), data, loop)


def _estimate(objective: Objective, data: TrainingData, loop: LoopConfig) -> Estimate:
    with world() as here:
        objective = objective.to(here.device).train()
        n_at_once = min(_RECORDS_TIMED, len(data.train))
        seconds, held_bytes = _timed_step(objective, data.train, n_at_once, here.device)
    n_steps = loop.n_epochs * (len(data.train) // min(loop.batch_size, len(data.train)))
    n_weights = sum(p.numel() for p in objective.parameters())
    at_once = loop.micro_batch_size or loop.batch_size
    return Estimate(
        n_weights=n_weights,
        n_records=len(data.train),
        n_steps=n_steps,
        memory_mb=(n_weights * _BYTES_A_WEIGHT + held_bytes * at_once / n_at_once) / 1e6,
        minutes=seconds * n_steps * loop.batch_size / n_at_once / 60.0,
        device=str(here.device),
    )


def _timed_step(objective: Objective, records: TrainingRecords, n: int, device: torch.device) -> tuple[float, int]:
    """Return the shortest time of a step with ``n`` records and the bytes that its backward pass needs."""
    optimizer = torch.optim.AdamW(parameter_groups(objective, 0.0), lr=0.0)
    held: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        held[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    shortest = math.inf
    for step in range(_STEPS_TIMED + 1):
        started = time.perf_counter()
        views = objective.views(records.segments(np.arange(n)), np.random.default_rng(step))
        tensors = {name: torch.from_numpy(view).to(device) for name, view in views.items()}
        is_first = step == 0  # which pays for what is set up once, and is not timed
        with torch.autograd.graph.saved_tensors_hooks(keep, _same) if is_first else contextlib.nullcontext():
            loss = objective(tensors).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if not is_first:
            shortest = min(shortest, time.perf_counter() - started)
    return shortest, sum(held.values())


def _same(tensor: torch.Tensor) -> torch.Tensor:
    return tensor
