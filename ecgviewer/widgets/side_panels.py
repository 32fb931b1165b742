"""Findings and similar ECGs at the right edge: open, or folded to a rail."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QFrame,
    QHBoxLayout,
    QSizePolicy,
    QSplitter,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ecgviewer.state.theme import Theme
from ecgviewer.widgets.answer_panel import AnswerPanel
from ecgviewer.widgets.device_panel import DevicePanel
from ecgviewer.widgets.events_panel import EventsPanel
from ecgviewer.widgets.findings_panel import FindingsPanel
from ecgviewer.widgets.similar_panel import SimilarPanel
from ecgviewer.widgets.style import GRID_PX

PANELS_PX = 320
RAIL_PX = 32


class RailButton(QAbstractButton):
    """A word that stands upright."""

    def __init__(self, text: str, theme: Theme, tooltip: str) -> None:
        super().__init__()
        self._theme = theme
        self.setText(text)
        self.setToolTip(tooltip)
        self.setAccessibleName(tooltip)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._theme = theme
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(RAIL_PX - 1, self.fontMetrics().horizontalAdvance(self.text()) + 3 * GRID_PX)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        if self.underMouse() or self.hasFocus():
            painter.fillRect(self.rect(), QColor(self._theme.hover))
        painter.setPen(QColor(self._theme.text))
        painter.translate(self.width(), 0)
        painter.rotate(90)
        painter.drawText(0, 0, self.height(), self.width(), Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()


class SidePanels(QFrame):
    """Both panels, or the rail in their place; ``toggled`` carries whether they are open.

    ``chosen_by_hand`` is emitted where the person, not the window's width, decided.
    """

    toggled = Signal(bool)
    chosen_by_hand = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.findings = FindingsPanel(theme)
        self.similar = SimilarPanel(theme)
        self.events = EventsPanel()
        self.device = DevicePanel(theme)
        self._panels = QFrame()
        self._panels.setObjectName("panels")
        self._panels.setFixedWidth(PANELS_PX)
        fold = QToolButton()
        fold.setText("»")
        fold.setToolTip("Fold the panels (Ctrl+B)")
        fold.setAccessibleName("Fold the panels")
        fold.clicked.connect(self._on_fold_clicked)
        self.findings.add_to_heading(fold)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setHandleWidth(1)
        split.setChildrenCollapsible(False)
        split.addWidget(self.events)
        split.addWidget(self.findings)
        split.addWidget(self.similar)
        split.setSizes([500, 500, 500])
        inner = QVBoxLayout(self._panels)
        inner.setContentsMargins(1, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(split, 1)
        inner.addWidget(self.device)
        self._rail = QFrame()
        self._rail.setObjectName("rail")
        self._rail.setFixedWidth(RAIL_PX)
        rail = QVBoxLayout(self._rail)
        rail.setContentsMargins(1, GRID_PX, 0, GRID_PX)
        rail.setSpacing(GRID_PX)
        self._rail_buttons = {
            "findings": RailButton("Findings", theme, "Open the findings (A)"),
            "similar": RailButton("Similar ECGs", theme, "Open the similar ECGs (S)"),
        }
        for name, button in self._rail_buttons.items():
            button.clicked.connect(lambda _checked=False, name=name: self.reveal(name))
            rail.addWidget(button)
        rail.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(self._panels)
        row.addWidget(self._rail)
        self._rail.hide()

    @property
    def is_open(self) -> bool:
        """Whether the panels are open."""
        return not self._panels.isHidden()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.findings.set_theme(theme)
        self.similar.set_theme(theme)
        self.device.set_theme(theme)
        for button in self._rail_buttons.values():
            button.set_theme(theme)

    def set_open(self, is_open: bool) -> None:
        """Open the panels or fold them to the rail."""
        if is_open == self.is_open:
            return
        self._panels.setVisible(is_open)
        self._rail.setVisible(not is_open)
        self.toggled.emit(is_open)

    def _on_fold_clicked(self) -> None:
        self.chosen_by_hand.emit()
        self.set_open(False)

    def reveal(self, name: str) -> None:
        """Open the panels and go to one of them; fold them where the keyboard is already there."""
        panel: AnswerPanel = self.findings if name == "findings" else self.similar
        self.chosen_by_hand.emit()
        if self.is_open and panel.list.hasFocus():
            self.set_open(False)
            return
        self.set_open(True)
        panel.list.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if not panel.list.currentIndex().isValid() and panel.model.rowCount():
            panel.list.setCurrentIndex(panel.model.index(0))
