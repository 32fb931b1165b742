"""Similar ECGs of the reference library: what they look like, how far they are, what was said about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QModelIndex, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QLabel, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from ecgviewer.jobs.protocol import Likeness, Neighbour, Similar
from ecgviewer.state.analysis import Analysis, WorkerStatus
from ecgviewer.state.similar import (
    LIKENESS_LEGEND,
    accessible_text,
    left_out_text,
    notice_text,
    statements_text,
    who_text,
)
from ecgviewer.state.theme import Theme
from ecgviewer.state.trace import envelope
from ecgviewer.widgets.answer_panel import AnswerPanel, Index, RowsModel, quiet_small_label
from ecgviewer.widgets.style import GRID_PX, small_font, strong_font

ROW_PX = 64
LINE_PX = 18
THUMBNAIL_PX = 34
PX_A_MV = 13.0
WHO_PX = 56
PAD_PX = 2 * GRID_PX
BARS_PX, BAR_PX = 48, 14


@dataclass(frozen=True, slots=True, eq=False)
class SimilarRow:
    """A neighbour with its lead II in microvolts."""

    neighbour: Neighbour
    thumbnail_uv: npt.NDArray[np.int16] | None


class SimilarModel(RowsModel):
    """The rows of the panel."""

    def text(self, row: object) -> str:  # noqa: D102
        return accessible_text(row.neighbour) if isinstance(row, SimilarRow) else ""


class SimilarDelegate(QStyledItemDelegate):
    """Paints one row."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.theme = theme
        self._lines: dict[tuple[int, int], QPolygonF] = {}

    def forget(self) -> None:
        """Drop what was kept of the last answer."""
        self._lines.clear()

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: D102
        return QSize(0, ROW_PX)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        row: SimilarRow = index.data(RowsModel.ROW)
        theme, rect = self.theme, QRectF(option.rect)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(theme.selected))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, QColor(theme.hover))
        inner = rect.adjusted(PAD_PX, 4, -PAD_PX, -4)
        self._paint_text(painter, row.neighbour, inner, option.font)
        box = QRectF(inner.left(), inner.top() + LINE_PX + 2, inner.width() - WHO_PX - GRID_PX, THUMBNAIL_PX)
        if row.neighbour.likeness is not None:
            bars = QRectF(inner.right() - BARS_PX, inner.bottom() - BAR_PX, BARS_PX, BAR_PX)
            self._paint_likeness(painter, row.neighbour.likeness, bars)
        if row.thumbnail_uv is not None and row.thumbnail_uv.size:
            key = (index.row(), round(box.width()))
            if key not in self._lines:
                self._lines[key] = _thumbnail(row.thumbnail_uv, round(box.width()))
            painter.setClipRect(box)
            painter.setPen(QPen(QColor(theme.trace), 1))
            painter.translate(box.left(), box.center().y())
            painter.drawPolyline(self._lines[key])
        painter.restore()

    def _paint_likeness(self, painter: QPainter, likeness: Likeness, box: QRectF) -> None:
        """Paint a bar a block: its height is the cosine; a line is unrelated or opposite, nothing is unknown."""
        step_px = box.width() / max(len(likeness.blocks), 1)
        for number, cosine in enumerate(likeness.blocks.values()):
            if cosine is None:
                continue
            left_px = box.left() + number * step_px
            height_px = max(box.height() * min(max(cosine, 0.0), 1.0), 1.0)
            colour = QColor(self.theme.accent if cosine > 0.0 else self.theme.text_quiet)
            painter.fillRect(QRectF(left_px, box.bottom() - height_px, step_px - 3.0, height_px), colour)

    def _paint_text(self, painter: QPainter, neighbour: Neighbour, rect: QRectF, font: QFont) -> None:
        theme, middle = self.theme, Qt.AlignmentFlag.AlignVCenter
        line = QRectF(rect.left(), rect.top(), rect.width(), LINE_PX)
        strong = strong_font(font)
        statements = statements_text(neighbour)
        room_px = line.width() - WHO_PX - GRID_PX
        painter.setFont(strong)
        painter.setPen(QColor(theme.text))
        shown = QFontMetricsF(strong).elidedText(statements, Qt.TextElideMode.ElideRight, room_px)
        painter.drawText(line, middle, shown)
        painter.setFont(font)
        painter.drawText(line, middle | Qt.AlignmentFlag.AlignRight, f"{neighbour.distance:.3f}")
        painter.setPen(QColor(theme.text_quiet))
        painter.setFont(small_font(font))
        below = QRectF(rect.left(), line.bottom(), rect.width(), LINE_PX)
        painter.drawText(below, middle | Qt.AlignmentFlag.AlignRight, who_text(neighbour))


