"""A long recording: everything a record says, and samples only of the stretch that is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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


AnyRecord = EcgRecord | LongRecording
