"""Processes that work through many records: one thread each, and Ctrl+C is the parent's to answer."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

from physioclr_core.errors import UserFacingError

_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
# Tasks that wait for each process keep it busy while results are taken.
_AHEAD = 4

Given = TypeVar("Given")
Result = TypeVar("Result")


def in_order(tasks: Iterable[Given], work: Callable[[Given], Result], n_processes: int, what: str) -> Iterator[Result]:
    """Yield ``work(task)`` for each task in the order given; with one process, here.

    Parameters
    ----------
    tasks : iterable
        Taken as they are needed.
    work : callable
        A function of a module: it is sent to fresh processes.
    n_processes : int
    what : str
        What a process does, for the sentence that says that one ended: "analysed records".

    Raises
    ------
    UserFacingError
        If a process ends unexpectedly.
    """
    if n_processes == 1:
        yield from map(work, tasks)
        return
    with (
        _environment(_ONE_THREAD),
        ProcessPoolExecutor(n_processes, get_context("spawn"), _leave_interrupts_to_the_parent) as pool,
    ):
        waiting: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                waiting.append(pool.submit(work, task))
                if len(waiting) > _AHEAD * n_processes:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise UserFacingError(f"A process that {what} ended unexpectedly (out of memory?).") from None
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that are started; libraries read them when they load."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _leave_interrupts_to_the_parent() -> None:
    # Ctrl+C reaches the whole group; the parent alone says what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
