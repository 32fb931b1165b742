"""Lines that say something once: an error over the paper, the import notice above, the first hints below it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from ecgviewer.state.error_text import short_and_more
from ecgviewer.state.import_notice import ImportNotice
from ecgviewer.state.theme import Theme
from ecgviewer.widgets.answer_panel import LinkButton
from ecgviewer.widgets.plain_text import plain_tooltip
from ecgviewer.widgets.shapes import MarkWidget
from ecgviewer.widgets.status_line import ElidedLabel
from ecgviewer.widgets.style import GRID_PX

HINTS = (
    "Drop ECG files or a folder here, or press Ctrl+O",
    "Wheel pans, Ctrl+wheel sets the speed, Shift+wheel the gain",
    "Double-click a similar ECG to lay it beside this one",
)


class ErrorBar(QFrame):
    """One sentence over the upper edge of the paper; the paper under it does not move."""

    dismissed = Signal()

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("errorBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._mark = MarkWidget("urgent", theme.urgent, theme.raised)
        self._label = QLabel()
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setWordWrap(True)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        close = QToolButton()
        close.setText("✕")
        close.setToolTip("Dismiss (Esc)")
        close.setAccessibleName("Dismiss the error")
        close.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(GRID_PX, 4, 4, 4)
        row.setSpacing(GRID_PX)
        row.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._label, 1)
        row.addWidget(close)
        parent.installEventFilter(self)
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._mark.set_colours(theme.urgent, theme.raised)

    @property
    def text(self) -> str:
        """The sentence in sight; empty while there is none."""
        return self._label.text() if not self.isHidden() else ""

    def say(self, sentence: str) -> None:
        """Show a sentence; a list of what can be read goes into the tooltip."""
        short, more = short_and_more(sentence)
        self._label.setText(short)
        self.setToolTip(plain_tooltip(more))
        self.setAccessibleName(sentence)
        self.show()
        self.raise_()
        self._fit()

    def dismiss(self) -> None:
        """Take the sentence away."""
        if not self.isHidden():
            self.hide()
            self.dismissed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return False

    def _fit(self) -> None:
        parent = self.parentWidget()
        if parent is not None and not self.isHidden():
            width_px = max(160, parent.width() - 4 * GRID_PX)
            # Not the size hint: it is that of a narrow label, four times as tall.
            height_px = max(self.heightForWidth(width_px), 36)
            self.setGeometry(2 * GRID_PX, GRID_PX // 2, width_px, height_px)


class NoticeLine(QFrame):
    """What a reader should know of the import in one quiet line; a click opens the report."""

    clicked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("noticeLine")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip("Open the import report")
        self._mark = MarkWidget("notice", theme.notice, theme.panel)
        self._label = ElidedLabel()
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID_PX, 2, GRID_PX, 2)
        row.setSpacing(GRID_PX)
        row.addWidget(self._mark)
        row.addWidget(self._label, 1)
        self.link = LinkButton("Import report", "What was read, derived and left out (I)")
        self.link.clicked.connect(self.clicked)
        row.addWidget(self.link)
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._mark.set_colours(theme.notice, theme.panel)

    @property
    def text(self) -> str:
        """The words in sight."""
        return self._label.whole_text if not self.isHidden() else ""

    @property
    def has_mark(self) -> bool:
        """Whether the line warns."""
        return not self._mark.isHidden()

    def set_notice(self, notice: ImportNotice) -> None:
        """Show the line; nothing where there is nothing to say."""
        self._label.set_whole(notice.text)
        self._mark.setVisible(notice.is_warning)
        self.setAccessibleName(notice.text)
        self.setVisible(bool(notice.text))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self.clicked.emit()


class HintLine(QFrame):
    """Three hints for the first start; gone for good once dismissed."""

    dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("hintLine")
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID_PX, 4, GRID_PX, 4)
        row.setSpacing(3 * GRID_PX)
        for hint in HINTS:
            label = QLabel(hint)
            label.setProperty("quiet", True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            label.setToolTip(hint)
            row.addWidget(label, len(hint))
        button = QPushButton("Got it")
        button.clicked.connect(self._on_clicked)
        row.addWidget(button)

    def _on_clicked(self) -> None:
        self.hide()
        self.dismissed.emit()
