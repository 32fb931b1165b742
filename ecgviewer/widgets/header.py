"""The two lines over the paper: who and when, and how the paper is set."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QToolButton, QWidget

from ecgviewer.state.header import Part, line_text
from ecgviewer.state.theme import Theme
from ecgviewer.widgets.plain_text import plain_tooltip
from ecgviewer.widgets.style import GRID_PX, strong_font

LINE_PX = 20
PART_GAP_PX = 16


class HeaderView(QFrame):
    """Draws two lines of parts; units and labels are lighter than values, what does not fit is cut with an ellipsis."""

    closed = Signal()

    def __init__(self, theme: Theme, *, can_close: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("header")
        self._theme = theme
        self._lines: tuple[list[Part], list[Part]] = ([], [])
        self._remark = ""
        self.setFixedHeight(2 * LINE_PX + GRID_PX + 1)
        self._close: QToolButton | None = None
        if can_close:
            self._close = QToolButton(self)
            self._close.setText("✕")
            self._close.setToolTip("Close this ECG (Esc)")
            self._close.setAccessibleName("Close this ECG")
            self._close.clicked.connect(self.closed)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._theme = theme
        self.update()

    def set_lines(self, first: list[Part], second: list[Part]) -> None:
        """Show other words."""
        if (first, second) == self._lines:
            return
        self._lines = (first, second)
        self.setAccessibleName(self.text())
        self.set_remark(self._remark)
        self.update()

    def set_remark(self, remark: str) -> None:
        """Add a sentence to the tooltip."""
        self._remark = remark
        self.setToolTip(plain_tooltip("\n".join(filter(None, (self.text(), remark)))))

    def text(self) -> str:
        """Return both lines as plain text."""
        return "\n".join(line_text(line) for line in self._lines if line)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(200, 2 * LINE_PX + GRID_PX + 1)

    def resizeEvent(self, event: object) -> None:  # noqa: D102
        if self._close is not None:
            size = self._close.sizeHint()
            self._close.setGeometry(self.width() - size.width() - 4, 4, size.width(), size.height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        super().paintEvent(event)
        painter = QPainter(self)
        right_px = self.width() - GRID_PX - (self._close.width() if self._close is not None else 0)
        for k, line in enumerate(self._lines):
            self._paint_line(painter, line, GRID_PX / 2 + k * LINE_PX, right_px, is_first=k == 0)
        painter.end()

    def _paint_line(
        self, painter: QPainter, line: list[Part], top_px: float, right_px: float, *, is_first: bool
    ) -> None:
        x_px = 2.0 * GRID_PX
        strong, plain = strong_font(self.font()), self.font()
        for i, part in enumerate(line):
            value_font = strong if is_first and i == 0 else plain
            pieces = ((part.label, plain, True), (part.value, value_font, False), (part.unit, plain, True))
            for text, font, is_light in pieces:
                if not text:
                    continue
                metrics = QFontMetricsF(font)
                shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, max(0.0, right_px - x_px))
                painter.setFont(font)
                painter.setPen(QColor(self._theme.text_quiet if is_light else self._theme.text))
                width_px = metrics.horizontalAdvance(shown)
                painter.drawText(QRectF(x_px, top_px, width_px + 2, LINE_PX), Qt.AlignmentFlag.AlignVCenter, shown)
                if shown != text:
                    return
                x_px += width_px + 4
            x_px += PART_GAP_PX - 4
