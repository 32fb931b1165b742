"""Names and units of what recording devices measure, the same for every format, and persons' names and ages."""

from __future__ import annotations

import re
from datetime import date, datetime

MAX_PLAUSIBLE_AGE_YEARS = 125

_RATE_UNIT = re.compile(r"(?:bpm|(?:1|\{?h\.b\.\}?|\{?beats?\}?|beats?)?/min)", re.IGNORECASE)
_UNITS = {
    **{"msec": "ms", "millisecond": "ms", "milliseconds": "ms", "sec": "s", "second": "s", "seconds": "s"},
    **{"degree": "deg", "degrees": "deg", "\u00b0": "deg", "microvolt": "uV", "\u00b5v": "uV", "uv": "uV"},
    **{"millivolt": "mV", "mv": "mV"},
}


def usual_unit(unit: str) -> str:
    """Return the usual spelling of a unit: "bpm", "ms", "deg", "uV", ...; the file's own where it is another."""
    return "bpm" if _RATE_UNIT.fullmatch(unit.strip()) else _UNITS.get(unit.strip().casefold(), unit.strip())


def person_name(family: str, given: str = "") -> str | None:
    """Return "Family, Given", the part that there is, or None."""
    return ", ".join(part for part in (family.strip(), given.strip()) if part) or None


def age_between(born: date | None, recorded: datetime | date | None) -> float | None:
    """Return the age in completed years, None where a date is unknown or the age impossible."""
    if born is None or recorded is None:
        return None
    years = recorded.year - born.year - ((recorded.month, recorded.day) < (born.month, born.day))
    return float(years) if 0 <= years <= MAX_PLAUSIBLE_AGE_YEARS else None
