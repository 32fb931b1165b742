"""Leads of a median beat on paper, below one another or side by side, and marks on them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, isfinite

import numpy as np
import numpy.typing as npt

from physioclr_core.export.measurement_page.cases import Case
from physioclr_core.export.measurement_page.paper import (
    ACCENT,
    EDGE_MM,
    FOOTER_MM,
    HEADER_MM,
    QUIET,
    WIDTH_MM,
    EcgPaper,
    Sheet,
)
from physioclr_core.physiology.lead_measures import fine_signal
from physioclr_core.physiology.marks import FIDUCIALS
from physioclr_core.physiology.median_beat import MedianBeat

# Room to the left of the paper for the names of the leads, and between papers.
NAMES_MM = 9.0
_BETWEEN_MM = 8.0
_HIGHEST_MM = 112.0
_SIDE_MM = 26.0
# Paper between the rows of two leads.
_GAP_MM = 1.0
_NAMES = {"p_on": "P onset", "p_off": "P end", "qrs_on": "QRS onset", "qrs_off": "J", "t_off": "T end"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a lead of the median beat is drawn; ``base_mm`` is the height of its PQ level on the paper."""

    lead: str
    row: int
    paper: EcgPaper
    base_mm: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A median beat as amplitudes are read from it: below 400 Hz interpolated, so that a peak between samples shows."""

    time_s: npt.NDArray[np.float64]
    signal_mv: npt.NDArray[np.float64]

    @classmethod
    def of(cls, median: MedianBeat) -> Curve:
        """Interpolate as ``lead_measures`` does."""
        signal_mv, factor = fine_signal(median)
        position = np.arange(signal_mv.shape[1]) / factor
        return cls((position - median.r_index) / median.fs_hz, signal_mv.astype(np.float64))

    def at(self, row: int, time_s: float) -> float:
        """Return a lead's value at a time."""
        return float(np.interp(time_s, self.time_s, self.signal_mv[row]))


@dataclass(frozen=True, slots=True)
class BeatView:
    """A sheet with leads of a median beat."""

    sheet: Sheet
    median: MedianBeat
    curve: Curve
    places: tuple[Place, ...]

    def place(self, lead: str) -> Place:
        """Return where a lead is drawn."""
        return next(place for place in self.places if place.lead == lead)

    def papers(self) -> Iterator[EcgPaper]:
        """Yield each paper once."""
        yield from {id(place.paper): place.paper for place in self.places}.values()

    def mark(self, fiducial: int, *, side: str, name: str = "") -> None:
        """Draw a global mark through all leads, with its name above on one side."""
        time_s = float(self.median.global_s[fiducial])
        if not isfinite(time_s):
            return
        shift, ha = {"left": (-0.6, "right"), "right": (0.6, "left"), "centre": (0.0, "center")}[side]
        for paper in self.papers():
            x = float(paper.x(time_s))
            self.sheet.line([x, x], [paper.bottom_mm - 1.5, paper.top_mm + 1.0], lw=0.7, zorder=4)
            label = name or _NAMES[FIDUCIALS[fiducial]]
            self.sheet.text(x + shift, paper.top_mm + 2.9, label, color=ACCENT, ha=ha, size=7)

    def own_marks(self, *fiducials: int) -> None:
        """Draw each lead's own marks as short ticks across its trace."""
        for place in self.places:
            for fiducial in fiducials:
                time_s = float(self.median.lead_s[place.row, fiducial])
                if isfinite(time_s):
                    x = place.paper.x(time_s)
                    y = place.paper.y(self.curve.at(place.row, time_s), place.base_mm)
                    self.sheet.line([x, x], [y - 1.5, y + 1.5], color=QUIET, lw=1.0, zorder=4.5)

    def interval(self, start: int, end: int, label: str, *, sides: tuple[str, str] = ("left", "right")) -> None:
        """Mark an interval: both boundaries, a pale band between them, and a caliper with its value below."""
        self.mark(start, side=sides[0])
        self.mark(end, side=sides[1])
        start_s, end_s = self.median.global_s[[start, end]].tolist()
        for number, paper in enumerate(self.papers()):
            if isfinite(start_s) and isfinite(end_s):
                x0, x1 = paper.x(start_s), paper.x(end_s)
                self.sheet.box(x0, paper.bottom_mm, x1 - x0, paper.height_mm, alpha=0.07, zorder=2)
                self.sheet.caliper(x0, x1, paper.bottom_mm - 2.6, label)
            elif number == 0:
                self.sheet.text(paper.left_mm, paper.bottom_mm - 4.5, label, color=ACCENT, weight="bold")

    def own_values(self, start: int, end: int) -> None:
        """Write each lead's own interval: beside its row, or below where each lead has a paper of its own."""
        has_own_paper = len(list(self.papers())) == len(self.places) > 1
        for place in self.places:
            ms = 1000.0 * float(self.median.lead_s[place.row, end] - self.median.lead_s[place.row, start])
            text = f"{place.lead} alone: {ms:.0f} ms" if isfinite(ms) else f"{place.lead} alone: not given"
            paper = place.paper
            if has_own_paper:
                x, y, ha = paper.left_mm + 0.5 * paper.width_mm, paper.bottom_mm - 9.8, "center"
            else:
                x, y, ha = paper.left_mm + paper.width_mm + 2.0, paper.y(0.0, place.base_mm), "left"
            self.sheet.text(x, y, text, color=QUIET, ha=ha, size=7)


