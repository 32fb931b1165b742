"""Stand-ins at the edges of the process: the reader thread and the analysis worker."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ecgviewer.jobs.early_read import read_or_explain
from ecgviewer.jobs.protocol import (
    Explanation,
    Finding,
    HeartRate,
    LibraryRecord,
    Message,
    Neighbour,
    Predictions,
    Ready,
    Similar,
    Wave,
    Without,
)
from ecgviewer.state.analysis import WorkerStatus
from ecgviewer.state.events import Event
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers.table_options import TableOptions
from physioclr_core.record import EcgRecord

READY = Ready(
    device="CPU",
    device_reason="no CUDA device was found; install a driver",
    model="physioclr 0123abcd",
    fingerprint="0123abcd" + 56 * "0",
    n_library=2800,
    attribution="PTB-XL 1.0.3, CC BY 4.0",
    model_card="",
)


class DirectLoader:
    """Reads real files, at once; ``is_holding`` keeps answers back until ``release``."""

    def __init__(self) -> None:
        self.is_holding = False
        self._held: list[Callable[[], None]] = []

    def load(
        self,
        path: Path,
        on_read: Callable[[EcgRecord], None],
        on_failed: Callable[[str], None],
        given: TableOptions | None = None,
    ) -> None:
        def answer() -> None:
            result = read_or_explain(path, given)
            if isinstance(result, EcgRecord):
                on_read(result)
            else:
                on_failed(result)

        if self.is_holding:
            self._held.append(answer)
        else:
            answer()

    def release(self, which: int) -> None:
        """Let one of the answers go."""
        self._held[which]()


class FakeAnalyst:
    """Takes questions and lets the test answer them."""

    def __init__(self) -> None:
        self.answered: Event[[Message]] = Event()
        self.status_changed: Event[[WorkerStatus]] = Event()
        self.status = WorkerStatus("starting")
        self.asked: list[tuple[int, object]] = []
        self.forgotten: list[int] = []
        self.cancelled: list[int] = []
        self.n_retries = 0

    def analyse(self, record: EcgRecord) -> int:
        self.asked.append((len(self.asked) + 1, record))
        return len(self.asked)

    def fetch(self, entry: int) -> int:
        self.asked.append((len(self.asked) + 1, entry))
        return len(self.asked)

    def explain(self, record: EcgRecord, code: str, in_sight_s: tuple[float, float]) -> int:
        self.asked.append((len(self.asked) + 1, (code, in_sight_s)))
        return len(self.asked)

    def forget(self, job: int) -> None:
        self.forgotten.append(job)

    def cancel(self, job: int) -> None:
        self.cancelled.append(job)

    def retry(self) -> None:
        self.n_retries += 1

    def get_ready(self) -> None:
        """Say that model and library are loaded."""
        self.set_status(WorkerStatus("ready", ready=READY))

    def set_status(self, status: WorkerStatus) -> None:
        """Change how the worker is."""
        self.status = status
        self.status_changed.emit(status)


def findings() -> list[Finding]:
    """Return findings of every kind: urgent, candidate, below threshold, without threshold."""
    return [
        Finding("SR", "Sinus rhythm", "Rhythm", 0.94, 0.66, 1670, False),
        Finding("AFIB", "Atrial fibrillation", "Rhythm", 0.02, 0.27, 151, False),
        Finding("3AVB", "Third degree atrioventricular block", "Conduction", 0.71, 0.40, 14, True),
        Finding("CRBBB", "Complete right bundle branch block", "Conduction", 0.80, 0.37, 54, False),
        Finding("INJAS", "Anteroseptal subendocardial injury", "ST/T", 0.10, 0.22, 21, True),
        Finding("TRIGU", "Trigeminy", "Rhythm", 0.003, None, 2, False),
        Finding("ABQRS", "Abnormal QRS", "Form", 0.68, 0.24, 333, False),
    ]


def predictions(job: int = 1, **changes: object) -> Predictions:
    """Return an answer about findings."""
    values: dict[str, object] = {
        "reason": None,
        "findings": findings(),
        "n_windows": 1,
        "most_abnormal_window_s": None,
    }
    return Predictions(job=job, **{**values, **changes})  # type: ignore[arg-type]


def neighbours(n: int = 10) -> list[Neighbour]:
    """Return library entries, the nearest first."""
    return [
        Neighbour(k, f"PTB-XL {100 + k}", 0.02 + 0.01 * k, ["NORM", "SR"], 60.0 + k, False, "female") for k in range(n)
    ]


def similar(job: int = 1, thumbnails: Path | None = None, **changes: object) -> Similar:
    """Return an answer about similar ECGs."""
    values: dict[str, object] = {
        "reason": None,
        "neighbours": neighbours(),
        "left_out": ["2 ECGs of the same patient"],
        "is_close": True,
        "limit_distance": 0.133,
        "thumbnails": str(thumbnails) if thumbnails is not None else None,
        "thumbnail_fs_hz": 100.0,
    }
    return Similar(job=job, **{**values, **changes})  # type: ignore[arg-type]


def heart_rate(job: int = 1, bpm: float | None = 72.4) -> HeartRate:
    """Return an answer about the heart rate."""
    return HeartRate(job, bpm, "" if bpm is not None else "no beats were found")


def explanation(job: int, folder: Path, code: str = "CRBBB", **changes: object) -> Explanation:
    """Return an answer to "why": QRS complexes in V1 speak for the statement, the second one most."""
    waves = [Wave(name, k + 1, k + at, k + at + 0.1) for k in range(9) for name, at in (("P", 0.3), ("QRS", 0.5))]
    effects = np.zeros((12, len(waves)), np.float32)
    effects[6, 1::2] = 0.1
    effects[6, 3] = 0.2
    effects[1, 0::2] = -0.3
    effects[7, 5] = np.nan
    path = folder / f"effects-{job}.npy"
    np.save(path, effects, allow_pickle=False)
    values: dict[str, object] = {
        "reason": None,
        "effects": str(path),
        "lead_names": list(STANDARD_LEADS),
        "waves": waves,
        "without": [Without("P waves", 0.91), Without("QRS complexes", 0.004)],
        "probability": 0.78,
        "without_strongest": 0.74,
        "window_s": [0.0, 10.0],
        "n_windows": 1,
    }
    return Explanation(job=job, code=code, **{**values, **changes})  # type: ignore[arg-type]


def library_record(job: int, record: EcgRecord, folder: Path) -> LibraryRecord:
    """Return an answer with a waveform; its distance is not known to the worker."""
    path = folder / f"entry-{job}.npy"
    np.save(path, record.signal_mv, allow_pickle=False)
    neighbour = Neighbour(1, "PTB-XL 101", 0.0, ["NORM", "SR"], 61.0, False, "female")
    return LibraryRecord(job, str(path), record.fs_hz, list(record.lead_names), neighbour)
