"""Times of a recording as people say them: by the clock where the start is known, and since its beginning."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from physioclr_core.record import SignalSource

DAY_S = 86400.0
_CLOCK = re.compile(r"(?:(?:day\s*)?(\d{1,3})\s+)?(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,3}))?)?")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})\s+(\d{1,2}):(\d{2})(?::(\d{2}))?")
_ELAPSED = re.compile(r"\+\s*(?:(\d{1,3})\s*d\s*)?(?:(\d{1,4}):(\d{2})(?::(\d{2})(?:[.,](\d{1,3}))?)?)?")
_UNITS = re.compile(r"(\d+(?:[.,]\d+)?)\s*(d|h|min|m|s)\b", re.IGNORECASE)
_UNIT_S = {"d": DAY_S, "h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0}


class TimeError(ValueError):
    """Why a time cannot be gone to, in one sentence."""


@dataclass(frozen=True, slots=True)
class RecordClock:
    """The clock of a recording; ``start`` is None where its time of day is not known."""

    start: datetime | None
    duration_s: float

    @staticmethod
    def of(record: SignalSource) -> RecordClock:
        """Return a record's clock; a date without a time of day is no clock."""
        start = record.acquisition.start
        return RecordClock(start if isinstance(start, datetime) else None, record.duration_s)

    @property
    def seconds_of_day(self) -> float:
        """Time of day of the first sample, 0 where it is unknown."""
        start = self.start
        if start is None:
            return 0.0
        return start.hour * 3600.0 + start.minute * 60.0 + start.second + start.microsecond / 1e6

    @property
    def has_days(self) -> bool:
        """Whether the recording goes over midnight, so that a time of day may be there twice."""
        return self.seconds_of_day + self.duration_s > DAY_S

    def text(self, time_s: float) -> str:
        """Return a time for a person: "14:02:07", "day 2 14:02:07"; without a clock "+3:02:07" since the start."""
        if self.start is None:
            return f"+{elapsed_text(time_s)}"
        whole_s = self.seconds_of_day + time_s
        day, second = divmod(int(whole_s + 1e-6), int(DAY_S))
        clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
        return f"day {day + 1} {clock}" if self.has_days else clock

    def short_text(self, time_s: float) -> str:
        """Return a time for a narrow column: "d2 14:02:07"."""
        return self.text(time_s).replace("day ", "d")

    def parse(self, text: str, near_s: float = 0.0) -> float:
        """Return the time that a person means, in seconds from the start.

        Parameters
        ----------
        text : str
            "14:30", "14:30:05", "2 14:30" or "day 2 14:30" (second day of the recording), "2024-03-02 14:30" by the
            clock; "+3:25:10", "+2d 3:00", "90 min", "1 d 2 h" since the start. Without a known start a clock time is
            taken as time since the start.
        near_s : float
            Of several days, a time of day without a day means the next one after this, else the first.

        Raises
        ------
        TimeError
            If it is no time or lies outside the recording; the text says which times there are.
        """
        text = text.strip()
        time_s = self._parsed(text, near_s)
        if time_s is None:
            raise TimeError(f"'{text}' is no time; write 14:30, day 2 14:30, or +3:25:10 since the start.")
        if not 0 <= time_s <= self.duration_s:
            raise TimeError(f"{text} is outside the recording, which goes from {self.text(0)} to {self._end_text()}.")
        return time_s

    def _end_text(self) -> str:
        return self.text(self.duration_s)

    def _parsed(self, text: str, near_s: float) -> float | None:
        if (found := _DATE.fullmatch(text)) and self.start is not None:
            try:
                when = datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]
            except ValueError:
                return None
            return (when - self.start.replace(tzinfo=None)) / timedelta(seconds=1)
        if found := _CLOCK.fullmatch(text):
            day, hour, minute = found[1], int(found[2]), int(found[3])
            second = int(found[4] or 0) + float(f"0.{found[5] or 0}")
            if minute > 59 or second >= 60:
                return None
            of_day_s = hour * 3600.0 + minute * 60.0 + second
            if self.start is None:
                return of_day_s + (int(day) - 1) * DAY_S if day else of_day_s
            if hour > 23:
                return None
            time_s = of_day_s - self.seconds_of_day
            if day:
                return time_s + (int(day) - 1) * DAY_S
            first_s = time_s if time_s >= 0 else time_s + DAY_S
            later = [first_s + k * DAY_S for k in range(1 + int(self.duration_s // DAY_S))]
            return next((t for t in later if t > near_s + 1 and t <= self.duration_s), first_s)
        if text.startswith("+") and (found := _ELAPSED.fullmatch(text)) and (found[1] or found[2]):
            hours, minutes = int(found[2] or 0), int(found[3] or 0)
            return int(found[1] or 0) * DAY_S + hours * 3600.0 + minutes * 60.0 + int(found[4] or 0)
        rest = text.removeprefix("+")
        if (parts := _UNITS.findall(rest)) and not _UNITS.sub("", rest).strip():
            return sum(float(number.replace(",", ".")) * _UNIT_S[unit.lower()] for number, unit in parts)
        return None


def elapsed_text(time_s: float) -> str:
    """Return a time since the start: "3:02:07", from a day on "2 d 3:02:07"."""
    days, second = divmod(int(time_s + 1e-6), int(DAY_S))
    text = f"{second // 3600}:{second // 60 % 60:02d}:{second % 60:02d}"
    return f"{days} d {text}" if days else text


def duration_text(duration_s: float) -> str:
    """Return a duration: "2.4 s", "3 min 20 s", "1 h 5 min", "2 d 3 h"."""
    if duration_s < 60:
        return f"{duration_s:.1f} s" if duration_s < 9.95 else f"{duration_s:.0f} s"
    whole = round(duration_s)
    for size, name, part, part_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {name} {rest} {part_name}" if rest else f"{whole // size} {name}"
    return f"{whole} s"
