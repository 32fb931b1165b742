"""The panel of similar ECGs in words."""

from __future__ import annotations

from ecgviewer.jobs.protocol import Likeness, Neighbour, Similar
from ecgviewer.state.header import UNKNOWN, age_text, sex_text

_UNITS = ("ms", "mv", "uv", "uvs")
LIKENESS_LEGEND = "Bars: how alike rhythm, conduction, repolarisation and morphology were measured"


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
    said = (
        f"{statements_text(neighbour)}, {who_text(neighbour)}, distance {neighbour.distance:.3f}, "
        f"record {neighbour.record}"
    )
    likeness = likeness_text(neighbour.likeness)
    return f"{said}. {likeness}" if likeness else said


def likeness_text(likeness: Likeness | None) -> str:
    """Return what a neighbour and the record measure alike, block by block; empty where it was not compared.

    1 is the same deviation from a typical ECG, 0 is unrelated, -1 is the opposite.
    """
    if likeness is None:
        return ""
    blocks = ", ".join(
        f"{block} {UNKNOWN if cosine is None else f'{cosine:+.2f}'}" for block, cosine in likeness.blocks.items()
    )
    said = f"Measured alike (-1 to 1): {blocks}"
    if likeness.alike:
        said += f". Most alike: {', '.join(_words(name) for name in likeness.alike[:3])}"
    if likeness.unlike:
        said += f". Least: {', '.join(_words(name) for name in likeness.unlike[:3])}"
    return said


def _words(feature: str) -> str:
    """Return a feature's name as it is read, without its unit: "t_v2_mv" is "t v2"."""
    parts = feature.split("_")
    return " ".join(parts[:-1] if len(parts) > 1 and parts[-1] in _UNITS else parts)


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
