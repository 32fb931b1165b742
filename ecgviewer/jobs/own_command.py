"""How this program starts another process of itself."""

from __future__ import annotations

import sys


def own_command(process: str) -> list[str]:
    """Return the command that starts another process of this program, frozen or not, such as "--list"."""
    start = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "ecgviewer"]
    return [*start, process]
