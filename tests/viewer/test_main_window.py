"""The window: opening, errors, panels, menus, two papers. Reader and worker are stood in for at the process's edge."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog
from pytestqt.qtbot import QtBot
from viewer_doubles import heart_rate, library_record, predictions, similar

from ecgviewer.dialogs.text_dialog import TextDialog
from ecgviewer.jobs.protocol import Failed
from ecgviewer.main_window import MainWindow
from ecgviewer.state.analysis import WorkerStatus
from ecgviewer.state.screen import ScreenFacts
from ecgviewer.widgets.side_panels import RailButton
from ecgviewer.widgets.status_line import RESEARCH_NOTICE
from physioclr_core.readers import read_record
from physioclr_core.record import EcgRecord, ImportReport


def _answer(window: MainWindow, *messages: object) -> None:
    for message in messages:
        window.session.analyst.answered.emit(message)  # type: ignore[arg-type]
    QApplication.processEvents()


def _press(window: MainWindow, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(window.workspace.main_pane.view, key, modifier)
    QApplication.processEvents()


def _bar(window: MainWindow) -> str:
    return window.workspace.main_pane.error_bar.text


# What Qt's offscreen platform says about every dialog; no other platform does.
dialog_test = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


class TestOpening:
    def test_a_record_is_shown_with_its_header(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        text = window.workspace.main_pane.header.text()
        assert "HR --" in text
        assert "500 Hz" in text
        assert "25 mm/s  10 mm/mV  display filter off  device band unknown  baseline at lead median" in text
        assert window.windowTitle().startswith(demo_paths[0].stem)

    def test_a_bad_file_keeps_the_previous_ecg_and_says_one_sentence(
        self, make_window: Callable, demo_paths: list[Path], tmp_path: Path
    ) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        bad = tmp_path / "bad.hea"
        bad.write_bytes(b"\x00\x01 not a header")
        window.open_file(bad)
        assert _bar(window).startswith("bad.hea")
        assert _bar(window).count("\n") == 0
        assert window.session.record.name == demo_paths[0].stem
        assert window.workspace.main_pane.view.record.name == demo_paths[0].stem
        _press(window, Qt.Key.Key_Escape)
        assert _bar(window) == ""

    def test_a_missing_file_is_an_error_and_the_next_record_clears_it(
        self, make_window: Callable, demo_paths: list[Path], tmp_path: Path
    ) -> None:
        window = make_window()
        window.open_file(tmp_path / "nowhere.hea")
        assert "nowhere.hea" in _bar(window)
        window.open_file(demo_paths[1])
        assert _bar(window) == ""

    def test_an_error_is_as_tall_as_its_words_and_the_list_of_formats_is_in_its_tooltip(
        self, make_window: Callable, demo_paths: list[Path], tmp_path: Path
    ) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        (tmp_path / "bad.dcm").write_bytes(b"no ECG" * 500)
        window.open_file(tmp_path / "bad.dcm")
        QApplication.processEvents()
        bar = window.workspace.main_pane.error_bar
        assert bar.text == "bad.dcm: is not of a format that can be read."
        assert bar.toolTip().startswith("Readable are WFDB (.hea")
        assert "DICOM (.dcm, .dicom)" in bar.toolTip()
        line_px = bar.fontMetrics().lineSpacing()
        assert bar.height() < 3 * line_px
        bar.say("word " * 80)
        assert 3 * line_px < bar.height() < 6 * line_px
        assert bar.toolTip() == ""
        bar.say("word")
        assert bar.height() < 3 * line_px

    def test_of_two_reads_only_the_newer_is_shown(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window()
        loader = window.session._loader
        loader.is_holding = True
        window.open_file(demo_paths[0])
        window.open_file(demo_paths[1])
        loader.release(1)
        loader.release(0)
        assert window.session.record.name == demo_paths[1].stem

    def test_a_dropped_file_is_opened(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window()
        data = QMimeData()
        signal_file = demo_paths[0].with_suffix(".dat")
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in (signal_file, demo_paths[0])])
        drop = QDropEvent(
            QPointF(100, 100),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        window.dropEvent(drop)
        assert window.session.record.name == demo_paths[0].stem

    def test_a_drag_over_the_paper_reaches_the_window(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window()
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(demo_paths[0]))])
        drag = QDragEnterEvent(
            QPoint(50, 50),
            Qt.DropAction.CopyAction,
            data,
            Qt.MouseButton.LeftButton,
            Qt.KeyboardModifier.NoModifier,
        )
        view = window.workspace.main_pane.view
        assert not view.acceptDrops()
        assert not view.viewport().acceptDrops()
        QApplication.sendEvent(window, drag)
        assert drag.isAccepted()

    def test_opened_files_are_recent_and_demos_are_not(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window(keeps_settings=True)
        window.open_file(demo_paths[0])
        window.open_file(demo_paths[1], is_demo=True)
        assert window.settings.recent == [str(demo_paths[0])]

    @dialog_test
    def test_warnings_are_a_quiet_line_that_opens_the_report(
        self, make_window: Callable, record: EcgRecord, qtbot: QtBot
    ) -> None:
        window = make_window()
        report = ImportReport(warnings=("V3 has a gap of 0.4 s.", "The gain of V1 is the format's default."))
        window.session.show_record(replace(record, report=report))
        QApplication.processEvents()
        assert window.workspace.notice.text == "WFDB, 12 leads: V3 has a gap of 0.4 s. (and 1 more)"
        QTest.mouseClick(window.workspace.notice, Qt.MouseButton.LeftButton)
        dialog = window.findChild(TextDialog)
        assert "V3 has a gap" in dialog.text.toPlainText()
        dialog.close()
        window.session.show_record(record)
        assert window.workspace.notice.text == ""


class TestAnalysis:
    def test_answers_fill_header_panels_and_status(
        self, make_window: Callable, demo_paths: list[Path], tmp_path: Path
    ) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        window.session.analyst.get_ready()
        thumbnails = tmp_path / "thumbnails.npy"
        np.save(thumbnails, np.zeros((10, 1000), dtype=np.int16))
        _answer(window, heart_rate(), predictions(), similar(thumbnails=thumbnails))
        assert "HR 72" in window.workspace.main_pane.header.text()
        assert [row.text for row in window.panels.findings.rows()][:2] == ["Urgent candidates", "3AVB"]
        assert len(window.panels.similar.rows()) == 10
        assert window.panels.similar.rows()[0].thumbnail_uv is not None
        assert "Left out: 2 ECGs of the same patient" in window.panels.similar.footnotes
        assert "PTB-XL" in window.panels.similar.footnotes
        device = window.status.device.whole_text
        assert device == "CPU (no CUDA device was found), model 0123abcd (research use only)"
        assert "install a driver" in window.status.device.toolTip()

    def test_the_research_notice_is_always_in_sight(self, make_window: Callable) -> None:
        for size_px in ((1280, 800), (800, 520)):
            window = make_window(size_px)
            notice = window.status.notice
            assert notice.text() == RESEARCH_NOTICE
            assert notice.isVisible()
            assert notice.width() >= notice.sizeHint().width()
            right_px = notice.mapTo(window, notice.rect().topRight()).x()
            assert right_px <= window.width()

    def test_stale_answers_are_never_shown(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        window.open_file(demo_paths[1])
        assert window.session.analyst.forgotten == [1]
        _answer(window, heart_rate(job=1), predictions(job=1))
        assert "HR --" in window.workspace.main_pane.header.text()
        assert window.panels.findings.rows() == []
        _answer(window, heart_rate(job=2, bpm=101.0))
        assert "HR 101" in window.workspace.main_pane.header.text()

    def test_the_old_findings_go_when_a_new_record_comes(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        window.session.analyst.get_ready()
        _answer(window, heart_rate(), predictions(), similar())
        window.open_file(demo_paths[1])
        assert window.panels.findings.rows() == []
        assert window.panels.similar.rows() == []

    def test_a_skeleton_shows_where_findings_will_be(
        self, make_window: Callable, demo_paths: list[Path], qtbot: QtBot
    ) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        assert not window.panels.findings.shows_skeleton
        qtbot.waitUntil(lambda: window.panels.findings.shows_skeleton, timeout=3000)
        _answer(window, predictions())
        assert not window.panels.findings.shows_skeleton

    def test_not_assessed_is_said_in_words(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        window.session.analyst.get_ready()
        reason = "the model needs V2"
        _answer(window, predictions(reason=reason, findings=[]), similar(reason=reason, neighbours=[]))
        assert window.panels.findings.words == "not assessed: the model needs V2"
        assert window.panels.findings.rows() == []
        assert window.panels.similar.words == "not searched: the model needs V2"

    def test_a_failure_leaves_the_ecg_and_can_be_tried_again(
        self, make_window: Callable, demo_paths: list[Path], qtbot: QtBot
    ) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        _answer(window, Failed(message="the analysis crashed (SIGSEGV)", job=1))
        assert window.panels.findings.words == "not assessed: the analysis crashed (SIGSEGV)"
        assert window.workspace.main_pane.view.record is not None
        window.panels.findings.asked_again.emit()
        assert window.session.analyst.n_retries == 1
        assert len(window.session.analyst.asked) == 2

    def test_a_restart_is_seen_in_the_status(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        window.session.analyst.set_status(WorkerStatus("restarting", "the analysis crashed; starting it again"))
        assert window.status.device.whole_text == "analysis stopped, starting it again"
        assert "crashed" in window.status.device.toolTip()

    def test_the_most_abnormal_window_is_a_click_away(self, make_window: Callable, long_record: EcgRecord) -> None:
        window = make_window()
        window.session.show_record(long_record)
        window.session.analyst.get_ready()
        _answer(window, predictions(n_windows=17, most_abnormal_window_s=[35.0, 45.0]))
        panel = window.panels.findings
        panel.list.clicked.emit(panel.model.index(0))
        assert window.paper.state.start_s == 35.0
        labels = [text for text, _ in window.workspace.main_pane.view.labels()]
        assert labels[0] == "I"

    def test_folds_open_by_key(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        window.session.analyst.get_ready()
        _answer(window, predictions())
        panel = window.panels.findings
        texts = [row.text for row in panel.rows()]
        assert "AFIB" not in texts
        fold = texts.index("below threshold (2)")
        panel.list.setCurrentIndex(panel.model.index(fold))
        QTest.keyClick(panel.list, Qt.Key.Key_Return)
        assert {"AFIB", "INJAS"} <= {row.text for row in panel.rows()}
        QTest.keyClick(panel.list, Qt.Key.Key_Space)
        assert "AFIB" not in [row.text for row in panel.rows()]

    def test_every_row_can_be_read_aloud(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window()
        window.open_file(demo_paths[0])
        window.session.analyst.get_ready()
        _answer(window, predictions(), similar())
        spoken = [window.panels.findings.model.index(i).data(Qt.ItemDataRole.AccessibleTextRole) for i in range(2)]
        assert spoken[1] == ("urgent, 3AVB, Third degree atrioventricular block, 0.71, candidate, threshold 0.40")
        first = window.panels.similar.model.index(0).data(Qt.ItemDataRole.AccessibleTextRole)
        assert first == "NORM, SR, F 60 y, distance 0.020, record PTB-XL 100"


class TestBeside:
    def _open(self, window: MainWindow, record: EcgRecord, other: EcgRecord, folder: Path) -> None:
        window.session.show_record(record)
        window.session.analyst.get_ready()
        _answer(window, predictions(), similar())
        panel = window.panels.similar
        panel.list.setCurrentIndex(panel.model.index(1))
        QTest.keyClick(panel.list, Qt.Key.Key_Return)
        assert window.session.analyst.asked[-1] == (2, 1)
        _answer(window, library_record(2, other, folder))

    def test_both_papers_share_everything(
        self, make_window: Callable, record: EcgRecord, other_record: EcgRecord, tmp_path: Path
    ) -> None:
        window = make_window()
        self._open(window, record, other_record, tmp_path)
        beside = window.workspace.beside_pane
        first, second = window.workspace.main_pane.view, beside.view
        window.paper.set_gain(20.0)
        window.paper.set_speed(50.0)
        window.paper.set_layout("12x1")
        window.paper.set_magnification(1.5)
        window.paper.pan_to(start_s=2.0)
        QApplication.processEvents()
        assert first.geometry_px == second.geometry_px
        assert first.geometry_px.left_px > 0
        header = beside.header.text()
        assert header.startswith("Library PTB-XL 101  F  61 y  distance 0.030  NORM, SR")
        assert abs(first.width() - second.width()) <= 12

    def test_escape_closes_the_second_only(
        self, make_window: Callable, record: EcgRecord, other_record: EcgRecord, tmp_path: Path
    ) -> None:
        window = make_window()
        self._open(window, record, other_record, tmp_path)
        _press(window, Qt.Key.Key_Escape)
        assert window.workspace.beside_pane is None
        assert window.session.beside is None
        assert window.workspace.main_pane.view.record is record
        window.paper.set_gain(5.0)
        QApplication.processEvents()

    def test_a_new_record_takes_the_second_away(
        self, make_window: Callable, record: EcgRecord, other_record: EcgRecord, tmp_path: Path
    ) -> None:
        window = make_window()
        self._open(window, record, other_record, tmp_path)
        window.session.show_record(other_record)
        assert window.workspace.beside_pane is None

    def test_a_library_file_that_is_gone_is_an_error_in_the_bar(
        self, make_window: Callable, record: EcgRecord, other_record: EcgRecord, tmp_path: Path
    ) -> None:
        window = make_window()
        window.session.show_record(record)
        window.session.analyst.get_ready()
        _answer(window, similar())
        window.panels.similar.neighbour_chosen.emit(window.panels.similar.rows()[1].neighbour)
        message = library_record(2, other_record, tmp_path)
        Path(message.signal).unlink()
        _answer(window, message)
        assert "PTB-XL 101 could not be shown" in _bar(window)
        assert window.workspace.beside_pane is None


class TestPaperKeys:
    @pytest.mark.parametrize(
        ("key", "modifier", "name", "value"),
        [
            (Qt.Key.Key_2, Qt.KeyboardModifier.NoModifier, "layout", "12x1"),
            (Qt.Key.Key_1, Qt.KeyboardModifier.NoModifier, "layout", "3x4+1"),
            (Qt.Key.Key_Plus, Qt.KeyboardModifier.NoModifier, "gain_mm_mv", 20.0),
            (Qt.Key.Key_Minus, Qt.KeyboardModifier.NoModifier, "gain_mm_mv", 5.0),
            (Qt.Key.Key_BracketRight, Qt.KeyboardModifier.NoModifier, "speed_mm_s", 50.0),
            (Qt.Key.Key_BracketLeft, Qt.KeyboardModifier.NoModifier, "speed_mm_s", 25.0),
            (Qt.Key.Key_Plus, Qt.KeyboardModifier.ControlModifier, "magnification", 1.5),
            (Qt.Key.Key_Equal, Qt.KeyboardModifier.ControlModifier, "magnification", 1.5),
            (Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier, "magnification", 1.0),
        ],
    )
    def test_keys_set_the_paper(
        self,
        make_window: Callable,
        record: EcgRecord,
        key: Qt.Key,
        modifier: Qt.KeyboardModifier,
        name: str,
        value: object,
    ) -> None:
        window = make_window()
        window.session.show_record(record)
        _press(window, key, modifier)
        assert getattr(window.paper.state, name) == value

    def test_ctrl_0_is_true_size_again(self, make_window: Callable, record: EcgRecord) -> None:
        window = make_window()
        window.session.show_record(record)
        window.paper.set_magnification(3.0)
        assert "magnified x3" in window.workspace.main_pane.header.text()
        assert "mm" not in window.workspace.main_pane.header.text().splitlines()[1]
        assert window.status.scale.text() == "magnified x3"
        _press(window, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
        assert window.paper.state.magnification == 1.0

    def test_an_implausible_screen_claims_no_millimetre_anywhere(
        self, make_window: Callable, record: EcgRecord
    ) -> None:
        window = make_window(facts=ScreenFacts(16.0, 9.0, 96.0, 96.0))
        window.session.show_record(record)
        second = window.workspace.main_pane.header.text().splitlines()[1]
        assert second.startswith("large box 0.2 s, 0.5 mV (screen size unknown)")
        assert "mm" not in second
        assert window.status.scale.text() == "screen size unknown"

    def test_every_command_with_a_key_is_listed(self, make_window: Callable) -> None:
        window = make_window()
        commands = dict(window.menus.shortcuts())
        assert commands["More gain"] == "+, ="
        assert commands["Findings"] == "A"
        keys = [key for action in window.menus.actions.values() for key in action.shortcuts()]
        assert len({key.toString() for key in keys}) == len(keys)


class TestPanels:
    def test_at_1280_the_page_fits_because_the_panels_are_a_rail(
        self, make_window: Callable, record: EcgRecord
    ) -> None:
        window = make_window((1280, 800))
        window.session.show_record(record)
        QApplication.processEvents()
        assert not window.panels.is_open
        assert window.paper.extent.last_start_s == 0
        assert not window.workspace.overview.isVisible()

    def test_at_1600_both_are_in_sight(self, make_window: Callable, record: EcgRecord) -> None:
        window = make_window((1600, 1000))
        window.session.show_record(record)
        QApplication.processEvents()
        assert window.panels.is_open
        assert window.paper.extent.last_start_s == 0
        assert window.paper.extent.last_top_mm == 0

    def test_what_is_urgent_is_marked_where_the_panels_are_a_rail(
        self, make_window: Callable, record: EcgRecord, test_data: Callable[..., Path]
    ) -> None:
        window = make_window((1280, 800))
        window.session.show_record(record)
        assert window.panels.rail_words == ["Findings", "Similar ECGs"]
        _answer(window, predictions(1))
        assert window.panels.rail_words == ["Findings: urgent", "Similar ECGs"]
        acute = read_record(test_data("clinical-formats", "philips-sierra-xml", "1_03__129DYPRG.XML"))
        window.session.show_record(acute)
        assert window.panels.rail_words == ["Findings", "Similar ECGs", "Device: marked critical"]
        (button,) = [each for each in window.panels.findChildren(RailButton) if each.text().startswith("Device")]
        button.click()
        assert window.panels.is_open
        assert window.panels.device.heading.hasFocus()
        assert not window.panels.device.is_open
        window.session.show_record(record)
        window.panels.set_open(False)
        assert window.panels.rail_words == ["Findings", "Similar ECGs"]

    def test_a_choice_by_hand_outlives_a_resize(self, make_window: Callable, record: EcgRecord) -> None:
        window = make_window((1600, 1000))
        window.toggle_panels()
        window.resize(1700, 1000)
        QApplication.processEvents()
        assert not window.panels.is_open

    def test_keys_open_the_panels_and_go_there(self, make_window: Callable, record: EcgRecord) -> None:
        window = make_window((1280, 800))
        window.session.show_record(record)
        window.session.analyst.get_ready()
        _answer(window, predictions(), similar())
        _press(window, Qt.Key.Key_S)
        assert window.panels.is_open
        assert window.panels.similar.list.hasFocus()
        QTest.keyClick(window.panels.similar.list, Qt.Key.Key_Down)
        assert window.panels.similar.list.currentIndex().row() == 1
        assert window.workspace.overview.isVisible()

    def test_the_overview_goes_there(self, make_window: Callable, long_record: EcgRecord) -> None:
        window = make_window()
        window.session.show_record(long_record)
        QApplication.processEvents()
        strip = window.workspace.overview
        assert strip.isVisible()
        QTest.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.rect().center())
        extent = window.paper.extent
        middle_s = window.paper.state.start_s + extent.visible_s / 2
        assert middle_s == pytest.approx(long_record.duration_s / 2, abs=0.5)
        assert strip.visible_rect().center().x() == pytest.approx(strip.width() / 2, abs=2)


class TestWindow:
    def test_themes_change_everything_and_are_remembered(self, make_window: Callable, record: EcgRecord) -> None:
        window = make_window(keeps_settings=True)
        window.session.show_record(record)
        window.set_theme("dark")
        QApplication.processEvents()
        assert window.grab().toImage().pixelColor(5, 5).lightness() < 60
        assert window.settings.theme == "dark"
        window.set_theme("light")

    @dialog_test
    @pytest.mark.parametrize("name", ["show_import_report", "show_model_card", "show_shortcuts", "show_about"])
    def test_help_is_read_in_a_dialog(self, make_window: Callable, record: EcgRecord, name: str) -> None:
        window = make_window()
        window.session.show_record(record)
        window.session.analyst.get_ready()
        getattr(window.dialogs, name)()
        dialog = window.findChild(QDialog)
        assert dialog.isVisible()
        assert len(dialog.text.toPlainText()) > 30
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        QApplication.processEvents()

    def test_the_hints_are_shown_until_dismissed(self, make_window: Callable) -> None:
        window = make_window(keeps_settings=True)
        window.show_hints_once()
        assert window.workspace.hints.isVisible()
        window.workspace.hints.dismissed.emit()
        assert window.settings.has_seen_hints

    def test_menus_are_filled_when_opened(self, make_window: Callable, demo_paths: list[Path]) -> None:
        window = make_window(keeps_settings=True)
        file_menu = window.menuBar().actions()[0].menu()
        recent, demos = (action.menu() for action in file_menu.actions() if action.menu() is not None)
        recent.aboutToShow.emit()
        assert [action.text() for action in recent.actions()] == ["No file opened yet"]
        demos.aboutToShow.emit()
        assert len(demos.actions()) == len(demo_paths)
        demos.actions()[2].trigger()
        assert window.session.record.name == demo_paths[2].stem

    def test_a_demo_index_that_is_missing_is_no_fault(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        from ecgviewer.services import demos

        monkeypatch.setattr(demos, "assets_dir", lambda: tmp_path)
        assert demos.list_demos() == []
        (tmp_path / "demo").mkdir()
        (tmp_path / "demo" / "index.json").write_text(json.dumps([{"file": "gone.hea", "title": "x"}, 3]))
        assert demos.list_demos() == []

    def test_keys_of_the_window_do_not_eat_those_of_a_list(self, make_window: Callable, record: EcgRecord) -> None:
        window = make_window()
        window.session.show_record(record)
        view = window.workspace.main_pane.view
        event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Q, Qt.KeyboardModifier.NoModifier)
        view.keyPressEvent(event)
        assert not event.isAccepted()
