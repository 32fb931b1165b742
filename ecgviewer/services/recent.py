"""The list of recently opened files."""

from __future__ import annotations

from pathlib import Path

MOST_RECENT_FILES = 10


def with_recent(recent: list[str], path: Path) -> list[str]:
    """Return the list with ``path`` in front, without repetition and not longer than ``MOST_RECENT_FILES``."""
    newest = str(path.absolute())
    return [newest, *(other for other in recent if other != newest)][:MOST_RECENT_FILES]
