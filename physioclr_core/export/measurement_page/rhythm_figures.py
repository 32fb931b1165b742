"""Figures of beats: heart rate and RR, beat classes, and the median beat."""

from __future__ import annotations

from math import ceil, floor, isfinite
from textwrap import wrap

import numpy as np
import numpy.typing as npt

from physioclr_core.export.measurement_page.cases import INFERIOR_MI, PVC, Case, case
from physioclr_core.export.measurement_page.paper import (
    ACCENT,
    EDGE_MM,
    FOOTER_MM,
    HEADER_MM,
    NOTICE,
    PALE,
    QUIET,
    TEXT,
    TRACE,
    WIDTH_MM,
    EcgPaper,
    Sheet,
    stated,
)
from physioclr_core.physiology.marks import QRS_ON, BeatClass
from physioclr_core.physiology.median_beat import MedianBeat

_STRIP_ZOOM = 0.64
_STRIP_LEFT_MM = 13.0
_CLASS_MARKS = {
    BeatClass.DOMINANT: ("o", ACCENT, "leading shape"),
    BeatClass.VENTRICULAR: ("v", NOTICE, "ventricular"),
    BeatClass.SUPRAVENTRICULAR: ("s", TEXT, "supraventricular premature"),
    BeatClass.UNCLASSED: ("x", QUIET, "without a class"),
}


def strip(
    shown: Case, leads: tuple[str, ...], title: str, note: str, *, above_mm: float, below_mm: float
) -> tuple[Sheet, EcgPaper]:
    """Draw 10 s of leads below one another at 25 mm/s, a little smaller than life."""
    measured_mv, fs_hz = shown.analysis.signal_mv, shown.analysis.fs_hz
    time_s = np.arange(measured_mv.shape[1]) / fs_hz
    bases: list[float] = []
    edge = 1.0
    for lead in reversed(leads):
        signal_mv = measured_mv[shown.row(lead)]
        lowest, highest = floor(10.0 * float(np.nanmin(signal_mv))), ceil(10.0 * float(np.nanmax(signal_mv)))
        bases.insert(0, edge - lowest)
        edge += max(highest, 10) - lowest + 2.0
    rows_mm = float(ceil(edge / 5.0) * 5.0)
    height_mm = HEADER_MM + above_mm + rows_mm * _STRIP_ZOOM + below_mm + FOOTER_MM
    text = f"{shown.analysis.measurements.band}.  {note}.  1 small square: 40 ms, 0.1 mV."
    sheet = Sheet(height_mm, title, shown.source, text)
    paper = EcgPaper(sheet, _STRIP_LEFT_MM, FOOTER_MM + below_mm, 250.0, rows_mm, _STRIP_ZOOM)
    for lead, base_mm in zip(leads, bases, strict=True):
        paper.calibration_pulse(base_mm)
        paper.trace(time_s, measured_mv[shown.row(lead)], base_mm, lw=0.6)
        sheet.text(EDGE_MM - 1.5, paper.y(0.5, base_mm), lead, weight="bold")
    return sheet, paper


def heart_rate() -> Sheet:
    """Draw R peaks over a rhythm strip, and every RR interval below it."""
    shown = case(INFERIOR_MI)
    measurements, beats = shown.analysis.measurements, shown.analysis.delineation.beats
    title = f"{stated(measurements['hr_bpm'])},  RR {stated(measurements['rr_mean_ms'], with_label=False)}"
    sheet, paper = strip(shown, ("I",), title, "Triangles: R peaks.  Below: RR in ms", above_mm=4.5, below_mm=12.5)
    extremes = [measurements["rr_min_ms"].value, measurements["rr_max_ms"].value]
    y = paper.bottom_mm - 4.0
    for r_s in beats.r_s.tolist():
        sheet.axes.plot([paper.x(r_s)], [paper.top_mm + 1.8], "v", color=ACCENT, ms=4, mew=0)
        sheet.line([paper.x(r_s)] * 2, [y - 1.2, y + 1.2], lw=0.8)
    for start_s, end_s, rr_s in zip(beats.r_s[:-1], beats.r_s[1:], beats.rr_s[1:], strict=True):
        if not isfinite(rr_s):
            continue
        sheet.line([paper.x(start_s), paper.x(end_s)], [y, y], lw=0.5)
        name = next(
            (
                name
                for name, value in zip(("shortest", "longest"), extremes, strict=True)
                if value is not None and abs(1000 * rr_s - value) < 0.5
            ),
            "",
        )
        style = {"color": ACCENT, "weight": "bold"} if name else {"color": TEXT}
        sheet.text(0.5 * (paper.x(start_s) + paper.x(end_s)), y - 3.0, f"{1000 * rr_s:.0f}", ha="center", **style)
        if name:
            sheet.text(0.5 * (paper.x(start_s) + paper.x(end_s)), y - 6.2, name, ha="center", size=6.5, color=ACCENT)
    return sheet


