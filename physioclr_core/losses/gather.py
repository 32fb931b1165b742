"""Embeddings of all processes, with gradients, so that every process sees all negatives."""

from __future__ import annotations

import torch
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_gather


def gather(values: Tensor) -> tuple[Tensor, int]:
    """Return the rows of all processes and the row at which this process's own begin.

    Gradients flow back to the process that a row came from; the mean of the processes' losses then has the gradient of
    the loss of one process with all rows.

    Parameters
    ----------
    values : Tensor, shape (n, ...)
        As many rows in every process.

    Returns
    -------
    Tensor, shape (n * n_processes, ...)
    int
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return values, 0
    first = distributed.get_rank() * len(values)
    if values.requires_grad:
        return torch.cat(all_gather(values)), first  # type: ignore[no-untyped-call]
    parts = [torch.empty_like(values) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, values.contiguous())
    return torch.cat(parts), first
