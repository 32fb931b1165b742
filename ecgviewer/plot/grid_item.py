"""The printed grid: 1 mm and 5 mm lines that move with the paper, and stand still under the calibration pulses."""

from __future__ import annotations

import numpy as np
from pyqtgraph.graphicsItems.GraphicsObject import GraphicsObject
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QColor, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ecgviewer.state.geometry import Geometry
from ecgviewer.state.theme import Theme

LEAST_PX_A_LINE = 2.2
FULL_PX_A_LINE = 3.0
# How much more paper than the view is kept ready, so that panning only copies.
SPARE_PX = 384
# Pages are wide and hardly higher than the view.
SPARE_DOWN_PX = 64
# The grid repeats with every large box.
BOX_MM = 5


class GridItem(GraphicsObject):
    """Paper and grid of a view."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._geometry: Geometry | None = None
        self._rect = QRectF()
        self._kept: QPixmap | None = None
        self._kept_key: tuple[float, ...] = ()
        self._kept_left = self._kept_top = 0.0
        self._gutter: QPixmap | None = None
        self._gutter_key: tuple[float, ...] = ()

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._theme = theme
        self._kept = self._gutter = None
        self.update()

    def set_geometry(self, geometry: Geometry, rect: QRectF) -> None:
        """Take over scale and position; ``rect`` is the view."""
        if rect != self._rect:
            self.prepareGeometryChange()
        self._geometry, self._rect = geometry, rect
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: D102
        return self._rect

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:  # noqa: D102
        geometry = self._geometry
        if geometry is None:
            return
        kept = self._kept_pixmap(geometry)
        gutter_px = geometry.snapped(geometry.gutter_px)
        painter.save()
        painter.setClipRect(self._rect.adjusted(gutter_px, 0, 0, 0))
        painter.drawPixmap(0, 0, kept, *self._source(geometry.left_px, geometry.top_px, geometry.dpr))
        painter.restore()

    def paint_gutter(self, painter: QPainter, geometry: Geometry) -> None:
        """Draw the standing paper at the left end, over whatever has been moved under it."""
        width_px, height_px, dpr = geometry.snapped(geometry.gutter_px), self._rect.height(), geometry.dpr
        key = (geometry.px_per_mm, width_px, height_px, geometry.top_px, dpr)
        if self._gutter is None or key != self._gutter_key:
            self._gutter, self._gutter_key = _pixmap(width_px, height_px, dpr), key
            on_pixmap = QPainter(self._gutter)
            rect = QRectF(0, 0, width_px, height_px)
            draw_grid(on_pixmap, self._theme, geometry, rect, 0.0, geometry.top_px)
            on_pixmap.end()
        painter.drawPixmap(0, 0, self._gutter)

    def _source(self, left_px: float, top_px: float, dpr: float) -> tuple[int, int, int, int]:
        return (
            round((left_px - self._kept_left) * dpr),
            round((top_px - self._kept_top) * dpr),
            round(self._rect.width() * dpr),
            round(self._rect.height() * dpr),
        )

    def _move_kept(self, geometry: Geometry) -> None:
        """Move the paper that is kept by whole large boxes to where the view has jumped to.

        It looks the same there, but for the rounding to pixels: of all boxes, those that leave the lines nearest to
        whole pixels are taken. Drawing it anew would take a third of a repaint's time.
        """
        box_px = BOX_MM * geometry.px_per_mm
        x_px = geometry.left_px - self._kept_left
        if 0 <= x_px <= 2 * SPARE_PX or box_px > SPARE_PX:
            return
        boxes = np.arange(np.ceil((x_px - 2 * SPARE_PX) / box_px), np.floor(x_px / box_px) + 1)
        places = (x_px - boxes * box_px) * geometry.dpr
        self._kept_left += float(boxes[np.argmin(np.abs(places - np.round(places)))]) * box_px

    def _kept_pixmap(self, geometry: Geometry) -> QPixmap:
        width, height, dpr = self._rect.width(), self._rect.height(), geometry.dpr
        key = (geometry.px_per_mm, geometry.gutter_px, dpr, width, height, float(geometry.state.time_zoom > 1))
        if key == self._kept_key:
            self._move_kept(geometry)
        x, y = geometry.left_px - self._kept_left, geometry.top_px - self._kept_top
        if self._kept is None or key != self._kept_key or not (0 <= x <= 2 * SPARE_PX and 0 <= y <= 2 * SPARE_DOWN_PX):
            self._kept = _pixmap(width + 2 * SPARE_PX, height + 2 * SPARE_DOWN_PX, dpr)
            self._kept_key = key
            self._kept_left, self._kept_top = geometry.left_px - SPARE_PX, geometry.top_px - SPARE_DOWN_PX
            rect = QRectF(0, 0, width + 2 * SPARE_PX, height + 2 * SPARE_DOWN_PX)
            painter = QPainter(self._kept)
            draw_grid(painter, self._theme, geometry, rect, self._kept_left, self._kept_top)
            painter.end()
        return self._kept


def _pixmap(width_px: float, height_px: float, dpr: float) -> QPixmap:
    pixmap = QPixmap(max(1, round(width_px * dpr)), max(1, round(height_px * dpr)))
    pixmap.setDevicePixelRatio(dpr)
    return pixmap


def draw_grid(painter: QPainter, theme: Theme, geometry: Geometry, rect: QRectF, left_px: float, top_px: float) -> None:
    """Draw paper and grid.

    Parameters
    ----------
    painter : QPainter
    theme : Theme
    geometry : Geometry
        For the scale; a large box starts at the end of the gutter and at the page's upper edge.
    rect : QRectF
        Where to draw.
    left_px, top_px : float
        How far the paper is shifted to the left and upwards.
    """
    painter.fillRect(rect, QColor(theme.paper))
    for every_mm, colour in ((1, theme.grid_1mm), (BOX_MM, theme.grid_5mm)):
        step_px = geometry.px_per_mm * every_mm
        if step_px < LEAST_PX_A_LINE:
            continue
        pen = QPen(_faded(colour, theme.paper, step_px))
        pen.setCosmetic(True)
        painter.setPen(pen)
        # Beyond the paper's speed the time axis draws its own lines; in the gutter the grid is the pulse's.
        is_paper = geometry.state.time_zoom <= 1 or rect.right() <= geometry.gutter_px + 1
        across = (
            np.empty(0)
            if not is_paper
            else _lines_px(geometry.gutter_px - left_px, step_px, rect.left(), rect.right(), geometry.dpr)
        )
        if every_mm == 1 and across.size and geometry.dpr == 1:
            # Hundreds of upright lines are drawn one pixel high and repeated: three times as fast as one by one.
            _repeat_upright(painter, across, rect, colour=pen.color(), paper=QColor(theme.paper))
            across = np.empty(0)
        down = _lines_px(-top_px, step_px, rect.top(), rect.bottom(), geometry.dpr)
        lines = PrimitiveArray(QLineF, 4)
        lines.resize(across.size + down.size)
        ends = lines.ndarray()
        ends[: across.size] = np.column_stack((across, np.full_like(across, rect.top()), across, across))
        ends[: across.size, 3] = rect.bottom()
        ends[across.size :] = np.column_stack((down, down, np.full_like(down, rect.right()), down))
        ends[across.size :, 0] = rect.left()
        painter.drawLines(*lines.drawargs())


def _repeat_upright(painter: QPainter, across: np.ndarray, rect: QRectF, colour: QColor, paper: QColor) -> None:
    """Draw upright lines over an empty ground."""
    row = QPixmap(max(1, round(rect.width())), 1)
    row.fill(paper)
    on_row = QPainter(row)
    on_row.setPen(colour)
    on_row.drawPoints([QPointF(x_px - rect.left(), 0.0) for x_px in across.tolist()])
    on_row.end()
    painter.drawTiledPixmap(rect, row)


def _lines_px(origin_px: float, step_px: float, first_px: float, last_px: float, dpr: float) -> np.ndarray:
    k = np.arange(np.ceil((first_px - origin_px) / step_px - 1), np.floor((last_px - origin_px) / step_px + 1) + 1)
    return np.round((origin_px + k * step_px) * dpr) / dpr


def _faded(colour: str, paper: str, step_px: float) -> QColor:
    """Return a line's colour, blended into the paper where lines get too close to be told apart."""
    share = min(1.0, (step_px - LEAST_PX_A_LINE) / (FULL_PX_A_LINE - LEAST_PX_A_LINE) * 0.8 + 0.2)
    line, ground = QColor(colour), QColor(paper)
    return QColor(
        round(ground.red() + share * (line.red() - ground.red())),
        round(ground.green() + share * (line.green() - ground.green())),
        round(ground.blue() + share * (line.blue() - ground.blue())),
    )
