"""The whole record as a slim strip: where the paper is, and the way to anywhere else."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QWidget

from ecgviewer.state.layout import rhythm_lead
from ecgviewer.state.long_work import LongWorkState
from ecgviewer.state.paper import Extent, Paper, PaperState
from ecgviewer.state.record_time import RecordClock, duration_text
from ecgviewer.state.signals import Signals
from ecgviewer.state.theme import Theme
from ecgviewer.widgets.style import GRID_PX, small_font
from physioclr_core.recordings.source import AnyRecord, LongRecording

STRIP_PX = 48
MARGIN_PX = 3 * GRID_PX
TIME_PX = 14
LARGEST_SHARE = 0.995
# Below the envelope of a long recording stands its heart rate, minute by minute.
TREND_PX = 34
LEAST_BPM, MOST_BPM = 40.0, 120.0
# An envelope that grows is drawn afresh this often at most: every twentieth of the recording.
REDRAW_SHARE = 0.05


def time_text(time_s: float) -> str:
    """Return minutes and seconds: "12:05"; below a minute "7.5 s"."""
    if time_s < 60:
        return f"{time_s:.3g} s"
    return f"{int(time_s) // 60}:{int(time_s) % 60:02d}"


class OverviewStrip(QFrame):
    """Envelope of lead II with the visible part marked; click and drag go there. Hidden where all is in sight.

    A long recording has its heart rate below, and fills as it is looked through.
    """

    def __init__(self, paper: Paper, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overview")
        self.setAccessibleName("Overview of the whole record")
        self._paper, self._theme = paper, theme
        self._record: AnyRecord | None = None
        self._signals: Signals | None = None
        self._work = LongWorkState()
        self._drawn_share = 0.0
        self._kept: QPixmap | None = None
        self.setFixedHeight(STRIP_PX)
        self.setVisible(False)
        self.setToolTip("Click or drag to go there")
        paper.changed.connect(self._on_paper_changed)
        paper.extent_changed.connect(self._on_extent_changed)

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._theme, self._kept = theme, None
        self.update()

    def set_record(self, record: AnyRecord, signals: Signals | None) -> None:
        """Show another record."""
        self._record, self._signals, self._kept = record, signals, None
        self._work, self._drawn_share = LongWorkState(), 0.0
        self.setFixedHeight(self._strip_px())
        self._on_extent_changed(self._paper.extent)
        self.update()

    def set_work(self, work: LongWorkState) -> None:
        """Take over what is known of a long recording by now."""
        has_grown = work.built_share - self._drawn_share >= REDRAW_SHARE or (work.built_share == 1) > (
            self._drawn_share == 1
        )
        if has_grown or work.rates_bpm is not self._work.rates_bpm:
            self._kept, self._drawn_share = None, work.built_share
        self._work = work
        self.update()

    @property
    def is_long(self) -> bool:
        """Whether the record has a heart rate trend."""
        return isinstance(self._record, LongRecording)

    def _strip_px(self) -> int:
        return STRIP_PX + (TREND_PX if self.is_long else 0)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(200, self._strip_px())

    def visible_rect(self) -> QRectF:
        """Return the mark of the visible part."""
        state, extent = self._paper.state, self._paper.extent
        if extent.duration_s <= 0:
            return QRectF()
        px_per_s = (self.width() - 2 * MARGIN_PX) / extent.duration_s
        width_px = min(extent.visible_s, extent.duration_s) * px_per_s
        return QRectF(MARGIN_PX + state.start_s * px_per_s, 3, max(width_px, 3.0), self._strip_px() - TIME_PX - 3)

    def _on_paper_changed(self, state: PaperState) -> None:
        if self.isVisible():
            self.update()

    def _on_extent_changed(self, extent: Extent) -> None:
        is_partial = extent.visible_s < LARGEST_SHARE * extent.duration_s
        is_needed = self._record is not None and (is_partial or self.is_long)
        self.setVisible(is_needed)
        self.update()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: D102
        self._kept = None

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._go_to(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go_to(event.position())

    def _go_to(self, where: QPointF) -> None:
        extent = self._paper.extent
        share = (where.x() - MARGIN_PX) / max(1, self.width() - 2 * MARGIN_PX)
        self._paper.pan_to(start_s=share * extent.duration_s - extent.visible_s / 2)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        super().paintEvent(event)
        if self._record is None:
            return
        if self._kept is None:
            self._kept = self._draw_kept(self._record)
        painter = QPainter(self)
        mark = self.visible_rect()
        fill = QColor(self._theme.accent)
        fill.setAlpha(36)
        painter.fillRect(mark, fill)
        painter.drawPixmap(0, 0, self._kept)
        painter.setPen(QPen(QColor(self._theme.accent), 1))
        painter.drawRect(mark.adjusted(0.5, 0.5, -0.5, -0.5))
        self._paint_times(painter)
        painter.end()

    def _paint_times(self, painter: QPainter) -> None:
        state, extent = self._paper.state, self._paper.extent
        painter.setFont(small_font(self.font()))
        painter.setPen(QColor(self._theme.text_quiet))
        line = QRectF(MARGIN_PX, self._strip_px() - TIME_PX, self.width() - 2 * MARGIN_PX, TIME_PX)
        end_s = min(state.start_s + extent.visible_s, extent.duration_s)
        here = f"{time_text(state.start_s)} to {time_text(end_s)} of {time_text(extent.duration_s)}"
        if self.is_long and self._record is not None:
            clock = RecordClock.of(self._record)
            here = f"{clock.text(state.start_s)} to {clock.text(end_s)} of {duration_text(extent.duration_s)}"
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._work.words)
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, here)

    def _draw_kept(self, record: AnyRecord) -> QPixmap:
        dpr = self.devicePixelRatioF()
        kept = QPixmap(round(self.width() * dpr), round(self.height() * dpr))
        kept.setDevicePixelRatio(dpr)
        kept.fill(Qt.GlobalColor.transparent)
        painter = QPainter(kept)
        self._draw_envelope(painter, record)
        if self.is_long:
            self._draw_trend(painter, record)
        painter.end()
        return kept

    def _draw_envelope(self, painter: QPainter, record: AnyRecord) -> None:
        if self._signals is None:
            return
        n_columns = max(1, self.width() - 2 * MARGIN_PX)
        names = record.lead_names
        lead_idx = (rhythm_lead(names, self._signals.lost_share) or 0) if "II" in names else 0
        low_mv, high_mv, n_known = self._signals.envelope(lead_idx, n_columns)
        height_px = STRIP_PX - TIME_PX - 8
        step_px = n_columns / low_mv.size
        if n_known < low_mv.size:
            # Where it will appear.
            left_px = MARGIN_PX + n_known * step_px
            rest = QRectF(left_px, 5 + height_px / 2 - 4, self.width() - MARGIN_PX - left_px, 8)
            painter.fillRect(rest, QColor(self._theme.skeleton))
        is_finite = np.isfinite(low_mv)
        if not is_finite.any():
            return
        # The 1st and 99th percentile set the height: a single spike must not flatten the rest.
        bottom_mv = float(np.percentile(low_mv[is_finite], 1))
        top_mv = float(np.percentile(high_mv[is_finite], 99))
        px_per_mv = height_px / max(top_mv - bottom_mv, 0.1)
        top_px = np.clip((top_mv - high_mv) * px_per_mv, 0, height_px) + 5
        bottom_px = np.clip((top_mv - low_mv) * px_per_mv, 0, height_px) + 5
        pen = QPen(QColor(self._theme.text_quiet))
        pen.setCosmetic(True)
        painter.setPen(pen)
        for i in np.flatnonzero(is_finite).tolist():
            x_px = MARGIN_PX + i * step_px
            painter.drawLine(QLineF(x_px, float(top_px[i]), x_px, float(bottom_px[i]) + 0.5))

    def _draw_trend(self, painter: QPainter, record: AnyRecord) -> None:
        """Draw the heart rate of each minute, lowest to highest where a column holds several; gaps stay empty."""
        top_px, height_px = STRIP_PX - TIME_PX + 2.0, TREND_PX - 4.0
        width_px = self.width() - 2 * MARGIN_PX
        rates_bpm = self._work.rates_bpm
        if rates_bpm is None or not np.isfinite(rates_bpm).any():
            painter.fillRect(QRectF(MARGIN_PX, top_px + height_px / 2 - 4, width_px, 8), QColor(self._theme.skeleton))
            return
        known = rates_bpm[np.isfinite(rates_bpm)]
        least, most = min(LEAST_BPM, float(known.min())), max(MOST_BPM, float(known.max()))
        px_per_minute = 60.0 * width_px / record.duration_s
        column = (np.arange(rates_bpm.size) * px_per_minute).astype(int)
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        low, high = np.fmin.reduceat(rates_bpm, starts), np.fmax.reduceat(rates_bpm, starts)
        y_low = top_px + (most - low) / (most - least) * height_px
        y_high = top_px + (most - high) / (most - least) * height_px
        painter.setPen(QPen(QColor(self._theme.accent), 1.5))
        before: QPointF | None = None
        for place, first in enumerate(starts.tolist()):
            if not np.isfinite(low[place]):
                before = None
                continue
            x_px = MARGIN_PX + first * px_per_minute
            painter.drawLine(QLineF(x_px, float(y_high[place]), x_px, float(y_low[place]) + 0.5))
            here = QPointF(x_px, float(y_low[place]))
            if before is not None:
                painter.drawLine(before, here)
            before = here
        painter.setFont(small_font(self.font()))
        painter.setPen(QColor(self._theme.text_quiet))
        # The scale stands in the margins, three digits wide.
        for bpm, y_px in ((most, top_px + 8), (least, top_px + height_px)):
            painter.drawText(QPointF(self.width() - MARGIN_PX + 1, y_px), f"{bpm:.0f}")
        painter.drawText(QPointF(1.0, top_px + height_px / 2 + 4), "HR")
