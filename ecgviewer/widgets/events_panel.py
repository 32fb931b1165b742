"""Events of a long recording: what, when and how long; sortable, by kind, and a click goes there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSortFilterProxyModel, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
)

from ecgviewer.state.record_time import RecordClock, duration_text
from ecgviewer.widgets.answer_panel import quiet_small_label
from ecgviewer.widgets.plain_text import plain_tooltip
from ecgviewer.widgets.style import GRID_PX, strong_font
from physioclr_core.recordings.day import RhythmEvent

HEADINGS = ("Time", "Event", "Length")
# The longest that a length can be; figures are all of one width.
LONGEST_LENGTHS = ("59 min 59 s", "23 h 59 min")
CELL_PAD_PX = 10
NOTICE = "Candidates for review, found by shape and interval. Not a diagnosis."
Index = QModelIndex | QPersistentModelIndex


class EventsModel(QAbstractTableModel):
    """One row an event; sorted by the value, not by its text."""

    SORT = Qt.ItemDataRole.UserRole
    EVENT = Qt.ItemDataRole.UserRole + 1

    def __init__(self) -> None:
        super().__init__()
        self.events: Sequence[RhythmEvent] = ()
        self.clock = RecordClock(None, 0.0)

    def set_events(self, events: Sequence[RhythmEvent], clock: RecordClock) -> None:
        """Show other events."""
        self.beginResetModel()
        self.events, self.clock = events, clock
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self.events)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(HEADINGS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # noqa: D102
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return HEADINGS[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # noqa: D102
        event, column = self.events[index.row()], index.column()
        if role == self.EVENT:
            return event
        if role == self.SORT:
            return (event.start_s, what_text(event), event.duration_s)[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            origin = "said by the file" if event.is_of_file else "found here, a candidate"
            lines = [f"{self.clock.text(event.start_s)}  {what_text(event)}", origin]
            if event.duration_s > 0:
                lines.insert(1, f"length {duration_text(event.duration_s)}")
            return plain_tooltip("\n".join(lines))
        if role == Qt.ItemDataRole.DisplayRole:
            length = duration_text(event.duration_s) if event.duration_s > 0 else ""
            return (self.clock.short_text(event.start_s), what_text(event), length)[column]
        return None


def what_text(event: RhythmEvent) -> str:
    """Return an event in words."""
    what = f"file: {event.detail}" if event.is_of_file else event.kind
    return what if event.is_of_file or not event.detail else f"{what}, {event.detail}"


def shorter_texts(event: RhythmEvent) -> list[str]:
    """Return an event in words, then in fewer and fewer: whole clauses or words go, never half a number."""
    whole = what_text(event)
    if event.is_of_file or not event.detail:
        words = whole.split(" ")
        return [whole, *(f"{' '.join(words[:n])} …" for n in range(len(words) - 1, 0, -1)), "…"]
    clauses = event.detail.split(", ")
    return [whole, f"{event.kind}, {clauses[-1]}", f"{event.kind}, {clauses[0]}", event.kind, "…"]


class _WhatDelegate(QStyledItemDelegate):
    """Paints an event in whole words."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        room_px = option.rect.width() - CELL_PAD_PX
        texts = shorter_texts(index.data(EventsModel.EVENT))
        option.text = next((text for text in texts if option.fontMetrics.horizontalAdvance(text) <= room_px), "…")


class _Filter(QSortFilterProxyModel):
    def __init__(self, model: EventsModel) -> None:
        super().__init__()
        self.kind: str | None = None
        self.setSourceModel(model)
        self.setSortRole(EventsModel.SORT)
        self._model = model

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:  # noqa: D102
        kind = self._model.events[row].kind
        return not kind.startswith("single ") if self.kind is None else kind == self.kind


class EventsPanel(QFrame):
    """The panel; ``chosen`` carries an event, ``shown_changed`` comes when others are listed."""

    chosen = Signal(object)
    shown_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("events")
        heading = QLabel("Events")
        heading.setFont(strong_font(self.font()))
        self.kinds = QComboBox()
        self.kinds.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.kinds.setAccessibleName("Which events are listed")
        self.kinds.currentIndexChanged.connect(self._on_kind_chosen)
        top = QHBoxLayout()
        top.setContentsMargins(2 * GRID_PX, GRID_PX, 2 * GRID_PX, 4)
        top.addWidget(heading)
        top.addStretch(1)
        top.addWidget(self.kinds)
        self.words = quiet_small_label()
        self.model = EventsModel()
        self._filter = _Filter(self.model)
        self.table = QTableView()
        self.table.setModel(self._filter)
        self.table.setSortingEnabled(True)
        self.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setAccessibleName("Events")
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        header = self.table.horizontalHeader()
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.setItemDelegateForColumn(1, _WhatDelegate(self.table))
        self.table.clicked.connect(self._on_activated)
        self.table.activated.connect(self._on_activated)
        foot = quiet_small_label(NOTICE)
        foot.setContentsMargins(2 * GRID_PX, 2, GRID_PX, 4)
        self.words.setContentsMargins(2 * GRID_PX, 0, GRID_PX, 4)
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addLayout(top)
        body.addWidget(self.words)
        body.addWidget(self.table, 1)
        body.addWidget(foot)
        self.hide()

    def set_events(self, events: Sequence[RhythmEvent], clock: RecordClock, words: str) -> None:
        """Show what was found; ``words`` say what is still going on, or why nothing was found."""
        self.words.setText(words)
        self.words.setVisible(bool(words))
        if events is self.model.events and clock == self.model.clock:
            return
        self.model.set_events(events, clock)
        self._fit_columns(clock)
        counts = Counter(event.kind for event in events)
        n_all = sum(n for kind, n in counts.items() if not kind.startswith("single "))
        self.kinds.blockSignals(True)
        self.kinds.clear()
        self.kinds.addItem(f"all but single beats ({n_all})", None)
        for kind, n in sorted(counts.items()):
            self.kinds.addItem(f"{kind} ({n})", kind)
        self.kinds.blockSignals(False)
        self._on_kind_chosen()

    def _fit_columns(self, clock: RecordClock) -> None:
        """Make room for the longest time and length; measuring tens of thousands of rows would take too long."""
        metrics = self.table.fontMetrics()
        times = (clock.short_text(0.0), clock.short_text(clock.duration_s))
        for column, texts in ((0, times), (2, LONGEST_LENGTHS)):
            self.table.setColumnWidth(column, max(map(metrics.horizontalAdvance, texts)) + CELL_PAD_PX)

    def shown(self) -> list[RhythmEvent]:
        """Return the events that are listed, in the table's order."""
        column = self._filter.index
        return [column(row, 0).data(EventsModel.EVENT) for row in range(self._filter.rowCount())]

    def select(self, event: RhythmEvent) -> None:
        """Mark an event in the table."""
        for row in range(self._filter.rowCount()):
            if self._filter.index(row, 0).data(EventsModel.EVENT) is event:
                self.table.selectRow(row)
                return

    def _on_kind_chosen(self) -> None:
        self._filter.kind = self.kinds.currentData()
        self._filter.invalidate()
        self.shown_changed.emit()

    def _on_activated(self, index: QModelIndex) -> None:
        event = index.data(EventsModel.EVENT)
        if event is not None:
            self.chosen.emit(event)
