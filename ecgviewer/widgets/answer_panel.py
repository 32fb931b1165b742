"""What both panels share: a heading, a list, a skeleton while the answer is on its way, and words where none comes."""

from __future__ import annotations

import time

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListView,
    QPushButton,
    QStackedLayout,
    QStyledItemDelegate,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ecgviewer.state.theme import Theme
from ecgviewer.widgets.shapes import MarkWidget
from ecgviewer.widgets.style import GRID_PX, small_font, strong_font

SKELETON_AFTER_MS = 150
WORDS_AFTER_S = 1
CANCEL_AFTER_S = 10

Index = QModelIndex | QPersistentModelIndex


class RowsModel(QAbstractListModel):
    """A list of rows; the row itself is the data of ``RowsModel.ROW``."""

    ROW = Qt.ItemDataRole.UserRole

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[object] = []

    @property
    def rows(self) -> list[object]:
        """The rows in their order."""
        return self._rows

    def set_rows(self, rows: list[object]) -> None:
        """Replace all rows."""
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, D102
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:  # noqa: D102
        if not 0 <= index.row() < len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == self.ROW:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole, Qt.ItemDataRole.ToolTipRole):
            return self.text(row)
        return None

    def text(self, row: object) -> str:
        """Return a row in words."""
        return str(row)


