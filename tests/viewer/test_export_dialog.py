"""The export dialog: what is shown is what is written, in the background, and nothing of it over the source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from real_records import long_signal_mv, to_adu, write_wfdb

from ecgviewer.dialogs.export_dialog import NOTICE, ExportDialog
from ecgviewer.main_window import MainWindow
from ecgviewer.state.theme import load_theme
from ecgviewer.widgets.style import apply_theme
from physioclr_core.readers import read_record
from physioclr_core.record import EcgRecord, Patient

pytestmark = pytest.mark.qt_log_ignore("does not support propagateSizeHints")


@pytest.fixture
def named(record: EcgRecord) -> EcgRecord:
    """Return a real ECG of somebody."""
    acquisition = replace(record.acquisition, comments=("referred by Dr Mueller",))
    return replace(record, patient=Patient("4711-22", "Doe, Jane", 93.0, False, "female"), acquisition=acquisition)


@pytest.fixture
def make_dialog(qtbot: QtBot, qapp: QApplication, tmp_path: Path) -> Iterator[Callable[[EcgRecord], ExportDialog]]:
    apply_theme(qapp, load_theme("light"))
    dialogs = []

    def make(record: EcgRecord) -> ExportDialog:
        dialog = ExportDialog(record, tmp_path)
        qtbot.addWidget(dialog)
        dialog.show()
        dialogs.append(dialog)
        return dialog

    yield make
    for dialog in dialogs:
        dialog.exporter.shutdown()


def rows_of(dialog: ExportDialog) -> dict[str, tuple[str, str, str]]:
    """Return mark, what is there and what becomes of it, by item."""
    rows = {}
    for row in range(dialog.table.rowCount()):
        mark, field, found, becomes = (dialog.table.item(row, column).text() for column in range(4))
        rows[field] = (mark, found, becomes)
    return rows


def export(qtbot: QtBot, dialog: ExportDialog) -> None:
    with qtbot.waitSignal(dialog.exporter.ended, timeout=30_000):
        QTest.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    QApplication.processEvents()


def test_it_starts_deidentified_and_shows_what_goes(
    make_dialog: Callable[[EcgRecord], ExportDialog], named: EcgRecord
) -> None:
    dialog = make_dialog(named)
    assert dialog.deidentify.isChecked()
    rows = rows_of(dialog)
    assert rows["Patient name"] == ("\u2715 removed", "Doe, Jane", "")
    assert rows["Patient ID"][1] == "4711-22"
    assert rows["Age"] == ("\u21c4 replaced", "93 years", "over 89 years")
    assert rows["Comment"][1] == "referred by Dr Mueller"
    assert "research use only" in NOTICE


@pytest.mark.parametrize("index", range(4))
def test_what_is_shown_is_what_is_written(
    qtbot: QtBot, make_dialog: Callable[[EcgRecord], ExportDialog], named: EcgRecord, tmp_path: Path, index: int
) -> None:
    dialog = make_dialog(named)
    dialog.format.setCurrentIndex(index)
    dialog._on_format_chosen(index)
    new_id = rows_of(dialog)["Patient ID"][2]
    export(qtbot, dialog)
    assert dialog.outcome.text().startswith("Written: anon-")
    assert dialog.show_folder.isVisible()
    written = list(tmp_path.iterdir())
    assert all(path.stem == dialog.choice.plan.name for path in written)
    for path in written:
        assert not [text for text in (b"Doe", b"4711", b"Mueller") if text in path.read_bytes()]
    again = read_record(dialog.choice.out)
    np.testing.assert_allclose(again.signal_mv, named.signal_mv, atol=1e-6)
    assert again.patient.patient_id in (new_id, None)


def test_without_deidentification_it_says_that_nothing_is_taken_out(
    qtbot: QtBot, make_dialog: Callable[[EcgRecord], ExportDialog], named: EcgRecord
) -> None:
    dialog = make_dialog(named)
    dialog.deidentify.setChecked(False)
    assert "Nothing is taken out" in dialog.summary.text()
    assert not dialog.table.isVisible()
    export(qtbot, dialog)
    assert read_record(dialog.choice.out).patient.name == "Doe, Jane"


def test_what_is_in_sight_of_a_longer_recording_can_be_written_alone(
    qtbot: QtBot, make_window: Callable[..., MainWindow], tmp_path: Path
) -> None:
    header = write_wfdb(tmp_path / "long", to_adu(long_signal_mv(40_000)), 100.0)
    window = make_window()
    window.open_file(header)
    window.paper.show_from(120.0)
    window.dialogs.show_export()
    dialog = window.findChild(ExportDialog)
    assert dialog is not None
    (tmp_path / "out").mkdir()
    dialog._on_folder_edited(str(tmp_path / "out"))
    assert dialog.part.itemText(0) == "Whole recording, 6.67 min"
    dialog.part.setCurrentIndex(1)
    dialog.part.activated.emit(1)
    assert dialog.part.currentText().startswith("In sight: ")
    assert dialog.part.currentText().endswith(" s from +0:02:00")
    export(qtbot, dialog)
    again = read_record(dialog.choice.out)
    start_s, end_s = dialog.choice.in_sight_s or (0, 0)
    assert start_s == pytest.approx(120.0, abs=0.1)
    expected = read_record(header).signal_mv[:, round(start_s * 100) : round(end_s * 100)]
    np.testing.assert_allclose(again.signal_mv, expected, atol=1e-6)
    dialog.close()


def test_what_this_program_measures_is_added_under_its_own_name_where_asked(
    qtbot: QtBot, make_dialog: Callable[[EcgRecord], ExportDialog], named: EcgRecord
) -> None:
    dialog = make_dialog(named)
    assert not dialog.measure.isChecked()
    dialog.measure.setChecked(True)
    export(qtbot, dialog)
    dataset = dcmread(dialog.choice.out)
    assert [group.MultiplexGroupLabel for group in dataset.WaveformSequence] == ["RHYTHM", "MEDIAN BEAT"]
    again = read_record(dialog.choice.out)
    assert again.device_reading.median is None
    assert any("not by the device" in text for text in again.report.ignored)
    dialog._on_format_chosen(3)
    assert not dialog.measure.isEnabled()
    assert dialog.measure.toolTip() == "CSV has no place for measurements."


def test_a_record_that_is_wholly_in_sight_has_no_parts(
    make_dialog: Callable[[EcgRecord], ExportDialog], named: EcgRecord
) -> None:
    assert not make_dialog(named).part.isVisible()


def test_a_name_that_shows_who_it_is_is_refused(
    make_dialog: Callable[[EcgRecord], ExportDialog], named: EcgRecord
) -> None:
    dialog = make_dialog(named)
    dialog._on_name_edited("jane-doe")
    assert "a de-identified file must not" in dialog.fault.text()
    assert not dialog.export.isEnabled()
    dialog._on_name_edited("study-7")
    assert dialog.export.isEnabled()


def test_an_existing_file_is_replaced_only_by_a_button_that_says_so(
    qtbot: QtBot, make_dialog: Callable[[EcgRecord], ExportDialog], named: EcgRecord
) -> None:
    dialog = make_dialog(named)
    export(qtbot, dialog)
    assert dialog.export.text() == "&Replace"
    assert "exists and would be replaced" in dialog.fault.text()


def test_a_missing_folder_is_said_before_anything_is_written(
    make_dialog: Callable[[EcgRecord], ExportDialog], named: EcgRecord, tmp_path: Path
) -> None:
    dialog = make_dialog(named)
    dialog._on_folder_edited(str(tmp_path / "nowhere"))
    assert "its folder does not exist" in dialog.fault.text()
    assert not dialog.export.isEnabled()


def test_cancel_stops_and_leaves_nothing(
    qtbot: QtBot, make_dialog: Callable[[EcgRecord], ExportDialog], named: EcgRecord, tmp_path: Path
) -> None:
    dialog = make_dialog(replace(named, signal_mv=np.tile(named.signal_mv, (1, 200))))
    dialog._on_format_chosen(3)
    with qtbot.waitSignal(dialog.exporter.ended, timeout=30_000):
        QTest.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
        assert dialog.close_button.text() == "Cancel"
        QTest.mouseClick(dialog.close_button, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert dialog.outcome.text() == "Cancelled; nothing was written."
    assert list(tmp_path.iterdir()) == []
    assert dialog.isVisible()


def test_closing_while_writing_leaves_nothing(
    make_dialog: Callable[[EcgRecord], ExportDialog], named: EcgRecord, tmp_path: Path
) -> None:
    dialog = make_dialog(replace(named, signal_mv=np.tile(named.signal_mv, (1, 200))))
    dialog._on_format_chosen(3)
    QTest.mouseClick(dialog.export, Qt.MouseButton.LeftButton)
    dialog.done(0)
    assert list(tmp_path.iterdir()) == []


def test_the_window_opens_it_by_its_key(
    qtbot: QtBot, make_window: Callable, demo_paths: list[Path], tmp_path: Path
) -> None:
    window = make_window()
    window.dialogs.show_export()
    assert window.findChild(ExportDialog) is None
    window.open_file(demo_paths[0])
    QTest.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChild(ExportDialog)
    assert dialog is not None
    dialog.reject()
