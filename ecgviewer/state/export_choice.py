"""What is to be exported how: format, place, de-identification. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from physioclr_core.record import EcgRecord
from physioclr_core.writers import OUTPUT_FORMATS, ExportError, OutputFormat, targets_of
from physioclr_core.writers.deidentify import DeidentificationBatch, DeidentificationPlan, names_in
from physioclr_core.writers.options import Dates, WriteOptions
from physioclr_core.writers.target import check_targets


@dataclass
class ExportChoice:
    """The choices of one export.

    Attributes
    ----------
    source : EcgRecord
        As it was read.
    folder : Path
    entry : OutputFormat
    is_deidentified : bool
    dates : "shift" or "remove"
    name : str
        File name without its suffix, where the person has chosen one; empty for the proposed one.
    """

    source: EcgRecord
    folder: Path
    entry: OutputFormat = OUTPUT_FORMATS[2]
    is_deidentified: bool = True
    dates: Dates = "shift"
    name: str = ""

    @cached_property
    def _plans(self) -> dict[Dates, DeidentificationPlan]:
        return {}

    @property
    def plan(self) -> DeidentificationPlan:
        """What goes and what stays; the one that is shown is the one that is written."""
        if self.dates not in self._plans:
            self._plans[self.dates] = DeidentificationBatch(self.dates).plan(self.source)
        return self._plans[self.dates]

    @property
    def proposed_name(self) -> str:
        """A name that the format allows; of a de-identified record one that says nothing."""
        if self.is_deidentified:
            return self.plan.name
        letters = (x if x.isascii() and (x.isalnum() or x in "_-") else "_" for x in self.source.name)
        return "".join(letters) + "-export"

    @property
    def out(self) -> Path:
        """The file that stands for the record."""
        return self.folder / f"{self.name or self.proposed_name}{self.entry.suffix}"

    @property
    def options(self) -> WriteOptions:
        """What the writer is told."""
        if not self.is_deidentified:
            return WriteOptions()
        return WriteOptions(deidentified=self.plan.dates, study_uid=self.plan.study_uid)

    @property
    def record(self) -> EcgRecord:
        """What is written."""
        return self.plan.record if self.is_deidentified else self.source

    @property
    def exists(self) -> bool:
        """Whether a file would be replaced."""
        try:
            return any(target.exists() for target in targets_of(self.out, self.entry))
        except ExportError:
            return False

    @property
    def fault(self) -> str:
        """Why this cannot be written; empty where it can."""
        try:
            check_targets(self.source, targets_of(self.out, self.entry), force=True)
        except ExportError as error:
            return str(error)
        shown = names_in(self.source, self.out.stem) if self.is_deidentified and self.name else None
        return f"The name shows {shown!r}; a de-identified file must not." if shown else ""
