"""The traces of a record: one path a row, kept for more than is in sight, so that panning only moves them."""

from __future__ import annotations

import numpy as np
from pyqtgraph.functions import arrayToQPath
from pyqtgraph.graphicsItems.GraphicsObject import GraphicsObject
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ecgviewer.plot.furniture_item import WIDE_ZOOM
from ecgviewer.state.geometry import Geometry
from ecgviewer.state.layout import Page, spans_between
from ecgviewer.state.signals import Signals
from ecgviewer.state.theme import Theme
from physioclr_core.record import SignalSource

# Paths are kept for the visible time and this share of it on either side.
SPARE_SHARE = 1.0
ROW_GAP_MM = 2.0


class TraceItem(GraphicsObject):
    """Draws every lead of a page with a 1 px cosmetic pen, not antialiased."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._rect = QRectF()
        self._record: SignalSource | None = None
        self._signals: Signals | None = None
        self._page: Page | None = None
        self._geometry: Geometry | None = None
        self._paths: list[tuple[int, int, QPainterPath]] = []
        self._kept_key: tuple[object, ...] = ()
        self._kept_s = (0.0, 0.0)
        self._pen = self._wide_pen = QPen()
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        """Draw in another colour."""
        self._pen = QPen(QColor(theme.trace))
        self._pen.setWidth(1)
        self._pen.setCosmetic(True)
        self._wide_pen = QPen(self._pen)
        self._wide_pen.setColor(QColor(theme.text_quiet))
        self.update()

    def set_record(self, record: SignalSource | None, signals: Signals | None) -> None:
        """Draw another record, whose samples come from ``signals``."""
        self._record, self._signals = record, signals
        self._kept_key = ()
        self._paths = []

    def set_geometry(self, geometry: Geometry, page: Page, rect: QRectF) -> None:
        """Take over scale, position and arrangement."""
        if rect != self._rect:
            self.prepareGeometryChange()
        self._rect, self._geometry, self._page = rect, geometry, page
        self.update()

    def prepare(self) -> None:
        """Read what is in sight; asked for before anything is painted, as gaps are painted below the traces."""
        if self._geometry and self._page and self._record and self._signals:
            self._keep_paths(self._geometry, self._page, self._record, self._signals)

    def baseline_mv(self, lead_idx: int, geometry: Geometry) -> float:
        """Return the voltage that is drawn on the row's baseline."""
        assert self._signals is not None
        start_s = geometry.state.start_s
        return self._signals.baseline_mv(lead_idx, start_s, start_s + geometry.visible_s(self._rect.width()))

    def _row_rect(self, page: Page, row_idx: int, geometry: Geometry) -> QRectF:
        """Return a row's own place: columns of minutes are bars, and bars over one another say nothing."""
        half_mm = page.pitch_mm / 2 - ROW_GAP_MM / 2
        baseline_mm = page.rows[row_idx].baseline_mm
        top_px, bottom_px = geometry.y_px(baseline_mm - half_mm), geometry.y_px(baseline_mm + half_mm)
        return QRectF(geometry.snapped(geometry.gutter_px), top_px, self._rect.width(), bottom_px - top_px)

    def boundingRect(self) -> QRectF:  # noqa: D102
        return self._rect

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:  # noqa: D102
        geometry, page, record, signals = self._geometry, self._page, self._record, self._signals
        if geometry is None or page is None or record is None or signals is None:
            return
        self._keep_paths(geometry, page, record, signals)
        painter.setPen(self._pen)
        painter.setClipRect(self._rect.adjusted(geometry.snapped(geometry.gutter_px), 0, 0, 0))
        base = painter.transform()
        dpr = geometry.dpr
        baselines_mv = {lead: self.baseline_mv(lead, geometry) for _, lead, _ in self._paths}
        x_px = geometry.snapped(geometry.gutter_px) - geometry.left_px
        is_wide = geometry.state.time_zoom >= WIDE_ZOOM
        if is_wide:
            painter.setPen(self._wide_pen)
        for row_idx, lead_idx, path in self._paths:
            if is_wide:
                painter.setTransform(base)
                painter.setClipRect(self._row_rect(page, row_idx, geometry))
            y_px = geometry.y_px(page.rows[row_idx].baseline_mm) + baselines_mv[lead_idx] * geometry.px_per_mv
            painter.setTransform(QTransform(1 / dpr, 0, 0, 1 / dpr, x_px, geometry.snapped(y_px)) * base)
            painter.drawPath(path)

    def _keep_paths(self, geometry: Geometry, page: Page, record: SignalSource, signals: Signals) -> None:
        start_s = geometry.state.start_s
        visible_s = geometry.visible_s(self._rect.width())
        end_s = min(start_s + visible_s, record.duration_s)
        state = geometry.state
        key = (geometry.px_per_s, geometry.px_per_mv, geometry.dpr, state.anchor_s, page, signals.revision)
        if key == self._kept_key and self._kept_s[0] <= start_s and end_s <= self._kept_s[1]:
            return
        spare_s = visible_s * SPARE_SHARE
        self._kept_key = key
        self._kept_s = (max(0.0, start_s - spare_s), min(record.duration_s, end_s + spare_s))
        self._paths = []
        px_per_s = geometry.px_per_s * geometry.dpr
        signals.prepare(px_per_s, *self._kept_s)
        for span in spans_between(page, *self._kept_s, record.duration_s, geometry.state.anchor_s):
            lead_idx = span.cell.lead_idx
            if lead_idx is None:
                continue
            start_s, end_s = max(span.start_s, self._kept_s[0]), min(span.end_s, self._kept_s[1])
            line = signals.polyline(lead_idx, px_per_s, start_s, end_s)
            if line.x_px.size:
                y_px = line.y_mv * np.float64(-geometry.px_per_mv * geometry.dpr)
                joined = line.is_joined.astype(np.int32)
                path = arrayToQPath(line.x_px, y_px, connect=joined, finiteCheck=False)
                self._paths.append((span.row_idx, lead_idx, path))
