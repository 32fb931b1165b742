"""What the recording device stored of its own: folded at first, so that it does not read the ECG before the reader."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ecgviewer.state.device_reading import DeviceRows, device_rows
from ecgviewer.state.theme import Theme
from ecgviewer.widgets.answer_panel import LinkButton, quiet_small_label
from ecgviewer.widgets.shapes import MarkWidget
from ecgviewer.widgets.style import GRID_PX
from physioclr_core.readers.report_text import DEVICE_HEADING
from physioclr_core.record import DeviceReading

TALLEST_PX = 264
HEADING = "Stored by the device"


class DevicePanel(QFrame):
    """Heading, and once unfolded statements, status and measurements; not there where the device stored nothing.

    Folded it does not say what the device read, but that it marked something as critical: a reader may look second,
    not too late. ``report_asked`` is emitted where the person wants to see all of it.
    """

    report_asked = Signal()
    reading_changed = Signal()

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("devicePanel")
        self._rows: DeviceRows | None = None
        self.heading = QToolButton()
        self.heading.setCheckable(True)
        self.heading.setAccessibleName(DEVICE_HEADING)
        self.heading.setToolTip("Statements and measurements in the file, as they were stored")
        self.heading.toggled.connect(self._on_toggled)
        self._count = quiet_small_label()
        self._mark = MarkWidget("notice", theme.notice, theme.panel)
        self._flag = _label("")
        self._flag_line = QWidget()
        flag = QHBoxLayout(self._flag_line)
        flag.setContentsMargins(2 * GRID_PX, 0, 2 * GRID_PX, 4)
        flag.setSpacing(GRID_PX)
        flag.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignTop)
        flag.addWidget(self._flag, 1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.hide()
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 4, 0, 4)
        body.setSpacing(0)
        body.addWidget(self.heading)
        self._count.setContentsMargins(2 * GRID_PX, 0, 2 * GRID_PX, 4)
        body.addWidget(self._count)
        body.addWidget(self._flag_line)
        body.addWidget(self._area)
        self._say_heading()
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._mark.set_colours(theme.notice, theme.panel)

    @property
    def flag(self) -> str:
        """Says that something was marked as critical; empty where nothing was."""
        return "" if self._rows is None else self._rows.flag.capitalize()

    @property
    def folded_text(self) -> str:
        """The words in sight whether or not it is folded."""
        if self.isHidden() or self._rows is None:
            return ""
        return "\n".join(line for line in (self._count.text(), self.flag) if line)

    @property
    def is_open(self) -> bool:
        """Whether statements and measurements are in sight."""
        return not self.isHidden() and self.heading.isChecked()

    @property
    def text(self) -> str:
        """The words in sight below the heading."""
        if not self.is_open or self._rows is None:
            return ""
        return "\n".join([*self._rows.statements, self._rows.status, *(f"{n} {v}" for n, v in self._rows.measurements)])

    def set_reading(self, reading: DeviceReading) -> None:
        """Show what another record's device stored; folded again for each record."""
        self._rows = device_rows(reading)
        self.heading.setChecked(False)
        old = self._area.takeWidget()
        if old is not None:
            old.deleteLater()
        self.setVisible(self._rows is not None)
        if self._rows is not None:
            self._count.setText(f"Not by this program: {self._rows.count}")
            self._flag.setText(self.flag)
            self._flag_line.setVisible(bool(self.flag))
            self.heading.setAccessibleName(f"{DEVICE_HEADING}. {self._rows.flag}".rstrip(". "))
        self.reading_changed.emit()

    def _on_toggled(self, is_open: bool) -> None:
        self._say_heading()
        if is_open and self._area.widget() is None and self._rows is not None:
            content = self._content(self._rows)
            self._area.setWidget(content)
            height_px = content.heightForWidth(max(self.width(), 200) - 3 * GRID_PX)
            self._area.setFixedHeight(min(TALLEST_PX, max(height_px, content.sizeHint().height()) + GRID_PX))
        self._area.setVisible(is_open)

    def _say_heading(self) -> None:
        self.heading.setText(f"{'▾' if self.heading.isChecked() else '▸'}  {HEADING}")

    def _content(self, rows: DeviceRows) -> QWidget:
        content = QWidget()
        content.setObjectName("deviceBody")
        grid = QGridLayout(content)
        grid.setContentsMargins(2 * GRID_PX, 0, 2 * GRID_PX, 0)
        grid.setHorizontalSpacing(2 * GRID_PX)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 1)
        for text in rows.statements:
            grid.addWidget(_label(text), grid.rowCount(), 0, 1, 2)
        grid.addWidget(_label(rows.status, is_quiet=True), grid.rowCount(), 0, 1, 2)
        for name, value in rows.measurements:
            row = grid.rowCount()
            grid.addWidget(_label(name, is_quiet=True), row, 0)
            grid.addWidget(_label(value), row, 1, Qt.AlignmentFlag.AlignRight)
        link = LinkButton("All of it is in the import report", "Open the import report (I)")
        link.clicked.connect(self.report_asked)
        grid.addWidget(link, grid.rowCount(), 0, 1, 2, Qt.AlignmentFlag.AlignLeft)
        return content


def _label(text: str, *, is_quiet: bool = False) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setProperty("quiet", is_quiet)
    return label
