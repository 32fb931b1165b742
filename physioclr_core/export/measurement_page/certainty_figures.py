"""Figures of what is not given and of how certain the rest is."""

from __future__ import annotations

from math import ceil, floor, isfinite

import numpy as np

from physioclr_core.export.measurement_page.cases import AF, NORMAL, Case, at_rate, case, with_lead_off
from physioclr_core.export.measurement_page.paper import (
    ACCENT,
    FOOTER_MM,
    HEADER_MM,
    PALE,
    QUIET,
    TEXT,
    TRACE,
    EcgPaper,
    Sheet,
)
from physioclr_core.physiology.marks import P_ON, QRS_ON, T_OFF, P, WaveState

_OFF_LEAD = "V2"
_STRIP_MM, _STRIP_ZOOM = 125.0, 1.3
_LEFT_MM = 12.0
_STATE_NAMES = {WaveState.PRESENT: "P", WaveState.ABSENT: "absent", WaveState.NOT_MEASURABLE: "not measurable"}


def absent_or_not_measurable() -> Sheet:
    """Draw a rhythm without P waves, and a lead without signal."""
    fibrillation, off = case(AF), with_lead_off(case(NORMAL), _OFF_LEAD)
    upper, lower = ("II", "V1"), ("V1", _OFF_LEAD, "V3")
    upper_rows, lower_rows = _rows(fibrillation, upper), _rows(off, lower)
    between_mm = 22.0
    height_mm = HEADER_MM + 6.0 + (upper_rows[1] + lower_rows[1]) * _STRIP_ZOOM + between_mm + FOOTER_MM + 8.0
    sheet = Sheet(
        height_mm,
        "Absent, and not measurable",
        "",
        "Two ECGs; one electrode of the second is off on purpose.  1 small square: 40 ms, 0.1 mV.",
    )
    _fibrillation(sheet, fibrillation, upper, *upper_rows)
    _lead_off(sheet, off, lower, *lower_rows)
    return sheet


def _rows(shown: Case, leads: tuple[str, ...]) -> tuple[list[float], float]:
    """Return the height of 0 mV of each lead, and that of the paper, for the first 5 s."""
    bases: list[float] = []
    edge = 0.0
    n = round(5.0 * shown.analysis.fs_hz)
    for lead in reversed(leads):
        signal_mv = np.nan_to_num(shown.analysis.signal_mv[shown.row(lead), :n])
        low, high = floor(10.0 * float(signal_mv.min())), ceil(10.0 * float(signal_mv.max()))
        bases.insert(0, edge + max(1, -low))
        edge += max(1, -low) + max(3, high) + 1.0
    return bases, edge


def _strip(
    sheet: Sheet, shown: Case, leads: tuple[str, ...], bases: list[float], rows_mm: float, bottom_mm: float
) -> EcgPaper:
    paper = EcgPaper(sheet, _LEFT_MM, bottom_mm, _STRIP_MM, rows_mm, _STRIP_ZOOM)
    time_s = np.arange(shown.analysis.signal_mv.shape[1]) / shown.analysis.fs_hz
    for lead, base_mm in zip(leads, bases, strict=True):
        row = shown.row(lead)
        sheet.text(_LEFT_MM - 1.8, paper.y(0.0, base_mm), lead, ha="right", weight="bold")
        if not shown.analysis.measurements.lead_reasons[row]:
            paper.trace(time_s, shown.analysis.signal_mv[row], base_mm)
    sheet.text(_LEFT_MM + paper.width_mm, paper.top_mm + 2.8, shown.source, color=QUIET, ha="right")
    return paper


def _fibrillation(sheet: Sheet, shown: Case, leads: tuple[str, ...], bases: list[float], rows_mm: float) -> None:
    paper = _strip(sheet, shown, leads, bases, rows_mm, sheet.top_mm - 6.0 - rows_mm * _STRIP_ZOOM)
    sheet.text(_LEFT_MM, paper.top_mm + 2.8, "P wave before each beat", color=ACCENT, weight="bold")
    marks = shown.analysis.delineation
    for number, qrs_on_s in enumerate(marks.global_s[:, QRS_ON].tolist()):
        if not isfinite(qrs_on_s) or not 0.12 < qrs_on_s < 5.0:
            continue
        before_s = float(marks.global_s[number - 1, T_OFF]) if number else np.nan
        start_s = max(qrs_on_s - 0.24, 0.0, before_s if isfinite(before_s) else 0.0)
        state = WaveState(int(marks.global_state[number, P]))
        p_on_s = float(marks.global_s[number, P_ON])
        x0, x1 = paper.x(p_on_s if isfinite(p_on_s) else start_s), paper.x(qrs_on_s)
        sheet.box(x0, paper.bottom_mm, x1 - x0, paper.height_mm, alpha=0.1, zorder=2)
        sheet.text(0.5 * (x0 + x1), paper.bottom_mm - 2.8, _STATE_NAMES[state], ha="center", size=6.5, color=ACCENT)
    pr = shown.analysis.measurements["pr_ms"]
    text = f"PR interval: not given. {_sentence(pr.reason)}" if pr.value is None else f"PR interval {pr.value:.0f} ms"
    sheet.text(_LEFT_MM, paper.bottom_mm - 7.4, text)


