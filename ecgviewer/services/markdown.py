"""Markdown of texts that come from elsewhere: what a file says is shown, never obeyed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from physioclr_core.readers.report_text import one_line

_MEANINGFUL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~&])")


def plain(text: str) -> str:
    """Return a text such that Markdown shows it as it is, in one line."""
    return _MEANINGFUL.sub(r"\\\1", one_line(text))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table of cells that are Markdown already; no cell may be empty, it would join the one before it."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
