"""What the system says about the screen a window is on: the one place where Qt is asked."""

from __future__ import annotations

from PySide6.QtGui import QScreen

from ecgviewer.state.screen import ScreenFacts


def screen_facts(screen: QScreen | None) -> ScreenFacts | None:
    """Return size and resolution of a screen in device-independent dots, None where there is none."""
    if screen is None:
        return None
    size_mm = screen.physicalSize()
    return ScreenFacts(size_mm.width(), size_mm.height(), screen.physicalDotsPerInchX(), screen.physicalDotsPerInchY())
