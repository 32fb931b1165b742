"""The use cases of the review window: open an ECG, have it analysed, lay a similar one beside it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ecgviewer.jobs.protocol import Failed, HeartRate, LibraryRecord, Message, Neighbour, Predictions, Similar
from ecgviewer.services.ports import Analyst, RecordLoader
from ecgviewer.state.analysis import Analysis
from ecgviewer.state.events import Event
from ecgviewer.state.missing_facts import MissingFacts
from ecgviewer.state.record_time import RecordClock
from physioclr_core.errors import RecordError
from physioclr_core.record import Acquisition, EcgRecord, Patient, Provenance, Sex

if TYPE_CHECKING:
    from physioclr_core.readers.table_options import TableOptions
from physioclr_core.recordings.source import AnyRecord, LongRecording
from physioclr_core.recordings.stretch import stretch_of

# Of a long recording so much is judged at a time.
WINDOW_S = 10.0


class ReviewSession:
    """What is open, and what is known about it.

    A new record replaces the old one only once it has been read; answers to anything but the newest question are
    dropped.

    Attributes
    ----------
    record : EcgRecord, LongRecording or None
        The ECG under review.
    judged : EcgRecord or None
        What of it the model is asked about: all of it, or the window of a long recording that the person chose, which
        begins at ``judged_from_s``.
    analysis : Analysis
        What the worker has said about it.
    beside : tuple of EcgRecord and Neighbour, or None
        The library's ECG that is shown beside it.
    opening_path : Path or None
        What is being read; ``opening`` and ``opening_ended`` are emitted before and after.
    judged_changed : Event
        Emitted when the model is asked about something else: another ECG, or another window of this one.
    """

    def __init__(self, loader: RecordLoader, analyst: Analyst) -> None:
        self._loader = loader
        self.analyst = analyst
        self.record: AnyRecord | None = None
        self.judged: EcgRecord | None = None
        self.judged_from_s = 0.0
        self.path: Path | None = None
        self.analysis = Analysis()
        self.beside: tuple[EcgRecord, Neighbour] | None = None
        self.opening_path: Path | None = None
        self.opening: Event[[Path]] = Event()
        self.opening_ended: Event[[]] = Event()
        self.record_opened: Event[[AnyRecord]] = Event()
        self.judged_changed: Event[[]] = Event()
        self.failed: Event[[str]] = Event()
        self.facts_missing: Event[[Path]] = Event()
        self.analysis_changed: Event[[Analysis]] = Event()
        self.beside_changed: Event[[]] = Event()
        self._n_opened = 0
        self._fetch_job: int | None = None
        self._fetched: Neighbour | None = None
        self._may_analyse = False
        analyst.answered.connect(self._on_answered)

    def open_file(self, path: Path, given: TableOptions | None = None) -> None:
        """Read an ECG and show it; the one in sight stays until then, and stays where reading fails.

        ``given`` is what a person says of a table; where a table needs it, ``facts_missing`` asks.
        """
        self._n_opened += 1
        ticket = self._n_opened
        self.opening_path = path
        self.opening.emit(path)

        def on_read(record: AnyRecord) -> None:
            if ticket == self._n_opened:
                self.show_record(record, path)
                self._end_opening()

        def on_failed(sentence: str) -> None:
            if ticket != self._n_opened:
                return
            self._end_opening()
            if isinstance(sentence, MissingFacts):
                self.facts_missing.emit(path)
            else:
                self.failed.emit(sentence)

        self._loader.load(path, on_read, on_failed, given)

    def cancel_opening(self) -> None:
        """Give up what is being read; the ECG in sight stays."""
        if self.opening_path is not None:
            self._n_opened += 1
            self._end_opening()

    def _end_opening(self) -> None:
        self.opening_path = None
        self.opening_ended.emit()

    def show_record(self, record: AnyRecord, path: Path | None = None) -> None:
        """Make a record the one under review and ask for its analysis."""
        self._forget()
        self.close_beside()
        self.record, self.path = record, path
        self.judged, self.judged_from_s = (record if isinstance(record, EcgRecord) else None), 0.0
        self.analysis = Analysis(is_on_demand=isinstance(record, LongRecording))
        self.judged_changed.emit()
        self.record_opened.emit(record)
        self.analysis_changed.emit(self.analysis)
        self._ask()

    def start_analysis(self) -> None:
        """From now on records are analysed; called once the first ECG is on the screen."""
        self._may_analyse = True
        self._ask()

    def analyse_window(self, start_s: float, end_s: float) -> None:
        """Have the ten seconds in the middle of a stretch of a long recording judged; nothing else of it ever is."""
        recording = self.record
        if not isinstance(recording, LongRecording):
            return
        half_s = min(WINDOW_S, recording.duration_s) / 2
        middle_s = min(max((start_s + end_s) / 2, half_s), recording.duration_s - half_s)
        first = round((middle_s - half_s) * recording.fs_hz)
        try:
            judged = stretch_of(recording, first, first + round(2 * half_s * recording.fs_hz))
        except RecordError as error:
            self.failed.emit(str(error))
            return
        self._forget()
        self.judged, self.judged_from_s = judged, first / recording.fs_hz
        where = RecordClock.of(recording).text(self.judged_from_s)
        self.analysis = Analysis(is_on_demand=True, window_text=f"Of {judged.duration_s:.0f} s from {where} only.")
        self.judged_changed.emit()
        self._may_analyse = True
        self._ask()
        self.analysis_changed.emit(self.analysis)

    def analyse_again(self) -> None:
        """Ask again after a failure."""
        self._forget()
        self.analysis = Analysis(is_on_demand=self.analysis.is_on_demand, window_text=self.analysis.window_text)
        self.analysis_changed.emit(self.analysis)
        self.analyst.retry()
        self._ask()

    def cancel_analysis(self) -> None:
        """Give up waiting for the analysis of the ECG in sight."""
        if self.analysis.job is not None and not self.analysis.is_complete:
            self.analyst.cancel(self.analysis.job)
            self.analysis.failure = "cancelled"
            self.analysis_changed.emit(self.analysis)

    def open_beside(self, neighbour: Neighbour) -> None:
        """Fetch an ECG of the library and lay it beside the one under review."""
        if self._fetch_job is not None:
            self.analyst.forget(self._fetch_job)
        self._fetched = neighbour
        self._fetch_job = self.analyst.fetch(neighbour.entry)

    def close_beside(self) -> None:
        """Take the second ECG away."""
        if self._fetch_job is not None:
            self.analyst.forget(self._fetch_job)
            self._fetch_job = None
        if self.beside is not None:
            self.beside = None
            self.beside_changed.emit()

    def _ask(self) -> None:
        if self._may_analyse and self.judged is not None and self.analysis.job is None:
            self.analysis.job = self.analyst.analyse(self.judged)

    def _forget(self) -> None:
        if self.analysis.job is not None:
            self.analyst.forget(self.analysis.job)

    def _on_answered(self, message: Message) -> None:
        job = getattr(message, "job", None)
        if job is not None and job == self._fetch_job:
            self._on_fetched(message)
        elif job is not None and job == self.analysis.job:
            self._on_analysed(message)

    def _on_analysed(self, message: Message) -> None:
        match message:
            case HeartRate():
                self.analysis.heart_rate = message
            case Predictions():
                self.analysis.predictions = message
            case Similar():
                self.analysis.similar = message
                self.analysis.thumbnails_uv = _thumbnails_uv(message)
            case Failed():
                self.analysis.failure = message.message
            case _:
                return
        self.analysis_changed.emit(self.analysis)

    def _on_fetched(self, message: Message) -> None:
        if isinstance(message, Failed):
            self._fetch_job = None
            self.failed.emit(message.message)
        if isinstance(message, LibraryRecord):
            self._fetch_job = None
            try:
                record = library_record(message)
            except (OSError, ValueError) as error:
                self.failed.emit(f"The library's ECG {message.neighbour.record} could not be shown: {error}.")
                return
            # The answer knows the entry but not how far it is from this record.
            self.beside = (record, self._fetched or message.neighbour)
            self.beside_changed.emit()


def library_record(message: LibraryRecord) -> EcgRecord:
    """Return the record that the worker wrote for a library entry.

    Raises
    ------
    OSError, ValueError
        If the file is missing or does not hold a (n_leads, n_samples) array.
    """
    path = Path(message.signal)
    signal_mv = np.load(path, allow_pickle=False).astype(np.float32, copy=False)
    neighbour = message.neighbour
    sex: Sex | None = "male" if neighbour.sex == "male" else "female" if neighbour.sex == "female" else None
    return EcgRecord(
        name=neighbour.record,
        signal_mv=signal_mv,
        fs_hz=message.fs_hz,
        lead_names=tuple(message.lead_names),
        patient=Patient(age_years=neighbour.age_years, over_89=neighbour.over_89, sex=sex),
        acquisition=Acquisition(statements=tuple(neighbour.statements)),
        provenance=Provenance(path, "reference library"),
    )


def _thumbnails_uv(similar: Similar) -> npt.NDArray[np.int16] | None:
    if similar.thumbnails is None:
        return None
    try:
        thumbnails = np.load(similar.thumbnails, allow_pickle=False)
    except (OSError, ValueError):
        return None
    is_usable = thumbnails.ndim == 2 and len(thumbnails) == len(similar.neighbours)
    return thumbnails.astype(np.int16, copy=False) if is_usable else None
