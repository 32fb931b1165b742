"""The time axis of what is wider than a page: lines at round times of the clock, or since the start."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ecgviewer.plot.furniture_item import Furniture
from ecgviewer.state.record_time import RecordClock
from ecgviewer.state.theme import Theme

LEAST_LINE_PX, LEAST_LABEL_PX = 12.0, 112.0
STEPS_S = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400)
LABEL_INSET_PX = 3.0


def step_s(px_per_s: float, least_px: float) -> float:
    """Return the finest round step of which lines are at least so far apart."""
    return next((float(step) for step in STEPS_S if step * px_per_s >= least_px), float(STEPS_S[-1]))


class TimeLinesItem(Furniture):
    """Upright lines at round times; nothing where the paper has its own speed."""

    def ticks(self, least_px: float) -> list[tuple[float, float]]:
        """Return (time from the record's start, position) of every round time in sight."""
        scene = self._scene
        if scene is None or scene.geometry.state.time_zoom <= 1:
            return []
        geometry, duration_s = scene.geometry, scene.record.duration_s
        step = step_s(geometry.px_per_s, least_px)
        offset_s = RecordClock.of(scene.record).seconds_of_day % step
        first_s = geometry.state.start_s
        last_s = min(duration_s, geometry.time_s(self._rect.width()))
        numbers = np.arange(np.ceil((first_s + offset_s) / step), np.floor((last_s + offset_s) / step) + 1)
        times_s = (numbers * step - offset_s).tolist()
        return [(time_s, geometry.snapped(geometry.x_px(time_s))) for time_s in times_s]

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:  # noqa: D102
        scene = self._scene
        if scene is None or scene.geometry.state.time_zoom <= 1:
            return
        painter.setClipRect(self._rect.adjusted(scene.geometry.snapped(scene.geometry.gutter_px), 0, 0, 0))
        for colour, least_px in ((self._theme.grid_1mm, LEAST_LINE_PX), (self._theme.grid_5mm, LEAST_LABEL_PX)):
            pen = QPen(QColor(colour))
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.drawLines([QLineF(x_px, 0.0, x_px, self._rect.height()) for _, x_px in self.ticks(least_px)])


class TimeLabelsItem(TimeLinesItem):
    """The times of these lines, on a strip of their own over the traces."""

    def __init__(self, theme: Theme, font: QFont) -> None:
        super().__init__(theme)
        self._font = QFont(font)
        self._metrics = QFontMetricsF(self._font)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:  # noqa: D102
        scene = self._scene
        if scene is None or scene.geometry.state.time_zoom <= 1:
            return
        strip = QRectF(0, 0, self._rect.width(), self._metrics.height() + 1)
        painter.fillRect(strip, QColor(self._theme.paper))
        painter.setFont(self._font)
        painter.setPen(QColor(self._theme.text_quiet))
        clock = RecordClock.of(scene.record)
        for time_s, x_px in self.ticks(LEAST_LABEL_PX):
            painter.drawLine(QLineF(x_px, 0.0, x_px, strip.height()))
            painter.drawText(QPointF(x_px + LABEL_INSET_PX, self._metrics.ascent()), clock.text(time_s))
