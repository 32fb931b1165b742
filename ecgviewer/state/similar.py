"""The panel of similar ECGs in words."""

from __future__ import annotations

from ecgviewer.jobs.protocol import Neighbour, Similar
from ecgviewer.state.header import UNKNOWN, age_text, sex_text


def who_text(neighbour: Neighbour) -> str:
    """Return sex and age: "F 63 y"."""
    age = age_text(neighbour.age_years, neighbour.over_89)
    sex = sex_text(neighbour.sex)
    return f"{sex} {age} y" if age != UNKNOWN else f"{sex}, age {UNKNOWN}"


def statements_text(neighbour: Neighbour) -> str:
    """Return what the library's readers said about an ECG."""
    return ", ".join(neighbour.statements) if neighbour.statements else "no statements"


def accessible_text(neighbour: Neighbour) -> str:
    """Return a row in words, as a screen reader says it."""
    return (
        f"{statements_text(neighbour)}, {who_text(neighbour)}, distance {neighbour.distance:.3f}, "
        f"record {neighbour.record}"
    )


def notice_text(similar: Similar) -> str:
    """Return what has to be said before the rows; empty where the nearest is close."""
    if similar.reason is not None:
        return f"not searched: {similar.reason}"
    if similar.is_close or not similar.neighbours:
        return ""
    nearest = similar.neighbours[0].distance
    return (
        f"No close match: the nearest is at {nearest:.3f}; 99 of 100 ECGs of the library have one within "
        f"{similar.limit_distance:.3f}."
    )


def left_out_text(similar: Similar) -> str:
    """Return what was excluded from the search; empty where nothing was."""
    return f"Left out: {'; '.join(similar.left_out)}" if similar.left_out else ""
