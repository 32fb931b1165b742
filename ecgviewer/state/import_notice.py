"""One quiet line on an import, where there is something worth a reader's attention."""

from __future__ import annotations

from dataclasses import dataclass

from physioclr_core.recordings.source import AnyRecord


@dataclass(frozen=True, slots=True)
class ImportNotice:
    """The line; ``is_warning`` where the tracing may not be what it seems, which gives the line its mark."""

    text: str = ""
    is_warning: bool = False


def import_notice(record: AnyRecord) -> ImportNotice:
    """Return the line of a record; empty where nothing was derived, filled in, missing, assumed or odd."""
    report = record.report
    parts: list[str] = []
    if report.derived_leads:
        parts.append(f"{_count(len(report.derived_leads), 'lead')} derived")
    if report.padding:
        parts.append("padding")
    gap_s = sum(end_s - start_s for start_s, end_s in report.gaps)
    if gap_s > 0:
        parts.append(f"{gap_s:.3g} s gap" if len(report.gaps) == 1 else f"{len(report.gaps)} gaps, {gap_s:.3g} s")
    sources = {lead.gain_source for lead in report.leads}
    if "format default" in sources:
        parts.append("gain assumed")
    if "given" in sources:
        parts.append("gain given by hand")
    if not parts and not report.warnings:
        return ImportNotice()
    text = ", ".join([record.provenance.format, _count(record.n_leads, "lead"), *parts])
    if report.warnings:
        n_more = len(report.warnings) - 1
        text += f": {report.warnings[0]}" + (f" (and {n_more} more)" if n_more else "")
    return ImportNotice(text, bool(report.warnings) or gap_s > 0 or "format default" in sources)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
