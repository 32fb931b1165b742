"""Figures of what is measured in millivolts: axes, ST levels, amplitudes, voltage sums."""

from __future__ import annotations

from math import cos, isfinite, radians, sin

import numpy as np

from physioclr_core.export.measurement_page.beat_view import BeatView, Place, beat_panels, footer, span_around
from physioclr_core.export.measurement_page.cases import AF, LVH, RBBB, Case, case
from physioclr_core.export.measurement_page.paper import (
    ACCENT,
    FOOTER_MM,
    PALE,
    QUIET,
    TEXT,
    TRACE,
    EcgPaper,
    Sheet,
    stated,
)
from physioclr_core.leads import LIMB_LEADS
from physioclr_core.physiology.marks import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF, T_ON
from physioclr_core.physiology.measurement_table import Measurement

_LEAD_DEG = {"I": 0, "II": 60, "III": 120, "aVF": 90, "aVL": -30, "aVR": -150}
_ST_AFTER_S = (0.0, 0.04, 0.06, 0.08)


def axes() -> Sheet:
    """Draw net areas of the limb leads, and the three axes among the leads' directions."""
    shown = case(RBBB)
    measurements, median = shown.analysis.measurements, shown.analysis.median
    items = [measurements[f"{wave}_axis_deg"] for wave in ("p", "qrs", "t")]
    sheet = Sheet(118.0, ",  ".join(stated(item) for item in items), shown.source, footer(shown, "Shaded: net areas"))
    start_s, end_s = span_around(shown, (P_ON, -0.04), (T_OFF, 0.04), (-0.25, 0.45))
    columns, zoom = 18.0, 1.75
    for number, lead in enumerate(LIMB_LEADS):
        left = 15.0 + (number // 3) * (columns * zoom + 11.0)
        bottom = FOOTER_MM + 66.0 - (number % 3) * 32.0
        paper = EcgPaper(sheet, left, bottom, columns, 16.0, zoom, end_s - columns / 25.0)
        signal_mv = median.signal_mv[shown.row(lead)]
        paper.trace(median.time_s, signal_mv, 8.0, lw=0.8)
        for start, end in ((P_ON, P_OFF), (QRS_ON, QRS_OFF), (T_ON, T_OFF)):
            if np.isfinite(median.global_s[[start, end]]).all():
                paper.between(median.time_s, signal_mv, 8.0, (median.global_s[start], median.global_s[end]))
        sheet.text(left - 1.8, paper.y(0.0, 8.0), lead, ha="right", weight="bold")
    _hexaxial(sheet, 132.0, 57.0, 34.0, [item for item in items if item.value is not None])
    return sheet


def _hexaxial(sheet: Sheet, x: float, y: float, radius: float, items: list[Measurement]) -> None:
    def at(deg: float, distance: float) -> tuple[float, float]:
        # Degrees run clockwise from the left of the patient, which is the right of the page.
        return x + distance * cos(radians(deg)), y - distance * sin(radians(deg))

    sheet.sector(x, y, radius, -90.0, 30.0, fc=PALE, alpha=0.16)
    circle = np.linspace(0.0, 360.0, 121)
    points = np.array([at(deg, radius) for deg in circle])
    sheet.line(points[:, 0], points[:, 1], color=PALE, lw=0.6)
    for lead, deg in _LEAD_DEG.items():
        (x0, y0), (x1, y1) = at(deg + 180.0, radius), at(deg, radius)
        sheet.line([x0, x1], [y0, y1], color=PALE, lw=0.5)
        label = at(deg, radius + 5.0)
        sheet.text(label[0], label[1] + 1.3, lead, ha="center", weight="bold")
        sheet.text(label[0], label[1] - 1.7, f"{deg}°".replace("-", "\u2212"), ha="center", size=6.2, color=QUIET)
    for item in items:
        toward_deg, error_deg = float(item.value or 0.0), item.uncertainty or 0.0
        length = radius * (0.5, 0.78, 0.64)[("p_axis_deg", "qrs_axis_deg", "t_axis_deg").index(item.name)]
        sheet.sector(x, y, length, -toward_deg - error_deg, -toward_deg + error_deg, alpha=0.2, zorder=2)
        color = TRACE if item.name == "qrs_axis_deg" else ACCENT
        sheet.arrow((x, y), at(toward_deg, length), color=color, lw=1.3, mutation_scale=8)
        tip = at(toward_deg, length + 3.6)
        sheet.text(tip[0], tip[1], item.label.split()[0], ha="center", color=color, weight="bold", size=8, zorder=6)
    sheet.text(
        x, y - radius - 13.0, "Grey: \u221230° to 90°.  Lengths have no meaning.", ha="center", size=6.8, color=QUIET
    )


def st_levels() -> Sheet:
    """Draw the level at J and 40, 60 and 80 ms later, against the level before QRS."""
    shown, lead = case(AF), "V5"
    items = {item.name: item for item in shown.analysis.measurements.lead_items(lead)}
    chosen = [items[name] for name in ("st_j_mv", "st_j40_mv", "st_j60_mv", "st_j80_mv")]
    span_s = span_around(shown, (QRS_ON, -0.14), (T_OFF, 0.1), (-0.2, 0.5))
    title = f"ST level in {lead}:  " + ",  ".join(_signed(item) for item in chosen) + " mV"
    view = beat_panels(shown, (lead,), span_s, title, side_mm=92.0, highest_mm=98.0, below_mm=3.0, above_mm=3.0)
    place = view.places[0]
    _level_line(view, place)
    j_s = float(view.median.global_s[QRS_OFF])
    if not isfinite(j_s):
        return view.sheet
    paper, sheet = place.paper, view.sheet
    level_mv = view.curve.signal_mv[place.row]
    columns, zoom, before_s = 3.0, 20.0, 0.025
    known = [0.0, *(10.0 * item.value for item in chosen if item.value is not None)]
    low, high = float(np.floor(min(known) - 0.7)), float(np.ceil(max(known) + 0.7))
    detail = EcgPaper(sheet, 98.0, FOOTER_MM + 14.0, columns, high - low, zoom, j_s - before_s)
    detail.trace(view.curve.time_s, level_mv, -low, lw=1.1)
    zero = detail.y(0.0, -low)
    sheet.line([detail.left_mm, detail.left_mm + detail.width_mm], [zero, zero], lw=0.8, ls="--", zorder=4)
    sheet.text(detail.left_mm + detail.width_mm + 1.2, zero, "PQ level", color=ACCENT, size=7)
    for after_s, item, name in zip(_ST_AFTER_S, chosen, ("J", "+40", "+60", "+80"), strict=True):
        x = detail.x(j_s + after_s)
        sheet.text(x, detail.bottom_mm - 2.6, name, ha="center", color=ACCENT, weight="bold")
        if item.value is not None:
            y = detail.y(item.value, -low)
            sheet.line([x, x], [zero, y], lw=1.0, zorder=4)
            sheet.axes.plot([x], [y], "o", color=ACCENT, ms=4, mew=0, zorder=5)
            sheet.text(x, detail.bottom_mm - 6.2, _signed(item), ha="center", size=7)
    sheet.text(detail.left_mm - 1.5, detail.bottom_mm - 2.6, "ms", ha="right", size=7, color=QUIET)
    sheet.text(detail.left_mm - 1.5, detail.bottom_mm - 6.2, "mV", ha="right", size=7, color=QUIET)
    sheet.text(detail.left_mm, detail.top_mm + 3.0, "The same, larger", color=QUIET)
    x0, x1 = paper.x(j_s - before_s), paper.x(j_s - before_s + columns / 25.0)
    y0, y1 = paper.y(low / 10.0, place.base_mm), paper.y(high / 10.0, place.base_mm)
    sheet.line([x0, x1, x1, x0, x0], [y0, y0, y1, y1, y0], color=QUIET, lw=0.7, zorder=4)
    return sheet


def _signed(item: Measurement) -> str:
    return "not given" if item.value is None else f"{item.value:+.2f}".replace("-", "\u2212")


def _level_line(view: BeatView, place: Place) -> None:
    """Draw the PQ level through a paper."""
    paper = place.paper
    y = paper.y(0.0, place.base_mm)
    view.sheet.line([paper.left_mm, paper.left_mm + paper.width_mm], [y, y], lw=0.7, ls="--", zorder=2.5)


def amplitudes() -> Sheet:
    """Draw every wave of one lead from the PQ level to its peak; P from its own base line."""
    shown, lead = case(RBBB), "V5"
    items = {item.name: item for item in shown.analysis.measurements.lead_items(lead)}
    span_s = span_around(shown, (P_ON, -0.08), (T_OFF, 0.1), (-0.25, 0.5))
    view = beat_panels(
        shown,
        (lead,),
        span_s,
        f"Amplitudes in {lead}",
        note="Dashed: PQ level",
        side_mm=36.0,
        below_mm=3.0,
        above_mm=3.0,
    )
    place, sheet = view.places[0], view.sheet
    _level_line(view, place)
    marks = view.median.global_s
    for name, start, end in (
        ("p", P_ON, P_OFF),
        ("q", QRS_ON, QRS_OFF),
        ("r", QRS_ON, QRS_OFF),
        ("s", QRS_ON, QRS_OFF),
        ("t", T_ON, T_OFF),
    ):
        value = items[f"{name}_mv"].value
        if value is None or value == 0.0 or not np.isfinite(marks[[start, end]]).all():
            continue
        x, base_mv, peak_mv = _peak(view, place, (float(marks[start]), float(marks[end])), value, is_p=name == "p")
        y0, y1 = place.paper.y(base_mv, place.base_mm), place.paper.y(peak_mv, place.base_mm)
        if name == "p":
            xs = [place.paper.x(marks[mark]) for mark in (P_ON, P_OFF)]
            ys = [place.paper.y(view.curve.at(place.row, float(marks[mark])), place.base_mm) for mark in (P_ON, P_OFF)]
            sheet.line(xs, ys, lw=0.7, ls="--", zorder=4)
        sheet.line([x, x], [y0, y1], lw=1.1, zorder=4)
        sheet.axes.plot([x], [y1], "o", color=ACCENT, ms=3.6, mew=0, zorder=5)
        sheet.text(x, y1 + (2.6 if value > 0 else -2.8), name.upper(), ha="center", color=ACCENT, weight="bold")
    right = place.paper.left_mm + place.paper.width_mm + 6.0
    shown_items = [items[name] for name in ("p_mv", "q_mv", "r_mv", "s_mv", "r_prime_mv", "t_mv")]
    for number, item in enumerate(shown_items):
        y = place.paper.top_mm - 4.0 - 7.0 * number
        sheet.text(
            right, y, item.label.removesuffix(" amplitude"), weight="bold", color=ACCENT if item.value else QUIET
        )
        text = "none" if item.value == 0.0 else _signed(item) + (" mV" if item.value is not None else "")
        sheet.text(right + 8.0, y, text, color=TEXT if item.value else QUIET)
    return sheet


def _peak(
    view: BeatView, place: Place, span_s: tuple[float, float], value: float, *, is_p: bool
) -> tuple[float, float, float]:
    """Return where a wave of this amplitude peaks on the sheet, the level it is taken from, and its peak."""
    time_s, signal_mv = view.curve.time_s, view.curve.signal_mv[place.row]
    inside = (time_s >= span_s[0] - 0.003) & (time_s <= span_s[1] + 0.003)
    base_mv = np.zeros(int(inside.sum()))
    if is_p:
        ends_mv = [view.curve.at(place.row, end_s) for end_s in span_s]
        base_mv = np.interp(time_s[inside], span_s, ends_mv)
    index = int(np.argmin(np.abs(signal_mv[inside] - base_mv - value)))
    return float(place.paper.x(time_s[inside][index])), float(base_mv[index]), float(base_mv[index] + value)


def sokolow_lyon() -> Sheet:
    """Draw S of V1 and the larger R of V5 and V6."""
    shown = case(LVH)
    return _sum(
        shown, shown.analysis.measurements["sokolow_lyon_mv"], ("V1", "V5", "V6"), {"V1": "s", "V5": "r", "V6": "r"}
    )


def cornell() -> Sheet:
    """Draw R of aVL and S of V3."""
    shown = case(LVH)
    return _sum(shown, shown.analysis.measurements["cornell_mv"], ("aVL", "V3"), {"aVL": "r", "V3": "s"})


def _sum(shown: Case, item: Measurement, leads: tuple[str, ...], waves: dict[str, str]) -> Sheet:
    span_s = span_around(shown, (P_ON, -0.06), (T_OFF, 0.1), (-0.25, 0.4))
    view = beat_panels(shown, leads, span_s, stated(item), note="Dashed: PQ level", below_mm=3.0, above_mm=8.0)
    values = {lead: _depth(shown, lead, wave) for lead, wave in waves.items()}
    largest_r = max((abs(value) for lead, value in values.items() if waves[lead] == "r"), default=0.0)
    terms = []
    qrs_s = view.median.global_s[[QRS_ON, QRS_OFF]]
    for lead, wave in waves.items():
        place, value = view.place(lead), values[lead]
        _level_line(view, place)
        paper = place.paper
        counts = wave == "s" or abs(value) == largest_r
        color = ACCENT if counts else QUIET
        text = f"{wave.upper()} {abs(value):.2f} mV"
        if counts:
            terms.append(f"{wave.upper()} {lead} {abs(value):.2f}")
        middle = paper.left_mm + 0.5 * paper.width_mm
        view.sheet.text(
            middle, paper.top_mm + 3.0, text, ha="center", color=color, weight="bold" if counts else "normal"
        )
        if value and np.isfinite(qrs_s).all():
            x, _, peak_mv = _peak(view, place, (float(qrs_s[0]), float(qrs_s[1])), value, is_p=False)
            y0, y1 = paper.y(0.0, place.base_mm), paper.y(peak_mv, place.base_mm)
            side = x - 1.9 * paper.zoom
            view.sheet.line([side - 0.8, x], [y1, y1], color=color, lw=0.6, zorder=4)
            view.sheet.arrow((side, y0), (side, y1), "<|-|>", color=color, lw=0.9)
    view.sheet.text(
        14.0,
        view.sheet.top_mm - 0.5,
        "  +  ".join(terms) + (f"  =  {abs(item.value):.2f} mV" if item.value is not None else ""),
        color=TEXT,
    )
    return view.sheet


def _depth(shown: Case, lead: str, wave: str) -> float:
    """Return the signed amplitude of R or S that voltage sums take: the larger of it and the next of its kind."""
    measures, row = shown.analysis.lead_measures, shown.row(lead)
    first, second = (measures.r_mv, measures.r_prime_mv) if wave == "r" else (measures.s_mv, measures.s_prime_mv)
    values = [float(first[row]), float(second[row])]
    known = [value for value in values if isfinite(value)]
    return max(known, key=abs) if known else 0.0
