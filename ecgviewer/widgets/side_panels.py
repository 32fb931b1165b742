"""Findings and similar ECGs at the right edge: open, or folded to a rail."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt, Signal
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
from ecgviewer.widgets.shapes import draw_mark, octagon, triangle
from ecgviewer.widgets.similar_panel import SimilarPanel
from ecgviewer.widgets.style import GRID_PX

PANELS_PX = 320
RAIL_PX = 32
MARK_PX = 14
FINDINGS = ("Findings", "Open the findings (A)")


class RailButton(QAbstractButton):
    """A word that stands upright, below a mark where there is something that must not be missed."""

    def __init__(self, text: str, theme: Theme, tooltip: str) -> None:
        super().__init__()
        self._theme = theme
        self._mark = ""
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

    def say(self, text: str, tooltip: str, mark: str = "") -> None:
        """Show other words, with the mark "urgent" or "notice" where there is one."""
        self._mark = mark
        self.setText(text)
        self.setToolTip(tooltip)
        self.setAccessibleName(f"{text}. {tooltip}" if mark else tooltip)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        mark_px = MARK_PX + GRID_PX if self._mark else 0
        return QSize(RAIL_PX - 1, self.fontMetrics().horizontalAdvance(self.text()) + 3 * GRID_PX + mark_px)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        if self.underMouse() or self.hasFocus():
            painter.fillRect(self.rect(), QColor(self._theme.hover))
        top_px = 0
        if self._mark:
            rect = QRectF((self.width() - MARK_PX) / 2, GRID_PX, MARK_PX, MARK_PX)
            is_urgent = self._mark == "urgent"
            shape, colour = (octagon, self._theme.urgent) if is_urgent else (triangle, self._theme.notice)
            draw_mark(painter, shape(rect), colour, self._theme.panel)
            top_px = MARK_PX + GRID_PX
        painter.setPen(QColor(self._theme.text))
        painter.translate(self.width(), 0)
        painter.rotate(90)
        painter.drawText(top_px, 0, self.height() - top_px, self.width(), Qt.AlignmentFlag.AlignCenter, self.text())
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
            "findings": RailButton(FINDINGS[0], theme, FINDINGS[1]),
            "similar": RailButton("Similar ECGs", theme, "Open the similar ECGs (S)"),
            "device": RailButton("", theme, ""),
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
        # What is never hidden in the panels must not be hidden with them.
        self.findings.model.modelReset.connect(self._mark_rail)
        self.device.reading_changed.connect(self._mark_rail)
        self._mark_rail()

    @property
    def rail_words(self) -> list[str]:
        """The words of the rail; empty while the panels are open."""
        return [] if self.is_open else [b.text() for b in self._rail_buttons.values() if not b.isHidden()]

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

    def _mark_rail(self) -> None:
        codes = ", ".join(row.text for row in self.findings.rows() if row.is_urgent)
        title, tooltip = FINDINGS
        if codes:
            self._rail_buttons["findings"].say(f"{title}: urgent", f"{tooltip}: {codes}", "urgent")
        else:
            self._rail_buttons["findings"].say(title, tooltip)
        device = self._rail_buttons["device"]
        device.say("Device: marked critical", f"{self.device.flag}. Open the panels", "notice")
        device.setVisible(bool(self.device.flag))

    def _on_fold_clicked(self) -> None:
        self.chosen_by_hand.emit()
        self.set_open(False)

    def reveal(self, name: str) -> None:
        """Open the panels and go to one of them; fold them where the keyboard is already there."""
        if name == "device":
            self.chosen_by_hand.emit()
            self.set_open(True)
            self.device.heading.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return
        panel: AnswerPanel = self.findings if name == "findings" else self.similar
        self.chosen_by_hand.emit()
        if self.is_open and panel.list.hasFocus():
            self.set_open(False)
            return
        self.set_open(True)
        panel.list.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if not panel.list.currentIndex().isValid() and panel.model.rowCount():
            panel.list.setCurrentIndex(panel.model.index(0))
