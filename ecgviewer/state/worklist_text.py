"""The words of the worklist: cells, what is searched, what is sorted by, and how far reading has come."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from ecgviewer.state.header import UNKNOWN, age_text, sex_text, start_text
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers.report_text import one_line
from physioclr_core.readers.summary import RecordSummary

Column = Literal["record", "patient", "who", "recorded", "statements", "format", "leads", "length", "rate"]

# Title, width in pixels, whether figures stand at the right.
COLUMNS: dict[Column, tuple[str, int, bool]] = {
    "record": ("Record", 132, False),
    "patient": ("Patient", 104, False),
    "who": ("Sex age", 64, False),
    "recorded": ("Recorded", 128, False),
    "statements": ("Stated in the file", 200, False),
    "format": ("Format", 88, False),
    "leads": ("Leads", 64, True),
    "length": ("Length", 64, True),
    "rate": ("Rate", 64, True),
}
ETA_AFTER_S = 10.0


def cell_text(column: Column, label: str, summary: RecordSummary | None) -> str:
    """Return a cell; what is unknown is "--", what has not been read yet is empty."""
    if column == "record":
        return label
    if summary is None:
        return ""
    match column:
        case "patient":
            return one_line(" ".join(text for text in (summary.patient_name, summary.patient_id) if text)) or UNKNOWN
        case "who":
            who = sex_text(summary.sex), age_text(summary.age_years, summary.over_89)
            return UNKNOWN if who == (UNKNOWN, UNKNOWN) else " ".join(who)
        case "recorded":
            return _start_text(summary.start)
        case "statements":
            return summary.statements or UNKNOWN
        case "format":
            return summary.format
        case "leads":
            return leads_text(summary.lead_names)
        case "length":
            return length_text(summary.duration_s)
        case _:
            return f"{summary.fs_hz:g} Hz"


def leads_text(lead_names: Sequence[str]) -> str:
    """Return how many leads there are, or which where there are one or two."""
    return ", ".join(lead_names) if len(lead_names) <= 2 else str(len(lead_names))


def length_text(duration_s: float) -> str:
    """Return a length as a person says it: "10 s", "30 min", "24 h", "14 d"."""
    for unit, size_s in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if duration_s >= 2 * size_s or (unit != "d" and duration_s >= size_s):
            return f"{duration_s / size_s:.3g} {unit}"
    return f"{duration_s:.3g} s"


def _start_text(start: str | None) -> str:
    if start is None:
        return UNKNOWN
    return start_text(datetime.fromisoformat(start)) if "T" in start else start


def sort_value(column: Column, label: str, summary: RecordSummary | None) -> object | None:
    """Return what an entry is sorted by, of one type for each column; None is unknown."""
    if column == "record":
        return natural_key(label)
    if summary is None:
        return None
    match column:
        case "patient":
            text = f"{summary.patient_name or ''} {summary.patient_id or ''}".strip()
            return natural_key(text) if text else None
        case "who":
            return 90.0 if summary.over_89 else summary.age_years
        case "recorded":
            # Offsets from UTC are rare and do not change the day's order enough to matter in a list.
            return summary.start
        case "statements":
            return summary.statements.casefold() or None
        case "format":
            return summary.format.casefold()
        case "leads":
            known = sum(name in STANDARD_LEADS for name in summary.lead_names)
            return len(summary.lead_names), known
        case "length":
            return summary.duration_s
        case _:
            return summary.fs_hz


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key by which "E9" comes before "E10"."""
    parts = re.findall(r"\d+|\D+", text.casefold())
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def haystack(label: str, path: Path, summary: RecordSummary | None, error: str) -> str:
    """Return all that is found by typing, in lower case."""
    words = [label, path.name, path.parent.name, error]
    if summary is not None:
        words += [summary.patient_name or "", summary.patient_id or "", summary.sex or "", summary.start or ""]
        words += [summary.statements, summary.format, summary.record]
    return "\n".join(words).casefold()


def progress_text(n_done: int, n_found: int, is_searching: bool, elapsed_s: float) -> str:
    """Return how far reading has come: count, rate, and after ``ETA_AFTER_S`` what is left.

    Parameters
    ----------
    n_done, n_found : int
        Files read, and found so far.
    is_searching : bool
        Whether more may be found.
    elapsed_s : float
        Since the beginning.
    """
    if n_found == 0:
        return "Searching"
    text = f"{grouped(n_done)} of {grouped(n_found)}{' or more' if is_searching else ''}"
    if elapsed_s < 1 or n_done == 0:
        return f"Reading {text}"
    rate = n_done / elapsed_s
    text += f", {rate:.0f} files/s" if rate >= 10 else f", {rate:.1f} files/s"
    left_s = (n_found - n_done) / rate
    if not is_searching and elapsed_s + left_s > ETA_AFTER_S and left_s >= 1:
        text += f", {time_left_text(left_s)} left"
    return text


def time_left_text(left_s: float) -> str:
    """Return a rough time: "40 s", "3 min", "2 h"."""
    if left_s < 90:
        return f"{left_s:.0f} s"
    return f"{left_s / 60:.0f} min" if left_s < 5400 else f"{left_s / 3600:.0f} h"


def counts_text(n_read: int, n_errors: int, n_ignored: int, n_waiting: int = 0) -> str:
    """Return what the list holds once reading has ended."""
    parts = [f"{grouped(n_read)} ECG{'' if n_read == 1 else 's'}"]
    if n_errors:
        parts.append(f"{grouped(n_errors)} not readable")
    if n_waiting:
        parts.append(f"{grouped(n_waiting)} not read")
    if n_ignored:
        parts.append(f"{grouped(n_ignored)} other file{'' if n_ignored == 1 else 's'}")
    return ", ".join(parts)


def grouped(number: int) -> str:
    """Return a count with a thin gap between thousands."""
    return f"{number:,}".replace(",", "\u202f")
