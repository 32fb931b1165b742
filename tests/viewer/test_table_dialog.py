from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialogButtonBox
from pytestqt.qtbot import QtBot
from real_records import real_signal_mv

from ecgviewer.dialogs.table_dialog import TableDialog
from ecgviewer.main_window import MainWindow
from ecgviewer.state.theme import load_theme
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record

# The offscreen platform says so for every dialog.
pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")
MakeDialog = Callable[[Path], TableDialog]


@pytest.fixture
def make_dialog(qtbot: QtBot) -> MakeDialog:
    def make(path: Path) -> TableDialog:
        dialog = TableDialog(path, load_theme("light"))
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return make


def write_table(path: Path, head: str = "", n_leads: int = 12) -> Path:
    rows = "\n".join(",".join(f"{value:.4f}" for value in row) for row in real_signal_mv(0)[:n_leads].T)
    path.write_text(f"{head}\n{rows}\n" if head else f"{rows}\n", encoding="utf-8")
    return path


def may_open(dialog: TableDialog) -> bool:
    return dialog.buttons.button(QDialogButtonBox.StandardButton.Open).isEnabled()


def test_open_waits_and_says_for_what_until_rate_unit_and_leads_are_there(
    make_dialog: MakeDialog, qtbot: QtBot, tmp_path: Path
) -> None:
    dialog = make_dialog(write_table(tmp_path / "ecg.csv"))
    assert not may_open(dialog)
    assert dialog.reason.text() == "Enter the sampling rate."
    qtbot.keyClicks(dialog.rate, "1e9")
    assert "is none of an ECG" in dialog.reason.text()
    dialog.rate.clear()
    qtbot.keyClicks(dialog.rate, "100")
    assert dialog.reason.text() == "Choose the unit of the samples."
    qtbot.keyClicks(dialog.unit, "m")
    assert dialog.unit.currentText() == "mV"
    dialog.unit.activated.emit(dialog.unit.currentIndex())
    assert dialog.reason.text() == "Choose the lead of column 1, or leave it out."
    qtbot.mouseClick(dialog.in_order, Qt.MouseButton.LeftButton)
    assert dialog.reason.text() == ""
    assert may_open(dialog)
    record = read_record(tmp_path / "ecg.csv", dialog.options)
    assert record.lead_names == STANDARD_LEADS
    assert record.fs_hz == 100
    np.testing.assert_allclose(record.signal_mv, real_signal_mv(0), atol=6e-5)


def test_what_the_file_states_is_filled_in_and_nothing_else_is(make_dialog: MakeDialog, tmp_path: Path) -> None:
    dialog = make_dialog(write_table(tmp_path / "ecg.csv", "II [mV],V5 [mV],ch 3 [mV]", n_leads=3))
    assert dialog.rate.text() == ""
    assert dialog.unit.currentText() == "mV"
    assert [box.currentText() for box in dialog._lead_boxes.values()] == ["II", "V5", "ch 3"]
    assert not dialog.direction.isEnabled()


def test_one_lead_cannot_be_given_to_two_columns(make_dialog: MakeDialog, tmp_path: Path) -> None:
    dialog = make_dialog(write_table(tmp_path / "ecg.csv", "II [mV],ch [mV]", n_leads=2))
    dialog.rate.setText("100")
    dialog.rate.textEdited.emit("100")
    assert may_open(dialog)
    dialog._lead_boxes[2].setCurrentText("ii")
    assert dialog.reason.text() == "Two are called II: each lead can be one only."
    dialog._lead_boxes[2].setCurrentText("Leave out")
    assert may_open(dialog)


def test_a_unit_that_makes_no_ecg_is_doubted_in_words(make_dialog: MakeDialog, tmp_path: Path) -> None:
    dialog = make_dialog(write_table(tmp_path / "ecg.csv", "II", n_leads=1))
    dialog.rate.setText("100")
    dialog.rate.textEdited.emit("100")
    dialog.unit.setCurrentText("V")
    dialog.unit.activated.emit(dialog.unit.currentIndex())
    assert "is the unit right?" in dialog.doubt.text()
    dialog.unit.setCurrentText("mV")
    dialog.unit.activated.emit(dialog.unit.currentIndex())
    assert dialog.doubt.text() == ""


def test_an_array_without_headings_can_be_turned(make_dialog: MakeDialog, tmp_path: Path) -> None:
    np.save(tmp_path / "ecg.npy", real_signal_mv(0)[:3, :40])
    dialog = make_dialog(tmp_path / "ecg.npy")
    assert dialog.direction.currentText() == "rows"
    assert len(dialog._lead_boxes) == 3
    dialog.direction.setCurrentText("columns")
    dialog.direction.activated.emit(0)
    assert len(dialog._lead_boxes) == 40
    assert not dialog.in_order.isEnabled()


def test_every_control_is_reached_with_the_tab_key(make_dialog: MakeDialog, tmp_path: Path) -> None:
    dialog = make_dialog(write_table(tmp_path / "ecg.csv", "a,b", n_leads=2))
    dialog.rate.setFocus()
    reached = []
    for _ in range(14):
        reached.append(dialog.focusWidget())
        dialog.focusNextChild()
    assert {dialog.rate, dialog.unit, *dialog._lead_boxes.values()} <= set(reached)
    assert dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel) in reached


def test_a_table_that_is_opened_without_its_facts_asks_and_is_then_shown(
    make_window: Callable[..., MainWindow], qtbot: QtBot, tmp_path: Path
) -> None:
    window = make_window()
    path = write_table(tmp_path / "ecg.csv", "II,V5", n_leads=2)
    before = window.session.record
    window.open_file(path)
    dialog = window.findChild(TableDialog)
    assert dialog is not None
    assert window.session.record is before
    dialog.rate.setText("100")
    dialog.rate.textEdited.emit("100")
    dialog.unit.setCurrentText("mV")
    dialog.unit.activated.emit(dialog.unit.currentIndex())
    qtbot.mouseClick(dialog.buttons.button(QDialogButtonBox.StandardButton.Open), Qt.MouseButton.LeftButton)
    assert window.session.record is not None
    assert window.session.record.lead_names == ("II", "V5")
    assert {lead.gain_source for lead in window.session.record.report.leads} == {"given"}
