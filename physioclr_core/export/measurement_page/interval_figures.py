"""Figures of what is measured in time on the median beat: P, PR, QRS, QT, and all leads together."""

from __future__ import annotations

import numpy as np

from physioclr_core.export.measurement_page.beat_view import beat_panels, beat_rows, span_around
from physioclr_core.export.measurement_page.cases import AV_BLOCK, NORMAL, RBBB, case
from physioclr_core.export.measurement_page.paper import ACCENT, QUIET, TRACE, Sheet, stated
from physioclr_core.physiology.marks import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF, T_ON

_OWN = "Grey ticks: each lead's own marks"


def p_duration() -> Sheet:
    """Draw the earliest onset to the latest end of P."""
    shown = case(NORMAL)
    item = shown.analysis.measurements["p_ms"]
    span_s = span_around(shown, (P_ON, -0.05), (QRS_ON, 0.004), (-0.25, -0.05))
    view = beat_rows(shown, ("I", "II", "V1"), span_s, stated(item), note=_OWN, highest_mm=100)
    view.interval(P_ON, P_OFF, stated(item))
    view.own_marks(P_ON, P_OFF)
    view.own_values(P_ON, P_OFF)
    return view.sheet


def pr_interval() -> Sheet:
    """Draw the earliest onset of P to the earliest onset of QRS."""
    shown = case(AV_BLOCK)
    item = shown.analysis.measurements["pr_ms"]
    span_s = span_around(shown, (P_ON, -0.06), (T_OFF, 0.06), (-0.35, 0.4))
    view = beat_rows(shown, ("II", "V1"), span_s, stated(item), note=_OWN)
    view.interval(P_ON, QRS_ON, stated(item))
    view.own_marks(P_ON, QRS_ON)
    view.own_values(P_ON, QRS_ON)
    return view.sheet


def qrs_duration() -> Sheet:
    """Draw the earliest onset to the latest end of QRS."""
    shown = case(RBBB)
    item = shown.analysis.measurements["qrs_ms"]
    span_s = span_around(shown, (QRS_ON, -0.1), (QRS_OFF, 0.1), (-0.16, 0.24))
    view = beat_panels(shown, ("I", "V1", "V6"), span_s, stated(item), note=_OWN)
    view.interval(QRS_ON, QRS_OFF, stated(item, with_label=False))
    view.own_marks(QRS_ON, QRS_OFF)
    view.own_values(QRS_ON, QRS_OFF)
    return view.sheet


def qt_interval() -> Sheet:
    """Draw the earliest onset of QRS to the latest end of T."""
    shown = case(NORMAL)
    item = shown.analysis.measurements["qt_ms"]
    span_s = span_around(shown, (QRS_ON, -0.08), (T_OFF, 0.08), (-0.1, 0.44))
    view = beat_panels(shown, ("II", "V6"), span_s, stated(item), note=_OWN)
    view.interval(QRS_ON, T_OFF, stated(item, with_label=False))
    view.own_marks(QRS_ON, T_OFF)
    view.own_values(QRS_ON, T_OFF)
    return view.sheet


_BARS_MM, _BAR_PITCH_MM = 44.0, 3.3


def global_and_lead() -> Sheet:
    """Draw all leads on one level, and below them each lead's own waves as bars between the global marks."""
    shown = case(RBBB)
    median = shown.analysis.median
    span_s = span_around(shown, (P_ON, -0.06), (T_OFF, 0.06), (-0.3, 0.45))
    title = f"{len(median.lead_names)} leads together: global marks"
    view = beat_rows(
        shown, median.lead_names, span_s, title, below_mm=_BARS_MM, side_mm=20.0, highest_mm=84.0, together=True
    )
    paper, sheet = view.places[0].paper, view.sheet
    for start, end, name in ((P_ON, P_OFF, "P"), (QRS_ON, QRS_OFF, "QRS"), (T_ON, T_OFF, "T")):
        marks_s = median.global_s[[start, end]]
        if not np.isfinite(marks_s).all():
            continue
        x0, x1 = paper.x(marks_s).tolist()
        for x in (x0, x1):
            sheet.line([x, x], [paper.bottom_mm - _BARS_MM + 2.5, paper.top_mm + 1.0], lw=0.6, zorder=2.2)
        sheet.box(x0, paper.bottom_mm - _BARS_MM + 2.5, x1 - x0, paper.height_mm + _BARS_MM - 2.5, alpha=0.06, zorder=2)
        text = f"{name} {1000.0 * float(marks_s[1] - marks_s[0]):.0f} ms"
        sheet.text(0.5 * (x0 + x1), paper.top_mm + 2.9, text, color=ACCENT, ha="center", weight="bold")
        for row in range(len(median.lead_names)):
            own_s = median.lead_s[row, [start, end]]
            if np.isfinite(own_s).all():
                y = paper.bottom_mm - 3.0 - row * _BAR_PITCH_MM
                sheet.line(paper.x(own_s), [y, y], color=TRACE, lw=1.6, zorder=3)
    for row, lead in enumerate(median.lead_names):
        y = paper.bottom_mm - 3.0 - row * _BAR_PITCH_MM
        sheet.text(paper.left_mm - 1.8, y, lead, ha="right", size=6.2)
    middle = paper.bottom_mm - 3.0 - 0.5 * (len(median.lead_names) - 1) * _BAR_PITCH_MM
    sheet.text(paper.left_mm + paper.width_mm + 2.0, middle, "each lead's\nown waves", color=QUIET, size=7)
    return sheet
