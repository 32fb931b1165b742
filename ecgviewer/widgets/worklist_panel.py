"""The worklist at the left edge: filter, table, progress; open, folded to a rail, or not there while no list is."""

from __future__ import annotations

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ecgviewer.services.folders import Folders
from ecgviewer.state.error_text import short_and_more
from ecgviewer.state.theme import Theme
from ecgviewer.state.worklist import Filter, Status
from ecgviewer.state.worklist_text import grouped
from ecgviewer.widgets.answer_panel import LinkButton
from ecgviewer.widgets.plain_text import plain_tooltip
from ecgviewer.widgets.side_panels import RAIL_PX, RailButton
from ecgviewer.widgets.status_line import ElidedLabel
from ecgviewer.widgets.style import GRID_PX, strong_font
from ecgviewer.widgets.worklist_table import WorklistTable

DEFAULT_PX = 320
NARROWEST_PX = 240
WIDEST_PX = 1200
GRIP_PX = 5
FORMATS_PX = 112
BAR_AFTER_MS = 1000
ALL_FORMATS = "All formats"
STATUSES: tuple[tuple[Status, str, str], ...] = (
    ("all", "All", "Every file of the list"),
    ("error", "Errors", "Files that could not be read"),
    ("notice", "Notices", "ECGs whose import has something to say"),
)


class _Grip(QWidget):
    """The panel's right edge: dragging it makes the panel wider or narrower."""

    dragged = Signal(int)
    released = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(GRIP_PX)
        self.setCursor(Qt.CursorShape.SplitHCursor)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.dragged.emit(round(event.globalPosition().x()))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self.released.emit()


