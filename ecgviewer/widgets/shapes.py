"""The marks that go with the words: octagon for urgent, triangle for notice. Never colour alone."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget


def octagon(rect: QRectF) -> QPolygonF:
    """Return a regular octagon that fills a square."""
    centre, radius = rect.center(), rect.width() / 2 / math.cos(math.pi / 8)
    corners = [math.pi / 8 + k * math.pi / 4 for k in range(8)]
    return QPolygonF([centre + QPointF(radius * math.cos(a), radius * math.sin(a)) for a in corners])


def triangle(rect: QRectF) -> QPolygonF:
    """Return a triangle that stands on its base."""
    return QPolygonF([QPointF(rect.center().x(), rect.top()), rect.bottomRight(), rect.bottomLeft()])


def draw_mark(painter: QPainter, shape: QPolygonF, colour: str, ground: str) -> None:
    """Draw a filled shape with an exclamation mark cut out of it."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawPolygon(shape)
    rect = shape.boundingRect()
    is_triangle = shape.count() == 3
    top, bottom = (0.38, 0.68) if is_triangle else (0.22, 0.58)
    pen = QPen(QColor(ground), max(1.4, rect.width() / 8))
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    x = rect.center().x()
    painter.drawLine(QPointF(x, rect.top() + top * rect.height()), QPointF(x, rect.top() + bottom * rect.height()))
    painter.drawPoint(QPointF(x, rect.top() + (0.86 if is_triangle else 0.78) * rect.height()))
    painter.restore()


class MarkWidget(QWidget):
    """A mark as a widget of 16 px."""

    def __init__(self, kind: str, colour: str, ground: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kind, self._colour, self._ground = kind, colour, ground
        self.setFixedSize(16, 16)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_colours(self, colour: str, ground: str) -> None:
        """Draw in other colours."""
        self._colour, self._ground = colour, ground
        self.update()

    def paintEvent(self, event: object) -> None:  # noqa: D102
        rect = QRectF(1, 1, 14, 14)
        painter = QPainter(self)
        draw_mark(painter, octagon(rect) if self._kind == "urgent" else triangle(rect), self._colour, self._ground)
        painter.end()
