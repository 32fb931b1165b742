"""Real records, and a window whose reader and worker are stood in for at the edge of the process."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

sys.path.insert(0, str(Path(__file__).parent))

from viewer_doubles import DirectLoader, FakeAnalyst  # noqa: E402

from ecgviewer.main_window import MainWindow  # noqa: E402
from ecgviewer.plot.paper_view import PaperView  # noqa: E402
from ecgviewer.services.demos import list_demos  # noqa: E402
from ecgviewer.services.session import ReviewSession  # noqa: E402
from ecgviewer.settings import Settings  # noqa: E402
from ecgviewer.state.paper import Paper, PaperState  # noqa: E402
from ecgviewer.state.screen import ScreenFacts, ScreenScale  # noqa: E402
from ecgviewer.state.theme import load_theme  # noqa: E402
from ecgviewer.widgets.style import apply_theme  # noqa: E402
from physioclr_core.readers import read_record  # noqa: E402
from physioclr_core.record import EcgRecord  # noqa: E402

# 96 dots an inch, as most screens claim: 3.78 px a millimetre.
ORDINARY_SCREEN = ScreenFacts(508.0, 285.75, 96.0, 96.0)


@pytest.fixture(scope="session")
def demo_paths() -> list[Path]:
    """Return the bundled real ECGs."""
    paths = [demo.path for demo in list_demos()]
    assert len(paths) >= 2
    return paths


@pytest.fixture(scope="session")
def record(demo_paths: list[Path]) -> EcgRecord:
    """Return a real ECG of twelve leads and ten seconds."""
    return read_record(demo_paths[0])


@pytest.fixture(scope="session")
def other_record(demo_paths: list[Path]) -> EcgRecord:
    """Return another one."""
    return read_record(demo_paths[1])


@pytest.fixture(scope="session")
def long_record(record: EcgRecord) -> EcgRecord:
    """Return a real ECG that is laid end to end to a minute and a half."""
    signal_mv = np.tile(record.signal_mv, (1, 9))
    return replace(record, name="long", signal_mv=signal_mv)


@pytest.fixture
def make_view(qtbot: QtBot) -> Iterator[Callable[..., tuple[Paper, PaperView]]]:
    """Return a function that shows a record on paper."""
    views = []

    def make(
        record: EcgRecord | None,
        state: PaperState | None = None,
        *,
        size_px: tuple[int, int] = (1240, 720),
        scale: ScreenScale = ScreenScale(96 / 25.4, True),  # noqa: B008
        theme: str = "light",
    ) -> tuple[Paper, PaperView]:
        paper = Paper(state)
        view = PaperView(paper, load_theme(theme))
        qtbot.addWidget(view)
        view.set_screen_scale(scale)
        view.resize(*size_px)
        view.set_record(record)
        view.show()
        QApplication.processEvents()
        views.append(view)
        return paper, view

    yield make
    for view in views:
        view.release()


@pytest.fixture
def make_window(qtbot: QtBot, qapp: QApplication) -> Callable[..., MainWindow]:
    """Return a function that shows the main window with stand-ins for reader and worker."""

    def make(
        size_px: tuple[int, int] = (1600, 1000),
        *,
        facts: ScreenFacts | None = ORDINARY_SCREEN,
        keeps_settings: bool = False,
        analyses: bool = True,
    ) -> MainWindow:
        apply_theme(qapp, load_theme("light"))
        session = ReviewSession(DirectLoader(), FakeAnalyst())
        window = MainWindow(session, Paper(), Settings(is_kept=keeps_settings), "light", lambda screen: facts)
        qtbot.addWidget(window)
        window.resize(*size_px)
        window.show()
        if analyses:
            session.start_analysis()
        QApplication.processEvents()
        return window

    return make
