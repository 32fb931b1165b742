"""The ECG record: what every reader makes and everything else takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Sex = Literal["male", "female"]
GainSource = Literal["stated", "format default", "given"]


@dataclass(frozen=True, slots=True)
class Patient:
    """Who was recorded; ``None`` is unknown.

    ``over_89`` marks ages that the source withholds because they are above 89 years.
    """

    patient_id: str | None = None
    name: str | None = None
    age_years: float | None = None
    over_89: bool = False
    sex: Sex | None = None


@dataclass(frozen=True, slots=True)
class Acquisition:
    """How and when it was recorded; ``None`` is unknown, a plain date has no known time of day."""

    start: datetime | date | None = None
    device: str | None = None
    filters: str | None = None
    snomed_codes: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceMeasurement:
    """One number that the recording device stored: its own, not measured here.

    ``name`` is the field's usual one where the file's meaning is certain ("QRS duration", "QT", "P axis"), the file's
    own otherwise. ``lead`` is None for a global measurement.
    """

    name: str
    value: float
    unit: str
    lead: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class MedianBeat:
    """The representative beat of each lead that the device stored. It is never shown or measured as the rhythm.

    ``signal_mv`` is a read-only float32 array of shape (n_leads, n_samples).
    """

    signal_mv: FloatArray
    fs_hz: float
    lead_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """What the recording device, or whoever read it there, said of the ECG. Never this program's own words.

    Attributes
    ----------
    statements : tuple of str
        Interpretation, line by line, in the file's words.
    measurements : tuple of DeviceMeasurement
    status : str or None
        What the file says of the reading: "unconfirmed", "confirmed by ...", ...; None where it says nothing.
    median : MedianBeat or None
    """

    statements: tuple[str, ...] = ()
    measurements: tuple[DeviceMeasurement, ...] = ()
    status: str | None = None
    median: MedianBeat | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the record came from. The original files are never changed."""

    path: Path
    format: str
    files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class LeadReport:
    """What the import found out about one lead.

    ``gain`` is in ADU per ``unit``; ``gain_source`` says whether the file states it, the format fixes it, or the
    person who opened the file gave it.
    ``gap_s`` is the duration without finite samples, ``clipped_fraction`` the share of
    samples at a repeated extreme value, ``no_signal_s`` the (start_s, end_s) spans with samples but without signal
    (the lead was off: ``no_signal.no_signal_spans``).
    """

    name: str
    source_name: str
    unit: str
    gain: float
    gain_source: GainSource
    baseline: float
    fs_hz: float
    gap_s: float = 0.0
    is_flat: bool = False
    clipped_fraction: float = 0.0
    no_signal_s: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was taken from the file, what was inferred and what was left out.

    Attributes
    ----------
    leads : tuple of LeadReport
        One entry for each lead of the record, in its order.
    derived_leads : tuple of str
        Leads that were computed from others rather than read.
    unknown_leads : tuple of str
        Leads outside the standard twelve, as named in the record; they are left out of prediction.
    ignored : tuple of str
        Channels, lines or files that were left out, each with the reason.
    padding : tuple of str
        Samples that the file marks as filled in rather than recorded, as sentences; they are gaps in the signal.
    gaps : tuple of tuple of float
        (start_s, end_s) spans in which no lead has a finite sample.
    einthoven_residual_mv : float or None
        Root mean square of I + III - II (exact lead arithmetic), None where not checkable.
    goldberger_residual_mv : float or None
        Root mean square of aVR + aVL + aVF, None where not checkable.
    warnings : tuple of str
        Plain sentences worth a reader's attention.
    """

    leads: tuple[LeadReport, ...] = ()
    derived_leads: tuple[str, ...] = ()
    unknown_leads: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    padding: tuple[str, ...] = ()
    gaps: tuple[tuple[float, float], ...] = ()
    einthoven_residual_mv: float | None = None
    goldberger_residual_mv: float | None = None
    warnings: tuple[str, ...] = ()


class SignalSource(Protocol):
    """An ECG in memory (``EcgRecord``) or on disk (``LongRecording``): what both say, samples by stretches."""

    # Either is a dataclass, so that ``dataclasses.replace`` makes a changed copy.
    __dataclass_fields__: ClassVar[dict[str, Any]]

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
    def n_leads(self) -> int:
        """Number of leads."""

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
class EcgRecord:
    """One ECG in millivolts.

    Attributes
    ----------
    name : str
        Record name: the file name without extension.
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        Read-only; NaN is a gap.
    fs_hz : float
        Sampling rate of every lead.
    lead_names : tuple of str
        Standard names (I, II, III, aVR, aVL, aVF, V1 ... V6, ...) where the lead is known,
        the file's own name otherwise; in the file's order.
    """

    name: str
    signal_mv: FloatArray
    fs_hz: float
    lead_names: tuple[str, ...]
    patient: Patient
    acquisition: Acquisition
    provenance: Provenance
    report: ImportReport = field(default_factory=ImportReport)
    device_reading: DeviceReading = field(default_factory=DeviceReading)

    def __post_init__(self) -> None:
        if self.signal_mv.ndim != 2 or self.signal_mv.shape[0] != len(self.lead_names):
            raise ValueError(
                f"signal_mv must be (n_leads, n_samples) with {len(self.lead_names)} leads, got {self.signal_mv.shape}"
            )
        if not self.fs_hz > 0:
            raise ValueError(f"fs_hz must be positive, got {self.fs_hz}")
        self.signal_mv.setflags(write=False)

    @property
    def n_leads(self) -> int:
        """Number of leads."""
        return int(self.signal_mv.shape[0])

    @property
    def n_samples(self) -> int:
        """Number of samples in each lead."""
        return int(self.signal_mv.shape[1])

    @property
    def duration_s(self) -> float:
        """Length of the record in seconds."""
        return self.n_samples / self.fs_hz

    def lead_mv(self, name: str) -> FloatArray:
        """Return one lead.

        Parameters
        ----------
        name : str
            A name in ``lead_names``.

        Returns
        -------
        ndarray of float32, shape (n_samples,)

        Raises
        ------
        KeyError
            If the record has no lead of that name.
        """
        try:
            row = self.lead_names.index(name)
        except ValueError:
            raise KeyError(name) from None
        lead_mv: FloatArray = self.signal_mv[row]
        return lead_mv

    def window_mv(self, start: int, stop: int) -> FloatArray:
        """Return a stretch of all leads, shape (n_leads, n); what lies outside the record is not returned."""
        part_mv: FloatArray = self.signal_mv[:, max(0, start) : max(0, stop)]
        return part_mv

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the samples as plain JSON values (unknown is ``None``)."""
        from dataclasses import asdict

        acquisition = asdict(self.acquisition)
        reading, median = self.device_reading, self.device_reading.median
        start = self.acquisition.start
        acquisition["start"] = start.isoformat() if start is not None else None
        return {
            "record": self.name,
            "format": self.provenance.format,
            "lead_names": list(self.lead_names),
            "fs_hz": self.fs_hz,
            "n_samples": self.n_samples,
            "duration_s": self.duration_s,
            "patient": asdict(self.patient),
            "acquisition": acquisition,
            "device_reading": {
                "statements": list(reading.statements),
                "measurements": [asdict(measurement) for measurement in reading.measurements],
                "status": reading.status,
                "median": None
                if median is None
                else {
                    "lead_names": list(median.lead_names),
                    "fs_hz": median.fs_hz,
                    "n_samples": int(median.signal_mv.shape[1]),
                },
            },
            "report": asdict(self.report),
        }
