"""What a measurement is, and all of a record's together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any

from physioclr_core.physiology.axes import Axis
from physioclr_core.physiology.lead_measures import LeadMeasures
from physioclr_core.physiology.median_beat import MedianBeat
from physioclr_core.physiology.rhythm import Rhythm

_AMPLITUDES = (
    ("p_mv", "P amplitude"),
    ("q_mv", "Q amplitude"),
    ("r_mv", "R amplitude"),
    ("s_mv", "S amplitude"),
    ("r_prime_mv", "R' amplitude"),
    ("t_mv", "T amplitude"),
    ("st_j_mv", "ST level at J"),
    ("st_j40_mv", "ST level at J + 40 ms"),
    ("st_j60_mv", "ST level at J + 60 ms"),
    ("st_j80_mv", "ST level at J + 80 ms"),
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """One value with everything needed to judge it.

    Attributes
    ----------
    name : str
        With the unit where there is one: "qrs_ms".
    label : str
        For a person: "QRS duration".
    value : float or None
        None where not measurable; ``reason`` says why.
    unit : str
    uncertainty : float or None
        Standard uncertainty in the same unit; None where not known.
    n_beats : int
        Beats (or intervals between beats) it is taken from.
    beat_set, lead_set, band : str
        Which beats, leads and filter band.
    reason : str
    note : str
        What to bear in mind when reading the value; empty otherwise.
    """

    name: str
    label: str
    value: float | None
    unit: str
    uncertainty: float | None = None
    n_beats: int = 0
    beat_set: str = ""
    lead_set: str = ""
    band: str = ""
    reason: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """All measurements of a record.

    Attributes
    ----------
    items : tuple of Measurement
        Those of the whole record, in the order in which an ECG is read; to iterate over and to find by name.
    leads : LeadMeasures
    rhythm : Rhythm
    axes : dict of str to Axis
    median : MedianBeat
    lead_reasons : tuple of str
        Why a lead has no measures; empty for those that have.
    p_reason : str
        Why no P wave is reported; empty where P waves are reported as found.
    band : str
    resolution_ms : float
        Half the interval between samples: what a mark's place in time can be off by for the sampling alone.
    """

    items: tuple[Measurement, ...]
    leads: LeadMeasures
    rhythm: Rhythm
    axes: dict[str, Axis]
    median: MedianBeat
    lead_reasons: tuple[str, ...]
    p_reason: str
    band: str
    resolution_ms: float

    def __iter__(self) -> Iterator[Measurement]:
        return iter(self.items)

    def __getitem__(self, name: str) -> Measurement:
        for item in self.items:
            if item.name == name:
                return item
        raise KeyError(name)

    def lead_items(self, lead: str) -> tuple[Measurement, ...]:
        """Return the amplitudes and ST levels of one lead; their uncertainty is the noise of the median beat.

        Raises
        ------
        ValueError
            If the record has no such lead.
        """
        row = self.leads.lead_names.index(lead)
        error_mv = plain(self.median.standard_error_mv[row])
        items = []
        for name, label in _AMPLITUDES:
            value = plain(getattr(self.leads, name)[row])
            reason = self.median.reason or self.lead_reasons[row]
            if name == "p_mv" and self.p_reason:
                value, reason = None, self.p_reason
            how = (self.median.n_used, self.median.beat_set, lead, self.band)
            if value is None:
                items.append(Measurement(name, label, None, "mV", None, *how, reason or "not measurable"))
            else:
                items.append(Measurement(name, label, value, "mV", error_mv, *how))
        return tuple(items)

    def lead_values(self) -> dict[str, dict[str, float | None]]:
        """Return every measure of every lead as plain values, by lead and name."""
        names = [field.name for field in fields(self.leads) if field.name != "lead_names"]
        columns = {
            name: [None if self.p_reason and name.startswith(("p_", "pr_")) else plain(x) for x in column.tolist()]
            for name, column in ((name, getattr(self.leads, name)) for name in names)
        }
        return {
            lead: {name: column[row] for name, column in columns.items()}
            for row, lead in enumerate(self.leads.lead_names)
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: unknown is ``None``, never NaN."""
        return {
            "band": self.band,
            "resolution_ms": self.resolution_ms,
            "beat_set": self.median.beat_set,
            "measurements": [asdict(item) for item in self.items],
            "leads": self.lead_values(),
            "lead_uncertainty_mv": dict(
                zip(self.leads.lead_names, map(plain, self.median.standard_error_mv.tolist()), strict=True)
            ),
            "not_measurable_leads": {
                lead: reason for lead, reason in zip(self.leads.lead_names, self.lead_reasons, strict=True) if reason
            },
        }


def plain(value: float) -> float | None:
    """Return a number, or ``None`` for NaN and infinity."""
    return float(value) if isfinite(value) else None
