"""Batches in an order that depends on seed and step only, prepared ahead by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError
from physioclr_core.train.loop_config import RECORDS_A_CHUNK

Views = dict[str, npt.NDArray[np.generic]]
MakeViews = Callable[[npt.NDArray[np.int64], np.random.Generator], Views]

# Prepared batches that wait for the network.
_AHEAD = 4


class BatchPlan:
    """Which records a step takes, and with which random numbers.

    Random numbers belong to chunks of ``RECORDS_A_CHUNK`` records, so that a step is the same whether one process
    does it or several, at once or in parts.

    Parameters
    ----------
    n_records : int
    batch_size : int
        Over all processes; the last incomplete batch of an epoch is left out.
    seed : int
    rank, world_size : int
        A process takes consecutive chunks of each batch.

    Raises
    ------
    UserFacingError
        If there are fewer records than a batch takes, or a batch cannot be shared equally.
    """

    def __init__(self, n_records: int, batch_size: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        if n_records < batch_size:
            raise UserFacingError(
                f"There are {n_records} records to train on and a batch takes {batch_size}; "
                f"set loop.batch_size to {n_records} or less."
            )
        if world_size > 1 and batch_size % (world_size * RECORDS_A_CHUNK):
            raise UserFacingError(
                f"A batch of {batch_size} cannot be shared by {world_size} processes: "
                f"batch_size must be a multiple of {world_size * RECORDS_A_CHUNK}."
            )
        self.n_records, self.batch_size, self.seed = n_records, batch_size, seed
        self.steps_an_epoch = n_records // batch_size
        share = batch_size // world_size
        self._mine = slice(rank * share, (rank + 1) * share)
        self._order: tuple[int, npt.NDArray[np.int64]] = (-1, np.empty(0, np.int64))

    def rows(self, step: int) -> npt.NDArray[np.int64]:
        """Return the rows of this process's share of a step, shape (batch_size / world_size,)."""
        epoch, index = divmod(step, self.steps_an_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng((self.seed, 1, epoch)).permutation(self.n_records))
        batch: npt.NDArray[np.int64] = self._order[1][index * self.batch_size : (index + 1) * self.batch_size]
        return batch[self._mine]

    def views(self, step: int, rows: npt.NDArray[np.int64], make: MakeViews) -> Views:
        """Make the views of a step's rows, chunk by chunk."""
        first = self._mine.start // RECORDS_A_CHUNK
        parts = [
            make(rows[start : start + RECORDS_A_CHUNK], np.random.default_rng((self.seed, 2, step, first + number)))
            for number, start in enumerate(range(0, len(rows), RECORDS_A_CHUNK))
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def batches(self, first_step: int, n_steps: int, make: MakeViews, n_threads: int) -> Iterator[tuple[int, Views]]:
        """Yield (step, views) from ``first_step`` on, prepared ahead by ``n_threads`` threads (0: none)."""
        steps = range(first_step, n_steps)
        if n_threads == 0:
            for step in steps:
                yield step, self.views(step, self.rows(step), make)
            return
        with ThreadPoolExecutor(n_threads, thread_name_prefix="batches") as pool:
            waiting: deque[tuple[int, Future[Views]]] = deque()
            try:
                for step in steps:
                    # The order is drawn here, in one thread.
                    waiting.append((step, pool.submit(self.views, step, self.rows(step), make)))
                    if len(waiting) > _AHEAD:
                        done, future = waiting.popleft()
                        yield done, future.result()
                while waiting:
                    done, future = waiting.popleft()
                    yield done, future.result()
            finally:
                for _, future in waiting:
                    future.cancel()
