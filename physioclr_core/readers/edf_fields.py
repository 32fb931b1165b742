"""The fixed-width text of an EDF or BDF header, read as strictly as possible and as tolerantly as is harmless."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from datetime import date, datetime, time

from physioclr_core.record import Patient, Sex

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DATE_OR_TIME = re.compile(r"\s*(\d{1,2})\D(\d{1,2})\D(\d{1,2})\s*")
# What anonymising programs write for no date.
_NO_DATE = date(1985, 1, 1)


@dataclass(slots=True)
class FieldText:
    """Reads texts and numbers, and keeps a list of the faults that it forgave."""

    faults: list[str] = field(default_factory=list)

    def text(self, raw: bytes, what: str) -> str:
        """Return a field's text; bytes outside ASCII and NULs are forgiven and said."""
        if b"\0" in raw:
            self._forgive("has NUL bytes where spaces belong")
            raw = raw.replace(b"\0", b" ")
        if not raw.isascii():
            self._forgive(f"has letters outside ASCII in its {what}")
        return "".join(letter if letter.isprintable() else " " for letter in raw.decode("latin-1")).strip()

    def number(self, raw: bytes, what: str) -> float | None:
        """Return a finite number, None for anything else; a decimal comma is forgiven and said."""
        text = self.text(raw, what)
        if "," in text and "." not in text:
            self._forgive(f"has a decimal comma in its {what}")
            text = text.replace(",", ".")
        try:
            number = float(text) if "_" not in text else math.nan
        except ValueError:
            return None
        return number if math.isfinite(number) else None

    def whole(self, raw: bytes, what: str) -> int | None:
        """Return a whole number, None for anything else; "256.0" is forgiven."""
        number = self.number(raw, what)
        return int(number) if number is not None and number == int(number) else None

    def _forgive(self, fault: str) -> None:
        sentence = f"The header {fault}, which was tolerated."
        if sentence not in self.faults:
            self.faults.append(sentence)


@dataclass(frozen=True, slots=True)
class EdfSubject:
    """Patient and recording fields of a header, taken apart."""

    patient: Patient
    start: datetime | date | None
    device: str | None
    comments: tuple[str, ...]
    warnings: tuple[str, ...]
    ignored: tuple[str, ...]


def parse_subject(patient: str, recording: str, start_date: str, start_time: str, is_plus: bool) -> EdfSubject:
    """Take the patient and recording fields apart as EDF+ defines them; EDF's own are free text.

    Parameters
    ----------
    patient, recording : str
        "code sex birthdate name ..." and "Startdate dd-MMM-yyyy admin technician equipment ..." in EDF+.
    start_date, start_time : str
        "dd.mm.yy" and "hh.mm.ss".
    is_plus : bool
        Whether it is EDF+ or BDF+.
    """
    warnings: list[str] = []
    ignored: list[str] = []
    parts = recording.split()
    has_startdate = is_plus and len(parts) >= 2 and parts[0].casefold() == "startdate"
    day = parse_day(parts[1]) if has_startdate else None
    short_day = _short_date(start_date)
    if has_startdate and parts[1].upper() == "X" and short_day == _NO_DATE:
        short_day = None
    elif day is None and short_day is None:
        warnings.append(f"The start date '{start_date}' is no date, so it is unknown.")
    day = day or short_day
    clock = _clock(start_time)
    if clock is None:
        warnings.append(f"The start time '{start_time}' is no time of day, so it is unknown.")
    elif day is None and clock != time():
        ignored.append(f"start time {clock.isoformat()}: it has no date")
    start = datetime.combine(day, clock) if day and clock else day
    device = None
    comments: list[str] = []
    if has_startdate:
        known = [_known(part) for part in parts[2:]]
        device = known[2] if len(known) > 2 else None
        names = ("administration code", "technician")
        comments += [f"{name}: {value}" for name, value in zip(names, known, strict=False) if value]
        comments += [value for value in known[3:] if value]
    elif recording:
        comments.append(recording)
    return EdfSubject(
        _patient(patient, day, is_plus, comments), start, device, tuple(comments), tuple(warnings), tuple(ignored)
    )


def _patient(text: str, day: date | None, is_plus: bool, comments: list[str]) -> Patient:
    parts = text.split()
    if not is_plus or len(parts) < 4 or parts[1].upper() not in ("F", "M", "X"):
        # EDF leaves the field to the hospital: who it is can be read there, but not what is what.
        return Patient(patient_id=text if text and text.strip("Xx ") else None)
    code, sex, born, name = parts[:4]
    comments += [part for part in parts[4:] if _known(part)]
    birthday = parse_day(born)
    sexes: dict[str, Sex] = {"F": "female", "M": "male"}
    return Patient(
        patient_id=_known(code),
        name=_known(name),
        age_years=age_years(birthday, day),
        sex=sexes.get(sex.upper()),
    )


def age_years(birthday: date | None, day: date | None) -> float | None:
    """Return the age in whole years, None where it is unknown or no age of a person."""
    if birthday is None or day is None:
        return None
    age = day.year - birthday.year - ((day.month, day.day) < (birthday.month, birthday.day))
    return float(age) if 0 <= age <= 130 else None


def parse_day(text: str) -> date | None:
    """Return the date of "dd-MMM-yyyy", None for anything else."""
    parts = text.upper().split("-")
    if len(parts) != 3 or parts[1] not in _MONTHS or not (parts[0] + parts[2]).isdecimal():
        return None
    try:
        return date(int(parts[2]), _MONTHS.index(parts[1]) + 1, int(parts[0]))
    except ValueError:
        return None


def _short_date(text: str) -> date | None:
    found = _DATE_OR_TIME.fullmatch(text)
    if found is None:
        return None
    day, month, year = (int(part) for part in found.groups())
    try:
        return date(1900 + year if year >= 85 else 2000 + year, month, day)
    except ValueError:
        return None


def _clock(text: str) -> time | None:
    found = _DATE_OR_TIME.fullmatch(text)
    try:
        hour, minute, second = (int(part) for part in found.groups()) if found else (24, 0, 0)
        return time(hour, minute, second)
    except ValueError:
        return None


def _known(part: str) -> str | None:
    return None if part.upper() == "X" else part.replace("_", " ").strip() or None
