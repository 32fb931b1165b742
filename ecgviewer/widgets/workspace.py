"""The middle of the window: one paper or two side by side; legend of "why", hints and overview below."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSplitter, QVBoxLayout, QWidget

from ecgviewer.jobs.protocol import Neighbour
from ecgviewer.state.import_notice import import_notice
from ecgviewer.state.paper import Paper
from ecgviewer.state.screen import UNKNOWN_SCALE, ScreenScale
from ecgviewer.state.theme import Theme
from ecgviewer.state.why import WhyState
from ecgviewer.widgets.bars import HintLine, NoticeLine
from ecgviewer.widgets.overview import OverviewStrip
from ecgviewer.widgets.paper_pane import PaperPane
from ecgviewer.widgets.why_line import WhyLine
from physioclr_core.record import EcgRecord
from physioclr_core.recordings.source import AnyRecord


class Workspace(QWidget):
    """Holds the papers; both follow the same ``Paper``."""

    beside_closed = Signal()

    def __init__(self, paper: Paper, theme: Theme) -> None:
        super().__init__()
        self._paper, self._theme, self._scale = paper, theme, UNKNOWN_SCALE
        self.main_pane = PaperPane(paper, theme)
        self.beside_pane: PaperPane | None = None
        self.why = WhyLine()
        self._why = (WhyState(), "")
        self.main_pane.view.page_changed.connect(self._refresh_why)
        self.notice = NoticeLine(theme)
        self.main_pane.add_below_header(self.notice)
        self.hints: HintLine | None = None
        self.overview = OverviewStrip(paper, theme)
        self._split = QSplitter(Qt.Orientation.Horizontal)
        self._split.setHandleWidth(1)
        self._split.setChildrenCollapsible(False)
        self._split.addWidget(self.main_pane)
        self._body = QVBoxLayout(self)
        self._body.setContentsMargins(0, 0, 0, 0)
        self._body.setSpacing(0)
        self._body.addWidget(self._split, 1)
        self._body.addWidget(self.why)
        self._body.addWidget(self.overview)

    def panes(self) -> list[PaperPane]:
        """Return the panes in sight."""
        return [pane for pane in (self.main_pane, self.beside_pane) if pane is not None]

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._theme = theme
        for pane in self.panes():
            pane.set_theme(theme)
        self.notice.set_theme(theme)
        self.overview.set_theme(theme)

    def set_screen_scale(self, scale: ScreenScale) -> None:
        """Draw for another screen."""
        self._scale = scale
        for pane in self.panes():
            pane.set_screen_scale(scale)

    def show_record(self, record: AnyRecord) -> None:
        """Show the ECG under review from its beginning."""
        self._paper.rewind()
        self.main_pane.error_bar.dismiss()
        self.main_pane.show_record(record)
        self.overview.set_record(record, self.main_pane.view.signals)
        self.notice.set_notice(import_notice(record))

    def show_beside(self, record: EcgRecord, neighbour: Neighbour) -> None:
        """Lay an ECG of the library beside the one under review."""
        if self.beside_pane is None:
            self.beside_pane = PaperPane(self._paper, self._theme, is_leading=False)
            self.beside_pane.set_screen_scale(self._scale)
            self.beside_pane.closed.connect(self.beside_closed)
            self._split.addWidget(self.beside_pane)
            self._split.setSizes([1, 1])
        self.beside_pane.show_record(record, neighbour)

    def close_beside(self) -> None:
        """Take the second ECG away."""
        if self.beside_pane is not None:
            self.beside_pane.release()
            self.beside_pane.hide()
            self.beside_pane.deleteLater()
            self.beside_pane = None
            self.main_pane.view.setFocus()

    def show_why(self, state: WhyState, model: str) -> None:
        """Draw what speaks for a statement on the ECG under review, with its legend below."""
        self._why = (state, model)
        self.main_pane.view.set_evidence(state.bands)
        self._refresh_why()

    def _refresh_why(self) -> None:
        self.why.set_state(*self._why, self.main_pane.view.hides_strongest_evidence())

    def show_hints(self) -> HintLine:
        """Show the first hints and return their line."""
        if self.hints is None:
            self.hints = HintLine()
            self._body.insertWidget(2, self.hints)
            self.hints.show()
        return self.hints
