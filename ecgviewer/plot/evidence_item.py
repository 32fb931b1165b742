"""What speaks for a statement: quiet tinted bands behind the traces, each at its wave in its lead."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem, QWidget

from ecgviewer.plot.furniture_item import Furniture
from ecgviewer.state.layout import spans_between
from ecgviewer.state.theme import Theme
from ecgviewer.state.why import Band

# Of 255; the grid has to be read through the darkest band.
LIGHTEST_ALPHA, DARKEST_ALPHA = 14, 92
MOST_HALF_HEIGHT_MM = 14.0
FREE_MM = 1.0
# The foot of a band is drawn in the full colour, as wide as the band: where bands are faint or colours cannot be told
# apart, its place is still seen.
FOOT_MM = 0.5


class EvidenceItem(Furniture):
    """Bands of one colour whose opacity says how much a wave speaks for the statement."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._bands: dict[str, list[Band]] = {}

    def set_bands(self, bands: Sequence[Band]) -> None:
        """Show other bands; none clears the paper."""
        self._bands = {}
        for band in bands:
            self._bands.setdefault(band.lead, []).append(band)
        self.update()

    def boxes(self) -> list[tuple[Band, QRectF]]:
        """Return every band in sight with its place in the view."""
        scene = self._scene
        if scene is None or not self._bands:
            return []
        geometry, found = scene.geometry, []
        half_mm = min(scene.page.pitch_mm / 2 - FREE_MM, MOST_HALF_HEIGHT_MM)
        left_edge_px = geometry.snapped(geometry.gutter_px)
        for span in self.visible_spans():
            lead_idx = span.cell.lead_idx
            if lead_idx is None:
                continue
            top_px = geometry.snapped(geometry.y_px(scene.page.rows[span.row_idx].baseline_mm - half_mm))
            bottom_px = geometry.snapped(geometry.y_px(scene.page.rows[span.row_idx].baseline_mm + half_mm))
            for band in self._bands.get(scene.record.lead_names[lead_idx], ()):
                start_s, end_s = max(band.start_s, span.start_s), min(band.end_s, span.end_s)
                left_px = max(geometry.snapped(geometry.x_px(start_s)), left_edge_px)
                right_px = min(geometry.snapped(geometry.x_px(end_s)), self._rect.width())
                if end_s > start_s and right_px > left_px:
                    found.append((band, QRectF(left_px, top_px, right_px - left_px, bottom_px - top_px)))
        return found

    def hides_strongest(self) -> bool:
        """Whether the layout shows the lead of the strongest band at other times only."""
        scene = self._scene
        if scene is None or not self._bands:
            return False
        strongest = max((band for bands in self._bands.values() for band in bands), key=lambda band: band.strength)
        duration_s, anchor_s = scene.record.duration_s, scene.geometry.state.anchor_s
        return not any(
            span.cell.lead_idx is not None
            and scene.record.lead_names[span.cell.lead_idx] == strongest.lead
            and span.start_s < strongest.end_s
            and strongest.start_s < span.end_s
            for span in spans_between(scene.page, 0.0, duration_s, duration_s, anchor_s)
        )

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:  # noqa: D102
        scene = self._scene
        if scene is None:
            return
        foot_px = max(1.0, scene.geometry.snapped(FOOT_MM * scene.geometry.px_per_mm))
        tint = QColor(self._theme.accent)
        for band, box in self.boxes():
            tint.setAlpha(round(LIGHTEST_ALPHA + band.strength * (DARKEST_ALPHA - LIGHTEST_ALPHA)))
            painter.fillRect(box, tint)
            tint.setAlpha(min(255, round(80 + 175 * band.strength)))
            painter.fillRect(QRectF(box.left(), box.bottom() - foot_px, box.width(), foot_px), tint)
