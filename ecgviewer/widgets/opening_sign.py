"""What shows that an ECG is being read: the one in sight and all that is said of it are dimmed until the next comes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ecgviewer.services.session import ReviewSession
from ecgviewer.state.theme import Theme
from ecgviewer.widgets.status_line import ElidedLabel
from ecgviewer.widgets.style import GRID_PX, small_font, strong_font

SIGN_AFTER_MS = 150
BAR_AFTER_S = 1
CANCEL_AFTER_S = 10
# Enough to see what is there, too little to read it as the ECG that was asked for.
VEIL_OPACITY = 0.82
CARD_PX = 360
CARD_AT_SHARE = 0.3


class _Veil(QWidget):
    """Dims the widget that it lies over, and keeps clicks from it."""

    def __init__(self, under: QWidget, theme: Theme) -> None:
        super().__init__(under)
        self._under, self._theme = under, theme
        under.installEventFilter(self)
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.update()

    def cover(self) -> None:
        """Lie over everything."""
        self.setGeometry(self._under.rect())
        self.show()
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and not self.isHidden():
            self.setGeometry(self._under.rect())
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        colour = QColor(self._theme.panel)
        colour.setAlphaF(VEIL_OPACITY)
        painter.fillRect(self.rect(), colour)
        painter.end()


class _Card(QFrame):
    """Name, progress, and whose ECG is still behind."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._paper = parent
        self.setObjectName("openingCard")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.what, self.behind = ElidedLabel(), ElidedLabel()
        self.what.setFont(strong_font(self.what.font()))
        self.behind.setFont(small_font(self.behind.font()))
        self.behind.setProperty("quiet", True)
        self.bar = QProgressBar()
        self.bar.setRange(0, 0)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Reading the ECG")
        self.cancel = QPushButton("Cancel")
        self.cancel.setToolTip("Esc")
        words = QVBoxLayout()
        words.setSpacing(4)
        for widget in (self.what, self.bar, self.behind):
            words.addWidget(widget)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID_PX, GRID_PX, 2 * GRID_PX, GRID_PX)
        row.setSpacing(2 * GRID_PX)
        row.addLayout(words, 1)
        row.addWidget(self.cancel)

    def place(self) -> None:
        """Stand in the upper part of the paper, where the eye is."""
        room = self._paper.rect()
        width_px = min(CARD_PX, max(160, room.width() - 4 * GRID_PX))
        height_px = self.sizeHint().height()
        top_px = max(GRID_PX, round(CARD_AT_SHARE * room.height()) - height_px // 2)
        self.setGeometry((room.width() - width_px) // 2, top_px, width_px, height_px)


class OpeningSign(QObject):
    """Dims what belongs to the ECG in sight once reading another takes long; ``cancelled`` is emitted by its button.

    The first of ``dimmed`` carries the words.
    """

    cancelled = Signal()

    def __init__(self, session: ReviewSession, dimmed: Sequence[QWidget], theme: Theme) -> None:
        super().__init__(dimmed[0])
        self._session = session
        self._name = ""
        self._since_s = 0.0
        self._veils = [_Veil(widget, theme) for widget in dimmed]
        self._card = _Card(self._veils[0])
        self._card.cancel.clicked.connect(self.cancelled)
        self._veils[0].installEventFilter(self)
        self._timer = QTimer(self, singleShot=True, interval=SIGN_AFTER_MS)
        self._timer.timeout.connect(self._show)
        self._tick = QTimer(self, interval=1000)
        self._tick.timeout.connect(self._say)
        session.opening.connect(self._on_opening)
        session.opening_ended.connect(self.stop)

    @property
    def text(self) -> str:
        """The words in sight; empty while nothing is dimmed."""
        if not self.is_shown:
            return ""
        return "\n".join(label.whole_text for label in (self._card.what, self._card.behind) if not label.isHidden())

    @property
    def is_shown(self) -> bool:
        """Whether the ECG in sight is dimmed."""
        return not self._veils[0].isHidden()

    @property
    def shows_progress(self) -> bool:
        """Whether the progress bar is in sight."""
        return self.is_shown and not self._card.bar.isHidden()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        for veil in self._veils:
            veil.set_theme(theme)

    def stop(self) -> None:
        """Take the sign away."""
        self._timer.stop()
        self._tick.stop()
        for veil in self._veils:
            veil.hide()

    def _on_opening(self, path: Path) -> None:
        self._name = path.name
        if self.is_shown:
            self._say()
        elif not self._timer.isActive():
            # From one ECG to the next and on to another the clock runs on: the one in sight is as wrong as before.
            self._since_s = time.monotonic()
            self._timer.start()

    def _show(self) -> None:
        self._tick.start()
        for veil in self._veils:
            veil.cover()
        self._say()

    def _say(self) -> None:
        card, waited_s = self._card, int(time.monotonic() - self._since_s)
        card.what.set_whole(f"reading {self._name}" + (f", {waited_s} s" if waited_s >= BAR_AFTER_S else "…"))
        record = self._session.record
        card.behind.set_whole(f"The dimmed ECG is still {record.name}" if record is not None else "")
        card.behind.setVisible(record is not None)
        card.bar.setVisible(waited_s >= BAR_AFTER_S)
        card.cancel.setVisible(waited_s >= CANCEL_AFTER_S)
        card.setAccessibleName(self.text)
        card.place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        if event.type() == QEvent.Type.Resize:
            self._card.place()
        return False
