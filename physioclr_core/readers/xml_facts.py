"""What XML formats say of patient and device, brought to one form: sex, age, names, dates, measurements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time

from physioclr_core.readers.device_terms import MAX_PLAUSIBLE_AGE_YEARS, person_name, usual_unit
from physioclr_core.readers.xml_document import clipped, number
from physioclr_core.record import DeviceMeasurement, Sex

# What devices write where they know nothing.
_PLACEHOLDERS = frozenset({"", "?", "unknown", "unk", "n/a", "na", "none", "null", "not available"})
_SEX: Mapping[str, Sex] = {"m": "male", "male": "male", "f": "female", "female": "female"}
_YEARS_PER_UNIT = {
    **dict.fromkeys(("y", "yr", "yrs", "year", "years", "a"), 1.0),
    **dict.fromkeys(("mo", "month", "months"), 1 / 12),
    **dict.fromkeys(("w", "wk", "week", "weeks"), 7 / 365.25),
    **dict.fromkeys(("d", "day", "days"), 1 / 365.25),
    **dict.fromkeys(("h", "hour", "hours"), 1 / 8766),
}
_NEVER_ZERO = frozenset(("heart rate", "atrial rate", "RR", "PP", "PR", "P duration", "QRS duration", "QRS count"))
# A birthday within the year, and ages that were stated at another date.
_AGE_TOLERANCE_YEARS = 1.5


def known(text: str) -> str | None:
    """Return a text that is short enough to be shown, None where it is a device's word for "unknown"."""
    bare = text.strip()
    return None if bare.casefold() in _PLACEHOLDERS or not bare.strip("-*. ") else clipped(bare, 1000)


def sex_of(text: str) -> Sex | None:
    """Return the sex that a word or letter names, None for any other."""
    return _SEX.get(text.strip().casefold())


def joined(*parts: str) -> str | None:
    """Return the parts that are known, one after another."""
    return " ".join(part for part in map(known, parts) if part) or None


def person(family: str, *given: str) -> str | None:
    """Return a person's name, of the parts that are known."""
    return person_name(known(family) or "", joined(*given) or "")


def age_in_years(text: str, unit: str, warnings: list[str]) -> float | None:
    """Return a stated age in years; an unknown unit or an impossible age is told and not guessed."""
    value = number(text)
    if value is None:
        return None
    factor = _YEARS_PER_UNIT.get(unit.strip().casefold())
    if factor is None:
        warnings.append(f"The age {value:g} has no unit that is known ({unit.strip()[:20]!r}) and is left out.")
        return None
    years = value * factor
    if not 0 <= years <= MAX_PLAUSIBLE_AGE_YEARS:
        warnings.append(f"The age {value:g} {unit.strip()[:20].lower()} is impossible and is left out.")
        return None
    return round(years, 4)


def age_of(stated_years: float | None, birth: date | None, start: date | None, warnings: list[str]) -> float | None:
    """Return the stated age, else the one that birth and recording give; a contradiction is told."""
    if birth is None or start is None:
        return stated_years
    day = start.date() if isinstance(start, datetime) else start
    years = day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))
    if stated_years is None:
        if 0 <= years <= MAX_PLAUSIBLE_AGE_YEARS:
            return float(years)
        warnings.append("The date of birth does not go with the recording's date; the age is left out.")
        return None
    if abs(stated_years - years) > _AGE_TOLERANCE_YEARS:
        warnings.append(f"The age is stated as {stated_years:.3g} years, but the date of birth gives {years}.")
    return stated_years


def day_of(text: str, *formats: str) -> date | None:
    """Return a date in one of the formats, None for anything else and for the placeholders of all zeros."""
    bare = text.strip()
    for form in formats:
        try:
            return datetime.strptime(bare, form).date()
        except ValueError:
            continue
    return None


def clock_of(text: str) -> time | None:
    """Return a time of day (hours and minutes, with or without seconds), None for anything else."""
    try:
        return time.fromisoformat(text.strip()) if ":" in text else None
    except ValueError:
        return None


def start_of(day: date | None, clock: time | None, ignored: list[str]) -> datetime | date | None:
    """Return when a recording began: a plain date where no time of day is known."""
    if day is None:
        if clock is not None:
            ignored.append(f"start time {clock.isoformat()}: it has no date that can be read")
        return None
    return day if clock is None else datetime.combine(day, clock)


def measurements_of(values: Iterable[tuple[str, str, str]], lead: str | None = None) -> tuple[DeviceMeasurement, ...]:
    """Return measurements from (name, text, unit), of several of a name the first.

    Those without a number are left out, and rates, intervals and pressures of 0, as devices write where they measured
    none; an axis or a place in the median beat may be 0.
    """
    found: dict[str, DeviceMeasurement] = {}
    for name, text, unit in values:
        value = number(text)
        if value is not None and name not in found and not (value == 0 and is_never_zero(name)):
            found[name] = DeviceMeasurement(name, value, usual_unit(unit), lead)
    return tuple(found.values())


def is_never_zero(name: str) -> bool:
    """Return whether a measurement of this name is missing where it is 0."""
    return name.startswith(("QT", "Systolic", "Diastolic")) or name in _NEVER_ZERO


def filters_text(high_pass_hz: float | None, low_pass_hz: float | None, notch_hz: float | None) -> str | None:
    """Return the filters that were applied to what is stored, in one form for all formats."""
    if high_pass_hz and low_pass_hz:
        parts = [f"{high_pass_hz:g}-{low_pass_hz:g} Hz"]
    else:
        parts = [f"high-pass {high_pass_hz:g} Hz"] if high_pass_hz else []
        parts += [f"low-pass {low_pass_hz:g} Hz"] if low_pass_hz else []
    if notch_hz:
        parts.append(f"notch {notch_hz:g} Hz")
    return ", ".join(parts) or None