def footer(case: Case, note: str = "") -> str:
    """Return what a figure of the median beat was taken from."""
    measurements = case.analysis.measurements
    parts = [f"Median of {measurements.median.beat_set}; {measurements.band}"]
    return ".  ".join([*parts, *([note] if note else []), "1 small square: 40 ms, 0.1 mV"]) + "."


def span_around(
    case: Case, first: tuple[int, float], last: tuple[int, float], default: tuple[float, float]
) -> tuple[float, float]:
    """Return a span between two global marks, each shifted by seconds; ``default`` stands in for a missing one."""
    ends = []
    for (fiducial, shift_s), other_s in zip((first, last), default, strict=True):
        time_s = float(case.analysis.median.global_s[fiducial]) + shift_s
        ends.append(time_s if isfinite(time_s) else other_s)
    return ends[0], ends[1]


def beat_rows(
    case: Case,
    leads: tuple[str, ...],
    span_s: tuple[float, float],
    title: str,
    *,
    note: str = "",
    above_mm: float = 6.0,
    below_mm: float = 7.5,
    side_mm: float = _SIDE_MM,
    highest_mm: float = _HIGHEST_MM,
    together: bool = False,
) -> BeatView:
    """Draw leads of a case's median beat below one another on one paper, as large as fits.

    Parameters
    ----------
    case : Case
    leads : tuple of str
        From the top.
    span_s : tuple of float
        From when to when after R; the paper begins earlier, at a whole number of millimetres.
    title, note : str
        For the header and the footer.
    above_mm, below_mm, side_mm : float
        Room on the sheet above, below and to the right of the paper.
    highest_mm : float
        The paper's largest height on the sheet.
    together : bool
        Draw all leads on one level.
    """
    shapes = _extents(case, leads, span_s)
    bases_mm, rows_mm = _on_one_level(shapes) if together else _stacked(shapes)
    columns_mm = _columns(span_s)
    room_mm = WIDTH_MM - 2 * EDGE_MM - NAMES_MM - side_mm
    zoom = floor(4.0 * min(room_mm / columns_mm, highest_mm / rows_mm)) / 4.0
    sheet = _sheet(case, title, note, above_mm + rows_mm * zoom + below_mm)
    left_mm = EDGE_MM + NAMES_MM + 0.5 * (room_mm - columns_mm * zoom)
    paper = EcgPaper(sheet, left_mm, FOOTER_MM + below_mm, columns_mm, rows_mm, zoom, span_s[1] - columns_mm / 25.0)
    places = tuple(Place(lead, case.row(lead), paper, base) for lead, base in zip(leads, bases_mm, strict=True))
    return _drawn(BeatView(sheet, case.analysis.median, Curve.of(case.analysis.median), places), has_names=not together)


