"""What a recording device stored of its own, as the lines of a panel."""

from __future__ import annotations

import re
from dataclasses import dataclass

from physioclr_core.readers.report_text import STATUS_UNKNOWN, global_measurements, is_empty, one_line
from physioclr_core.record import DeviceReading

# How carts set off what must be seen at once: ">>> Acute MI <<<" (Philips), "*** ACUTE MI ***", "** ** ACUTE MI ** **"
# and "***Critical test result: STEMI" (GE and others).
_MARKED = (
    re.compile(r">{3}(.{1,200}?)<{3}"),
    re.compile(r"\*{3}([^*]{1,200})\*{3}"),
    re.compile(r"\*\* \*\*([^*]{1,200})\*\* ?\*\*"),
    re.compile(r"\*{3} ?(critical test result[^*]{0,200})", re.IGNORECASE),
)
# Asterisks also set off what is about the analysis, not the patient.
_REMARK = re.compile(
    r"(age and gender specific |pa?ediatric )?ecg analysis|unconfirmed( \w+)?|"
    r"(poor )?data quality.*|suspect .*reversal.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class DeviceRows:
    """The lines; ``count`` says what there is while they are folded, ``flag`` that something was marked as critical."""

    count: str
    flag: str
    status: str
    statements: tuple[str, ...]
    measurements: tuple[tuple[str, str], ...]


def device_rows(reading: DeviceReading) -> DeviceRows | None:
    """Return the lines; None where the device stored nothing."""
    if is_empty(reading):
        return None
    measured = tuple((one_line(name), value) for name, value in global_measurements(reading))
    n_of_leads = len(reading.measurements) - len(measured)
    parts = [
        _count(len(reading.statements), "statement"),
        _count(len(measured), "measurement"),
        f"{n_of_leads} of single leads" if n_of_leads else "",
        "representative beats" if reading.median is not None else "",
    ]
    status = one_line(reading.status or STATUS_UNKNOWN)
    return DeviceRows(
        count=", ".join(part for part in parts if part),
        flag=_flag(len({words for text in reading.statements for words in critical_marks(text)})),
        status=f"Reading status: {status}",
        statements=tuple(one_line(statement) for statement in reading.statements),
        measurements=measured,
    )


def critical_marks(statement: str) -> frozenset[str]:
    """Return what of a stored statement the device set off as critical; nothing else of its words is judged."""
    line = one_line(statement)
    found = (match[1].strip(" .").casefold() for pattern in _MARKED for match in pattern.finditer(line))
    return frozenset(words for words in found if words and not _REMARK.fullmatch(words))


def _flag(n_marked: int) -> str:
    if n_marked == 0:
        return ""
    return "one marked critical by the device" if n_marked == 1 else f"{n_marked} marked critical by the device"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""
