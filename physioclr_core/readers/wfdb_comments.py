"""Patient and acquisition from the comment lines of WFDB headers, which have no fixed form.

Understood are the forms of CinC ("Age: 56", "Dx: 426783006,RBBB"), PTB-XL and PTB ("age: 81", "ECG date: 01/10/1990"),
LUDB and SHAREE ("<age>: 25  <sex>: M"), MIT-BIH ("69 M 1085 1629 x1"), and this program's own "patient_id: X" and
"SCP: AFIB, LVH". Every line is kept as it stands besides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from physioclr_core.readers.wfdb_header import parse_date, quoted
from physioclr_core.record import Sex

# PTB-XL writes 300 for every age above 89 years (HIPAA's safe harbour).
WITHHELD_AGE = 300
MAX_PLAUSIBLE_AGE_YEARS = 125

# "Unknows" is what many CinC headers say.
_UNKNOWN = frozenset(["", *"nan unknown unknows unk n/a na none (none) - -1 ? x null".split()])
_SEXES: dict[str, Sex] = {"m": "male", "male": "male", "f": "female", "female": "female"}
_AGE = re.compile(r"(\d{1,4}(?:\.\d{1,6})?)\s*(y|yr|yrs|year|years|mo|month|months|week|weeks|day|days)?\.?", re.ASCII)
_WITHHELD_AGE = re.compile(r"(?:>|over|above)\s*(?:89|90)|>=\s*90|(?:89|90)\s*\+")
_YEARS_PER_UNIT = {"y": 1.0, "m": 1 / 12, "w": 7 / 365.25, "d": 1 / 365.25}
_BRACKETED = re.compile(r"<([^<>]{1,40})>\s*:?\s*([^<]*)")
_MIT_BIH = re.compile(r"(\d{1,3}|-1|\?)\s+([MF?])(?:\s+\d+\s+\d+\s+x\d+)?", re.ASCII)
_SNOMED = re.compile(r"\d{6,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CommentFacts:
    """What the comment lines state; ``notes`` are sentences about what was implausible or not understood."""

    age_years: float | None = None
    over_89: bool = False
    sex: Sex | None = None
    patient_id: str | None = None
    ecg_date: date | None = None
    snomed_codes: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def parse_comments(comments: tuple[str, ...]) -> CommentFacts:
    """Collect what the comment lines of a header state; the first statement of each fact counts.

    Parameters
    ----------
    comments : tuple of str
        Comment lines without their "#".

    Returns
    -------
    CommentFacts
    """
    found: dict[str, str] = {}
    for comment in comments:
        for key, value in _pairs(comment):
            found.setdefault(key.strip().casefold(), value.strip())
        if match := _MIT_BIH.fullmatch(comment):
            found.setdefault("age", match[1])
            found.setdefault("sex", match[2])
    if not found:
        return CommentFacts()
    notes: list[str] = []
    age_years, over_89 = parse_age(found.get("age", ""), notes)
    codes = _split(found.get("dx", ""))
    return CommentFacts(
        age_years=age_years,
        over_89=over_89,
        sex=parse_sex(found.get("sex", found.get("gender", "")), notes),
        patient_id=found.get("patient_id") or None,
        ecg_date=_ecg_date(found.get("ecg date", ""), notes),
        snomed_codes=tuple(code for code in codes if _SNOMED.fullmatch(code)),
        statements=tuple(
            dict.fromkeys([code for code in codes if not _SNOMED.fullmatch(code)] + _split(found.get("scp", "")))
        ),
        notes=tuple(notes),
    )


def parse_age(text: str, notes: list[str]) -> tuple[float | None, bool]:
    """Return (age in years or None, whether it is withheld because it is above 89).

    Parameters
    ----------
    text : str
        "56", "56 years", "6 months", "NaN", "300", "> 89", ...
    notes : list of str
        Gets a sentence where the age is implausible or not understood.
    """
    text = text.strip().casefold()
    if text in _UNKNOWN:
        return None, False
    if _WITHHELD_AGE.fullmatch(text):
        return None, True
    match = _AGE.fullmatch(text)
    if match is None:
        notes.append(f"The age {quoted(text)} is not understood and is taken as unknown.")
        return None, False
    age_years = float(match[1]) * _YEARS_PER_UNIT[(match[2] or "y")[0]]
    if age_years == WITHHELD_AGE:
        return None, True
    if age_years > MAX_PLAUSIBLE_AGE_YEARS:
        notes.append(f"The age of {age_years:g} years is implausible and is taken as unknown.")
        return None, False
    return age_years, False


def parse_sex(text: str, notes: list[str]) -> Sex | None:
    """Return the sex, None where it is unknown; ``notes`` gets a sentence where the text is not understood."""
    text = text.strip().casefold()
    sex = _SEXES.get(text)
    if sex is None and text not in _UNKNOWN:
        notes.append(f"The sex {quoted(text)} is not understood and is taken as unknown.")
    return sex


def _pairs(comment: str) -> list[tuple[str, str]]:
    if comment.startswith("<"):
        return _BRACKETED.findall(comment)
    key, colon, value = comment.partition(":")
    return [(key, value)] if colon else []


def _split(text: str) -> list[str]:
    parts = (part.strip() for part in text.split(","))
    return list(dict.fromkeys(part for part in parts if part.casefold() not in _UNKNOWN))


def _ecg_date(text: str, notes: list[str]) -> date | None:
    if text.casefold() in _UNKNOWN:
        return None
    ecg_date = parse_date(text)
    if ecg_date is None:
        notes.append(f"The ECG date {quoted(text)} is not of the form day/month/year and was left out.")
    return ecg_date
