"""What one export is told besides the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from physioclr_core.writers.computed import ComputedReading

Dates = Literal["shift", "remove"]


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """Options of one record's export.

    Attributes
    ----------
    computed : ComputedReading or None
        What this program measured, to be written under its name.
    deidentified : "shift", "remove" or None
        The record has been de-identified, and what became of its dates.
    study_uid : str or None
        DICOM study that the record belongs to; a new one by default.
    """

    computed: ComputedReading | None = None
    deidentified: Dates | None = None
    study_uid: str | None = None