def _thumbnail(lead_uv: npt.NDArray[np.int16], width_px: int) -> QPolygonF:
    lead_mv = lead_uv.astype(np.float32) / np.float32(1000)
    low_mv, high_mv = envelope(lead_mv - np.float32(np.median(lead_mv)), width_px)
    step_px = width_px / low_mv.size
    points = []
    for i, (low, high) in enumerate(zip(low_mv.tolist(), high_mv.tolist(), strict=True)):
        x_px = i * step_px
        points += [QPointF(x_px, -low * PX_A_MV), QPointF(x_px, -high * PX_A_MV)]
    return QPolygonF(points)


class SimilarPanel(AnswerPanel):
    """The panel; ``neighbour_chosen`` carries the ECG that shall be laid beside."""

    neighbour_chosen = Signal(object)

    def __init__(self, theme: Theme) -> None:
        self._delegate = SimilarDelegate(theme)
        super().__init__("Similar ECGs", SimilarModel(), self._delegate, theme, ROW_PX + 4)
        self.setObjectName("similar")
        self._analysis: Analysis | None = None
        self._shown: Similar | None = None
        self._left_out = quiet_small_label()
        self._legend = quiet_small_label()
        self._attribution = quiet_small_label()
        for label in (self._left_out, self._legend, self._attribution):
            label.setContentsMargins(PAD_PX, 2, PAD_PX, 4)
            label.hide()
            self.body.addWidget(label)
        self.list.doubleClicked.connect(self._on_chosen)
        self.list.installEventFilter(self)

    def set_theme(self, theme: Theme) -> None:  # noqa: D102
        self._delegate.theme = theme
        super().set_theme(theme)

    @property
    def footnotes(self) -> str:
        """What is said below the rows."""
        return "\n".join(
            label.text() for label in (self._left_out, self._legend, self._attribution) if not label.isHidden()
        )

    def set_analysis(self, analysis: Analysis, status: WorkerStatus) -> None:
        """Show what is known."""
        if analysis is not self._analysis:
            self._analysis, self._shown = analysis, None
            self._stop_waiting()
        similar = analysis.similar
        attribution = status.ready.attribution if status.ready is not None else ""
        _set_foot(self._attribution, attribution.split("\n")[0] if similar is not None else "")
        self._attribution.setToolTip(attribution)
        is_compared = similar is not None and any(near.likeness is not None for near in similar.neighbours)
        _set_foot(self._legend, LIKENESS_LEGEND if is_compared else "")
        _set_foot(self._left_out, left_out_text(similar) if similar is not None else "")
        if similar is not None:
            if self._shown is similar:
                return
            self._shown = similar
            self._delegate.forget()
            thumbnails = analysis.thumbnails_uv
            rows: list[object] = [
                SimilarRow(neighbour, thumbnails[i] if thumbnails is not None else None)
                for i, neighbour in enumerate(similar.neighbours)
            ]
            n_library = status.ready.n_library if status.ready is not None else 0
            detail = f"of {n_library:,}".replace(",", " ") if n_library else ""
            self.show_rows(rows, detail=detail, words=notice_text(similar), is_notice=similar.reason is None)
        elif analysis.is_on_demand and analysis.job is None:
            self.fail("Searched once ten seconds are judged.", can_retry=False)
        elif analysis.failure is not None:
            self.fail(f"not searched: {analysis.failure}", can_retry=False)
        else:
            self.wait("searching similar ECGs" if status.ready is not None else "loading the library")

    def rows(self) -> list[SimilarRow]:
        """Return the rows in sight."""
        return [row for row in self.model.rows if isinstance(row, SimilarRow)]

    def _on_chosen(self, index: QModelIndex) -> None:
        row = index.data(RowsModel.ROW)
        if isinstance(row, SimilarRow):
            self.neighbour_chosen.emit(row.neighbour)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: D102
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._on_chosen(self.list.currentIndex())
            return True
        return False


def _set_foot(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))
