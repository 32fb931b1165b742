"""The traces of a record: one path a row, kept for more than is in sight, so that panning only moves them."""

from __future__ import annotations

import numpy as np
from pyqtgraph.functions import arrayToQPath
from pyqtgraph.graphicsItems.GraphicsObject import GraphicsObject
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QTransform
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ecgviewer.state.geometry import Geometry
from ecgviewer.state.layout import Page, spans_between
from ecgviewer.state.theme import Theme
from ecgviewer.state.trace import IntArray, finite_runs, polyline, reach_mv, record_baseline_mv, visible_baseline_mv
from physioclr_core.record import EcgRecord

# Paths are kept for the visible time and this share of it on either side.
SPARE_SHARE = 1.0


class TraceItem(GraphicsObject):
    """Draws every lead of a page with a 1 px cosmetic pen, not antialiased."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._rect = QRectF()
        self._record: EcgRecord | None = None
        self._page: Page | None = None
        self._geometry: Geometry | None = None
        self._runs: list[IntArray] = []
        self._baselines_mv: list[float] = []
        self._reach_mv: list[tuple[float, float]] = []
        self._paths: list[tuple[int, int, QPainterPath]] = []
        self._kept_key: tuple[object, ...] = ()
        self._kept_s = (0.0, 0.0)
        self._pen = QPen()
        self.set_theme(theme)

    @property
    def baselines_mv(self) -> list[float]:
        """Median of each lead."""
        return self._baselines_mv

    @property
    def reach_mv(self) -> list[tuple[float, float]]:
        """How far each lead goes above and below its median."""
        return self._reach_mv

    @property
    def runs(self) -> list[IntArray]:
        """Runs of finite samples, one array a lead."""
        return self._runs

    def set_theme(self, theme: Theme) -> None:
        """Draw in another colour."""
        self._pen = QPen(QColor(theme.trace))
        self._pen.setWidth(1)
        self._pen.setCosmetic(True)
        self.update()

    def set_record(self, record: EcgRecord | None) -> None:
        """Draw another record."""
        self._record = record
        self._kept_key = ()
        self._runs = [] if record is None else [finite_runs(lead) for lead in record.signal_mv]
        leads = [] if record is None else list(record.signal_mv)
        self._baselines_mv = [record_baseline_mv(lead) for lead in leads]
        self._reach_mv = [reach_mv(lead, base) for lead, base in zip(leads, self._baselines_mv, strict=True)]

    def set_geometry(self, geometry: Geometry, page: Page, rect: QRectF) -> None:
        """Take over scale, position and arrangement."""
        if rect != self._rect:
            self.prepareGeometryChange()
        self._rect, self._geometry, self._page = rect, geometry, page
        self.update()

    def baseline_mv(self, lead_idx: int, geometry: Geometry) -> float:
        """Return the voltage that is drawn on the row's baseline."""
        record = self._record
        assert record is not None
        start_s = geometry.state.start_s
        return visible_baseline_mv(
            record.signal_mv[lead_idx],
            self._baselines_mv[lead_idx],
            record.fs_hz,
            record.duration_s,
            start_s,
            start_s + geometry.visible_s(self._rect.width()),
        )

    def boundingRect(self) -> QRectF:  # noqa: D102
        return self._rect

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:  # noqa: D102
        geometry, page, record = self._geometry, self._page, self._record
        if geometry is None or page is None or record is None:
            return
        self._keep_paths(geometry, page, record)
        painter.setPen(self._pen)
        painter.setClipRect(self._rect.adjusted(geometry.snapped(geometry.gutter_px), 0, 0, 0))
        base = painter.transform()
        dpr = geometry.dpr
        baselines_mv = {lead: self.baseline_mv(lead, geometry) for _, lead, _ in self._paths}
        x_px = geometry.snapped(geometry.gutter_px) - geometry.left_px
        for row_idx, lead_idx, path in self._paths:
            y_px = geometry.y_px(page.rows[row_idx].baseline_mm) + baselines_mv[lead_idx] * geometry.px_per_mv
            painter.setTransform(QTransform(1 / dpr, 0, 0, 1 / dpr, x_px, geometry.snapped(y_px)) * base)
            painter.drawPath(path)

    def _keep_paths(self, geometry: Geometry, page: Page, record: EcgRecord) -> None:
        start_s = geometry.state.start_s
        visible_s = geometry.visible_s(self._rect.width())
        end_s = min(start_s + visible_s, record.duration_s)
        key = (geometry.px_per_s, geometry.px_per_mv, geometry.dpr, geometry.state.anchor_s, page)
        if key == self._kept_key and self._kept_s[0] <= start_s and end_s <= self._kept_s[1]:
            return
        spare_s = visible_s * SPARE_SHARE
        self._kept_key = key
        self._kept_s = (max(0.0, start_s - spare_s), min(record.duration_s, end_s + spare_s))
        self._paths = []
        for span in spans_between(page, *self._kept_s, record.duration_s, geometry.state.anchor_s):
            lead_idx = span.cell.lead_idx
            if lead_idx is None:
                continue
            line = polyline(
                record.signal_mv[lead_idx],
                self._runs[lead_idx],
                record.fs_hz,
                geometry.px_per_s * geometry.dpr,
                max(span.start_s, self._kept_s[0]),
                min(span.end_s, self._kept_s[1]),
            )
            if line.x_px.size:
                y_px = line.y_mv * np.float64(-geometry.px_per_mv * geometry.dpr)
                joined = line.is_joined.astype(np.int32)
                path = arrayToQPath(line.x_px, y_px, connect=joined, finiteCheck=False)
                self._paths.append((span.row_idx, lead_idx, path))
