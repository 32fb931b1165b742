"""Assess many records: files are read and networks run side by side on all cores."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Literal

from physioclr_core.errors import ModelError, UserFacingError
from physioclr_core.infer.model import Assessment, EcgModel
from physioclr_core.infer.windows import NotAssessedError, Windows, windows_of
from physioclr_core.readers import read_record

_RECORDS_A_TASK = 16
# Below this the processes' start costs more than they save.
_MIN_FOR_PROCESSES = 400
_MAX_PROCESSES = 8

Task = list[tuple[str, Path]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One record's assessment, or why there is none.

    ``error`` is set where the record could not be read, ``not_assessed`` where the model does not allow it.
    """

    label: str
    assessment: Assessment | None
    error: str | None = None
    not_assessed: str | None = None


def assess_records(
    records: Iterable[tuple[str, Path]], model: EcgModel, n_workers: int | None = None
) -> Iterator[Outcome]:
    """Yield the outcome of each record, in the order given.

    A few records, or any number on a GPU, are worked on by threads. Many records on the CPU go to processes: a third of
    a record's time is spent in the interpreter, which threads have to share.

    Parameters
    ----------
    records : iterable of (label, path)
    model : EcgModel
        Opened with ``n_threads=1``.
    n_workers : int, optional
        Threads or processes; all cores by default.

    Raises
    ------
    ModelError
        If a process ends unexpectedly.
    """
    n_workers = n_workers or os.cpu_count() or 1
    n_records = len(records) if isinstance(records, Sized) else 0
    if n_workers > 1 and n_records >= _MIN_FOR_PROCESSES and model.device.name == "CPU":
        n_workers = min(n_workers, _MAX_PROCESSES)
        pool: Executor = ProcessPoolExecutor(
            n_workers, get_context("spawn"), _start_process, (model.folder, model.precision)
        )
        return _in_order(pool, n_workers, _tasks(records), _assess_in_process)
    return _in_order(ThreadPoolExecutor(n_workers), n_workers, _tasks(records), partial(_assess_some, model=model))


def _in_order(
    pool: Executor, n_workers: int, tasks: Iterator[Task], assess: Callable[[Task], list[Outcome]]
) -> Iterator[Outcome]:
    with pool:
        # A few tasks ahead keep the workers busy without reading a whole archive into memory.
        waiting = [pool.submit(assess, task) for task in islice(tasks, 2 * n_workers)]
        try:
            while waiting:
                outcomes = waiting.pop(0).result()
                waiting += [pool.submit(assess, task) for task in islice(tasks, 1)]
                yield from outcomes
        except BrokenProcessPool:
            raise ModelError("A process that assessed records ended unexpectedly (out of memory?).") from None
        finally:
            for future in waiting:
                future.cancel()


def _tasks(records: Iterable[tuple[str, Path]]) -> Iterator[Task]:
    source = iter(records)
    while task := list(islice(source, _RECORDS_A_TASK)):
        yield task


def _assess_some(records: Task, model: EcgModel) -> list[Outcome]:
    windows: list[Windows] = []
    outcomes: list[Outcome | str] = []
    for label, path in records:
        try:
            windows.append(windows_of(read_record(path), model.manifest.input))
            outcomes.append(label)
        except NotAssessedError as reason:
            outcomes.append(Outcome(label, None, not_assessed=str(reason)))
        except UserFacingError as error:
            outcomes.append(Outcome(label, None, error=str(error)))
        except Exception as error:  # noqa: BLE001 (a fault that one record brings out must not end the others' batch)
            cause = f"{path.name}: cannot be analysed ({type(error).__name__}: {error})."
            outcomes.append(Outcome(label, None, error=cause))
    assessments = iter(model.assess_windows(windows))
    return [Outcome(o, next(assessments)) if isinstance(o, str) else o for o in outcomes]


_process_model: EcgModel | None = None


def _start_process(folder: Path, precision: Literal["fp32", "int8"]) -> None:
    global _process_model
    # Ctrl+C reaches the whole group; the parent alone says what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _process_model = EcgModel(folder, n_threads=1, allow_gpu=False, precision=precision)


def _assess_in_process(records: Task) -> list[Outcome]:
    assert _process_model is not None
    return _assess_some(records, _process_model)
