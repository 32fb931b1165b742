"""What the head of a column says: a lead and its unit, time and its unit, a sampling rate."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from physioclr_core.leads import standard_name
from physioclr_core.units import mv_per_unit

TIME_UNITS_S = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3),
    **dict.fromkeys(("us", "\u00b5s", "\u03bcs", "usec", "microsecond", "microseconds"), 1e-6),
}
_TIME_NAMES = frozenset(("time", "t", "elapsed time", "elapsed", "timestamp", "zeit", "temps", "tiempo", "tempo"))
_COUNT_NAMES = frozenset(("sample", "samples", "sample number", "sample #", "sample no", "index", "idx", "n", "#"))
_BRACKETS = re.compile(r"(?P<name>.*?)\s*[\[(](?P<unit>[^\[\]()]{1,24})[\])]\s*")
# Without brackets only what cannot be a part of a lead's name: "aV_V" is no lead in volts.
_SUFFIX = re.compile(r"(?P<name>.+?)[ _,./-]+(?P<unit>m[vV]|MV|[u\u00b5\u03bc][vV]|UV|n[vV]|s|sec|ms|us)")
_RATE = re.compile(
    r"(?i)(?:\bfs|\bsampling[ _-]?(?:rate|frequency)|\bsample[ _-]?(?:rate|frequency))"
    r"(?:[ _]?[\[(]?hz[\])]?)?\s*[:=,;\t]?\s*(?P<rate>\d+(?:\.\d+)?)\s*(?P<kilo>k)?(?:hz|/s)?\s*[,;]*\s*$"
)


class Head(NamedTuple):
    """A column's head taken apart; ``unit`` is empty where none is written."""

    name: str
    unit: str
    is_time: bool
    is_count: bool

    @property
    def lead(self) -> str | None:
        """The standard name of the lead, None where the head names none."""
        return standard_name(self.name)


def is_unit(text: str) -> bool:
    """Return whether a cell is a unit of time or voltage."""
    bare = text.strip("[]() ")
    return bool(bare) and (bare.casefold() in TIME_UNITS_S or mv_per_unit(bare) is not None)


def parse_head(text: str, unit: str = "") -> Head:
    """Take a head apart.

    Parameters
    ----------
    text : str
        As in the file: "II [mV]", "time_s", "Elapsed time", "V1", "".
    unit : str
        From a line of units below it.
    """
    bare = text.strip()
    for pattern in (_BRACKETS, _SUFFIX):
        found = pattern.fullmatch(bare)
        # A unit is taken off where it is one; otherwise the whole text is the name.
        if found is not None and (pattern is _BRACKETS or is_unit(found["unit"])):
            bare, unit = found["name"].strip(), unit or found["unit"].strip()
            break
    unit = unit.strip("[]() ")
    name = bare.casefold().replace("_", " ").strip()
    is_time = name in _TIME_NAMES or (name in TIME_UNITS_S and name != "t")
    if is_time and not unit and name in TIME_UNITS_S:
        unit = name
    return Head(bare, unit, is_time, name in _COUNT_NAMES)


def stated_rate_hz(notes: Iterable[str]) -> float | None:
    """Return the sampling rate that a line above the numbers states, None where none or several do."""
    found = {
        float(match["rate"]) * (1000.0 if match["kilo"] else 1.0)
        for match in (_RATE.search(note) for note in notes)
        if match is not None
    }
    return found.pop() if len(found) == 1 else None
