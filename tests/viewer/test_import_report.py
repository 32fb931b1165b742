"""What the window says of an import: one line above the paper, the report, and what the device stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from ecgviewer.main_window import MainWindow
from ecgviewer.services.import_report import import_report
from ecgviewer.services.markdown import plain
from ecgviewer.state.device_reading import critical_marks, device_rows
from ecgviewer.state.import_notice import import_notice
from physioclr_core.readers import read_record
from physioclr_core.readers.report_text import DEVICE_HEADING, STATUS_UNKNOWN
from physioclr_core.record import DeviceMeasurement, DeviceReading, EcgRecord

MUSE = ("ge-muse-xml", "braveheart_example1.xml")
SIERRA = ("philips-sierra-xml", "1_04_01__2020-5-18_15-48-11.xml")
ACUTE = ("philips-sierra-xml", "1_03__129DYPRG.XML")
GAP = ("edf", "constructed_edf_plus_d_gap.edf")


@pytest.fixture
def clinical(test_data: Callable[..., Path]) -> Callable[[tuple[str, ...]], EcgRecord]:
    """Return a function that reads a file of a cart."""
    return lambda parts: read_record(test_data("clinical-formats", *parts))


def shown(markdown: str) -> str:
    """Return what a person reads of Markdown, which has no link."""
    document = QTextDocument()
    document.setDefaultFont(QFont("Sans", 10))
    document.setMarkdown(markdown)
    assert "<a " not in document.toHtml()
    return document.toPlainText()


def test_the_report_says_what_a_low_rate_hides(record: EcgRecord) -> None:
    assert "pacing spikes cannot be assessed" in shown(import_report(replace(record, fs_hz=100.0)))
    assert "pacing spikes" not in shown(import_report(replace(record, fs_hz=500.0)))


class TestNotice:
    def test_a_record_with_nothing_to_say_has_none(self, record: EcgRecord) -> None:
        assert import_notice(record).text == ""

    def test_derived_leads_are_named_quietly(self, clinical: Callable) -> None:
        notice = import_notice(clinical(MUSE))
        assert notice.text == "GE MUSE XML, 12 leads, 4 leads derived"
        assert not notice.is_warning

    def test_a_gap_warns(self, clinical: Callable) -> None:
        notice = import_notice(clinical(GAP))
        assert notice.text.startswith("EDF+D, 1 lead, 20 s gap: With gaps")
        assert notice.is_warning

    def test_padding_is_named(self, clinical: Callable) -> None:
        assert import_notice(clinical(SIERRA)).text == "Philips Sierra XML, 12 leads, padding"

    def test_an_assumed_gain_warns(self, record: EcgRecord) -> None:
        leads = tuple(replace(lead, gain_source="format default") for lead in record.report.leads)
        notice = import_notice(replace(record, report=replace(record.report, leads=leads)))
        assert notice.text == "WFDB, 12 leads, gain assumed"
        assert notice.is_warning


class TestReport:
    def test_it_has_device_units_derived_leads_checks_and_what_was_left_out(self, clinical: Callable) -> None:
        text = shown(import_report(clinical(MUSE)))
        for part in (
            "GE MUSE XML",
            "0.16-150 Hz, notch 60 Hz",
            "4.88 uV a step, stated in the file (all leads)",
            "III, aVR, aVL, aVF: computed from other leads",
            "I + III - II",
            "by construction: derived leads",
            "braveheart_example1.xml",
        ):
            assert part in text

    def test_what_the_device_says_stands_under_a_heading_that_says_so(self, clinical: Callable) -> None:
        record = clinical(SIERRA)
        text = shown(import_report(record))
        before, _, after = text.partition(DEVICE_HEADING)
        assert record.device_reading.statements
        for statement in record.device_reading.statements:
            assert statement not in before
            assert statement in after
        assert "Unconfirmed Diagnosis" in after
        assert "399 ms" in after
        assert "The last 0.4 s of all leads are zeros and a calibration pulse" in before

    def test_an_unknown_reading_status_is_said_to_be_unknown(self, clinical: Callable) -> None:
        assert STATUS_UNKNOWN in shown(import_report(clinical(MUSE)))

    def test_gaps_have_their_times(self, clinical: Callable) -> None:
        assert "5 to 25 s" in shown(import_report(clinical(GAP)))

    def test_a_record_without_a_device_reading_has_no_such_heading(self, record: EcgRecord) -> None:
        assert DEVICE_HEADING not in import_report(record)

    @pytest.mark.parametrize(
        "text", ["<b>x</b>", "# x", "[x](http://y)", "a | b", "*x* _y_ `z`", "1. x", "&lt;", "- x", "a\nb\x1b[31m"]
    )
    def test_a_files_text_is_shown_and_never_obeyed(self, record: EcgRecord, text: str) -> None:
        reading = DeviceReading((text,), (DeviceMeasurement(text, 1.0, "ms"),), status=text)
        report = import_report(replace(record, device_reading=reading))
        expected = " ".join(text.replace("\x1b", " ").split())
        assert shown(report).count(expected.replace("|", "/")) + shown(report).count(expected) >= 2
        assert shown(plain(text)) == expected


class TestCriticalMarks:
    @pytest.mark.parametrize(
        "statement",
        [
            ">>> Acute MI <<<",
            "*** ACUTE MI ***",
            "***MEETS ST ELEVATION MI CRITERIA***",
            "** ** ACUTE MI / STEMI ** **",
            "***Critical test result: STEMI",
            "Sinus rhythm *** ACUTE MI SUSPECTED ***",
        ],
    )
    def test_what_a_cart_sets_off_is_critical(self, statement: str) -> None:
        assert critical_marks(statement)

    @pytest.mark.parametrize(
        "statement",
        [
            "Inferior infarct, acute",
            "QRSd >115mS, rate <50",
            "*** AGE AND GENDER SPECIFIC ECG ANALYSIS ***",
            "** ** ** ** * Pediatric ECG analysis * ** ** ** **",
            "*** Unconfirmed ***",
            "*** Poor data quality, interpretation may be adversely affected",
            "***",
        ],
    )
    def test_remarks_on_the_analysis_and_words_without_a_mark_are_not(self, statement: str) -> None:
        assert not critical_marks(statement)

    def test_a_mark_that_is_stored_twice_counts_once(self) -> None:
        twice = ("*** ACUTE MI ***", "Before it was edited: *** Acute MI ***")
        rows = device_rows(DeviceReading(twice, ()))
        assert rows is not None
        assert rows.flag == "one marked critical by the device"
        rows = device_rows(DeviceReading((*twice, ">>> VERY HIGH HEART RATE <<<"), ()))
        assert rows is not None
        assert rows.flag == "2 marked critical by the device"


class TestWindow:
    def test_the_line_stands_above_the_paper_and_leads_to_the_report(
        self, make_window: Callable[..., MainWindow], clinical: Callable
    ) -> None:
        window = make_window()
        asked = []
        window.workspace.notice.clicked.connect(lambda: asked.append(True))
        window.workspace.notice.clicked.disconnect(window.dialogs.show_import_report)
        window.session.show_record(clinical(MUSE))
        QApplication.processEvents()
        notice, pane = window.workspace.notice, window.workspace.main_pane
        assert notice.text == "GE MUSE XML, 12 leads, 4 leads derived"
        assert not notice.has_mark
        assert notice.mapTo(window, notice.rect().bottomLeft()).y() <= pane.view.mapTo(window, pane.view.pos()).y()
        QTest.mouseClick(notice.link, Qt.MouseButton.LeftButton)
        assert asked == [True]

    def test_the_devices_reading_is_folded_for_each_record_and_opens_by_its_heading(
        self, make_window: Callable[..., MainWindow], clinical: Callable
    ) -> None:
        window = make_window()
        record = clinical(SIERRA)
        window.session.show_record(record)
        QApplication.processEvents()
        device = window.panels.device
        assert device.isVisible()
        assert device.text == ""
        QTest.mouseClick(device.heading, Qt.MouseButton.LeftButton)
        assert device.is_open
        for part in (*record.device_reading.statements, "Reading status: Unconfirmed Diagnosis", "QT 399 ms"):
            assert part in device.text
        window.session.show_record(record)
        assert not device.is_open

    def test_folded_it_says_that_something_was_marked_critical_and_not_what(
        self, make_window: Callable[..., MainWindow], clinical: Callable
    ) -> None:
        window = make_window()
        window.session.show_record(clinical(ACUTE))
        QApplication.processEvents()
        device = window.panels.device
        assert not device.is_open
        assert device.folded_text.endswith("\nOne marked critical by the device")
        assert "infarct" not in device.folded_text.lower()
        assert "MI" not in device.folded_text
        assert "critical" in device.heading.accessibleName()
        window.session.show_record(clinical(SIERRA))
        assert "critical" not in device.folded_text + device.heading.accessibleName()

    def test_a_record_whose_device_stored_nothing_has_no_such_panel(
        self, make_window: Callable[..., MainWindow], clinical: Callable, record: EcgRecord
    ) -> None:
        window = make_window()
        window.session.show_record(clinical(SIERRA))
        window.session.show_record(record)
        assert window.panels.device.isHidden()
