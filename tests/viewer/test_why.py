"""What speaks for a statement: its state in words, on the paper, and in the window. The worker is stood in for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from viewer_doubles import explanation, findings, predictions, similar

from ecgviewer.jobs.protocol import Failed, Finding, Progress
from ecgviewer.main_window import MainWindow
from ecgviewer.state.paper import PaperState
from ecgviewer.state.why import Band, WhyState, footline, headline, shown
from physioclr_core.record import EcgRecord

FINDING = next(finding for finding in findings() if finding.code == "CRBBB")


def _state(folder: Path, **changes: object) -> WhyState:
    message = explanation(1, folder, **changes)
    return shown(FINDING, message, np.load(message.effects or ""))


class TestWords:
    def test_what_speaks_for_the_statement_is_tinted_and_what_speaks_against_it_is_not(self, tmp_path: Path) -> None:
        state = _state(tmp_path)
        assert {band.lead for band in state.bands} == {"V1"}
        assert len(state.bands) == 9
        assert max(state.bands, key=lambda band: band.strength) == Band("V1", 1.5, 1.6, 1.0)
        assert {round(band.strength, 3) for band in state.bands} == {0.5, 1.0}

    def test_where_every_wave_adds_little_tints_stay_faint_and_then_out(self, tmp_path: Path) -> None:
        message = explanation(1, tmp_path)
        effects = np.load(message.effects or "")
        faint = shown(FINDING, message, effects / 4)
        assert max(band.strength for band in faint.bands) == pytest.approx(0.5)
        none = shown(FINDING, message, effects / 20)
        assert none.bands == ()
        assert headline(none).endswith("no single wave in a single lead raises it")
        unknown = shown(FINDING, message, np.full_like(effects, np.nan))
        assert unknown.bands == ()

    def test_the_legend_names_statement_strongest_wave_model_and_use(self, tmp_path: Path) -> None:
        state = _state(tmp_path)
        words = "Why CRBBB 0.78: tinted waves raise it; most QRS in V1, beat 2 (without it 0.74)"
        assert headline(state) == words
        assert "not in sight in this layout" in headline(state, hides_strongest=True)
        foot = footline(state, "physioclr 0123abcd")
        assert foot.startswith("Research use only; model physioclr 0123abcd; probability without all P waves 0.91")
        assert foot.endswith("QRS complexes <0.01")

    def test_of_several_windows_the_one_that_is_explained_is_named(self, tmp_path: Path) -> None:
        state = _state(tmp_path, window_s=[10.0, 20.0], n_windows=3)
        assert headline(state).startswith("Why CRBBB 0.78 in 10-20 s: ")

    def test_waiting_says_how_far_it_is(self) -> None:
        assert headline(WhyState("waiting", FINDING, 120, 480)).endswith("asking the model again, 25 %")
        assert headline(WhyState()) == footline(WhyState(), "x") == ""


class TestPaper:
    BANDS = (Band("V1", 5.5, 5.6, 1.0), Band("V1", 1.5, 1.6, 0.5), Band("II", 1.5, 1.7, 0.5))

    def test_bands_stand_at_their_wave_in_their_lead(self, make_view: Callable, record: EcgRecord) -> None:
        _, view = make_view(record, PaperState(layout="12x1"))
        view.set_evidence(self.BANDS)
        boxes = view.evidence()
        geometry = view.geometry_px
        assert len(boxes) == 3
        for band, box in boxes:
            row = next(r for r in view.page.rows if record.lead_names[r.cells[0].lead_idx] == band.lead)
            assert box.left() == pytest.approx(geometry.x_px(band.start_s), abs=1.0)
            assert box.right() == pytest.approx(geometry.x_px(band.end_s), abs=1.0)
            assert box.top() < geometry.y_px(row.baseline_mm) < box.bottom()
            assert box.height() < view.page.pitch_mm * geometry.px_per_mm

    def test_in_columns_only_what_a_column_shows_is_tinted(self, make_view: Callable, record: EcgRecord) -> None:
        paper, view = make_view(record, PaperState(layout="3x4+1"))
        view.set_evidence(self.BANDS)
        shown_bands = [band for band, _ in view.evidence()]
        # V1 stands at 5 to 7.5 s; II in its column and as the rhythm strip.
        assert sorted((band.lead, band.start_s) for band in shown_bands) == [("II", 1.5), ("II", 1.5), ("V1", 5.5)]
        assert not view.hides_strongest_evidence()
        view.set_evidence(self.BANDS[2:])
        assert not view.hides_strongest_evidence()
        view.set_evidence((Band("V1", 1.5, 1.6, 1.0),))
        assert view.hides_strongest_evidence()
        paper.set_layout("12x1")
        assert not view.hides_strongest_evidence()

    @pytest.mark.parametrize("theme", ["light", "dark", "high_contrast"])
    def test_the_trace_keeps_its_colour_and_the_grid_is_seen_through_the_strongest_tint(
        self, make_view: Callable, record: EcgRecord, theme: str
    ) -> None:
        _, view = make_view(record, PaperState(layout="12x1"), theme=theme)
        before = _pixels(view)
        view.set_evidence([Band("V1", 2.0, 4.0, 1.0)])
        ((_, box),) = view.evidence()
        after = _pixels(view)
        rows = slice(int(box.top()) + 1, int(box.bottom()) - 4)
        inside = (rows, slice(int(box.left()) + 1, int(box.right()) - 1))
        is_trace = (before[inside] == _rgb(view._labels._theme.trace)).all(axis=2)
        assert is_trace.sum() > 50
        assert (after[inside][is_trace] == before[inside][is_trace]).all()
        is_paper = (before[inside] == _rgb(view._labels._theme.paper)).all(axis=2)
        is_line = (before[inside] == _rgb(view._labels._theme.grid_5mm)).all(axis=2)
        paper, line = after[inside][is_paper].mean(axis=0), after[inside][is_line].mean(axis=0)
        assert np.abs(paper - before[inside][is_paper].mean(axis=0)).max() > 15  # the tint is seen
        assert np.abs(paper - line).max() > 10  # and so is the grid
        outside = after.copy()
        outside[int(box.top()) : int(box.bottom()) + 1, int(box.left()) : int(box.right()) + 1] = before[
            int(box.top()) : int(box.bottom()) + 1, int(box.left()) : int(box.right()) + 1
        ]
        np.testing.assert_array_equal(outside, before)

    def test_bands_move_with_the_paper_and_never_over_the_calibration_pulse(
        self, make_view: Callable, long_record: EcgRecord
    ) -> None:
        paper, view = make_view(long_record, PaperState(layout="12x1"))
        view.set_evidence([Band("V1", 2.0, 4.0, 1.0)])
        paper.pan_to(start_s=3.0)
        ((_, box),) = view.evidence()
        geometry = view.geometry_px
        assert box.left() == pytest.approx(geometry.gutter_px, abs=1.0)
        assert box.right() == pytest.approx(geometry.x_px(4.0), abs=1.0)
        paper.pan_to(start_s=5.0)
        assert view.evidence() == []

    def test_another_record_has_a_clean_paper(
        self, make_view: Callable, record: EcgRecord, other_record: EcgRecord
    ) -> None:
        _, view = make_view(record)
        view.set_evidence(self.BANDS)
        view.set_record(other_record)
        assert view.evidence() == []


def _rgb(colour: str) -> np.ndarray:
    made = QColor(colour)
    return np.array([made.red(), made.green(), made.blue()])


def _pixels(view: object) -> np.ndarray:
    QApplication.processEvents()
    image = view.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)  # type: ignore[attr-defined]
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return lines[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(np.int64)


def _press(window: MainWindow, key: Qt.Key) -> None:
    QTest.keyClick(window.workspace.main_pane.view, key)
    QApplication.processEvents()


def _answer(window: MainWindow, message: object) -> None:
    window.session.analyst.answered.emit(message)  # type: ignore[arg-type]
    QApplication.processEvents()


def _choose(window: MainWindow, code: str) -> None:
    panel = window.panels.findings
    (row,) = [k for k, each in enumerate(panel.rows()) if each.finding is not None and each.finding.code == code]
    panel.list.setCurrentIndex(panel.model.index(row))
    QApplication.processEvents()


@pytest.fixture
def window(make_window: Callable, record: EcgRecord) -> MainWindow:
    """A window with a real ECG and findings."""
    made = make_window()
    made.session.analyst.get_ready()
    made.session.show_record(record)
    _answer(made, predictions(1))
    return made


class TestWindow:
    def test_w_asks_about_the_chosen_statement_and_draws_the_answer(self, window: MainWindow, tmp_path: Path) -> None:
        _choose(window, "CRBBB")
        _press(window, Qt.Key.Key_W)
        number, (code, in_sight_s) = window.session.analyst.asked[-1]
        assert code == "CRBBB"
        assert in_sight_s[0] == 0.0
        assert window.workspace.why.text.startswith("Why CRBBB: taking waves out")
        _answer(window, explanation(number, tmp_path))
        assert {band.lead for band, _ in window.workspace.main_pane.view.evidence()} == {"V1"}
        assert "research use only" in window.workspace.why.text.lower()
        assert "physioclr 0123abcd" in window.workspace.why.text
        assert window.menus.actions["why"].isChecked()

    def test_without_a_choice_the_first_statement_in_sight_is_asked_about(self, window: MainWindow) -> None:
        _press(window, Qt.Key.Key_W)
        assert window.session.analyst.asked[-1][1][0] == "3AVB"  # the urgent candidate comes first

    @pytest.mark.parametrize("key", [Qt.Key.Key_W, Qt.Key.Key_Escape])
    def test_w_again_or_escape_takes_it_away(self, window: MainWindow, tmp_path: Path, key: Qt.Key) -> None:
        _choose(window, "CRBBB")
        _press(window, Qt.Key.Key_W)
        _answer(window, explanation(window.session.analyst.asked[-1][0], tmp_path))
        _press(window, key)
        assert window.workspace.main_pane.view.evidence() == []
        assert window.workspace.why.text == ""
        assert not window.menus.actions["why"].isChecked()

    def test_while_one_is_explained_the_choice_of_another_asks_about_that_one(
        self, window: MainWindow, tmp_path: Path
    ) -> None:
        _choose(window, "CRBBB")
        assert len(window.session.analyst.asked) == 1  # choosing alone asks nothing
        _press(window, Qt.Key.Key_W)
        first = window.session.analyst.asked[-1][0]
        _choose(window, "SR")
        second, (code, _) = window.session.analyst.asked[-1]
        assert code == "SR"
        assert window.session.analyst.forgotten == [first]
        _answer(window, explanation(first, tmp_path))  # too late
        assert window.workspace.main_pane.view.evidence() == []
        _answer(window, explanation(second, tmp_path, "SR"))
        assert window.workspace.why.text.startswith("Why SR")

    def test_another_record_takes_it_away_and_a_late_answer_is_dropped(
        self, window: MainWindow, other_record: EcgRecord, tmp_path: Path
    ) -> None:
        _press(window, Qt.Key.Key_W)
        number = window.session.analyst.asked[-1][0]
        window.session.show_record(other_record)
        assert window.workspace.why.text == ""
        assert number in window.session.analyst.forgotten
        _answer(window, explanation(number, tmp_path))
        assert window.workspace.why.text == ""
        assert window.workspace.main_pane.view.evidence() == []

    def test_progress_is_shown_and_its_button_gives_the_question_up(self, window: MainWindow, qtbot: object) -> None:
        _press(window, Qt.Key.Key_W)
        line, number = window.workspace.why, window.session.analyst.asked[-1][0]
        qtbot.waitUntil(lambda: line.shows_progress, timeout=2000)  # type: ignore[attr-defined]
        _answer(window, Progress(number, 240, 480))
        assert "50 %" in line.text
        assert line._button.text() == "Cancel"
        QTest.mouseClick(line._button, Qt.MouseButton.LeftButton)
        assert window.session.analyst.forgotten == [number]
        assert line.text == ""

    def test_a_reason_stands_where_the_answer_would_be(self, window: MainWindow, tmp_path: Path) -> None:
        _choose(window, "CRBBB")
        _press(window, Qt.Key.Key_W)
        number = window.session.analyst.asked[-1][0]
        _answer(window, explanation(number, tmp_path, reason="no waves to speak of: no beat was found"))
        assert window.workspace.why.text == "Why CRBBB: no waves to speak of: no beat was found"
        _press(window, Qt.Key.Key_Escape)
        _press(window, Qt.Key.Key_W)
        _answer(window, Failed("The analysis failed.", window.session.analyst.asked[-1][0]))
        assert window.workspace.why.text == "Why CRBBB: The analysis failed."

    @pytest.mark.parametrize("content", [b"", b"\x93NUMPY nonsense", b"shape"])
    def test_an_answer_that_cannot_be_read_is_a_sentence(
        self, window: MainWindow, tmp_path: Path, content: bytes
    ) -> None:
        _choose(window, "CRBBB")
        _press(window, Qt.Key.Key_W)
        message = explanation(window.session.analyst.asked[-1][0], tmp_path)
        if content == b"shape":
            np.save(message.effects, np.zeros((2, 2), np.float32))
        else:
            Path(message.effects).write_bytes(content)
        _answer(window, message)
        assert window.workspace.why.text == "Why CRBBB: the answer could not be read"

    def test_what_arrives_later_leaves_the_choice_so_that_w_explains_what_was_clicked(self, window: MainWindow) -> None:
        panel = window.panels.findings
        _choose(window, "CRBBB")
        _answer(window, similar(1))
        assert panel.chosen_finding().code == "CRBBB"
        window.session.analyst.set_status(replace(window.session.analyst.status, message="busy"))
        assert panel.list.currentIndex().isValid()
        _press(window, Qt.Key.Key_W)
        assert window.session.analyst.asked[-1][1][0] == "CRBBB"

    def test_rows_that_move_take_the_choice_with_them(self, window: MainWindow) -> None:
        panel = window.panels.findings
        _choose(window, "CRBBB")
        above = Finding("AFLT", "Atrial flutter", "Rhythm", 0.93, None, 7, True)
        window.session.analysis.predictions = predictions(1, findings=[*findings(), above])
        _answer(window, similar(1))
        assert "AFLT" in [row.text for row in panel.rows()]
        assert panel.chosen_finding().code == "CRBBB"

    def test_a_choice_ends_with_its_ecg(self, window: MainWindow, other_record: EcgRecord) -> None:
        _choose(window, "CRBBB")
        window.session.show_record(other_record)
        _answer(window, predictions(2))
        assert not window.panels.findings.list.currentIndex().isValid()

    def test_without_findings_there_is_a_sentence_and_no_question(self, make_window: Callable) -> None:
        window = make_window()
        _press(window, Qt.Key.Key_W)
        assert window.workspace.why.text == "Why: there is no statement to ask about"
        assert window.session.analyst.asked == []
        _press(window, Qt.Key.Key_W)
        assert window.workspace.why.text == ""

    def test_a_right_click_on_a_statement_offers_it(self, window: MainWindow) -> None:
        panel = window.panels.findings
        assert panel.list.contextMenuPolicy() == Qt.ContextMenuPolicy.ActionsContextMenu
        assert window.menus.actions["why"] in panel.list.actions()
        assert ("Why: show what speaks for the statement", "W") in window.menus.shortcuts()

    def test_the_layout_decides_whether_the_strongest_is_said_to_be_out_of_sight(
        self, window: MainWindow, tmp_path: Path
    ) -> None:
        _press(window, Qt.Key.Key_W)
        _answer(window, explanation(window.session.analyst.asked[-1][0], tmp_path))  # V1 at 1.5 s
        assert "not in sight in this layout" in window.workspace.why.text
        window.paper.set_layout("12x1")
        QApplication.processEvents()
        assert "not in sight" not in window.workspace.why.text

    def test_the_paper_stays_where_it_is(self, window: MainWindow, tmp_path: Path) -> None:
        view = window.workspace.main_pane.view
        labels, corner = view.labels(), view.mapTo(window, QPoint(0, 0))
        _press(window, Qt.Key.Key_W)
        _answer(window, explanation(window.session.analyst.asked[-1][0], tmp_path))
        assert view.mapTo(window, QPoint(0, 0)) == corner
        assert view.labels() == labels
