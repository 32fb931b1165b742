"""While an ECG is read, the one in sight is seen not to be it: real files, the reader's answers kept back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from test_worklist_panel import press, wait_until_read
from viewer_doubles import predictions

from ecgviewer.main_window import MainWindow


@pytest.fixture
def listed(make_window: Callable[..., MainWindow], demo_paths: list[Path], qtbot: QtBot) -> MainWindow:
    """Return a window with a list, findings of its first ECG in sight, and a reader that holds back what comes next."""
    window = make_window()
    window.session.analyst.get_ready()
    window.open_list(demo_paths[:4])
    wait_until_read(window, qtbot)
    window.session.analyst.answered.emit(predictions(window.session.analysis.job))
    window.panels.set_open(True)
    window.session._loader.is_holding = True
    return window


def release(window: MainWindow, which: int = 0) -> None:
    window.session._loader.release(which)
    QApplication.processEvents()


def under(window: MainWindow, widget: object) -> object:
    """Return what a click on a widget's middle would reach."""
    return window.childAt(widget.mapTo(window, widget.rect().center()))


def test_an_ecg_that_is_there_at_once_changes_nothing(listed: MainWindow) -> None:
    press(listed, Qt.Key.Key_J)
    assert not listed.opening_sign.is_shown
    release(listed)
    QTest.qWait(200)
    assert not listed.opening_sign.is_shown


def test_while_the_next_is_read_paper_and_findings_are_dimmed_and_say_whose_they_are(
    listed: MainWindow, qtbot: QtBot
) -> None:
    before = listed.session.record
    assert before is not None
    press(listed, Qt.Key.Key_J)
    wanted = listed.worklist.table.selected_path()
    assert wanted != listed.session.path
    qtbot.waitUntil(lambda: listed.opening_sign.is_shown, timeout=1000)
    assert listed.opening_sign.text == f"reading {wanted.name}…\nThe dimmed ECG is still {before.name}"
    for widget in (listed.workspace.main_pane.view, listed.panels.findings.list, listed.panels.similar.list):
        reached = under(listed, widget)
        assert reached is not widget
        assert not widget.isAncestorOf(reached)
    listed.resize(1500, 900)
    QApplication.processEvents()
    corner = listed.workspace.mapTo(listed, listed.workspace.rect().bottomRight() - QPoint(3, 3))
    assert listed.childAt(corner).parent() is listed.workspace
    assert not listed.opening_sign.shows_progress
    qtbot.waitUntil(lambda: listed.opening_sign.shows_progress, timeout=3000)
    assert listed.opening_sign.text.splitlines()[0] == f"reading {wanted.name}, 1 s"
    release(listed)
    assert listed.session.path == wanted
    assert not listed.opening_sign.is_shown


def test_whoever_goes_on_before_it_is_read_is_told_the_newest_name_and_waits_no_longer_for_the_sign(
    listed: MainWindow, qtbot: QtBot
) -> None:
    for _ in range(2):
        press(listed, Qt.Key.Key_J)
        QTest.qWait(100)
    assert listed.opening_sign.is_shown
    wanted = listed.worklist.table.selected_path()
    assert wanted.name in listed.opening_sign.text
    release(listed, 0)  # the first answer is stale, and nothing to stop waiting for
    assert listed.opening_sign.is_shown
    release(listed, 1)
    assert listed.session.path == wanted
    assert not listed.opening_sign.is_shown


def test_escape_gives_it_up_and_selects_the_ecg_in_sight(listed: MainWindow, qtbot: QtBot) -> None:
    path = listed.session.path
    press(listed, Qt.Key.Key_J)
    qtbot.waitUntil(lambda: listed.opening_sign.is_shown, timeout=1000)
    press(listed, Qt.Key.Key_Escape)
    assert not listed.opening_sign.is_shown
    assert listed.worklist.table.selected_path() == listed.folders.current == path
    release(listed)
    assert listed.session.path == path


def test_where_reading_fails_the_sign_goes_and_the_dismissed_error_leads_back(
    listed: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    path = listed.session.path
    listed.open_file(tmp_path / "gone.hea")
    qtbot.waitUntil(lambda: listed.opening_sign.is_shown, timeout=1000)
    release(listed)
    assert not listed.opening_sign.is_shown
    assert listed.workspace.main_pane.error_bar.text.startswith("gone.hea")
    listed.folders.current = tmp_path / "gone.hea"
    listed.workspace.main_pane.error_bar.dismiss()
    assert listed.worklist.table.selected_path() == listed.folders.current == path


def test_another_failure_does_not_end_the_sign(listed: MainWindow, qtbot: QtBot) -> None:
    press(listed, Qt.Key.Key_J)
    qtbot.waitUntil(lambda: listed.opening_sign.is_shown, timeout=1000)
    listed.session.failed.emit("The library's ECG could not be shown.")
    assert listed.opening_sign.is_shown
    release(listed)
    assert not listed.opening_sign.is_shown


def test_an_ecg_in_sight_that_is_not_listed_leaves_no_row_selected(
    listed: MainWindow, demo_paths: list[Path], tmp_path: Path
) -> None:
    listed.session._loader.is_holding = False
    listed.open_file(demo_paths[7])
    bad = demo_paths[0]
    listed.worklist.table.select(bad)
    listed.folders.current = bad
    listed.session.failed.emit("It could not be read.")
    listed.workspace.main_pane.error_bar.dismiss()
    assert listed.worklist.table.selected_path() is None
    assert listed.folders.current == bad  # J goes on from there
