"""A strip of ECG paper with a few seconds of one lead, for a first look at rate and unit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from ecgviewer.state.theme import Theme
from ecgviewer.state.trace import finite_runs, polyline

SPEED_MM_S = 25.0
GAIN_MM_MV = 10.0
# Of an ordinary screen; the strip is for shape and proportion, and carries its own boxes to read them by.
PX_PER_MM = 3.78
HEIGHT_MM = 35


class TracePreview(QWidget):
    """Draws at 25 mm/s and 10 mm/mV; what goes beyond the strip is cut off at its edge, as on paper."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._signal_mv: npt.NDArray[np.float32] | None = None
        self._fs_hz = 0.0
        self._text = ""
        self.setFixedHeight(round(HEIGHT_MM * PX_PER_MM))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_trace(self, signal_mv: npt.NDArray[np.float32], fs_hz: float, name: str) -> None:
        """Draw the first seconds of a lead."""
        self._signal_mv, self._fs_hz, self._text = signal_mv, fs_hz, name
        self.setAccessibleName(f"Preview of {name}")
        self.update()

    def say(self, sentence: str) -> None:
        """Show why there is no trace yet."""
        self._signal_mv, self._text = None, sentence
        self.setAccessibleName(sentence)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.paper))
        self._draw_grid(painter)
        painter.setPen(QColor(self._theme.text if self._signal_mv is not None else self._theme.text_quiet))
        if self._signal_mv is None:
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._text)
            return
        self._draw_trace(painter, self._signal_mv)
        painter.drawText(QRectF(8, 4, self.width() - 16, 20), Qt.AlignmentFlag.AlignLeft, self._text)

    def _draw_grid(self, painter: QPainter) -> None:
        for step, colour in ((1, self._theme.grid_1mm), (5, self._theme.grid_5mm)):
            pen = QPen(QColor(colour))
            pen.setCosmetic(True)
            painter.setPen(pen)
            lines = [
                QLineF(x, 0, x, self.height()) for x in np.arange(0, self.width(), step * PX_PER_MM).round().tolist()
            ]
            lines += [
                QLineF(0, y, self.width(), y) for y in np.arange(0, self.height(), step * PX_PER_MM).round().tolist()
            ]
            painter.drawLines(lines)

    def _draw_trace(self, painter: QPainter, signal_mv: npt.NDArray[np.float32]) -> None:
        px_per_s = SPEED_MM_S * PX_PER_MM
        points = polyline(signal_mv, finite_runs(signal_mv), self._fs_hz, px_per_s, 0.0, self.width() / px_per_s)
        if points.x_px.size == 0:
            return
        middle_mv = float(np.nanmedian(signal_mv))
        y_px = self.height() / 2 - (points.y_mv - middle_mv) * GAIN_MM_MV * PX_PER_MM
        y_px = np.clip(y_px, -1e4, 1e4)
        pen = QPen(QColor(self._theme.trace))
        pen.setCosmetic(True)
        painter.setPen(pen)
        starts = np.flatnonzero(~points.is_joined) + 1
        for x_run, y_run in zip(np.split(points.x_px, starts), np.split(y_px, starts), strict=True):
            corners = [QPointF(x, y) for x, y in zip(x_run.tolist(), y_run.tolist(), strict=True)]
            painter.drawPolyline(QPolygonF(corners))