def beat_classes() -> Sheet:
    """Draw the class of every beat over two leads, and which beats make the median beat."""
    shown = case(PVC)
    analysis, beats = shown.analysis, shown.analysis.delineation.beats
    lines = wrap(f"Median beat of {analysis.median.beat_set}", 100)
    sheet, paper = strip(
        shown,
        ("II", "V1"),
        f"Beat classes: {len(beats)} beats",
        "Bars below: beats that make the median beat",
        above_mm=9.5,
        below_mm=6.0 + 3.6 * len(lines),
    )
    x = paper.left_mm
    for beat_class, (marker, color, name) in _CLASS_MARKS.items():
        n = int(np.count_nonzero(beats.classes == beat_class))
        if n:
            sheet.axes.plot(
                [x + 1.0], [sheet.top_mm - 1.0], marker, color=color, ms=4.2, mew=1.0 if marker == "x" else 0
            )
            sheet.text(x + 3.0, sheet.top_mm - 1.0, f"{name}: {n}", color=color)
            x += 12.0 + 1.7 * len(name)
    for r_s, beat_class, is_used in zip(beats.r_s.tolist(), beats.classes.tolist(), analysis.median.used, strict=True):
        marker, color, _ = _CLASS_MARKS[BeatClass(beat_class)]
        at = paper.x(r_s)
        sheet.axes.plot([at], [paper.top_mm + 2.2], marker, color=color, ms=4.6, mew=1.0 if marker == "x" else 0)
        if is_used:
            sheet.box(
                paper.x(r_s - 0.25), paper.bottom_mm - 3.4, paper.x(r_s + 0.45) - paper.x(r_s - 0.25), 1.6, alpha=1.0
            )
    for number, line in enumerate(lines):
        sheet.text(paper.left_mm, paper.bottom_mm - 6.8 - 3.6 * number, line, color=ACCENT)
    return sheet


def median_beat() -> Sheet:
    """Draw every beat over the others, those left out apart, and their median."""
    shown = case(PVC)
    analysis = shown.analysis
    beats, median = analysis.delineation.beats, analysis.median
    leads = ("II", "V1")
    time_s = median.time_s
    stack = np.stack([_beat(analysis.signal_mv, r, median) for r in beats.r_samples.tolist()])
    level = (time_s >= median.global_s[QRS_ON] - 0.016) & (time_s <= median.global_s[QRS_ON])
    if level.any():
        known = np.isfinite(stack[:, :, level]).any(axis=2, keepdims=True)
        stack = stack - np.where(
            known, np.nanmean(np.where(known, stack[:, :, level], 0.0), axis=2, keepdims=True), 0.0
        )
    rows = [shown.row(lead) for lead in leads]
    low, high = floor(10 * float(np.nanmin(stack[:, rows]))), ceil(10 * float(np.nanmax(stack[:, rows])))
    columns = float(floor((time_s[-1] - time_s[0]) * 25.0))
    zoom = floor(4.0 * min(74.0 / columns, 100.0 / (high - low))) / 4.0
    height_mm = HEADER_MM + 6.0 + (high - low) * zoom + 3.0 + FOOTER_MM
    how = "All beats aligned at R, each against its own PQ level"
    text = f"{analysis.measurements.band}.  {how}.  1 small square: 40 ms, 0.1 mV."
    sheet = Sheet(height_mm, f"Median beat: {median.n_used} of {len(beats)} beats", shown.source, text)
    for name, color, width, at in (
        ("beats used", PALE, 1.0, 14.0),
        ("left out", NOTICE, 0.7, 42.0),
        ("median", TRACE, 1.2, 66.0),
    ):
        y = sheet.top_mm - 1.0
        sheet.line([at, at + 6], [y, y], color=color, lw=width, ls="--" if name == "left out" else "-")
        sheet.text(at + 7.5, y, name, color=TEXT if color == PALE else color)
    pitch = columns * zoom + 13.0
    for number, (lead, row) in enumerate(zip(leads, rows, strict=True)):
        left = 0.5 * (WIDTH_MM - 2 * pitch + 13.0) + 3.0 + number * pitch
        paper = EcgPaper(sheet, left, FOOTER_MM + 3.0, columns, float(high - low), zoom, float(time_s[0]))
        for beat_mv, is_used in zip(stack[:, row], median.used, strict=True):
            style = {"color": PALE, "lw": 0.8} if is_used else {"color": NOTICE, "lw": 0.6, "ls": "--", "zorder": 3.2}
            paper.trace(time_s, beat_mv, -low, **style)
        paper.trace(time_s, median.signal_mv[row], -low, lw=1.2, zorder=4)
        sheet.text(left - 1.8, paper.y(0.0, -low), lead, ha="right", weight="bold")
    return sheet


def _beat(signal_mv: npt.NDArray[np.float32], r_sample: int, median: MedianBeat) -> npt.NDArray[np.float64]:
    """Return a beat's samples, moved by up to 24 ms to where its slopes fit those of the median beat best."""
    n, r_index = median.signal_mv.shape[1], median.r_index
    reach, half = round(0.024 * median.fs_hz), round(0.08 * median.fs_hz)
    first = r_sample - r_index - reach
    wide = np.full((len(signal_mv), n + 2 * reach), np.nan)
    start, stop = max(first, 0), min(first + n + 2 * reach, signal_mv.shape[1])
    wide[:, start - first : stop - first] = signal_mv[:, start:stop]
    near = slice(max(0, r_index - half), min(n, r_index + half))
    slope = np.diff(median.signal_mv[:, near], axis=1)
    moved = (wide[:, lag : lag + n] for lag in range(2 * reach + 1))
    # Next to the record's ends the samples that are missing count as no slope.
    fits = [float(np.nansum(np.diff(beat[:, near], axis=1) * slope)) for beat in moved]
    lag = int(np.argmax(fits))
    return wide[:, lag : lag + n]
