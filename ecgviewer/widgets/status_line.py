"""The status bar: device and model, filter, scale, and the notice that is always in sight."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from ecgviewer.widgets.plain_text import plain_tooltip
from ecgviewer.widgets.style import GRID_PX

RESEARCH_NOTICE = "Research use only. Not a medical device."


class ElidedLabel(QLabel):
    """A label that gives way: what does not fit is cut and found in the tooltip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = ""
        self._tooltip = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setMinimumWidth(80)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    @property
    def whole_text(self) -> str:
        """The text before it is cut."""
        return self._whole

    def set_whole(self, text: str, tooltip: str = "") -> None:
        """Show a text; ``tooltip`` adds what does not belong into the line."""
        self._whole, self._tooltip = text, tooltip
        self.setAccessibleName(text)
        self.setToolTip(plain_tooltip("\n".join(line for line in (text, tooltip) if line)))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setText(QFontMetrics(self.font()).elidedText(self._whole, Qt.TextElideMode.ElideRight, self.width()))


class StatusLine(QFrame):
    """Four texts in one line."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        self.device = ElidedLabel()
        self.filter = QLabel("display filter off")
        self.scale = QLabel()
        self.notice = QLabel(RESEARCH_NOTICE)
        self.notice.setProperty("notice", True)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID_PX, 4, 2 * GRID_PX, 4)
        row.setSpacing(3 * GRID_PX)
        row.addWidget(self.device, 1)
        for label in (self.filter, self.scale):
            label.setProperty("quiet", True)
            row.addWidget(label)
        row.addWidget(self.notice)
