"""Embeddings of all processes, with gradients, so that every process sees all negatives."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from contextvars import ContextVar

import torch
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_gather

# The successor that PyTorch names is not public yet.
warnings.filterwarnings("ignore", r"torch.distributed.nn.functional.all_gather", FutureWarning)

_is_alone: ContextVar[bool] = ContextVar("is_alone", default=False)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let every process see its own rows only: where all judge the same records, gathering would repeat them."""
    token = _is_alone.set(True)
    try:
        yield
    finally:
        _is_alone.reset(token)


def gather(values: Tensor) -> tuple[Tensor, int]:
    """Return the rows of all processes and the row at which this process's own begin.

    Gradients flow back to the process that a row came from; the mean of the processes' losses then has the gradient of
    the loss of one process with all rows. That, and the place of this process's rows among all, hold only where every
    process has as many rows, as ``train.batches.BatchPlan`` shares them; anything else is refused.

    Parameters
    ----------
    values : Tensor, shape (n, ...)
        As many rows in every process.

    Returns
    -------
    Tensor, shape (n * n_processes, ...)
    int

    Raises
    ------
    ValueError
        If another process has another number of rows; in every process, so that none waits for the others.
    """
    if _is_alone.get() or not (distributed.is_available() and distributed.is_initialized()):
        return values, 0
    _require_equal_rows(values)
    first = distributed.get_rank() * len(values)
    if values.requires_grad:
        return torch.cat(all_gather(values)), first  # type: ignore[no-untyped-call]
    parts = [torch.empty_like(values) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, values.contiguous())
    return torch.cat(parts), first


def _require_equal_rows(values: Tensor) -> None:
    mine = torch.tensor([len(values)], device=values.device)
    parts = [torch.empty_like(mine) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, mine)
    n_rows = torch.cat(parts).tolist()
    if len(set(n_rows)) > 1:
        raise ValueError(f"processes must have equally many rows, they have {n_rows}")