def beat_panels(
    case: Case,
    leads: tuple[str, ...],
    span_s: tuple[float, float],
    title: str,
    *,
    note: str = "",
    above_mm: float = 6.0,
    below_mm: float = 11.5,
    side_mm: float = 0.0,
    highest_mm: float = _HIGHEST_MM,
) -> BeatView:
    """Draw leads of a case's median beat side by side, on one level and each on a paper of its own.

    The parameters are those of ``beat_rows``.
    """
    bases_mm, rows_mm = _on_one_level(_extents(case, leads, span_s))
    columns_mm = _columns(span_s)
    room_mm = (WIDTH_MM - 2 * EDGE_MM - side_mm - NAMES_MM * len(leads)) / len(leads)
    zoom = floor(4.0 * min(room_mm / columns_mm, highest_mm / rows_mm)) / 4.0
    sheet = _sheet(case, title, note, above_mm + rows_mm * zoom + below_mm)
    pitch_mm = NAMES_MM + columns_mm * zoom + min(_BETWEEN_MM, max(0.0, room_mm - columns_mm * zoom))
    left_mm = EDGE_MM + 0.5 * (WIDTH_MM - 2 * EDGE_MM - side_mm - pitch_mm * len(leads)) + NAMES_MM
    places = []
    for number, (lead, base_mm) in enumerate(zip(leads, bases_mm, strict=True)):
        at_mm = left_mm + number * pitch_mm
        paper = EcgPaper(sheet, at_mm, FOOTER_MM + below_mm, columns_mm, rows_mm, zoom, span_s[1] - columns_mm / 25.0)
        places.append(Place(lead, case.row(lead), paper, base_mm))
    return _drawn(BeatView(sheet, case.analysis.median, Curve.of(case.analysis.median), tuple(places)), has_names=True)


def _sheet(case: Case, title: str, note: str, content_mm: float) -> Sheet:
    return Sheet(HEADER_MM + content_mm + FOOTER_MM, title, case.source, footer(case, note))


def _columns(span_s: tuple[float, float]) -> float:
    return float(ceil((span_s[1] - span_s[0]) * 25.0 - 1e-6))


def _drawn(view: BeatView, *, has_names: bool) -> BeatView:
    for place in view.places:
        width = 0.9 if has_names else 0.55
        place.paper.trace(view.curve.time_s, view.curve.signal_mv[place.row], place.base_mm, lw=width)
        if has_names:
            y = place.paper.y(0.0, place.base_mm)
            view.sheet.text(place.paper.left_mm - 1.8, y, place.lead, ha="right", weight="bold")
    return view


def _extents(case: Case, leads: tuple[str, ...], span_s: tuple[float, float]) -> list[tuple[int, int]]:
    """Return the lowest and highest whole millimetre that each lead reaches."""
    curve = Curve.of(case.analysis.median)
    inside = (curve.time_s >= span_s[1] - _columns(span_s) / 25.0) & (curve.time_s <= span_s[1])
    extents = []
    for lead in leads:
        signal_mv = curve.signal_mv[case.row(lead)][inside]
        signal_mv = signal_mv[np.isfinite(signal_mv)]
        low_mv, high_mv = (float(signal_mv.min()), float(signal_mv.max())) if len(signal_mv) else (0.0, 0.0)
        extents.append((floor(10.0 * min(low_mv, -0.05)), ceil(10.0 * max(high_mv, 0.05))))
    return extents


def _on_one_level(extents: list[tuple[int, int]]) -> tuple[list[float], float]:
    """Return the height of 0 mV, the same for all, and that of the paper."""
    lowest = min(low for low, _ in extents)
    return [0.0 - lowest] * len(extents), float(max(high for _, high in extents) - lowest)


def _stacked(extents: list[tuple[int, int]]) -> tuple[list[float], float]:
    """Return the height of 0 mV of each row, and that of the paper."""
    bases: list[float] = []
    edge = 0.0
    for lowest, highest in reversed(extents):
        bases.insert(0, edge - lowest)
        edge += highest - lowest + _GAP_MM
    return bases, edge - _GAP_MM