class Skeleton(QWidget):
    """Grey bars where the rows will be; they stand still."""

    def __init__(self, theme: Theme, row_px: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme, self._row_px = theme, row_px

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._theme = theme
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.skeleton))
        width_px = self.width() - 4 * GRID_PX
        for k in range(min(5, self.height() // self._row_px)):
            top_px = k * self._row_px + GRID_PX
            share = (0.62, 0.48, 0.7, 0.55, 0.4)[k]
            painter.drawRoundedRect(QRectF(2 * GRID_PX, top_px, width_px * share, 10), 3, 3)
            painter.drawRoundedRect(QRectF(2 * GRID_PX, top_px + 20, width_px, self._row_px - 40), 2, 2)
        painter.end()


class AnswerPanel(QFrame):
    """A panel that waits for an answer of the worker.

    ``cancelled`` and ``asked_again`` are emitted by its buttons, ``collapsed`` by the one in the heading.
    """

    cancelled = Signal()
    asked_again = Signal()
    collapsed = Signal()

    def __init__(
        self, title: str, model: RowsModel, delegate: QStyledItemDelegate, theme: Theme, skeleton_row_px: int
    ) -> None:
        super().__init__()
        self._theme = theme
        self.model = model
        self._heading = QLabel(title)
        self._heading.setFont(strong_font(self.font()))
        self._detail = QLabel()
        self._detail.setProperty("quiet", True)
        top = QHBoxLayout()
        top.setContentsMargins(2 * GRID_PX, GRID_PX, 2 * GRID_PX, 4)
        top.addWidget(self._heading)
        top.addStretch(1)
        top.addWidget(self._detail)
        self._top = top
        self.list = QListView()
        self.list.setModel(model)
        self.list.setItemDelegate(delegate)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setMouseTracking(True)
        self.list.setAccessibleName(title)
        self._skeleton = Skeleton(theme, skeleton_row_px)
        self._words = QLabel()
        self._words.setWordWrap(True)
        self._words.setProperty("quiet", True)
        self._button = QPushButton("Try again")
        self._button.clicked.connect(self._on_button_clicked)
        self._mark = MarkWidget("notice", theme.notice, theme.panel)
        said = QHBoxLayout()
        said.setSpacing(GRID_PX)
        said.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        said.addWidget(self._words, 1)
        self._foot = QVBoxLayout()
        self._foot.setContentsMargins(2 * GRID_PX, 0, 2 * GRID_PX, GRID_PX)
        self._foot.setSpacing(GRID_PX)
        self._foot.addLayout(said)
        self._foot.addWidget(self._button, 0, Qt.AlignmentFlag.AlignLeft)
        blank = QWidget()
        self._stack = QStackedLayout()
        for page in (blank, self._skeleton, self.list):
            self._stack.addWidget(page)
        self.body = body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addLayout(top)
        body.addLayout(self._foot)
        body.addLayout(self._stack, 1)
        self._waits_since = 0.0
        self._what = ""
        self._skeleton_timer = QTimer(self, singleShot=True, interval=SKELETON_AFTER_MS)
        self._skeleton_timer.timeout.connect(self._on_waited)
        self._tick = QTimer(self, interval=1000)
        self._tick.timeout.connect(self._on_tick)
        self._say("", None)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._theme = theme
        self._skeleton.set_theme(theme)
        self._mark.set_colours(theme.notice, theme.panel)
        self.list.viewport().update()

    def add_to_heading(self, widget: QWidget) -> None:
        """Put a widget at the right end of the heading."""
        self._top.addWidget(widget)

    @property
    def words(self) -> str:
        """The words in sight over the list."""
        return self._words.text() if not self._words.isHidden() else ""

    @property
    def is_waiting(self) -> bool:
        """Whether the panel waits for an answer."""
        return self._tick.isActive()

    @property
    def shows_skeleton(self) -> bool:
        """Whether the skeleton is in sight."""
        return self._stack.currentWidget() is self._skeleton

    def wait(self, what: str) -> None:
        """Forget the rows; after a moment show where new ones will appear, after a second say what takes time."""
        self._what = what
        if self.is_waiting:
            return
        self.model.set_rows([])
        self._stack.setCurrentIndex(0)
        self._say("", None)
        self._detail.setText("")
        self._waits_since = time.monotonic()
        self._skeleton_timer.start()
        self._tick.start()

    def fail(self, words: str, *, can_retry: bool, button: str = "Try again") -> None:
        """Say that and why there are no rows; the button asks."""
        self._stop_waiting()
        self.model.set_rows([])
        self._detail.setText("")
        self._stack.setCurrentIndex(0)
        self._say(words, button if can_retry else None)

    def show_rows(
        self, rows: list[object], *, detail: str = "", words: str = "", is_notice: bool = False, tooltip: str = ""
    ) -> None:
        """Show an answer; words that are a notice get its mark, ``tooltip`` says more of them."""
        self._stop_waiting()
        self.model.set_rows(rows)
        self._detail.setText(detail)
        self._stack.setCurrentWidget(self.list)
        self._say(words, None, is_notice=is_notice)
        self._words.setToolTip(tooltip)

    def stop(self) -> None:
        """Stop waiting; called when the window is closed."""
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        self._skeleton_timer.stop()
        self._tick.stop()

    def _say(self, words: str, button: str | None, *, is_notice: bool = False) -> None:
        self._words.setText(words)
        self._words.setToolTip("")
        self._mark.setVisible(is_notice and bool(words))
        self._words.setVisible(bool(words))
        self._button.setText(button or "")
        self._button.setVisible(button is not None)

    def _on_waited(self) -> None:
        self._stack.setCurrentWidget(self._skeleton)

    def _on_tick(self) -> None:
        waited_s = int(time.monotonic() - self._waits_since)
        if waited_s >= WORDS_AFTER_S:
            self._say(f"{self._what}, {waited_s} s", "Cancel" if waited_s >= CANCEL_AFTER_S else None)

    def _on_button_clicked(self) -> None:
        if self.is_waiting:
            self.cancelled.emit()
        else:
            self.asked_again.emit()


class LinkButton(QToolButton):
    """Words that lead somewhere; Enter and Space do what a click does."""

    def __init__(self, text: str, tooltip: str) -> None:
        super().__init__()
        self.setText(text)
        self.setToolTip(tooltip)
        self.setProperty("link", True)
        self.setFont(small_font(self.font()))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
            return
        super().keyPressEvent(event)


def quiet_small_label(text: str = "") -> QLabel:
    """Return a label for footnotes."""
    label = QLabel(text)
    label.setProperty("quiet", True)
    label.setWordWrap(True)
    label.setFont(small_font(label.font()))
    return label
