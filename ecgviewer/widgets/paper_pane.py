"""One ECG with its header: the paper under two lines of words, and errors over its upper edge."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QScrollBar, QVBoxLayout, QWidget

from ecgviewer.jobs.protocol import Neighbour
from ecgviewer.plot.paper_view import PaperView
from ecgviewer.state.header import (
    Part,
    deidentified_band_text,
    deidentified_parts,
    device_band_text,
    low_rate_remark,
    patient_parts,
    scale_parts,
)
from ecgviewer.state.paper import Extent, Paper, PaperState
from ecgviewer.state.screen import ScreenScale
from ecgviewer.state.theme import Theme
from ecgviewer.widgets.bars import ErrorBar
from ecgviewer.widgets.header import HeaderView
from physioclr_core.recordings.source import AnyRecord, LongRecording


class PaperPane(QWidget):
    """Header, paper, vertical scroll bar and error bar of one ECG."""

    closed = Signal()

    def __init__(self, paper: Paper, theme: Theme, *, is_leading: bool = True) -> None:
        super().__init__()
        self._paper = paper
        self._heart_rate_bpm: float | None = None
        self._rate_remark = ""
        self._is_deidentified = False
        self._neighbour: Neighbour | None = None
        self.header = HeaderView(theme, can_close=not is_leading)
        self.header.closed.connect(self.closed)
        self.view = PaperView(paper, theme)
        self.view.set_leading(is_leading)
        self.error_bar = ErrorBar(theme, self.view)
        self._scroll = QScrollBar(Qt.Orientation.Vertical)
        self._scroll.setAccessibleName("Scroll the page")
        self._scroll.setVisible(False)
        self._scroll.valueChanged.connect(self._on_scrolled)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.view, 1)
        row.addWidget(self._scroll)
        self._body = body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addWidget(self.header)
        body.addLayout(row, 1)
        self.setMinimumWidth(240)
        self._has_scroll = is_leading
        paper.changed.connect(self._on_paper_changed)
        paper.extent_changed.connect(self._on_extent_changed)
        self._refresh_header()

    def add_below_header(self, widget: QWidget) -> None:
        """Put a line between header and paper."""
        self._body.insertWidget(1, widget)

    def release(self) -> None:
        """Let go of the shared paper; called before the pane is thrown away."""
        self.view.release()
        self._paper.changed.disconnect(self._on_paper_changed)
        self._paper.extent_changed.disconnect(self._on_extent_changed)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self.header.set_theme(theme)
        self.view.set_theme(theme)
        self.error_bar.set_theme(theme)

    def set_screen_scale(self, scale: ScreenScale) -> None:
        """Draw for another screen."""
        self.view.set_screen_scale(scale)
        self._refresh_header()

    def show_record(self, record: AnyRecord, neighbour: Neighbour | None = None) -> None:
        """Show a record; with a neighbour it is one of the library."""
        self._neighbour = neighbour
        self._heart_rate_bpm = None
        is_long = isinstance(record, LongRecording)
        self._rate_remark = "Heart rate: by the minute in the trend below" if is_long else ""
        self.view.set_record(record)
        self._refresh_header()

    def set_heart_rate(self, bpm: float | None, reason: str = "") -> None:
        """Show a heart rate; None is not known, for the reason that the header's tooltip then gives."""
        self._heart_rate_bpm = bpm
        self._rate_remark = f"Heart rate: {reason}" if reason else ""
        self._refresh_header()

    def set_deidentified(self, is_deidentified: bool) -> None:
        """Leave out who it is, the date, and what a file may say in words of its own; for pictures to give away."""
        self._is_deidentified = is_deidentified
        self.view.set_neutral_names(is_deidentified)
        self._refresh_header()

    def _refresh_header(self) -> None:
        record, page = self.view.record, self.view.page
        first, band = [Part("No ECG open")], ""
        if record is not None:
            first, band = patient_parts(record, self._heart_rate_bpm), device_band_text(record)
            if self._neighbour is not None:
                first = _library_parts(self._neighbour, first)
            elif self._is_deidentified:
                first = deidentified_parts(record, self._heart_rate_bpm)
                band = deidentified_band_text(record)
        note = page.note if page is not None else ""
        self.header.set_lines(first, scale_parts(self._paper.state, self.view.screen_scale, note, band))
        remarks = (self._rate_remark, low_rate_remark(record) if record is not None else "")
        self.header.set_remark("\n".join(filter(None, remarks)))

    def _on_paper_changed(self, state: PaperState) -> None:
        self._refresh_header()
        self._place_scroll(self._paper.extent)

    def _on_extent_changed(self, extent: Extent) -> None:
        self._place_scroll(extent)

    def _place_scroll(self, extent: Extent) -> None:
        is_needed = self._has_scroll and extent.last_top_mm > 0.5
        self._scroll.blockSignals(True)
        # Tenths of a millimetre: a scroll bar only counts in whole steps.
        self._scroll.setRange(0, round(extent.last_top_mm * 10))
        self._scroll.setPageStep(max(1, round(extent.visible_mm * 10)))
        self._scroll.setSingleStep(50)
        self._scroll.setValue(round(self._paper.state.top_mm * 10))
        self._scroll.blockSignals(False)
        self._scroll.setVisible(is_needed)

    def _on_scrolled(self, value: int) -> None:
        self._paper.pan_to(top_mm=value / 10)


def _library_parts(neighbour: Neighbour, parts: list[Part]) -> list[Part]:
    statements = ", ".join(neighbour.statements) or "no statements"
    # Name, date and heart rate are not known for the library's ECGs; what is said about them is.
    return [
        Part(neighbour.record, label="Library"),
        *parts[1:3],
        Part(f"{neighbour.distance:.3f}", label="distance"),
        Part(statements),
        parts[5],
    ]
