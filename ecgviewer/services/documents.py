"""The texts of the Help menu, as Markdown."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from ecgviewer.jobs.protocol import Ready
from physioclr_core.record import EcgRecord, LeadReport

NOTICE = "**Research use only. Not a medical device.** Every output is a candidate for review by a qualified reader."


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]


def import_report(record: EcgRecord) -> str:
    """Return what was taken from a record's files, inferred and left out."""
    report, place = record.report, record.provenance
    lines = [f"# Import report: {record.name}", ""]
    lines.append(f"{place.format}, {len(record.lead_names)} leads, {record.fs_hz:g} Hz, {record.duration_s:g} s.")
    lines += ["", f"File: `{place.path}`", ""]
    lines += ["## Notices", ""]
    lines += [f"- {warning}" for warning in report.warnings] or ["Nothing to report."]
    residuals = [
        f"{name} {value:.3f} mV"
        for name, value in (
            ("I + III - II:", report.einthoven_residual_mv),
            ("aVR + aVL + aVF:", report.goldberger_residual_mv),
        )
        if value is not None
    ]
    lines += ["", "## Checks", "", f"Residuals of lead arithmetic: {', '.join(residuals) or 'not checkable'}.", ""]
    for title, values in (
        ("Derived leads", report.derived_leads),
        ("Leads under their own name, left out of prediction", report.unknown_leads),
        ("Left out", report.ignored),
        ("Gaps in all leads", tuple(f"{start:g} to {end:g} s" for start, end in report.gaps)),
    ):
        if values:
            lines += [f"**{title}**", "", *(f"- {value}" for value in values), ""]
    if report.leads:
        head = ("lead", "in the file", "unit", "gain", "gain from", "zero", "gaps", "remarks")
        lines += ["## Leads", "", *_table(head, [_lead_row(lead) for lead in report.leads]), ""]
    acquisition = record.acquisition
    if acquisition.comments:
        lines += ["## Comments in the file", "", *(f"- {comment}" for comment in acquisition.comments), ""]
    return "\n".join(lines)


def _lead_row(lead: LeadReport) -> tuple[str, ...]:
    remarks = ["flat"] if lead.is_flat else []
    if lead.clipped_fraction > 0:
        remarks.append(f"{lead.clipped_fraction:.1%} at an extreme")
    # No empty cell: in Markdown it would join the one before it.
    gap = f"{lead.gap_s:g} s" if lead.gap_s else "none"
    gain = f"{lead.gain:g} /{lead.unit}"
    return (
        lead.name,
        lead.source_name,
        lead.unit,
        gain,
        lead.gain_source,
        f"{lead.baseline:g}",
        gap,
        ", ".join(remarks) or "none",
    )


def model_card(ready: Ready | None, reason: str) -> str:
    """Return the model card, or why there is none."""
    if ready is None:
        return f"# Model card\n\nNo model is running{f': {reason}' if reason else ''}."
    path = Path(ready.model_card)
    if not ready.model_card or not path.is_file():
        return f"# Model card\n\nThe model {ready.model} has no card."
    return path.read_text(encoding="utf-8")


def shortcuts(rows: list[tuple[str, str]]) -> str:
    """Return the list of keys."""
    return "\n".join(["# Keyboard shortcuts", "", *_table(("command", "keys"), rows)])


def about(ready: Ready | None) -> str:
    """Return who and what this program is."""
    versions = [f"Python {platform.python_version()}"]
    for package in ("physioclr", "PySide6_Essentials", "pyqtgraph", "numpy"):
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    lines = ["# ECG viewer", "", NOTICE, ""]
    if ready is not None:
        where = f"{ready.device} ({ready.device_reason})" if ready.device_reason else ready.device
        lines += [f"Model {ready.model}, fingerprint `{ready.fingerprint}`, on {where}.", ""]
        lines += ["## Reference library", "", f"{ready.n_library} ECGs. {ready.attribution}", ""]
    lines += ["## Display", ""]
    lines += [
        "Traces are drawn as recorded, without a filter. Each lead's median is placed on its row's baseline; in "
        "records longer than a minute the median of the visible part, in steps of 0.5 mV. The data are never changed.",
        "",
        "## Versions",
        "",
        ", ".join(versions),
    ]
    return "\n".join(lines)
