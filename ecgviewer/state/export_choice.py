"""What is to be exported how: format, place, de-identification. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from physioclr_core.record import SignalSource
from physioclr_core.recordings.stretch import stretch_of
from physioclr_core.writers import OUTPUT_FORMATS, ExportError, OutputFormat, targets_of
from physioclr_core.writers.computed import LONGEST_S
from physioclr_core.writers.deidentify import DeidentificationBatch, DeidentificationPlan, names_in
from physioclr_core.writers.options import Dates, WriteOptions
from physioclr_core.writers.target import check_targets


@dataclass
class ExportChoice:
    """The choices of one export.

    Attributes
    ----------
    whole : SignalSource
        As it was read.
    folder : Path
    in_sight_s : (float, float) or None
        Start and end of the stretch that can be exported instead of the whole.
    is_stretch : bool
        Whether it is.
    entry : OutputFormat
    is_deidentified : bool
    dates : "shift" or "remove"
    is_measured : bool
        Whether this program's median beat and measurements are added.
    name : str
        File name without its suffix, where the person has chosen one; empty for the proposed one.
    """

    whole: SignalSource
    folder: Path
    in_sight_s: tuple[float, float] | None = None
    is_stretch: bool = False
    entry: OutputFormat = OUTPUT_FORMATS[2]
    is_deidentified: bool = True
    dates: Dates = "shift"
    is_measured: bool = False
    name: str = ""

    @cached_property
    def _plans(self) -> dict[tuple[Dates, bool], DeidentificationPlan]:
        return {}

    @cached_property
    def _stretch(self) -> SignalSource:
        start_s, end_s = self.in_sight_s or (0.0, self.whole.duration_s)
        fs_hz = self.whole.fs_hz
        return stretch_of(self.whole, round(start_s * fs_hz), round(end_s * fs_hz))

    @property
    def source(self) -> SignalSource:
        """The whole as it was read, or the stretch of it.

        Raises
        ------
        RecordError
            If a long recording's file can no longer be read.
        """
        return self._stretch if self.is_stretch else self.whole

    @property
    def plan(self) -> DeidentificationPlan:
        """What goes and what stays; the one that is shown is the one that is written."""
        key = self.dates, self.is_stretch
        if key not in self._plans:
            self._plans[key] = DeidentificationBatch(self.dates).plan(self.source)
        return self._plans[key]

    @property
    def proposed_name(self) -> str:
        """A name that the format allows; of a de-identified record one that says nothing."""
        if self.is_deidentified:
            return self.plan.name
        letters = (x if x.isascii() and (x.isalnum() or x in "_-") else "_" for x in self.whole.name)
        return "".join(letters) + "-export"

    @property
    def out(self) -> Path:
        """The file that stands for the record."""
        return self.folder / f"{self.name or self.proposed_name}{self.entry.suffix}"

    @property
    def cannot_measure(self) -> str:
        """Why nothing of this program's can be added; empty where it can."""
        if self.entry.key == "csv":
            return "CSV has no place for measurements."
        duration_s = self.in_sight_s[1] - self.in_sight_s[0] if self.is_stretch and self.in_sight_s else None
        if (self.whole.duration_s if duration_s is None else duration_s) > LONGEST_S:
            return f"Above {LONGEST_S / 60:.0f} minutes nothing is measured."
        return ""

    @property
    def options(self) -> WriteOptions:
        """What the writer is told."""
        if not self.is_deidentified:
            return WriteOptions()
        return WriteOptions(deidentified=self.plan.dates, study_uid=self.plan.study_uid)

    @property
    def record(self) -> SignalSource:
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
            check_targets(self.whole, targets_of(self.out, self.entry), force=True)
        except ExportError as error:
            return str(error)
        shown = names_in(self.whole, self.out.stem) if self.is_deidentified and self.name else None
        return f"The name shows {shown!r}; a de-identified file must not." if shown else ""
