"""Everything on the paper that is not a trace: lead labels, separators, gaps, empty places, calibration pulses."""

from __future__ import annotations

from dataclasses import dataclass

from pyqtgraph.graphicsItems.GraphicsObject import GraphicsObject
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ecgviewer.plot.grid_item import GridItem
from ecgviewer.state.geometry import PULSE_FOOT_MM, PULSE_MV, PULSE_S, Geometry
from ecgviewer.state.layout import Page, Span, spans_between
from ecgviewer.state.record_time import RecordClock
from ecgviewer.state.signals import Signals
from ecgviewer.state.theme import Theme
from physioclr_core.record import SignalSource

# A label stands as far above its baseline as the row has room for.
LABEL_ABOVE_MM = {True: 11.0, False: 6.0}
WIDE_ROW_MM = 24.0
HIGHEST_LABEL_SHARE = 0.5
LABEL_INSET_MM = 1.0
TICK_MM = 2.0
TICK_FROM_BASELINE_MM = 5.0
# The word stands in a gap that is wide enough for it, above one that is narrower (not among bars, which would cover
# it), and at none of a few pixels.
GAP, NO_SIGNAL = "gap", "no signal"
# After the name of a lead that the file does not store.
DERIVED = "derived"
# From here on times are the clock's.
LONG_S = 600.0
# From here on beats run together: rows keep to their own place, in a quieter colour.
WIDE_ZOOM = 6.0
NARROWEST_LABELLED_GAP_PX = 3.0


@dataclass(frozen=True, slots=True)
class Scene:
    """What the furniture is drawn for."""

    record: SignalSource
    page: Page
    geometry: Geometry
    signals: Signals


