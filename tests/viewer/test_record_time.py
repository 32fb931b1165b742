"""Times are said by the clock where it is known, and understood in every form that a person writes."""

from __future__ import annotations

from datetime import datetime

import pytest

from ecgviewer.state.record_time import RecordClock, TimeError, duration_text, elapsed_text

START = datetime(2024, 3, 1, 22, 30, 0)
DAYS = RecordClock(START, 14 * 86400.0)
HOURS = RecordClock(datetime(2024, 3, 1, 8, 0, 0), 3600.0 * 10)
NO_CLOCK = RecordClock(None, 86400.0)


@pytest.mark.parametrize(
    ("text", "near_s", "time_s"),
    [
        ("23:00", 0.0, 1800.0),
        ("8:00", 0.0, 9.5 * 3600),
        ("8:00", 10 * 3600.0, 33.5 * 3600),  # already past it: the next day's
        ("day 2 00:30", 0.0, 2 * 3600.0),
        ("2 0:30:05", 0.0, 2 * 3600.0 + 5),
        ("2024-03-03 22:30", 0.0, 2 * 86400.0),
        ("+3:25:10", 0.0, 3 * 3600 + 25 * 60 + 10.0),
        ("+2d 3:00", 0.0, 2 * 86400 + 3 * 3600.0),
        ("90 min", 0.0, 5400.0),
        ("1 d 2 h", 0.0, 26 * 3600.0),
        ("45.5 s", 0.0, 45.5),
    ],
)
def test_times_are_understood(text: str, near_s: float, time_s: float) -> None:
    assert DAYS.parse(text, near_s) == pytest.approx(time_s)


def test_without_a_clock_a_time_counts_from_the_start() -> None:
    assert NO_CLOCK.parse("3:20") == 12_000.0
    assert NO_CLOCK.text(12_000.0) == "+3:20:00"


@pytest.mark.parametrize("text", ["", "soon", "25:99", "12:61", "99:99:99"])
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(TimeError, match="is no time; write 14:30"):
        HOURS.parse(text)


def test_a_time_outside_says_which_times_there_are() -> None:
    with pytest.raises(TimeError, match="outside the recording, which goes from 08:00:00 to 18:00:00"):
        HOURS.parse("7:00")


def test_days_are_named_only_where_there_are_several() -> None:
    assert HOURS.text(3661) == "09:01:01"
    assert DAYS.text(2 * 3600.0) == "day 2 00:30:00"


def test_what_is_shown_is_understood_again() -> None:
    for clock in (DAYS, HOURS, NO_CLOCK):
        for time_s in (0.0, 61.0, 7322.0, 30_000.0):
            assert clock.parse(clock.text(time_s)) == pytest.approx(time_s)


def test_durations_are_said_as_people_say_them() -> None:
    said = [duration_text(s) for s in (2.35, 59, 200, 3600, 7500, 86400 * 2 + 3 * 3600)]
    assert said == ["2.4 s", "59 s", "3 min 20 s", "1 h", "2 h 5 min", "2 d 3 h"]
    assert elapsed_text(90_061.0) == "1 d 1:01:01"
