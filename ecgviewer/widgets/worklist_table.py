"""The table of the worklist: one line an ECG; the reason where one cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from ecgviewer.state.theme import Theme
from ecgviewer.state.worklist import Entry, Order, Worklist
from ecgviewer.state.worklist_text import COLUMNS, Column, cell_text
from ecgviewer.widgets.plain_text import plain_tooltip
from ecgviewer.widgets.shapes import draw_mark, triangle
from ecgviewer.widgets.style import GRID_PX, strong_font

ROW_PX = 26
MARK_PX = 12
# A reason is painted over all cells after the first.
REASON_COLUMN = 1
_NAMES: tuple[Column, ...] = tuple(COLUMNS)
_ALIGNMENTS = [
    int((Qt.AlignmentFlag.AlignRight if is_number else Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter)
    for _, _, is_number in COLUMNS.values()
]

Index = QModelIndex | QPersistentModelIndex


class WorklistModel(QAbstractTableModel):
    """Shows the view of a ``Worklist``; what grows at the end or changes in place moves nothing else."""

    ENTRY = Qt.ItemDataRole.UserRole

    def __init__(self, worklist: Worklist) -> None:
        super().__init__()
        self._list = worklist
        self._rows: list[Entry] = []
        worklist.changed.connect(self._on_changed)

    def release(self) -> None:
        """Let go of the list."""
        self._list.changed.disconnect(self._on_changed)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(_NAMES)

    def entry(self, row: int) -> Entry | None:
        """Return the entry of a row."""
        return self._rows[row] if 0 <= row < len(self._rows) else None

    def row_of(self, path: Path | None) -> int | None:
        """Return the row of a file; None where it is not in sight."""
        entry = self._list.entry_of(path) if path is not None else None
        try:
            return None if entry is None else self._rows.index(entry)
        except ValueError:
            return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # noqa: D102
        entry = self.entry(index.row())
        if entry is None:
            return None
        if role == self.ENTRY:
            return entry
        column = _NAMES[index.column()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            if entry.kind == "error" and index.column() == REASON_COLUMN:
                return entry.error
            return cell_text(column, entry.label, entry.summary)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(_tooltip(entry))
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _ALIGNMENTS[index.column()]
        return None

    def headerData(  # noqa: D102
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[_NAMES[section]][0]
        return _ALIGNMENTS[section] if role == Qt.ItemDataRole.TextAlignmentRole else None

    def _on_changed(self, changed: frozenset[int]) -> None:
        entries, n_before = self._list.entries, len(self._rows)
        rows = [entries[number] for number in self._list.view]
        if rows[:n_before] != self._rows:
            self.beginResetModel()
            self._rows = rows
            self.endResetModel()
            return
        if len(rows) > n_before:
            self.beginInsertRows(QModelIndex(), n_before, len(rows) - 1)
            self._rows = rows
            self.endInsertRows()
        if changed:
            places = [row for row, entry in enumerate(rows) if entry.number in changed]
            if places:
                last = len(_NAMES) - 1
                self.dataChanged.emit(self.index(min(places), 0), self.index(max(places), last))


def _tooltip(entry: Entry) -> str:
    if entry.error:
        return f"{entry.error}\n{entry.path}"
    lines = [
        f"{title}: {text}"
        for column, (title, _, _) in COLUMNS.items()
        if (text := cell_text(column, entry.label, entry.summary))
    ]
    if entry.summary is not None and entry.summary.n_notices:
        lines.append(f"Import notices: {entry.summary.n_notices}")
    return "\n".join([*lines, str(entry.path)])


class WorklistDelegate(QStyledItemDelegate):
    """Paints one cell; ``current`` is the file whose ECG is in sight."""

    def __init__(self, theme: Theme, view: QTableView, rows: WorklistModel) -> None:
        super().__init__(view)
        self.theme = theme
        self.current: Path | None = None
        self._view, self._rows = view, rows

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: D102
        return QSize(COLUMNS[_NAMES[index.column()]][1], ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        # Straight from the model's row: thirty lines are painted ten times a second while files are read.
        entry, column = self._rows.entry(index.row()), index.column()
        if entry is None:
            return
        theme = self.theme
        is_current = entry.path == self.current
        painter.save()
        painter.setClipRect(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, QColor(theme.selected))
        if column == 0 and is_current:
            painter.fillRect(QRect(option.rect.topLeft(), QSize(3, option.rect.height())), QColor(theme.accent))
        inner = option.rect.adjusted(GRID_PX if column else 2 * GRID_PX, 0, -GRID_PX, 0)
        font = strong_font(option.font) if is_current and column == 0 else option.font
        painter.setFont(font)
        is_quiet = entry.kind != "read" or column > 4
        painter.setPen(QColor(theme.text_quiet if is_quiet else theme.text))
        if entry.kind == "error" and column >= REASON_COLUMN:
            self._paint_reason(painter, entry, option)
        else:
            if column == 0 and entry.kind == "error":
                top_px = inner.center().y() - MARK_PX // 2
                mark = QRectF(inner.left(), top_px, MARK_PX, MARK_PX)
                draw_mark(painter, triangle(mark), theme.notice, theme.panel)
                inner.adjust(MARK_PX + 4, 0, 0, 0)
            text = cell_text(_NAMES[column], entry.label, entry.summary)
            if text:
                shown = QFontMetrics(font).elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
                painter.drawText(inner, _ALIGNMENTS[column], shown)
        painter.restore()

    def _paint_reason(self, painter: QPainter, entry: Entry, option: QStyleOptionViewItem) -> None:
        """Paint the cell's part of a sentence that runs over all cells after the first."""
        view = self._view
        left_px = view.columnViewportPosition(REASON_COLUMN) + GRID_PX
        right_px = min(view.viewport().width(), view.columnViewportPosition(len(_NAMES) - 1) + COLUMNS["rate"][1])
        line = QRect(QPoint(left_px, option.rect.top()), QSize(right_px - left_px - GRID_PX, option.rect.height()))
        # The name is in the first column already.
        text = entry.error.removeprefix(f"{entry.path.name}: ")
        shown = QFontMetrics(option.font).elidedText(text, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, shown)