class WorklistPanel(QFrame):
    """The panel.

    ``chosen`` carries the file that shall be opened, ``resized`` the width that the person gave the panel, ``toggled``
    whether it is open.
    """

    chosen = Signal(object)
    resized = Signal(int)
    toggled = Signal(bool)

    def __init__(self, folders: Folders, theme: Theme, width_px: int = DEFAULT_PX) -> None:
        super().__init__()
        self._folders = folders
        self._is_folded = False
        self._is_there = False
        self.table = WorklistTable(folders.list, theme)
        self._panel = self._build_panel()
        self._rail_button = RailButton("Worklist", theme, "Open the worklist (L)")
        self._rail_button.clicked.connect(lambda: self.set_open(True))
        self._rail = QFrame()
        self._rail.setObjectName("leftRail")
        self._rail.setFixedWidth(RAIL_PX)
        rail = QVBoxLayout(self._rail)
        rail.setContentsMargins(0, GRID_PX, 1, GRID_PX)
        rail.addWidget(self._rail_button)
        rail.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._panel)
        row.addWidget(self._rail)
        self.set_width(width_px)
        self._bar_timer = QTimer(self, singleShot=True, interval=BAR_AFTER_MS)
        self._bar_timer.timeout.connect(self._show_bar)
        self.table.chosen.connect(self.chosen)
        self.table.selectionModel().currentChanged.connect(lambda *_: self._show_reason())
        self.table.rows.modelReset.connect(self._show_reason)
        folders.progressed.connect(self._refresh)
        self._rail.hide()
        self.hide()
        self._refresh()

    def _build_panel(self) -> QFrame:
        panel = QFrame()
        panel.setObjectName("leftPanel")
        body = QVBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addLayout(self._build_heading())
        body.addLayout(self._build_filters())
        body.addWidget(self.table, 1)
        body.addLayout(self._build_foot())
        self._grip = _Grip()
        self._grip.dragged.connect(lambda x_px: self.set_width(x_px - self.mapToGlobal(self.rect().topLeft()).x()))
        self._grip.released.connect(lambda: self.resized.emit(self._panel.width()))
        row = QHBoxLayout(panel)
        row.setContentsMargins(0, 0, 1, 0)
        row.setSpacing(0)
        row.addLayout(body, 1)
        row.addWidget(self._grip)
        return panel

    def _build_heading(self) -> QHBoxLayout:
        heading = QLabel("Worklist")
        heading.setFont(strong_font(self.font()))
        self._title = ElidedLabel()
        self._title.setProperty("quiet", True)
        self._title.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        fold = QToolButton()
        fold.setText("«")
        fold.setToolTip("Fold the worklist (L)")
        fold.setAccessibleName("Fold the worklist")
        fold.clicked.connect(lambda: self.set_open(False))
        row = QHBoxLayout()
        row.setContentsMargins(2 * GRID_PX, GRID_PX, 0, 4)
        row.setSpacing(GRID_PX)
        row.addWidget(heading)
        row.addWidget(self._title, 1)
        row.addWidget(fold)
        return row

    def _build_filters(self) -> QVBoxLayout:
        self.text = QLineEdit()
        self.text.setPlaceholderText("Filter by any word")
        self.text.setClearButtonEnabled(True)
        self.text.setAccessibleName("Filter the worklist")
        self.text.textChanged.connect(self._on_filter_changed)
        self.formats = QComboBox()
        self.formats.setAccessibleName("Format")
        self.formats.addItem(ALL_FORMATS)
        self.formats.setMaximumWidth(FORMATS_PX)
        self.formats.currentIndexChanged.connect(self._on_filter_changed)
        first = QHBoxLayout()
        first.setSpacing(GRID_PX)
        first.addWidget(self.text, 1)
        first.addWidget(self.formats)
        self.statuses: dict[Status, QToolButton] = {}
        self._group = QButtonGroup(self)
        second = QHBoxLayout()
        second.setSpacing(4)
        for status, text, tooltip in STATUSES:
            button = QToolButton()
            button.setText(text)
            button.setToolTip(tooltip)
            button.setCheckable(True)
            button.setProperty("choice", True)
            self._group.addButton(button)
            second.addWidget(button)
            self.statuses[status] = button
        self.statuses["all"].setChecked(True)
        self._group.buttonClicked.connect(self._on_filter_changed)
        second.addStretch(1)
        rows = QVBoxLayout()
        rows.setContentsMargins(2 * GRID_PX, 0, GRID_PX, 6)
        rows.setSpacing(6)
        rows.addLayout(first)
        rows.addLayout(second)
        return rows

    def _build_foot(self) -> QVBoxLayout:
        self._reason = QLabel()
        self._reason.setWordWrap(True)
        self._reason.setTextFormat(Qt.TextFormat.PlainText)
        self._reason.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._reason.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._fault = QLabel()
        self._fault.setWordWrap(True)
        self._fault.setTextFormat(Qt.TextFormat.PlainText)
        self._fault.setProperty("notice", True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress of reading")
        self.progress = ElidedLabel()
        self.progress.setProperty("quiet", True)
        self.cancel = LinkButton("Stop", "Stop reading; what has been read stays")
        self.cancel.clicked.connect(self._folders.cancel)
        self.rescan = LinkButton("Rescan", "Search again and read what is new or has changed")
        self.rescan.clicked.connect(self._folders.rescan)
        self.close_list = LinkButton("Close", "Close the list; the files stay where they are")
        self.close_list.clicked.connect(self._folders.close)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addStretch(1)
        for button in (self.cancel, self.rescan, self.close_list):
            row.addWidget(button)
        foot = QVBoxLayout()
        foot.setContentsMargins(2 * GRID_PX, 6, GRID_PX, 6)
        foot.setSpacing(4)
        foot.addWidget(self._reason)
        foot.addWidget(self._fault)
        foot.addWidget(self._bar)
        foot.addWidget(self.progress)
        foot.addLayout(row)
        return foot

    # --- state -------------------------------------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Whether the table is in sight."""
        return not self.isHidden() and not self._is_folded

    @property
    def room_px(self) -> int:
        """How much of the window's width it takes."""
        if self.isHidden():
            return 0
        return RAIL_PX if self._is_folded else self._panel.width()

    @property
    def reason(self) -> str:
        """The sentence on the chosen file, where it could not be read."""
        return self._reason.text() if not self._reason.isHidden() else ""

    @property
    def shows_bar(self) -> bool:
        """Whether the progress bar is in sight."""
        return not self._bar.isHidden()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.table.set_theme(theme)
        self._rail_button.set_theme(theme)

    def set_width(self, width_px: int) -> None:
        """Make the panel wider or narrower."""
        self._panel.setFixedWidth(min(max(width_px, NARROWEST_PX), WIDEST_PX))

    def set_open(self, is_open: bool) -> None:
        """Open the panel or fold it to the rail."""
        self._is_folded = not is_open
        self._panel.setVisible(is_open)
        self._rail.setVisible(not is_open)
        self.toggled.emit(is_open)

    def reveal(self) -> None:
        """Open the panel and go to the table; fold it where the keyboard is already there."""
        if self.isHidden():
            return
        if self.is_open and self.table.hasFocus():
            self.set_open(False)
            return
        self.set_open(True)
        self.table.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def stop(self) -> None:
        """Stop waiting; called when the window is closed."""
        self._bar_timer.stop()

    # --- what happens ------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        folders = self._folders
        if self._is_there != folders.is_open:
            self._is_there = folders.is_open
            self.setVisible(folders.is_open)
            self.set_open(True)
            if not folders.is_open:
                self._reset_filters()
        self._title.set_whole(folders.title, "\n".join(str(path) for path in folders.roots[:20]))
        self.progress.set_whole(folders.progress)
        is_reading = folders.is_reading
        self.cancel.setVisible(is_reading)
        self.rescan.setVisible(not is_reading)
        self.close_list.setVisible(not is_reading)
        self._bar.setRange(0, folders.n_found)
        self._bar.setValue(folders.n_done)
        if not is_reading:
            self._bar_timer.stop()
            self._bar.hide()
        elif self._bar.isHidden() and not self._bar_timer.isActive():
            self._bar_timer.start()
        more = f" (and {len(folders.faults) - 1} more)" if len(folders.faults) > 1 else ""
        self._fault.setText(f"{folders.faults[0]}{more}" if folders.faults else "")
        self._fault.setToolTip(plain_tooltip("\n".join(folders.faults)))
        self._fault.setVisible(bool(folders.faults))
        self._count()
        self._offer_formats()
        self._show_reason()

    def _count(self) -> None:
        for status, text, _ in STATUSES:
            self.statuses[status].setText(f"{text} {grouped(self._folders.list.count(status))}")

    def _offer_formats(self) -> None:
        names = [ALL_FORMATS, *self._folders.list.formats()]
        if names != [self.formats.itemText(k) for k in range(self.formats.count())]:
            chosen = self.formats.currentText()
            self.formats.blockSignals(True)
            self.formats.clear()
            self.formats.addItems(names)
            self.formats.setCurrentIndex(max(0, self.formats.findText(chosen)))
            self.formats.blockSignals(False)
        self.formats.setVisible(len(names) > 2)

    def _reset_filters(self) -> None:
        self.text.clear()
        self.formats.setCurrentIndex(0)
        self.statuses["all"].setChecked(True)
        self._on_filter_changed()

    def _on_filter_changed(self, *_: object) -> None:
        chosen = self.formats.currentText()
        status = next(status for status, button in self.statuses.items() if button.isChecked())
        self._folders.list.set_filter(Filter(self.text.text(), "" if chosen == ALL_FORMATS else chosen, status))

    def _show_bar(self) -> None:
        self._bar.setVisible(self._folders.is_reading)

    def _show_reason(self) -> None:
        path = self.table.selected_path()
        entry = self._folders.list.entry_of(path) if path is not None else None
        text, more = short_and_more(entry.error if entry is not None else "")
        self._reason.setText(text)
        self._reason.setToolTip(plain_tooltip(more))
        self._reason.setVisible(bool(text))
