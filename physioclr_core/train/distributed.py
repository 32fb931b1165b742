"""One process or several under ``torchrun``: who we are, and what the first process does for all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import distributed


@dataclass(frozen=True, slots=True)
class World:
    """The process at hand among those of a run."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """The first process writes checkpoints and events."""
        return self.rank == 0


@contextlib.contextmanager
def world(allow_gpu: bool = True) -> Iterator[World]:
    """Join the processes that ``torchrun`` started, or be alone; NCCL between GPUs, else gloo."""
    size, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    use_gpu = allow_gpu and torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if use_gpu else torch.device("cpu")
    if use_gpu:
        torch.cuda.set_device(device)
    if size == 1:
        yield World(0, 1, device)
        return
    distributed.init_process_group("nccl" if use_gpu else "gloo")
    try:
        yield World(rank, size, device)
    finally:
        distributed.destroy_process_group()


def mean_over_processes(values: torch.Tensor, size: int) -> torch.Tensor:
    """Return the mean of a tensor over all processes."""
    if size > 1:
        values = values.clone()
        distributed.all_reduce(values)
        values /= size
    return values
