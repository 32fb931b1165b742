"""From seconds, millivolts and millimetres to pixels, snapped to the screen's own pixels."""

from __future__ import annotations

from dataclasses import dataclass

from ecgviewer.state.paper import PaperState

PULSE_S = 0.2
PULSE_MV = 1.0
PULSE_FOOT_MM = 2.5


@dataclass(frozen=True, slots=True)
class Geometry:
    """Where things are in a view; logical pixels, the origin is the view's upper left corner.

    Attributes
    ----------
    px_per_mm : float
        Pixels a millimetre of paper on both axes, magnification included.
    dpr : float
        Device pixels a logical pixel.
    state : PaperState
        Speed, gain and what is in sight.
    """

    px_per_mm: float
    dpr: float
    state: PaperState

    @property
    def px_per_s(self) -> float:
        """Width of a second."""
        return self.px_per_mm * self.state.speed_mm_s / self.state.time_zoom

    @property
    def px_per_mv(self) -> float:
        """Height of a millivolt."""
        return self.px_per_mm * self.state.gain_mm_mv

    @property
    def gutter_mm(self) -> float:
        """Width of the place for the calibration pulse; a whole number of large boxes."""
        return 2 * PULSE_FOOT_MM + PULSE_S * self.state.speed_mm_s

    @property
    def gutter_px(self) -> float:
        """Left end of the traces."""
        return self.gutter_mm * self.px_per_mm

    @property
    def left_px(self) -> float:
        """How far the paper is shifted to the left, in whole device pixels."""
        return round(self.state.start_s * self.px_per_s * self.dpr) / self.dpr

    @property
    def top_px(self) -> float:
        """How far the paper is shifted upwards, in whole device pixels."""
        return round(self.state.top_mm * self.px_per_mm * self.dpr) / self.dpr

    def x_px(self, time_s: float) -> float:
        """Return the position of a time of the record."""
        return self.gutter_px + time_s * self.px_per_s - self.left_px

    def y_px(self, paper_mm: float) -> float:
        """Return the position of a distance from the page's upper edge."""
        return paper_mm * self.px_per_mm - self.top_px

    def time_s(self, x_px: float) -> float:
        """Return the time of the record at a position."""
        return (x_px - self.gutter_px + self.left_px) / self.px_per_s

    def visible_s(self, width_px: float) -> float:
        """Return how much time a view of that width shows."""
        return max(0.0, (width_px - self.gutter_px) / self.px_per_s)

    def snapped(self, px: float) -> float:
        """Return a position on the edge of a device pixel."""
        return round(px * self.dpr) / self.dpr