def _lead_off(sheet: Sheet, shown: Case, leads: tuple[str, ...], bases: list[float], rows_mm: float) -> None:
    paper = _strip(sheet, shown, leads, bases, rows_mm, FOOTER_MM + 8.0)
    measurements = shown.analysis.measurements
    for lead, base_mm in zip(leads, bases, strict=True):
        reason = measurements.lead_reasons[shown.row(lead)]
        if reason:
            y = paper.y(0.0, base_mm)
            sheet.box(paper.left_mm, y - 2.0, paper.width_mm, 4.0, alpha=1.0, fc="#ECE9E6", zorder=2)
            text = f"not measurable: {reason}"
            sheet.text(paper.left_mm + 0.5 * paper.width_mm, y, text, ha="center", color=TEXT, zorder=4)
    n_used = sum(not reason for reason in measurements.lead_reasons)
    qrs = measurements["qrs_ms"]
    value = "not given" if qrs.value is None else f"{qrs.value:.0f} ms, from the {n_used} leads that have a signal"
    sheet.text(_LEFT_MM, paper.bottom_mm - 3.4, f"All values of {_OFF_LEAD}: not given.  QRS duration: {value}.")
    sheet.text(_LEFT_MM, paper.top_mm + 2.8, f"{_OFF_LEAD} off", color=ACCENT, weight="bold")


def _sentence(reason: str) -> str:
    return f"{reason[:1].upper()}{reason[1:]}." if reason else ""


def certainty() -> Sheet:
    """Draw one QRS onset at two sampling rates, and the confidence of each lead's marks."""
    lead, number = "V5", 5
    shown = case(NORMAL)
    shots = [shown, at_rate(shown, 100.0)]
    resolutions = ", ".join(
        f"±{shot.analysis.delineation.resolution_ms:g} ms at {shot.record.fs_hz:g} Hz" for shot in shots
    )
    note = "Dots: samples.  Band: half a sample to either side.  1 small square: 40 ms, 0.1 mV."
    footer = f"Beat {number + 1}, QRS onset in {lead}.  {note}"
    sheet = Sheet(104.0, f"Resolution {resolutions}", f"{shown.title}  ·  {shown.name}", footer)
    for left_mm, shot in zip((14.0, 66.0), shots, strict=True):
        _onset(sheet, shot, lead, number, left_mm)
    _confidence(sheet, shown, number)
    return sheet


def _onset(sheet: Sheet, shown: Case, lead: str, number: int, left_mm: float) -> None:
    analysis, row, zoom = shown.analysis, shown.row(lead), 16.0
    fs_hz, marks = analysis.fs_hz, analysis.delineation
    sheet.text(left_mm + 20.0, sheet.top_mm - 2.0, f"{fs_hz:g} Hz", ha="center", weight="bold")
    if len(marks.beats) <= number or not isfinite(marks.lead_s[row, number, QRS_ON]):
        return
    onset_s, half_s = float(marks.lead_s[row, number, QRS_ON]), marks.resolution_ms / 1000.0
    time_s = np.arange(analysis.signal_mv.shape[1]) / fs_hz
    signal_mv = analysis.signal_mv[row] - np.interp(onset_s, time_s, analysis.signal_mv[row])
    paper = EcgPaper(sheet, left_mm, FOOTER_MM + 6.0, 2.5, 4.5, zoom, onset_s - 0.05)
    paper.trace(time_s, signal_mv, 1.5, lw=0.8)
    y = paper.y(signal_mv, 1.5)
    near = (time_s >= paper.start_s) & (time_s <= paper.start_s + 0.1) & (y >= paper.bottom_mm) & (y <= paper.top_mm)
    sheet.axes.plot(paper.x(time_s[near]), y[near], "o", color=TRACE, ms=3.0, mew=0, zorder=4)
    x0, x1 = paper.x(onset_s - half_s), paper.x(onset_s + half_s)
    sheet.box(x0, paper.bottom_mm, x1 - x0, paper.height_mm, alpha=0.18, zorder=2)
    at = paper.x(onset_s)
    sheet.line([at, at], [paper.bottom_mm - 1.5, paper.top_mm], lw=0.9, zorder=5)
    sheet.text(at, paper.bottom_mm - 3.6, f"±{marks.resolution_ms:g} ms", ha="center", color=ACCENT, weight="bold")


def _confidence(sheet: Sheet, shown: Case, number: int) -> None:
    marks = shown.analysis.delineation
    columns = ((QRS_ON, "QRS onset", 126.0), (T_OFF, "T end", 152.0))
    length, top = 15.0, sheet.top_mm - 8.0
    sheet.text(126.0, sheet.top_mm - 2.0, f"Confidence, {shown.record.fs_hz:g} Hz", weight="bold")
    for fiducial, name, x in columns:
        sheet.text(x, top + 1.0, name, color=ACCENT, size=7)
        for row, lead in enumerate(shown.analysis.lead_names):
            y = top - 5.0 - 5.4 * row
            if fiducial == QRS_ON:
                sheet.text(x - 2.0, y, lead, ha="right", size=7)
            value = float(marks.lead_confidence[row, number, fiducial]) if number < len(marks.beats) else np.nan
            sheet.box(x, y - 1.1, length, 2.2, alpha=0.35, fc=PALE)
            if isfinite(value):
                sheet.box(x, y - 1.1, length * value, 2.2, alpha=1.0)
            sheet.text(x + length + 1.2, y, f"{value:.2f}" if isfinite(value) else "none", size=6.5, color=TEXT)
