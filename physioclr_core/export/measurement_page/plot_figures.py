"""Figures that are plots: variability of RR, and QT corrected for RR."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
import numpy.typing as npt

from physioclr_core.export.measurement_page.cases import INFERIOR_MI, NORMAL, case
from physioclr_core.export.measurement_page.paper import ACCENT, PALE, QUIET, TEXT, TRACE, EcgPaper, Sheet, stated
from physioclr_core.physiology.intervals import QTC_FORMULAS
from physioclr_core.physiology.marks import QRS_ON, T_OFF
from physioclr_core.physiology.rhythm import is_nn

Float64Array = npt.NDArray[np.float64]
Span = tuple[float, float]
_RULE = "#E4E1DD"


def variability() -> Sheet:
    """Draw NN intervals over time, and each against the next."""
    shown = case(INFERIOR_MI)
    measurements, beats = shown.analysis.measurements, shown.analysis.delineation.beats
    nn = is_nn(beats)
    rr_ms = 1000.0 * beats.rr_s
    title = ",  ".join(stated(measurements[name]) for name in ("sdnn_ms", "rmssd_ms"))
    sheet = Sheet(90.0, title, shown.source, f"{np.count_nonzero(nn)} intervals between normal beats (NN).")
    known = rr_ms[nn]
    low, high = 50.0 * floor(float(known.min()) / 50.0 - 0.4), 50.0 * ceil(float(known.max()) / 50.0 + 0.4)
    _tachogram(sheet, beats.r_s[nn], known, (low, high), shown.record.duration_s)
    follows = nn[1:] & nn[:-1]
    sd1, sd2 = measurements["sd1_ms"].value, measurements["sd2_ms"].value
    _poincare(sheet, rr_ms[:-1][follows], rr_ms[1:][follows], (low, high), sd1, sd2)
    return sheet


def qtc() -> Sheet:
    """Draw QT and RR on the ECG, and what each formula makes of this QT at other heart rates."""
    shown = case(NORMAL)
    measurements, analysis = shown.analysis.measurements, shown.analysis
    items = {formula: measurements[f"qtc_{formula}_ms"] for formula in QTC_FORMULAS}
    qt, beats = measurements["qt_ms"], analysis.delineation.beats
    title = f"{stated(items['fridericia'])}"
    used = analysis.median.used & np.isfinite(beats.rr_s)
    footer = f"RR: mean of the {np.count_nonzero(used)} intervals that end at the beats of the median beat."
    sheet = Sheet(131.0, title, shown.source, footer)
    _qt_and_rr(sheet)
    if qt.value is None or not used.any():
        sheet.text(18.0, 60.0, f"QT not given: {qt.reason}", color=ACCENT)
        return sheet
    rr_s = float(beats.rr_s[used].mean())
    x, y = (18.0, 118.0), (17.0, 74.0)
    low_s, high_s = 0.4, 1.5
    grid_s = np.linspace(low_s, high_s, 111)
    curves = {formula: np.array([correct(qt.value, rr) for rr in grid_s]) for formula, correct in QTC_FORMULAS.items()}
    low = 20.0 * floor(min(float(curve.min()) for curve in curves.values()) / 20.0)
    high = 20.0 * ceil(max(float(curve.max()) for curve in curves.values()) / 20.0)
    _scale(sheet, x, y, _ticks(low, high), (low, high), along_x=False)
    _scale(sheet, x, y, np.arange(0.4, 1.51, 0.2), (low_s, high_s), along_x=True)
    sheet.text(x[0], y[1] + 3.0, "QTc in ms of this QT, by RR", weight="bold")
    sheet.text(0.5 * (x[0] + x[1]), y[0] - 6.2, "RR in s", ha="center", size=6.8, color=QUIET)
    at_x = x[0] + (rr_s - low_s) / (high_s - low_s) * (x[1] - x[0])
    sheet.line([at_x, at_x], list(y), lw=0.8)
    sheet.text(at_x + 1.5, y[0] + 3.0, f"RR {1000 * rr_s:.0f} ms", color=ACCENT, weight="bold")
    styles = {
        "fridericia": ("-", ACCENT, 1.3),
        "bazett": ("--", TEXT, 0.9),
        "framingham": ("-.", TEXT, 0.9),
        "hodges": (":", TEXT, 1.1),
    }
    for number, (formula, curve) in enumerate(curves.items()):
        dash, color, width = styles[formula]
        share = (curve - low) / (high - low)
        sheet.line(
            x[0] + (grid_s - low_s) / (high_s - low_s) * (x[1] - x[0]),
            y[0] + share * (y[1] - y[0]),
            color=color,
            ls=dash,
            lw=width,
            zorder=3,
        )
        value = QTC_FORMULAS[formula](qt.value, rr_s)
        sheet.axes.plot(
            [at_x], [y[0] + (value - low) / (high - low) * (y[1] - y[0])], "o", color=color, ms=3.4, mew=0, zorder=4
        )
        row = y[1] - 4.0 - 9.0 * number
        sheet.line([124.0, 132.0], [row, row], color=color, ls=dash, lw=width)
        sheet.text(
            134.0,
            row,
            stated(items[formula]).removeprefix("QTc "),
            color=color,
            weight="bold" if number == 0 else "normal",
        )
    sheet.text(134.0, y[1] - 4.0 - 9.0 * len(curves), f"QT {stated(qt, with_label=False)}", color=QUIET)
    return sheet


def _qt_and_rr(sheet: Sheet) -> None:
    """Draw two beats of II with the QT interval of the second and the RR interval that ends at it."""
    analysis, row = case(NORMAL).analysis, case(NORMAL).row("II")
    beats, zoom, columns = analysis.delineation.beats, 2.5, 62.0
    time_s = np.arange(analysis.signal_mv.shape[1]) / analysis.fs_hz
    first = min(2, max(0, len(beats) - 3))
    start_s = float(beats.r_s[first]) - 0.4
    paper = EcgPaper(sheet, 14.0, 91.0, columns, 9.0, zoom, start_s)
    paper.trace(time_s, analysis.signal_mv[row] - float(np.nanmedian(analysis.signal_mv[row])), 3.0, lw=0.9)
    sheet.text(12.0, paper.y(0.0, 3.0), "II", ha="right", weight="bold")
    if len(beats) < first + 2:
        return
    r0, r1 = (float(paper.x(r)) for r in beats.r_s[first : first + 2])
    sheet.caliper(r0, r1, paper.bottom_mm - 2.2, "RR")
    for at in (r0, r1):
        sheet.line([at, at], [paper.bottom_mm - 3.4, paper.bottom_mm + 4.0], lw=0.6)
    marks = analysis.delineation.global_s[first + 1, [QRS_ON, T_OFF]]
    if np.isfinite(marks).all():
        q0, q1 = (float(paper.x(mark)) for mark in marks)
        sheet.box(q0, paper.bottom_mm, q1 - q0, paper.height_mm, alpha=0.08, zorder=2)
        for at in (q0, q1):
            sheet.line([at, at], [paper.bottom_mm, paper.top_mm + 2.8], lw=0.6)
        sheet.arrow((q0, paper.top_mm + 1.6), (q1, paper.top_mm + 1.6), "<|-|>")
        sheet.text(0.5 * (q0 + q1), paper.top_mm + 4.2, "QT", color=ACCENT, ha="center", weight="bold")


def _scale(sheet: Sheet, x: Span, y: Span, ticks: Float64Array, limits: Span, *, along_x: bool) -> None:
    """Draw pale lines and numbers at ticks of one axis of a plot."""
    for tick in ticks.tolist():
        share = (tick - limits[0]) / (limits[1] - limits[0])
        if along_x:
            at = x[0] + share * (x[1] - x[0])
            sheet.line([at, at], list(y), color=_RULE, lw=0.5, zorder=1)
            sheet.text(at, y[0] - 2.6, f"{tick:.4g}", ha="center", size=6.5, color=QUIET)
        else:
            at = y[0] + share * (y[1] - y[0])
            sheet.line(list(x), [at, at], color=_RULE, lw=0.5, zorder=1)
            sheet.text(x[0] - 1.4, at, f"{tick:.4g}", ha="right", size=6.5, color=QUIET)


def _ticks(low: float, high: float) -> Float64Array:
    step = next(step for step in (25.0, 50.0, 100.0, 200.0, 500.0, 1000.0) if (high - low) / step <= 6.0)
    return np.arange(ceil(low / step) * step, high + 1e-6, step)


def _tachogram(sheet: Sheet, time_s: Float64Array, nn_ms: Float64Array, limits: Span, duration_s: float) -> None:
    x, y = (18.0, 98.0), (21.0, 73.0)
    _scale(sheet, x, y, _ticks(*limits), limits, along_x=False)
    _scale(sheet, x, y, np.arange(0.0, duration_s + 0.1, 2.0), (0.0, duration_s), along_x=True)
    at_x = x[0] + time_s / duration_s * (x[1] - x[0])
    scale = (y[1] - y[0]) / (limits[1] - limits[0])
    at_y = y[0] + (nn_ms - limits[0]) * scale
    mean = y[0] + (float(nn_ms.mean()) - limits[0]) * scale
    spread = float(nn_ms.std(ddof=1)) * scale
    sheet.box(x[0], mean - spread, x[1] - x[0], 2 * spread, alpha=0.1, zorder=1.5)
    sheet.line(list(x), [mean, mean], lw=0.6, ls="--")
    sheet.line(at_x, at_y, color=TRACE, lw=0.8, marker="o", ms=3.2, mew=0)
    sheet.text(x[1] + 1.2, mean, "mean", color=ACCENT, size=6.8)
    sheet.text(x[1] + 1.2, mean + spread, "+ SDNN", color=ACCENT, size=6.8)
    sheet.text(x[1] + 1.2, mean - spread, "\u2212 SDNN", color=ACCENT, size=6.8)
    sheet.text(x[0], y[1] + 3.0, "NN in ms over time", weight="bold")
    sheet.text(0.5 * (x[0] + x[1]), y[0] - 6.2, "s", ha="center", size=6.8, color=QUIET)


def _poincare(
    sheet: Sheet,
    before_ms: Float64Array,
    after_ms: Float64Array,
    limits: Span,
    sd1: float | None,
    sd2: float | None,
) -> None:
    x, y = (122.0, 174.0), (21.0, 73.0)
    for along_x in (True, False):
        _scale(sheet, x, y, _ticks(*limits), limits, along_x=along_x)
    scale = (x[1] - x[0]) / (limits[1] - limits[0])

    def place(value_ms: Float64Array, origin: float) -> Float64Array:
        return np.asarray(origin + (value_ms - limits[0]) * scale)

    sheet.line(list(x), list(y), color=PALE, lw=0.6, ls=":")
    sheet.axes.plot(place(before_ms, x[0]), place(after_ms, y[0]), "o", color=TRACE, ms=3.2, mew=0, zorder=4)
    sheet.text(x[0], y[1] + 3.0, "Each NN against the next", weight="bold")
    sheet.text(0.5 * (x[0] + x[1]), y[0] - 6.2, "NN in ms", ha="center", size=6.8, color=QUIET)
    if sd1 is None or sd2 is None:
        return
    middle = np.array([float(place(before_ms.mean(), x[0])), float(place(after_ms.mean(), y[0]))])
    along, across = np.array([1.0, 1.0]) / np.sqrt(2.0), np.array([-1.0, 1.0]) / np.sqrt(2.0)
    angle = np.linspace(0.0, 2.0 * np.pi, 73)[:, None]
    ellipse = middle + scale * (sd2 * np.cos(angle) * along + sd1 * np.sin(angle) * across)
    sheet.area(ellipse, alpha=0.1, zorder=1.5)
    sheet.line(ellipse[:, 0], ellipse[:, 1], lw=0.8)
    for size, direction, name in ((sd2, along, "SD2"), (sd1, across, "SD1")):
        tip = middle + scale * size * direction
        sheet.arrow((float(middle[0]), float(middle[1])), (float(tip[0]), float(tip[1])), lw=1.0)
        label = tip + 3.2 * direction
        sheet.text(float(label[0]), float(label[1]), name, ha="center", color=ACCENT, weight="bold")
