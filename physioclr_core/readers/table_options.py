"""What a table of numbers does not say by itself, as a person gives it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from physioclr_core.errors import UserFacingError
from physioclr_core.readers.wfdb_leads import FS_RANGE_HZ
from physioclr_core.units import mv_per_unit

LEFT_OUT = "-"
Orientation = Literal["columns", "rows"]


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Facts on a table, from the person who opens it; None is not given.

    Attributes
    ----------
    fs_hz : float or None
        Sampling rate.
    unit : str or None
        Of all samples: mV, uV, V or nV.
    leads : tuple of str or None
        One name for each column (or row) of samples in order, "-" for one to leave out; or "heading=lead" for those
        to read, by heading or number from 1.
    time_column : str or None
        Heading, or number from 1, of the column that holds time or sample numbers.
    orientation : {"columns", "rows"} or None
        Whether a lead is a column or a row.
    decimal_comma : bool or None
        Whether "0,5" is a half.
    skip_rows : int or None
        Lines before the first line of samples or headings.

    Raises
    ------
    UserFacingError
        If a value cannot be right.
    """

    fs_hz: float | None = None
    unit: str | None = None
    leads: tuple[str, ...] | None = None
    time_column: str | None = None
    orientation: Orientation | None = None
    decimal_comma: bool | None = None
    skip_rows: int | None = None

    def __post_init__(self) -> None:
        low, high = FS_RANGE_HZ
        if self.fs_hz is not None and not (math.isfinite(self.fs_hz) and low <= self.fs_hz <= high):
            raise UserFacingError(f"A sampling rate of {self.fs_hz:g} Hz is none of an ECG ({low:g} to {high:g} Hz).")
        if self.unit is not None and (not self.unit.strip() or mv_per_unit(self.unit) is None):
            raise UserFacingError(f"The unit '{self.unit}' is no voltage; mV, uV, V and nV are.")
        names = [name.partition("=")[2] or name for name in self.leads or ()]
        if self.leads is not None and not any(name.strip(f"{LEFT_OUT} ") for name in names):
            raise UserFacingError("No lead is named; name at least one.")
        if self.skip_rows is not None and self.skip_rows < 0:
            raise UserFacingError(f"{self.skip_rows} lines cannot be skipped.")


def split_leads(text: str) -> tuple[str, ...]:
    """Return the names of "I, II, -, V1" or "ch1=I, ch2=II"."""
    return tuple(name.strip() for name in text.split(","))
