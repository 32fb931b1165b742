"""The worklist in a real window: real files, read by the real processes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ecgviewer.jobs.listing_client import ListingClient
from ecgviewer.main_window import MainWindow
from ecgviewer.services.folders import Folders
from ecgviewer.widgets.worklist_panel import NARROWEST_PX
from physioclr_core.readers import read_record

LONGEST_MS = 60_000
DANGEROUS = Path(__file__).with_name("dangerous_listing.py")


@pytest.fixture
def folder(tmp_path: Path, demo_paths: list[Path]) -> Path:
    """Return a folder with five real ECGs, a damaged one and a text."""
    root = tmp_path / "ward"
    root.mkdir()
    for header in demo_paths[:5]:
        for file in header.parent.glob(f"{header.stem}.*"):
            shutil.copyfile(file, root / file.name)
    (root / "bad.hea").write_bytes(b"\x00\x01 not a header")
    (root / "notes.txt").write_text("no ECG", encoding="utf-8")
    return root


@pytest.fixture
def listed(make_window: Callable[..., MainWindow], folder: Path, qtbot: QtBot) -> MainWindow:
    """Return a window that has read the folder."""
    window = make_window()
    window.open_list([folder])
    wait_until_read(window, qtbot)
    return window


def wait_until_read(window: MainWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.folders.is_reading, timeout=LONGEST_MS)
    QApplication.processEvents()


def texts(window: MainWindow, column: int = 0) -> list[str]:
    rows = window.worklist.table.rows
    return [str(rows.index(row, column).data()) for row in range(rows.rowCount())]


def press(window: MainWindow, key: Qt.Key) -> None:
    QTest.keyClick(window.workspace.main_pane.view, key)
    QApplication.processEvents()


class TestFilling:
    def test_a_window_without_a_list_has_no_panel(self, make_window: Callable[..., MainWindow]) -> None:
        window = make_window()
        assert window.worklist.isHidden()
        assert window.worklist.room_px == 0

    def test_a_folder_is_listed_with_what_its_files_say(self, listed: MainWindow, folder: Path) -> None:
        assert listed.worklist.is_open
        assert texts(listed) == sorted(path.stem for path in folder.glob("*.hea"))
        assert listed.worklist.progress.whole_text == "5 ECGs, 1 not readable, 1 other file"
        for entry in listed.folders.list.entries:
            if entry.summary is not None:
                record = read_record(entry.path)
                assert entry.summary.lead_names == record.lead_names
                assert entry.summary.age_years == record.patient.age_years

    def test_the_first_ecg_is_opened_where_none_is_in_sight(self, listed: MainWindow) -> None:
        record = listed.session.record
        assert record is not None
        first = listed.folders.list.first_read(is_reading=False)
        assert first is not None
        assert first.path == listed.session.path == listed.worklist.table.selected_path()

    def test_an_ecg_in_sight_stays(
        self, make_window: Callable[..., MainWindow], folder: Path, demo_paths: list[Path], qtbot: QtBot
    ) -> None:
        window = make_window()
        window.open_file(demo_paths[7])
        window.open_list([folder])
        wait_until_read(window, qtbot)
        assert window.session.path == demo_paths[7]

    def test_a_bad_file_is_a_row_with_its_sentence_and_a_filter_finds_it(self, listed: MainWindow) -> None:
        listed.worklist.statuses["error"].click()
        assert texts(listed) == ["bad"]
        assert texts(listed, 1)[0].startswith("bad.hea: is not a WFDB header")
        listed.worklist.table.selectRow(0)
        assert listed.worklist.reason.startswith("bad.hea: is not a WFDB header")
        assert listed.worklist.statuses["error"].text() == "Errors 1"

    def test_the_list_is_there_while_files_are_read_and_stopping_keeps_what_is_known(
        self, make_window: Callable[..., MainWindow], folder: Path, qtbot: QtBot
    ) -> None:
        header = (folder / "bad.hea").with_name(next(p.name for p in sorted(folder.glob("*.hea")) if p.stem != "bad"))
        text = header.read_text(encoding="utf-8")
        for number in range(2000):
            (folder / f"z{number:04d}.hea").write_text(
                text.replace(f"{header.stem} ", f"z{number:04d} ", 1), encoding="utf-8"
            )
        window = make_window()
        window.open_list([folder])
        qtbot.waitUntil(lambda: window.folders.list.count("read") > 20, timeout=LONGEST_MS)
        assert window.folders.is_reading
        assert " of " in window.worklist.progress.whole_text
        assert "waiting" in {entry.kind for entry in window.folders.list.entries}
        qtbot.waitUntil(lambda: window.worklist.shows_bar, timeout=LONGEST_MS)
        pids = window.folders._lister.process_ids
        assert pids
        window.worklist.cancel.click()
        assert not window.worklist.shows_bar
        assert window.worklist.progress.whole_text.startswith("Stopped: ")
        assert not any(psutil.pid_exists(pid) and _is_running(pid) for pid in pids)
        n_read = window.folders.list.count("read")
        QTest.qWait(300)
        assert window.folders.list.count("read") == n_read > 20

    def test_a_closed_window_leaves_no_process(
        self, make_window: Callable[..., MainWindow], folder: Path, qtbot: QtBot
    ) -> None:
        window = make_window()
        window.open_list([folder])
        qtbot.waitUntil(lambda: bool(window.folders._lister.process_ids), timeout=LONGEST_MS)
        pids = window.folders._lister.process_ids
        window.close()
        assert not any(psutil.pid_exists(pid) and _is_running(pid) for pid in pids)


def _is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class TestReading:
    def test_j_and_k_go_through_the_list_as_it_is_in_sight_and_the_selection_follows(self, listed: MainWindow) -> None:
        names = [name for name in texts(listed) if name != "bad"]
        listed.worklist.table.horizontalHeader().sectionClicked.emit(0)
        listed.worklist.table.horizontalHeader().sectionClicked.emit(0)
        names.reverse()
        while listed.folders.neighbour(-1) is not None:
            press(listed, Qt.Key.Key_K)
        seen = [listed.session.record.name]
        while listed.folders.neighbour(1) is not None:
            press(listed, Qt.Key.Key_J)
            seen.append(listed.session.record.name)
            assert listed.worklist.table.selected_path() == listed.session.path
        assert seen == names
        press(listed, Qt.Key.Key_J)
        assert listed.session.record.name == names[-1]

    def test_enter_opens_the_selected_row(self, listed: MainWindow) -> None:
        row = texts(listed).index(max(name for name in texts(listed) if name != "bad"))
        listed.worklist.table.selectRow(row)
        QTest.keyClick(listed.worklist.table, Qt.Key.Key_Return)
        assert listed.session.record.name == texts(listed)[row]

    def test_typing_filters_and_keeps_the_selection(self, listed: MainWindow) -> None:
        name = listed.session.record.name
        QTest.keyClicks(listed.worklist.text, name.upper())
        assert texts(listed) == [name]
        assert listed.worklist.table.selected_path() == listed.session.path
        listed.worklist.text.clear()
        assert len(texts(listed)) == 6
        assert listed.worklist.table.selected_path() == listed.session.path

    def test_letters_typed_into_the_filter_are_no_commands(self, listed: MainWindow) -> None:
        before = listed.session.path
        listed.worklist.text.setFocus()
        QTest.keyClicks(listed.worklist.text, "jk")
        assert listed.session.path == before
        assert listed.worklist.text.text() == "jk"


class TestHostileWords:
    def test_what_a_file_says_is_shown_and_never_obeyed(
        self, make_window: Callable[..., MainWindow], folder: Path, qtbot: QtBot
    ) -> None:
        header = next(path for path in sorted(folder.glob("*.hea")) if path.stem != "bad")
        words = "<img src='file:///x'> <b>bold</b>"
        with header.open("a", encoding="utf-8") as file:
            file.write(f"# Dx: {words}\n")
        (folder / "<i>odd</i>.hea".replace("/", "_")).write_text("rubbish", encoding="utf-8")
        window = make_window()
        window.open_list([folder])
        wait_until_read(window, qtbot)
        table = window.worklist.table.rows
        for row in range(table.rowCount()):
            tooltip = str(table.index(row, 0).data(Qt.ItemDataRole.ToolTipRole))
            assert "<img" not in tooltip
            assert "<i>" not in tooltip
        window.session.failed.emit(words)
        assert window.workspace.main_pane.error_bar.text == words
        label = window.workspace.main_pane.error_bar._label
        assert label.textFormat() == Qt.TextFormat.PlainText

    @pytest.mark.skipif(sys.platform != "linux", reason="names of bytes are Linux's")
    def test_names_that_are_no_text_and_names_of_two_lines_are_listed(
        self, make_window: Callable[..., MainWindow], folder: Path, qtbot: QtBot
    ) -> None:
        (folder / os.fsdecode(b"caf\xe9.hea")).write_text("rubbish", encoding="utf-8")
        (folder / "two\nlines.hea").write_text("rubbish", encoding="utf-8")
        window = make_window()
        window.open_list([folder])
        wait_until_read(window, qtbot)
        window.worklist.statuses["error"].click()
        assert "two lines" in texts(window)
        assert len(texts(window)) == 3


class TestPanel:
    def test_it_folds_to_a_rail_and_back(self, listed: MainWindow) -> None:
        wide_px = listed.worklist.room_px
        press(listed, Qt.Key.Key_L)
        assert listed.worklist.table.hasFocus()
        QTest.keyClick(listed.worklist.table, Qt.Key.Key_L)
        assert not listed.worklist.is_open
        assert listed.worklist.room_px < 40 < wide_px
        press(listed, Qt.Key.Key_L)
        assert listed.worklist.is_open
        assert listed.worklist.table.hasFocus()

    def test_its_width_is_remembered(self, make_window: Callable[..., MainWindow]) -> None:
        window = make_window(keeps_settings=True)
        window.worklist.set_width(10)
        window.worklist.resized.emit(NARROWEST_PX)
        window.close()
        again = make_window(keeps_settings=True)
        assert again.settings.worklist_px == NARROWEST_PX

    def test_closing_the_list_clears_it_and_leaves_the_ecg(self, listed: MainWindow) -> None:
        name = listed.session.record.name
        listed.worklist.text.setText("x")
        listed.worklist.close_list.click()
        assert listed.worklist.isHidden()
        assert listed.folders.list.entries == []
        assert listed.worklist.text.text() == ""
        assert listed.session.record.name == name

    def test_files_and_folders_that_are_dropped_fill_the_list(
        self, make_window: Callable[..., MainWindow], folder: Path, demo_paths: list[Path], qtbot: QtBot
    ) -> None:
        window = make_window()
        _drop(window, [folder])
        wait_until_read(window, qtbot)
        assert window.folders.list.count("read") == 5
        files = [file for path in demo_paths[:3] for file in path.parent.glob(f"{path.stem}.*")]
        _drop(window, files)
        wait_until_read(window, qtbot)
        assert window.folders.list.count("read") == 3
        assert window.folders.title == f"{len(files)} files"

    def test_an_empty_folder_says_so(
        self, make_window: Callable[..., MainWindow], tmp_path: Path, qtbot: QtBot
    ) -> None:
        window = make_window()
        window.open_list([tmp_path])
        wait_until_read(window, qtbot)
        assert window.worklist.progress.whole_text == "0 ECGs"
        assert window.session.record is None


def _drop(window: MainWindow, paths: list[Path]) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    where, action = QPointF(300, 300), Qt.DropAction.CopyAction
    window.dropEvent(QDropEvent(where, action, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier))


class TestChange:
    def test_a_rescan_finds_what_is_new_changed_and_gone(self, listed: MainWindow, folder: Path, qtbot: QtBot) -> None:
        headers = sorted(path for path in folder.glob("*.hea") if path.stem != "bad")
        before = {entry.path: entry.summary for entry in listed.folders.list.entries}
        headers[4].unlink()
        text = headers[3].read_text(encoding="utf-8")
        headers[3].write_text(f"{text.rstrip()}\n# a comment that was added\n", encoding="utf-8")
        shutil.copyfile(headers[0], folder / "new.hea")
        (folder / "bad.hea").unlink()
        listed.worklist.rescan.click()
        wait_until_read(listed, qtbot)
        after = {entry.path: entry.summary for entry in listed.folders.list.entries}
        assert set(after) == {*headers[:4], folder / "new.hea"}
        assert all(after[path] is before[path] for path in headers[:3])
        assert after[headers[3]] is not before[headers[3]]

    def test_a_file_that_goes_before_it_is_read_is_an_error_and_the_others_are_read(
        self, folder: Path, qtbot: QtBot
    ) -> None:
        client = ListingClient(n_processes=1)
        folders = Folders(client)
        gone = folder / "gone.hea"
        folders.open([gone, folder])
        qtbot.waitUntil(lambda: not folders.is_reading, timeout=LONGEST_MS)
        entry = folders.list.entry_of(gone)
        assert entry is not None
        assert entry.error == "gone.hea: does not exist."
        assert folders.list.count("read") == 5


class TestDanger:
    """Files that take the reading process down, or never end."""

    def folders(self, *arguments: str, longest_read_s: float = 60.0) -> Folders:
        command = [sys.executable, str(DANGEROUS), *arguments]
        return Folders(ListingClient(command, n_processes=2, longest_read_s=longest_read_s))

    @pytest.mark.skipif(os.name == "nt", reason="names of signals are POSIX")
    def test_a_crash_is_the_error_of_its_file_alone(self, folder: Path, qtbot: QtBot) -> None:
        for name in ("a-crash.hea", "m-crash.hea"):
            (folder / name).write_text("x 1 100 10\n", encoding="utf-8")
        folders = self.folders()
        folders.open([folder])
        qtbot.waitUntil(lambda: not folders.is_reading, timeout=LONGEST_MS)
        entry = folders.list.entry_of(folder / "a-crash.hea")
        assert entry is not None
        assert entry.error == "a-crash.hea: reading it crashed (SIGABRT)."
        assert (folders.list.count("read"), folders.list.count("error")) == (5, 3)

    def test_a_file_that_never_ends_is_given_up_and_the_others_are_read(self, folder: Path, qtbot: QtBot) -> None:
        (folder / "a-stall.hea").write_text("x 1 100 10\n", encoding="utf-8")
        folders = self.folders(longest_read_s=1.0)
        folders.open([folder])
        qtbot.waitUntil(lambda: not folders.is_reading, timeout=LONGEST_MS)
        entry = folders.list.entry_of(folder / "a-stall.hea")
        assert entry is not None
        assert entry.error == "a-stall.hea: reading it was given up after 1 s."
        assert folders.list.count("read") == 5

    def test_a_process_that_cannot_start_is_said_once(self, folder: Path, qtbot: QtBot) -> None:
        folders = self.folders("--broken")
        folders.open([folder])
        qtbot.waitUntil(lambda: not folders.is_reading, timeout=LONGEST_MS)
        assert folders.list.entries == []
        assert any("ended with code 3" in fault for fault in folders.faults)