class Furniture(GraphicsObject):
    """What stands on the paper beside the traces and moves with it."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._rect = QRectF()
        self._scene: Scene | None = None

    def set_theme(self, theme: Theme) -> None:
        """Draw in other colours."""
        self._theme = theme
        self.update()

    def set_scene(self, scene: Scene | None, rect: QRectF) -> None:
        """Take over what is shown and where."""
        if rect != self._rect:
            self.prepareGeometryChange()
        self._scene, self._rect = scene, rect
        self.update()

    def boundingRect(self) -> QRectF:  # noqa: D102
        return self._rect

    def visible_spans(self) -> list[Span]:
        """Return the cells in sight."""
        scene = self._scene
        if scene is None:
            return []
        geometry = scene.geometry
        start_s = geometry.time_s(geometry.gutter_px)
        end_s = geometry.time_s(self._rect.width())
        return spans_between(scene.page, start_s, end_s, scene.record.duration_s, geometry.state.anchor_s)


class LabelItem(Furniture):
    """Lead labels, separators, empty places and gaps; drawn below the traces, so that no trace is ever covered."""

    def __init__(self, theme: Theme, font: QFont) -> None:
        super().__init__(theme)
        self._font = QFont(font)
        self._font.setWeight(QFont.Weight.DemiBold)
        self._quiet_font = QFont(font)
        self._metrics = QFontMetricsF(self._font)
        self._quiet_metrics = QFontMetricsF(self._quiet_font)

    def labels(self) -> list[tuple[str, QPointF]]:
        """Return every label in sight with the left end of its baseline."""
        scene = self._scene
        if scene is None:
            return []
        geometry, found = scene.geometry, []
        left_px = geometry.gutter_px + LABEL_INSET_MM * geometry.px_per_mm
        above_mm = LABEL_ABOVE_MM[scene.page.pitch_mm >= WIDE_ROW_MM]
        for span in self.visible_spans():
            x_px = max(geometry.x_px(span.start_s) + LABEL_INSET_MM * geometry.px_per_mm, left_px)
            room_px = geometry.x_px(span.end_s) - x_px
            baseline_mm = scene.page.rows[span.row_idx].baseline_mm
            y_px = geometry.y_px(baseline_mm - max(above_mm, self._clear_mm(scene, span)))
            text = span.cell.note or span.cell.label
            # Where the record ends no other lead follows that the label could run into.
            is_last = span.end_s >= scene.record.duration_s
            if is_last or self._metrics.horizontalAdvance(span.cell.label) <= room_px:
                found.append((text, QPointF(geometry.snapped(x_px), geometry.snapped(y_px))))
        return found

    def _label_px(self, scene: Scene, label: str) -> float:
        if label not in scene.record.report.derived_leads:
            return self._metrics.horizontalAdvance(label)
        return self._metrics.horizontalAdvance(f"{label} ") + self._quiet_metrics.horizontalAdvance(DERIVED)

    def _clear_mm(self, scene: Scene, span: Span) -> float:
        """Return how high a label has to stand at the start of a span so that the trace does not cross it."""
        lead_idx, geometry = span.cell.lead_idx, scene.geometry
        if lead_idx is None:
            return 0.0
        width_px = self._label_px(scene, span.cell.label) + 2 * LABEL_INSET_MM * geometry.px_per_mm
        peak_mv = scene.signals.peak_mv(lead_idx, span.start_s, span.start_s + width_px / geometry.px_per_s)
        if peak_mv is None:
            return 0.0
        peak_mm = (peak_mv - scene.signals.baselines_mv[lead_idx]) * geometry.state.gain_mm_mv
        return min(peak_mm + LABEL_INSET_MM, HIGHEST_LABEL_SHARE * scene.page.pitch_mm)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:  # noqa: D102
        scene = self._scene
        if scene is None:
            return
        painter.setClipRect(self._rect.adjusted(scene.geometry.snapped(scene.geometry.gutter_px), 0, 0, 0))
        self._paint_separators(painter, scene)
        self._paint_gaps(painter, scene)
        if scene.geometry.state.time_zoom >= WIDE_ZOOM:
            return
        for text, where in self.labels():
            is_note = text.endswith(" not recorded")
            painter.setFont(self._quiet_font if is_note else self._font)
            painter.setPen(QColor(self._theme.text_quiet if is_note else self._theme.text))
            painter.drawText(where, text)
            if text in scene.record.report.derived_leads:
                painter.setFont(self._quiet_font)
                painter.setPen(QColor(self._theme.text_quiet))
                painter.drawText(where + QPointF(self._metrics.horizontalAdvance(f"{text} "), 0.0), DERIVED)

    def _paint_separators(self, painter: QPainter, scene: Scene) -> None:
        geometry = scene.geometry
        pen = QPen(QColor(self._theme.text_quiet))
        pen.setCosmetic(True)
        painter.setPen(pen)
        for span in self.visible_spans():
            row = scene.page.rows[span.row_idx]
            if row.cell_s is None or span.start_s <= 0:
                continue
            x_px = geometry.snapped(geometry.x_px(span.start_s))
            if span.starts_page:
                self._paint_page_start(painter, scene, span, x_px)
                continue
            for side in (-1, 1):
                near_px = geometry.y_px(row.baseline_mm + side * TICK_FROM_BASELINE_MM)
                far_px = geometry.y_px(row.baseline_mm + side * (TICK_FROM_BASELINE_MM + TICK_MM))
                painter.drawLine(QPointF(x_px, near_px), QPointF(x_px, far_px))

    def _paint_page_start(self, painter: QPainter, scene: Scene, span: Span, x_px: float) -> None:
        geometry, half_mm = scene.geometry, scene.page.pitch_mm / 2
        baseline_mm = scene.page.rows[span.row_idx].baseline_mm
        top_px, bottom_px = geometry.y_px(baseline_mm - half_mm), geometry.y_px(baseline_mm + half_mm)
        painter.drawLine(QPointF(x_px, top_px), QPointF(x_px, bottom_px))
        if span.row_idx == 0:
            painter.setFont(self._quiet_font)
            # Beside the lead's name, which stands as high where its trace does.
            right_px = self._metrics.horizontalAdvance(span.cell.label) + 2 * LABEL_INSET_MM * geometry.px_per_mm
            where = QPointF(x_px + right_px, top_px + self._quiet_metrics.ascent())
            painter.drawText(where, _page_start_text(scene.record, span.start_s))

    def _paint_gaps(self, painter: QPainter, scene: Scene) -> None:
        geometry = scene.geometry
        first_s, last_s = geometry.time_s(geometry.gutter_px), geometry.time_s(self._rect.width())
        painter.setFont(self._quiet_font)
        for span in self.visible_spans():
            lead_idx = span.cell.lead_idx
            if lead_idx is None:
                continue
            signals = scene.signals
            for word, stretches in (
                (GAP, signals.gaps_s(lead_idx, first_s, last_s)),
                (NO_SIGNAL, signals.no_signal_s(lead_idx, first_s, last_s)),
            ):
                for start_s, end_s in stretches:
                    self._paint_missing(painter, scene, span, word, start_s, end_s)

    def _paint_missing(
        self, painter: QPainter, scene: Scene, span: Span, word: str, start_s: float, end_s: float
    ) -> None:
        geometry, baseline_mm = scene.geometry, scene.page.rows[span.row_idx].baseline_mm
        left_px = max(geometry.x_px(max(start_s, span.start_s)), geometry.gutter_px)
        right_px = min(geometry.x_px(min(end_s, span.end_s)), self._rect.width())
        if right_px <= left_px:
            return
        top_px = geometry.y_px(baseline_mm - TICK_FROM_BASELINE_MM)
        height_px = 2 * TICK_FROM_BASELINE_MM * geometry.px_per_mm
        box = QRectF(left_px, top_px, max(right_px - left_px, 1.0), height_px)
        tint = QColor(self._theme.text_quiet)
        tint.setAlpha(28)
        painter.fillRect(box, tint)
        painter.setPen(QColor(self._theme.text_quiet))
        word_px = self._quiet_metrics.horizontalAdvance(word) + 2.0
        if box.width() >= word_px:
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, word)
        elif box.width() >= NARROWEST_LABELLED_GAP_PX and geometry.state.time_zoom < WIDE_ZOOM:
            above = box.adjusted(-word_px, -self._quiet_metrics.height(), 0, 0)
            above.setWidth(box.width() + 2 * word_px)
            painter.drawText(above, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, word)


def _page_start_text(record: SignalSource, start_s: float) -> str:
    return f"from {start_s:g} s" if record.duration_s < LONG_S else f"from {RecordClock.of(record).text(start_s)}"


class GutterItem(Furniture):
    """The calibration pulse at the start of every row: 1 mV for 200 ms, in sight wherever the paper is panned to."""

    def __init__(self, theme: Theme, grid: GridItem) -> None:
        super().__init__(theme)
        self._grid = grid

    def pulse_points(self, baseline_mm: float, geometry: Geometry) -> list[QPointF]:
        """Return the corners of the pulse of a row."""
        height_mm = PULSE_MV * geometry.state.gain_mm_mv
        width_mm = PULSE_S * geometry.state.speed_mm_s
        corners_mm = (
            (0.0, 0.0),
            (PULSE_FOOT_MM, 0.0),
            (PULSE_FOOT_MM, height_mm),
            (PULSE_FOOT_MM + width_mm, height_mm),
            (PULSE_FOOT_MM + width_mm, 0.0),
            (2 * PULSE_FOOT_MM + width_mm - LABEL_INSET_MM, 0.0),
        )
        return [
            QPointF(
                geometry.snapped(x_mm * geometry.px_per_mm),
                geometry.snapped(geometry.y_px(baseline_mm) - y_mm * geometry.px_per_mm),
            )
            for x_mm, y_mm in corners_mm
        ]

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:  # noqa: D102
        scene = self._scene
        if scene is None:
            return
        self._grid.paint_gutter(painter, scene.geometry)
        pen = QPen(QColor(self._theme.trace))
        pen.setCosmetic(True)
        painter.setPen(pen)
        for row in scene.page.rows:
            if any(cell.lead_idx is not None for cell in row.cells):
                painter.drawPolyline(self.pulse_points(row.baseline_mm, scene.geometry))
        if scene.geometry.state.time_zoom >= WIDE_ZOOM:
            # Bars leave no room for a name beside them; the gutter has.
            painter.setPen(QColor(self._theme.text))
            for row in scene.page.rows:
                where = QPointF(3.0, scene.geometry.y_px(row.baseline_mm + scene.page.pitch_mm / 2 - 2.0))
                painter.drawText(where, row.cells[0].note or row.cells[0].label)
