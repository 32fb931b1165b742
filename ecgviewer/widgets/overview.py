"""The whole record as a slim strip: where the paper is, and the way to anywhere else."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QFrame, QWidget

from ecgviewer.state.paper import Extent, Paper, PaperState
from ecgviewer.state.theme import Theme
from ecgviewer.state.trace import envelope
from ecgviewer.widgets.style import GRID_PX, small_font
from physioclr_core.record import EcgRecord

STRIP_PX = 48
MARGIN_PX = 2 * GRID_PX
TIME_PX = 14
LARGEST_SHARE = 0.995


def time_text(time_s: float) -> str:
    """Return minutes and seconds: "12:05"; below a minute "7.5 s"."""
    if time_s < 60:
        return f"{time_s:.3g} s"
    return f"{int(time_s) // 60}:{int(time_s) % 60:02d}"


class OverviewStrip(QFrame):
    """Envelope of lead II with the visible part marked; click and drag go there. Hidden where all is in sight."""

    def __init__(self, paper: Paper, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("overview")
        self.setAccessibleName("Overview of the whole record")
        self._paper, self._theme = paper, theme
        self._record: EcgRecord | None = None
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

    def set_record(self, record: EcgRecord) -> None:
        """Show another record."""
        self._record, self._kept = record, None
        self._on_extent_changed(self._paper.extent)
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(200, STRIP_PX)

    def visible_rect(self) -> QRectF:
        """Return the mark of the visible part."""
        state, extent = self._paper.state, self._paper.extent
        if extent.duration_s <= 0:
            return QRectF()
        px_per_s = (self.width() - 2 * MARGIN_PX) / extent.duration_s
        width_px = min(extent.visible_s, extent.duration_s) * px_per_s
        return QRectF(MARGIN_PX + state.start_s * px_per_s, 3, max(width_px, 3.0), STRIP_PX - TIME_PX - 3)

    def _on_paper_changed(self, state: PaperState) -> None:
        if self.isVisible():
            self.update()

    def _on_extent_changed(self, extent: Extent) -> None:
        is_needed = self._record is not None and extent.visible_s < LARGEST_SHARE * extent.duration_s
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
            self._kept = self._draw_envelope(self._record)
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
        line = QRectF(MARGIN_PX, STRIP_PX - TIME_PX, self.width() - 2 * MARGIN_PX, TIME_PX)
        end_s = min(state.start_s + extent.visible_s, extent.duration_s)
        here = f"{time_text(state.start_s)} to {time_text(end_s)} of {time_text(extent.duration_s)}"
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, here)

    def _draw_envelope(self, record: EcgRecord) -> QPixmap:
        dpr = self.devicePixelRatioF()
        kept = QPixmap(round(self.width() * dpr), round(self.height() * dpr))
        kept.setDevicePixelRatio(dpr)
        kept.fill(Qt.GlobalColor.transparent)
        lead = record.lead_mv("II") if "II" in record.lead_names else record.signal_mv[0]
        low_mv, high_mv = envelope(lead, max(1, self.width() - 2 * MARGIN_PX))
        is_finite = np.isfinite(low_mv)
        if not is_finite.any():
            return kept
        # The 1st and 99th percentile set the height: a single spike must not flatten the rest.
        bottom_mv = float(np.percentile(low_mv[is_finite], 1))
        top_mv = float(np.percentile(high_mv[is_finite], 99))
        height_px = STRIP_PX - TIME_PX - 8
        px_per_mv = height_px / max(top_mv - bottom_mv, 0.1)
        top_px = np.clip((top_mv - high_mv) * px_per_mv, 0, height_px) + 5
        bottom_px = np.clip((top_mv - low_mv) * px_per_mv, 0, height_px) + 5
        step_px = (self.width() - 2 * MARGIN_PX) / low_mv.size
        painter = QPainter(kept)
        pen = QPen(QColor(self._theme.text_quiet))
        pen.setCosmetic(True)
        painter.setPen(pen)
        for i in np.flatnonzero(is_finite).tolist():
            x_px = MARGIN_PX + i * step_px
            painter.drawLine(QLineF(x_px, float(top_px[i]), x_px, float(bottom_px[i]) + 0.5))
        painter.end()
        return kept
