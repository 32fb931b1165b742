"""Assess many records: files are read and networks run side by side on all cores."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from physioclr_core.errors import UserFacingError
from physioclr_core.infer.model import Assessment, EcgModel
from physioclr_core.infer.windows import NotAssessedError, Windows, windows_of
from physioclr_core.readers import read_record

# Feature maps of four windows fit the second-level cache of common processors.
_RECORDS_A_TASK = 4


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
    records: Iterable[tuple[str, Path]], model: EcgModel, n_threads: int | None = None
) -> Iterator[Outcome]:
    """Yield the outcome of each record, in the order given.

    Reading and the network both leave the interpreter for most of their time, so threads use all cores; each run of
    the network has one thread of its own.

    Parameters
    ----------
    records : iterable of (label, path)
    model : EcgModel
        Opened with ``n_threads=1``.
    n_threads : int, optional
        All cores by default.
    """
    n_threads = n_threads or os.cpu_count() or 1
    tasks = _tasks(records)
    with ThreadPoolExecutor(n_threads) as pool:
        # A few tasks ahead keep the threads busy without reading a whole archive into memory.
        waiting = [pool.submit(_assess_some, task, model) for task in islice(tasks, 2 * n_threads)]
        try:
            while waiting:
                outcomes = waiting.pop(0).result()
                waiting += [pool.submit(_assess_some, task, model) for task in islice(tasks, 1)]
                yield from outcomes
        finally:
            for future in waiting:
                future.cancel()


def _tasks(records: Iterable[tuple[str, Path]]) -> Iterator[list[tuple[str, Path]]]:
    source = iter(records)
    while task := list(islice(source, _RECORDS_A_TASK)):
        yield task


def _assess_some(records: list[tuple[str, Path]], model: EcgModel) -> list[Outcome]:
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
    assessments = iter(model.assess_windows(windows))
    return [Outcome(o, next(assessments)) if isinstance(o, str) else o for o in outcomes]
