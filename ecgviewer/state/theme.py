"""Colours of the window, read from ``assets/themes``."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache

from physioclr_core.paths import assets_dir

THEME_NAMES = ("light", "dark", "high_contrast")


@dataclass(frozen=True, slots=True)
class Theme:
    """One set of colours (``#RRGGBB``); ``text_quiet`` is for units and what is under threshold."""

    name: str
    title: str
    is_dark: bool
    paper: str
    grid_1mm: str
    grid_5mm: str
    trace: str
    text: str
    text_quiet: str
    panel: str
    raised: str
    line: str
    hover: str
    selected: str
    skeleton: str
    accent: str
    on_accent: str
    notice: str
    urgent: str


@cache
def load_theme(name: str) -> Theme:
    """Return a theme by name.

    Raises
    ------
    ValueError
        If there is no such theme, or its file does not name exactly the fields of ``Theme``.
    """
    if name not in THEME_NAMES:
        raise ValueError(f"unknown theme {name!r}: one of {', '.join(THEME_NAMES)}")
    values = json.loads((assets_dir() / "themes" / f"{name}.json").read_text(encoding="utf-8"))
    if set(values) != {field.name for field in fields(Theme)}:
        raise ValueError(f"theme {name!r} does not hold the fields of a theme")
    return Theme(**values)
