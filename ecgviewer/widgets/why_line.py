"""The legend of what is tinted on the paper: statement, what a tint means, model and its use; progress until then."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ecgviewer.state.why import MEANING, WhyState, footline, headline
from ecgviewer.widgets.status_line import ElidedLabel
from ecgviewer.widgets.style import GRID_PX, small_font, strong_font

BAR_WIDTH_PX = 160
# An answer that is there at once needs no progress bar.
BAR_AFTER_MS = 150


class WhyLine(QFrame):
    """Two lines below the paper; ``closed`` is emitted by its button, which gives a question up or hides an answer."""

    closed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("whyLine")
        self._head, self._foot = ElidedLabel(), ElidedLabel()
        self._head.setFont(strong_font(self._head.font()))
        self._foot.setFont(small_font(self._foot.font()))
        self._foot.setProperty("quiet", True)
        self._bar = QProgressBar()
        self._bar.setFixedWidth(BAR_WIDTH_PX)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress of the explanation")
        self._button = QPushButton()
        self._button.clicked.connect(self.closed)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._head)
        words.addWidget(self._foot)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * GRID_PX, 4, GRID_PX, 4)
        row.setSpacing(GRID_PX)
        row.addLayout(words, 1)
        row.addWidget(self._bar)
        row.addWidget(self._button)
        self._bar_timer = QTimer(self, singleShot=True, interval=BAR_AFTER_MS)
        self._bar_timer.timeout.connect(self._bar.show)
        self.set_state(WhyState(), "")

    @property
    def text(self) -> str:
        """The words in sight, both lines."""
        if self.isHidden():
            return ""
        return "\n".join(line for line in (self._head.whole_text, self._foot.whole_text) if line)

    @property
    def shows_progress(self) -> bool:
        """Whether the progress bar is in sight."""
        return not self.isHidden() and not self._bar.isHidden()

    def set_state(self, state: WhyState, model: str, hides_strongest: bool = False) -> None:
        """Show where the question stands; ``model`` names who answers, the rest is for ``headline``."""
        is_waiting = state.kind == "waiting"
        self._head.set_whole(headline(state, hides_strongest), MEANING if state.kind == "shown" else "")
        foot = footline(state, model)
        self._foot.set_whole(foot, MEANING)
        self._foot.setVisible(bool(foot))
        self._bar.setRange(0, state.n_all)  # 0 to 0 is "busy"
        self._bar.setValue(state.n_done)
        if not is_waiting:
            self._bar_timer.stop()
            self._bar.hide()
        elif self._bar.isHidden() and not self._bar_timer.isActive():
            self._bar_timer.start()
        self._button.setText("Cancel" if is_waiting else "Hide")
        self._button.setToolTip("W or Esc")
        self.setVisible(state.kind != "off")

    def stop(self) -> None:
        """Stop waiting; called when the window is closed."""
        self._bar_timer.stop()
