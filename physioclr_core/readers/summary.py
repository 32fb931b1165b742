"""What a list of ECGs keeps of each: who, when, how recorded and what the file states. No samples."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from physioclr_core.ontology.snomed import snomed_concepts
from physioclr_core.readers.report_text import one_line
from physioclr_core.record import Sex, SignalSource

# A list needs the gist; the record itself has the rest.
LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class RecordSummary:
    """One row of a list of ECGs; None and empty are unknown.

    Attributes
    ----------
    start : str or None
        Beginning of the recording as ISO text, with or without time of day, so that texts sort as times.
    statements : str
        What the file states, in its own words; never this program's.
    n_notices : int
        Warnings of the import.
    files : tuple of str
        The record's own files.
    """

    record: str
    format: str
    fs_hz: float
    duration_s: float
    lead_names: tuple[str, ...]
    patient_id: str | None = None
    patient_name: str | None = None
    age_years: float | None = None
    over_89: bool = False
    sex: Sex | None = None
    start: str | None = None
    statements: str = ""
    n_notices: int = 0
    files: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RecordSummary:
        """Return the summary of ``to_dict``'s values.

        Raises
        ------
        ValueError
            If they are not the fields of a summary.
        """
        if set(values) != {field.name for field in fields(cls)}:
            raise ValueError("not the fields of a summary")
        return cls(**{**values, "lead_names": tuple(values["lead_names"]), "files": tuple(values["files"])})


def summarise(record: SignalSource) -> RecordSummary:
    """Return what a list keeps of a record."""
    patient, start = record.patient, record.acquisition.start
    return RecordSummary(
        record=record.name,
        format=record.provenance.format,
        fs_hz=float(record.fs_hz),
        duration_s=float(record.duration_s),
        lead_names=record.lead_names,
        patient_id=patient.patient_id,
        patient_name=patient.name,
        age_years=patient.age_years,
        over_89=patient.over_89,
        sex=patient.sex,
        start=start.isoformat() if start is not None else None,
        statements=stored_statements(record),
        n_notices=len(record.report.warnings),
        files=tuple(str(path) for path in record.provenance.files),
    )


def stored_statements(record: SignalSource) -> str:
    """Return what the file states of the ECG, in one line, SNOMED CT codes by their names."""
    acquisition = record.acquisition
    concepts = snomed_concepts()
    named = (concepts[code].name if code in concepts else code for code in acquisition.snomed_codes)
    words = dict.fromkeys((*record.device_reading.statements, *acquisition.statements, *named))
    text = ", ".join(one_line(word).rstrip(".,;") for word in words if word.strip())
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"
