"""The list of events: no cell shows part of a number, and what has no room is in the tooltip."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QStyleOptionViewItem
from viewer_doubles import predictions

from ecgviewer.main_window import MainWindow
from ecgviewer.state.record_time import RecordClock
from ecgviewer.widgets.events_panel import CELL_PAD_PX, EventsPanel, shorter_texts
from ecgviewer.widgets.findings_panel import PAD_PX
from physioclr_core.record import EcgRecord
from physioclr_core.recordings.day import RhythmEvent

RUN = RhythmEvent("wide run", 60.0, 464.6, "769 beats, 99/min")
PAIR = RhythmEvent("wide pair", 700.0, 0.84, "RR 0.84 s")
NOTE = RhythmEvent(
    "annotation", 90_000.0, 0.0, "patient felt 2 or 3 beats and 120 seconds of dizziness", is_of_file=True
)
CLOCK = RecordClock(datetime(2024, 3, 5, 21, 30), 12 * 86_400.0)


@pytest.fixture
def panel(make_window: Callable[..., MainWindow]) -> EventsPanel:
    """The window's panel with events of twelve days."""
    window = make_window()
    window.panels.set_open(True)
    made = window.panels.events
    made.set_events([RUN, PAIR, NOTE], CLOCK, "")
    made.show()
    QApplication.processEvents()
    return made


def painted(panel: EventsPanel, row: int, column: int) -> str:
    """Return what a cell is painted with."""
    index = panel.table.model().index(row, column)
    option = QStyleOptionViewItem()
    option.initFrom(panel.table)
    option.rect = panel.table.visualRect(index)
    panel.table.itemDelegateForIndex(index).initStyleOption(option, index)
    return option.text


def test_time_and_length_have_the_room_they_need(panel: EventsPanel) -> None:
    metrics = panel.table.fontMetrics()
    for column, text in ((0, CLOCK.short_text(CLOCK.duration_s)), (2, "59 min 59 s")):
        assert metrics.horizontalAdvance(text) + CELL_PAD_PX <= panel.table.columnWidth(column)
    assert sum(panel.table.columnWidth(column) for column in range(3)) <= panel.table.viewport().width()


def test_an_event_is_painted_in_whole_clauses_or_words(panel: EventsPanel) -> None:
    metrics, room_px = panel.table.fontMetrics(), panel.table.columnWidth(1)
    for row, event in enumerate((RUN, PAIR, NOTE)):
        text = painted(panel, row, 1)
        assert text in shorter_texts(event)
        assert metrics.horizontalAdvance(text) < room_px
    assert painted(panel, 0, 1).startswith("wide run")


def test_fewer_words_never_leave_part_of_a_number() -> None:
    assert shorter_texts(RUN) == [
        "wide run, 769 beats, 99/min",
        "wide run, 99/min",
        "wide run, 769 beats",
        "wide run",
        "…",
    ]
    assert shorter_texts(PAIR)[-2:] == ["wide pair", "…"]
    whole = "file: patient felt 2 or 3 beats and 120 seconds of dizziness".split(" ")
    for text in shorter_texts(NOTE)[1:-1]:
        assert text.endswith(" …")
        assert text.split(" ")[:-1] == whole[: len(text.split(" ")) - 1]


def test_the_tooltip_has_time_event_and_length_whole(panel: EventsPanel) -> None:
    tooltip = panel.table.model().index(0, 2).data(Qt.ItemDataRole.ToolTipRole)
    assert tooltip == "day 1 21:31:00  wide run, 769 beats, 99/min\nlength 7 min 45 s\nfound here, a candidate"
    assert "length" not in panel.table.model().index(2, 2).data(Qt.ItemDataRole.ToolTipRole)


def test_a_files_words_are_no_html_in_the_tooltip(panel: EventsPanel) -> None:
    panel.set_events([RhythmEvent("annotation", 1.0, 0.0, "<b>x</b>", is_of_file=True)], CLOCK, "")
    assert "&lt;b&gt;x" in panel.table.model().index(0, 1).data(Qt.ItemDataRole.ToolTipRole)


def test_the_line_on_windows_has_room_for_all_of_it(
    make_window: Callable[..., MainWindow], long_record: EcgRecord
) -> None:
    window = make_window()
    window.session.show_record(long_record)
    window.session.analyst.answered.emit(
        predictions(1, n_windows=12, most_abnormal_window_s=[110.53, 120.53], set_level=0.9, abstention="unlike")
    )
    QApplication.processEvents()
    view = window.panels.findings.list
    metrics = view.fontMetrics()
    rows = window.panels.findings.rows()
    assert rows[0].text == "mean of 12 windows; most abnormal 110.53-120.53 s"
    for k, row in enumerate(rows):
        if row.kind in ("link", "fold", "note"):
            rect = view.visualRect(view.model().index(k))
            room = rect.adjusted(PAD_PX, 0, -PAD_PX, 0).translated(QPoint(0, -rect.top()))
            needed = metrics.boundingRect(room, Qt.TextFlag.TextWordWrap, row.text)
            assert needed.height() + metrics.height() // 2 <= rect.height()
            assert needed.width() <= room.width()
