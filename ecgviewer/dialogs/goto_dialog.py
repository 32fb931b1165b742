"""Go to a time: one line, by the clock or since the start, with what is understood and what is wrong below it."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QLineEdit, QVBoxLayout, QWidget

from ecgviewer.services.long_review import LongReview
from ecgviewer.state.record_time import TimeError
from ecgviewer.widgets.style import GRID_PX


class GotoDialog(QDialog):
    """Asks for a time and goes there; a time that is none keeps the dialog open and says why."""

    def __init__(self, review: LongReview, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._review = review
        clock = review.clock
        self.setWindowTitle("Go to time")
        self.line = QLineEdit()
        self.line.setAccessibleName("Time")
        self.line.setPlaceholderText("14:30, day 2 14:30, or +3:25:10")
        span = QLabel(f"From {clock.text(0)} to {clock.text(clock.duration_s)}.")
        span.setProperty("quiet", True)
        self.fault = QLabel()
        self.fault.setWordWrap(True)
        self.fault.hide()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        body = QVBoxLayout(self)
        body.setContentsMargins(2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX, 2 * GRID_PX)
        body.setSpacing(GRID_PX)
        for widget in (self.line, span, self.fault, buttons):
            body.addWidget(widget)
        self.setMinimumWidth(380)

    def accept(self) -> None:
        """Go there, or say why not."""
        try:
            self._review.jump(self.line.text())
        except TimeError as error:
            self.fault.setText(str(error))
            self.fault.show()
            self.line.selectAll()
            return
        super().accept()
