"""The import report as Markdown: what was taken from a file, inferred and left out, and what the device says itself."""

from __future__ import annotations

from collections.abc import Iterable

from ecgviewer.services.markdown import plain, table
from ecgviewer.state.header import UNKNOWN, low_rate_remark
from physioclr_core.readers.report_text import (
    DEVICE_HEADING,
    STATUS_UNKNOWN,
    gain_lines,
    gap_texts,
    global_measurements,
    is_empty,
    lead_measurements,
    median_text,
    no_signal_text,
)
from physioclr_core.record import DeviceReading, LeadReport
from physioclr_core.recordings.source import AnyRecord

MOST_COLUMNS = 8


def import_report(record: AnyRecord) -> str:
    """Return what was taken from a record's files, inferred and left out."""
    report = record.report
    lines = [f"# Import report: {plain(record.name)}", "", *_facts(record)]
    lines += ["", "## Notices", "", *(_bullets(report.warnings) or ["Nothing to report."])]
    for title, texts in (
        (
            "Derived leads",
            [f"{', '.join(report.derived_leads)}: computed from other leads"] if report.derived_leads else [],
        ),
        ("Padding: filled in, not recorded", report.padding),
        ("Gaps in all leads", gap_texts(record.report)),
        ("Leads under their own name, left out of prediction", report.unknown_leads),
        ("Left out", report.ignored),
    ):
        bullets = _bullets(texts)
        if bullets:
            lines += ["", f"## {title}", "", *bullets]
    lines += ["", "## Checks", "", *_checks(record)]
    lines += _device_section(record.device_reading)
    if report.leads:
        head = ("lead", "in the file", "unit", "gain", "gain from", "zero", "gaps", "remarks")
        lines += ["", "## Leads", "", *table(head, [_lead_row(lead) for lead in report.leads])]
    comments = _bullets(record.acquisition.comments)
    if comments:
        lines += ["", "## Comments in the file", "", *comments]
    files = [f"- `{path}`" for path in record.provenance.files or (record.provenance.path,)]
    return "\n".join([*lines, "", "## Files", "", *files, ""])


def _bullets(texts: Iterable[str]) -> list[str]:
    return [f"- {plain(text)}" for text in texts]


def _facts(record: AnyRecord) -> list[str]:
    acquisition = record.acquisition
    rows = [
        ("Format", record.provenance.format),
        ("Device", acquisition.device or UNKNOWN),
        ("Filters of the device", acquisition.filters or UNKNOWN),
        ("Leads", f"{len(record.lead_names)}, {record.fs_hz:g} Hz, {record.duration_s:.6g} s"),
        *(("Unit and gain" if k == 0 else "and", text) for k, text in enumerate(gain_lines(record.report.leads)[:4])),
    ]
    return table(("what", "in this file"), [(plain(name), plain(value)) for name, value in rows])


def _checks(record: AnyRecord) -> list[str]:
    report = record.report
    rows = []
    for formula, residual_mv in (
        ("I + III - II", report.einthoven_residual_mv),
        ("aVR + aVL + aVF", report.goldberger_residual_mv),
    ):
        value = "not checkable" if residual_mv is None else f"{residual_mv:.3f} mV rms"
        # A lead that is computed from others fits them whatever was recorded.
        derived = set(report.derived_leads) & set(formula.replace("+", " ").replace("-", " ").split())
        remark = (
            "by construction: derived leads" if derived and residual_mv is not None else "0 where leads fit together"
        )
        rows.append((plain(formula), value, remark))
    lines = table(("sum of leads", "found", "remark"), rows)
    if remark := low_rate_remark(record):
        lines += ["", plain(remark)]
    return lines


def _device_section(reading: DeviceReading) -> list[str]:
    if is_empty(reading):
        return []
    lines = ["", f"## {DEVICE_HEADING}", "", f"Reading status: {plain(reading.status or STATUS_UNKNOWN)}."]
    if reading.statements:
        lines += ["", *_bullets(reading.statements)]
    measured = global_measurements(reading)
    if measured:
        lines += ["", *table(("measurement of the device", "value"), [(plain(n), plain(v)) for n, v in measured])]
    head, rows = lead_measurements(reading)
    for first in range(1, len(head) if rows else 0, MOST_COLUMNS):
        columns = [0, *range(first, min(first + MOST_COLUMNS, len(head)))]
        cells = [[plain(row[k]) for k in columns] for row in rows]
        lines += ["", *table([plain(head[k]) for k in columns], cells)]
    if reading.median is not None:
        lines += ["", f"Representative beats of the device: {plain(median_text(reading))}."]
    return lines


def _lead_row(lead: LeadReport) -> tuple[str, ...]:
    remarks = ["flat"] if lead.is_flat else []
    if lead.no_signal_s and not lead.is_flat:
        remarks.append(f"no signal: {no_signal_text(lead.no_signal_s)}")
    if lead.clipped_fraction > 0:
        remarks.append(f"{lead.clipped_fraction:.1%} at an extreme")
    gap = f"{lead.gap_s:g} s" if lead.gap_s else "none"
    cells = (lead.name, lead.source_name or UNKNOWN, lead.unit, f"{lead.gain:.6g} /{lead.unit}", lead.gain_source)
    return tuple(plain(cell) or UNKNOWN for cell in (*cells, f"{lead.baseline:g}", gap, ", ".join(remarks) or "none"))
