"""A long recording: everything a record says, and samples only of the stretch that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from physioclr_core.record import (
    Acquisition,
    DeviceReading,
    EcgRecord,
    FloatArray,
    ImportReport,
    Patient,
    Provenance,
)
from physioclr_core.recordings.samples import StoredSignal, window_mv


class SignalSource(Protocol):
    """What is drawn: an ``EcgRecord`` in memory or a ``LongRecording`` on disk."""

    @property
    def name(self) -> str:
        """Record name."""

    @property
    def fs_hz(self) -> float:
        """Sampling rate of every lead."""

    @property
    def lead_names(self) -> tuple[str, ...]:
        """Names of the leads."""

    @property
    def n_samples(self) -> int:
        """Samples of each lead."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""

    @property
    def patient(self) -> Patient:
        """Who was recorded."""

    @property
    def acquisition(self) -> Acquisition:
        """How and when."""

    @property
    def provenance(self) -> Provenance:
        """Where it came from."""

    @property
    def report(self) -> ImportReport:
        """What the import found out."""

    @property
    def device_reading(self) -> DeviceReading:
        """What the device said."""

    def window_mv(self, start: int, stop: int) -> FloatArray:
        """Return the samples [start, stop) of all leads, shape (n_leads, n)."""


@dataclass(frozen=True, slots=True, eq=False)
class LongRecording:
    """One ECG of hours or days, whose samples stay in their files.

    Attributes
    ----------
    samples : StoredSignal
        Where they are.
    others
        As in ``EcgRecord``; the report's checks of the signal are those of its beginning.
    """

    name: str
    fs_hz: float
    lead_names: tuple[str, ...]
    samples: StoredSignal
    patient: Patient
    acquisition: Acquisition
    provenance: Provenance
    report: ImportReport = field(default_factory=ImportReport)
    device_reading: DeviceReading = field(default_factory=DeviceReading)

    @property
    def n_leads(self) -> int:
        """Number of leads."""
        return len(self.lead_names)

    @property
    def n_samples(self) -> int:
        """Samples of each lead."""
        return self.samples.n_samples

    @property
    def duration_s(self) -> float:
        """Length of the recording in seconds."""
        return self.n_samples / self.fs_hz

    def window_mv(self, start: int, stop: int, rows: Sequence[int] | None = None) -> FloatArray:
        """Return a stretch at full resolution, the same numbers as reading the whole would give.

        Parameters
        ----------
        start, stop : int
            Samples; what lies outside the recording is not returned.
        rows : sequence of int, optional
            Leads; all by default.

        Returns
        -------
        ndarray of float32, shape (n_rows, n)
            NaN is a gap.

        Raises
        ------
        RecordError
            If a file can no longer be read.
        """
        return window_mv(self.samples, start, stop, rows)

    def window_record(self, start: int, stop: int) -> EcgRecord:
        """Return a stretch as a record of its own, to be measured or judged."""
        return EcgRecord(
            name=self.name,
            signal_mv=self.window_mv(start, stop),
            fs_hz=self.fs_hz,
            lead_names=self.lead_names,
            patient=self.patient,
            acquisition=replace(self.acquisition, start=None),
            provenance=self.provenance,
        )


AnyRecord = EcgRecord | LongRecording
