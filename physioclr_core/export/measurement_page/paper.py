"""Draw in millimetres: a sheet with its header, and calibrated ECG paper on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Polygon, Rectangle, Wedge
from matplotlib.path import Path as Outline

from physioclr_core.physiology.measurement_table import Measurement

PAPER, GRID_1_MM, GRID_5_MM = "#FFFDFB", "#F7DDD6", "#EBB0A5"
TRACE, TEXT, QUIET, PALE = "#15181B", "#1F2429", "#5F676E", "#A9AFB5"
ACCENT, NOTICE = "#0B6E99", "#9A5B00"
MM_PER_S, MM_PER_MV = 25.0, 10.0
WIDTH_MM = 180.0
EDGE_MM, HEADER_MM, FOOTER_MM = 5.0, 11.0, 8.0
# Text as outlines and a fixed salt for the identifiers: the same bytes from run to run, the same look everywhere.
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "measurements",
    "path.simplify": True,
    "path.simplify_threshold": 0.12,
}

FloatArray = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def stated(measurement: Measurement, *, with_label: bool = True) -> str:
    """Return a measurement in words: "PR interval 153 ± 2 ms", or why there is none."""
    label = f"{measurement.label.removesuffix(' (default)')} " if with_label else ""
    if measurement.value is None:
        return f"{label.strip()}: not given" if label else "not given"
    digits = 2 if measurement.unit == "mV" else 0
    error = "" if measurement.uncertainty is None else f" ± {max(measurement.uncertainty, 10.0**-digits):.{digits}f}"
    unit = {"deg": "°", "": ""}.get(measurement.unit, f" {measurement.unit}")
    # A minus sign, not a hyphen.
    return label + f"{measurement.value:.{digits}f}{error}{unit}".replace("-", "\u2212")


class Sheet:
    """A figure whose coordinates are millimetres from its lower left corner.

    Parameters
    ----------
    height_mm : float
        With header and footer.
    title : str
        What was measured, with its value.
    source : str
        Which ECG it is.
    footer : str
    """

    def __init__(self, height_mm: float, title: str, source: str, footer: str) -> None:
        self.height_mm = height_mm
        self.figure = Figure(figsize=(WIDTH_MM / 25.4, height_mm / 25.4), facecolor=PAPER)
        self.axes: Axes = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self.axes.set_axis_off()
        self.axes.set_xlim(0, WIDTH_MM)
        self.axes.set_ylim(0, height_mm)
        # Long texts are set smaller: a letter takes about 2.15 mm in the title, 1.5 in the source, 1.26 in the footer.
        room_mm = WIDTH_MM - 2 * EDGE_MM
        title_size = 9.5 * min(1.0, (room_mm - 4.0 - 1.5 * len(source)) / (2.15 * len(title)))
        footer_size = 6.8 * min(1.0, room_mm / (1.26 * len(footer)))
        self.text(EDGE_MM, height_mm - 6.0, title, size=title_size, weight="bold")
        self.text(WIDTH_MM - EDGE_MM, height_mm - 6.0, source, color=QUIET, ha="right")
        self.text(EDGE_MM, 3.6, footer, size=footer_size, color=QUIET)

    @property
    def top_mm(self) -> float:
        """The lower edge of the header."""
        return self.height_mm - HEADER_MM

    def text(self, x: float, y: float, text: str, **style: Any) -> None:
        """Write a text; its vertical centre lies at ``y``."""
        style = {"color": TEXT, "va": "center_baseline", "size": STYLE["font.size"], **style}
        self.axes.text(x, y, text, **style)

    def line(self, x: FloatArray | list[float], y: FloatArray | list[float], **style: Any) -> Any:
        """Draw a line; 0.5 pt of accent unless ``style`` says otherwise."""
        style = {"color": ACCENT, "lw": 0.6, "solid_capstyle": "butt", "solid_joinstyle": "round", **style}
        return self.axes.plot(x, y, **style)[0]

    def area(self, points: FloatArray, **style: Any) -> Any:
        """Fill a polygon with pale accent unless ``style`` says otherwise."""
        return self.axes.add_patch(Polygon(points, **{"fc": ACCENT, "ec": "none", "alpha": 0.16, **style}))

    def box(self, x: float, y: float, width: float, height: float, **style: Any) -> Any:
        """Fill a rectangle with pale accent unless ``style`` says otherwise."""
        style = {"fc": ACCENT, "ec": "none", "alpha": 0.12, **style}
        return self.axes.add_patch(Rectangle((x, y), width, height, **style))

    def sector(self, x: float, y: float, radius: float, start_deg: float, end_deg: float, **style: Any) -> None:
        """Fill a sector; angles are anticlockwise from the right."""
        style = {"fc": ACCENT, "ec": "none", "alpha": 0.14, **style}
        self.axes.add_patch(Wedge((x, y), radius, start_deg, end_deg, **style))

    def arrow(self, start: tuple[float, float], end: tuple[float, float], style: str = "-|>", **more: Any) -> None:
        """Draw an arrow; it ends exactly at its points."""
        more = {"color": ACCENT, "lw": 0.7, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 5, **more}
        self.axes.annotate("", end, start, arrowprops={"arrowstyle": style, **more})

    def caliper(self, x0: float, x1: float, y: float, label: str) -> None:
        """Draw a horizontal dimension line with its label below; a short one has bars for arrows."""
        style, scale = ("<|-|>", 5.0) if x1 - x0 > 6.0 else ("|-|", 1.5)
        self.arrow((x0, y), (x1, y), style, mutation_scale=scale)
        self.text(0.5 * (x0 + x1), y - 3.2, label, color=ACCENT, ha="center", weight="bold")


@dataclass
class EcgPaper:
    """A rectangle of paper with 1 mm squares of 40 ms by 0.1 mV, drawn ``zoom`` times their size.

    Attributes
    ----------
    sheet : Sheet
    left_mm, bottom_mm : float
        Its corner on the sheet.
    columns_mm, rows_mm : float
        Its size in millimetres of paper.
    zoom : float
    start_s : float
        The time at its left edge.
    """

    sheet: Sheet
    left_mm: float
    bottom_mm: float
    columns_mm: float
    rows_mm: float
    zoom: float = 1.0
    start_s: float = 0.0

    def __post_init__(self) -> None:
        axes = self.sheet.axes
        # Lines get thinner with the squares, down to what a screen still shows.
        thin = float(np.clip(0.3 * self.zoom, 0.22, 0.45))
        for step, color, width in ((1.0, GRID_1_MM, thin), (5.0, GRID_5_MM, 1.6 * thin)):
            axes.add_patch(PathPatch(self._grid(step), fc="none", ec=color, lw=width, zorder=0.5 + 0.1 * step))

    def _grid(self, step: float) -> Outline:
        points: list[tuple[float, float]] = []
        right, top = self.left_mm + self.width_mm, self.bottom_mm + self.height_mm
        for x in np.arange(0.0, self.columns_mm + 1e-6, step) * self.zoom + self.left_mm:
            points += [(float(x), self.bottom_mm), (float(x), top)]
        for y in np.arange(0.0, self.rows_mm + 1e-6, step) * self.zoom + self.bottom_mm:
            points += [(self.left_mm, float(y)), (right, float(y))]
        return Outline(points, [Outline.MOVETO, Outline.LINETO] * (len(points) // 2))

    @property
    def width_mm(self) -> float:
        """Its width on the sheet."""
        return self.columns_mm * self.zoom

    @property
    def height_mm(self) -> float:
        """Its height on the sheet."""
        return self.rows_mm * self.zoom

    @property
    def top_mm(self) -> float:
        """Its upper edge on the sheet."""
        return self.bottom_mm + self.height_mm

    def x(self, time_s: Any) -> Any:
        """Return where a time lies on the sheet."""
        return self.left_mm + (time_s - self.start_s) * MM_PER_S * self.zoom

    def y(self, value_mv: Any, base_mm: float) -> Any:
        """Return where a voltage lies on the sheet; ``base_mm`` is the paper's height of 0 mV."""
        return self.bottom_mm + (base_mm + value_mv * MM_PER_MV) * self.zoom

    def trace(self, time_s: FloatArray, signal_mv: FloatArray, base_mm: float, **style: Any) -> None:
        """Draw a signal, cut at the paper's edges; a gap is a gap."""
        style = {"color": TRACE, "lw": 0.8, "zorder": 3, **style}
        x, y = self.x(time_s), self.y(signal_mv, base_mm)
        # Cut here, not by a clip path: not every program that shows SVG knows those.
        x, y = _cut(x, y, self.left_mm, self.left_mm + self.width_mm)
        y, x = _cut(y, x, self.bottom_mm, self.top_mm)
        self.sheet.line(x, y, **style)

    def between(self, time_s: FloatArray, signal_mv: FloatArray, base_mm: float, span_s: tuple[float, float]) -> None:
        """Fill the area between a signal and 0 mV in a span of time."""
        inside = (time_s >= span_s[0]) & (time_s <= span_s[1])
        if not inside.any():
            return
        x = self.x(time_s[inside])
        points = np.column_stack([x, self.y(signal_mv[inside], base_mm)])
        zero = self.y(0.0, base_mm)
        self.sheet.area(np.vstack([[x[0], zero], points, [x[-1], zero]]), alpha=0.22, zorder=2.5)

    def calibration_pulse(self, base_mm: float) -> None:
        """Draw 1 mV for 200 ms in the margin to the left."""
        x = self.left_mm + self.zoom * np.array([-6.5, -5.5, -5.5, -1.5, -1.5, -0.5])
        y = self.bottom_mm + self.zoom * (base_mm + np.array([0.0, 0.0, 10.0, 10.0, 0.0, 0.0]))
        self.sheet.line(x, y, color=TRACE, lw=0.7)


def _cut(along: FloatArray, other: FloatArray, low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Cut a line where one coordinate leaves a span: a point is put on each crossing, what is beyond becomes NaN."""
    along, other = np.asarray(along, np.float64), np.asarray(other, np.float64)
    for edge in (low, high):
        before, after = along[:-1] - edge, along[1:] - edge
        crossing = np.flatnonzero(before * after < 0)
        share = before[crossing] / (before[crossing] - after[crossing])
        between = other[crossing] + share * (other[crossing + 1] - other[crossing])
        along, other = np.insert(along, crossing + 1, edge), np.insert(other, crossing + 1, between)
    outside = (along < low - 1e-9) | (along > high + 1e-9)
    # Only as much of it as keeps the line broken.
    inner = outside.copy()
    inner[1:] &= outside[:-1]
    along, other, outside = along[~inner], other[~inner], outside[~inner]
    along[outside] = np.nan
    return along, other