class WorklistTable(QTableView):
    """The table; ``chosen`` carries the file that shall be opened."""

    chosen = Signal(object)

    def __init__(self, worklist: Worklist, theme: Theme) -> None:
        super().__init__()
        self.rows = WorklistModel(worklist)
        self.setModel(self.rows)
        self._list = worklist
        self._delegate = WorklistDelegate(theme, self, self.rows)
        self.setItemDelegate(self._delegate)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setCornerButtonEnabled(False)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setAccessibleName("Worklist")
        lines = self.verticalHeader()
        lines.hide()
        lines.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        lines.setDefaultSectionSize(ROW_PX)
        heads = self.horizontalHeader()
        heads.setSectionsClickable(True)
        heads.setHighlightSections(False)
        heads.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        heads.setMinimumSectionSize(40)
        heads.setSortIndicatorClearable(True)
        for section, (_, width_px, _) in enumerate(COLUMNS.values()):
            self.setColumnWidth(section, width_px)
        heads.sectionClicked.connect(self._on_head_clicked)
        self.doubleClicked.connect(lambda index: self._choose(index.row()))
        self.rows.modelAboutToBeReset.connect(self._keep_place)
        self.rows.modelReset.connect(self._restore_place)
        self._kept: tuple[Path | None, Path | None] = (None, None)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._delegate.theme = theme
        self.viewport().update()

    def mark(self, path: Path | None) -> None:
        """Mark the ECG that is in sight."""
        self._delegate.current = path
        self.viewport().update()

    def select(self, path: Path) -> None:
        """Select the row of a file; without one nothing is selected, as another's row would say that it is in sight."""
        row = self.rows.row_of(path)
        if row is not None:
            self._select(row)
        else:
            self.setCurrentIndex(QModelIndex())

    def selected_path(self) -> Path | None:
        """Return the file of the selected row."""
        entry = self.rows.entry(self.currentIndex().row()) if self.currentIndex().isValid() else None
        return None if entry is None else entry.path

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self.currentIndex().row())
            return
        super().keyPressEvent(event)

    def dataChanged(self, first: Index, last: Index, roles: Sequence[int] = ()) -> None:  # noqa: D102
        # Qt paints the whole table anew whichever rows have changed.
        bottom = self.rowAt(self.viewport().height() - 1)
        if last.row() >= self.rowAt(0) and (bottom < 0 or first.row() <= bottom):
            super().dataChanged(first, last, list(roles))

    def keyboardSearch(self, search: str) -> None:
        """Letters are commands of the window; the list is searched with its own line."""

    def _choose(self, row: int) -> None:
        entry = self.rows.entry(row)
        if entry is not None:
            self.chosen.emit(entry.path)

    def _select(self, row: int) -> None:
        column = max(0, self.currentIndex().column())
        self.setCurrentIndex(self.rows.index(row, column))

    def _on_head_clicked(self, section: int) -> None:
        """Sort up, then down, then as found."""
        column, order = _NAMES[section], self._list.order
        if order.column != column:
            wanted = Order(column)
        else:
            wanted = Order() if order.is_descending else Order(column, is_descending=True)
        heads = self.horizontalHeader()
        heads.setSortIndicatorShown(wanted.column is not None)
        down = Qt.SortOrder.DescendingOrder if wanted.is_descending else Qt.SortOrder.AscendingOrder
        heads.setSortIndicator(section if wanted.column is not None else -1, down)
        self._list.set_order(wanted)
        if self.currentIndex().isValid():
            self.scrollTo(self.currentIndex(), QAbstractItemView.ScrollHint.PositionAtCenter)
        else:
            self.scrollToTop()

    # What is filtered or sorted anew keeps the selection, and the line at the top where nothing is selected.

    def _keep_place(self) -> None:
        top = self.rows.entry(self.rowAt(0))
        self._kept = (self.selected_path(), None if top is None else top.path)

    def _restore_place(self) -> None:
        selected, top = self._kept
        row, top_row = self.rows.row_of(selected), self.rows.row_of(top)
        if top_row is not None:
            self.verticalScrollBar().setValue(top_row)
        if row is not None:
            # The selection must not pull the list back to where the person has scrolled away from.
            self.setAutoScroll(False)
            self._select(row)
            self.setAutoScroll(True)
