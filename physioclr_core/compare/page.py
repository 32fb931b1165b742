"""A comparison for people: tables in Markdown, the same as JSON, and plots."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from physioclr_core.compare.config import CompareConfig
from physioclr_core.compare.kept_areas import MIN_POSITIVE
from physioclr_core.compare.plots import write_compare_plots
from physioclr_core.compare.table import CommonLabels, TableRow
from physioclr_core.evaluate.bootstrap import Interval
from physioclr_core.evaluate.report import text_of
from physioclr_core.files import replaced


def write_table(rows: Sequence[TableRow], config: CompareConfig, title: str, out: Path) -> str:
    """Write ``table.json``, ``table.md`` and the plots; return the Markdown."""
    text = table_markdown(rows, config, title)
    values = json.dumps(
        {"reference": config.reference, "own": config.own, "rows": [asdict(row) for row in rows]}, indent=1
    )
    for name, content in (("table.json", values + "\n"), ("table.md", text)):
        with replaced(out / name) as file:
            file.write(content.encode())
    write_compare_plots(rows, list(config.arms), title, out)
    return text


def table_markdown(rows: Sequence[TableRow], config: CompareConfig, title: str) -> str:
    """Return the table for people: all arms at a glance, leads over the best rivals, then every figure."""
    arms = list(config.arms)
    lines = [f"# {title}", "", *_overview(rows, arms), ""]
    ahead = [row for row in rows if row.over_best is not None]
    if ahead:
        lines += ["## Ahead of the best rival", "", *_leads([(row, row) for row in ahead]), ""]
    common = [(row, row.common) for row in rows if row.common is not None]
    if any(part.n_labels < row.n_labels for row, part in common):
        values = [replace(row, macro_auroc=part.macro_auroc) for row, part in common]
        lines += [f"## Labels with at least {MIN_POSITIVE} positive records", "", *_overview(values, arms), ""]
        if ahead:
            lines += [*_leads([pair for pair in common if pair[0].over_best is not None]), ""]
    return "\n".join([*lines, "## Every figure", "", *_figures(rows, config.reference), "", _how(rows), ""])


def _overview(rows: Sequence[TableRow], arms: Sequence[str]) -> list[str]:
    evaluations = list(dict.fromkeys(row.evaluation for row in rows))
    value = {(row.arm, row.evaluation): row.macro_auroc.value for row in rows}
    best = {name: max(v for (_, e), v in value.items() if e == name and v is not None) for name in evaluations}
    lines = ["| arm | " + " | ".join(evaluations) + " |", "|---" * (len(evaluations) + 1) + "|"]
    for arm in arms:
        cells = []
        for name in evaluations:
            of_arm = value.get((arm, name))
            text = "-" if of_arm is None else f"{of_arm:.3f}"
            cells.append(f"**{text}**" if of_arm is not None and f"{best[name]:.3f}" == text else text)
        lines.append(f"| {arm} | " + " | ".join(cells) + " |")
    return lines


def _leads(rows: Sequence[tuple[TableRow, TableRow | CommonLabels]]) -> list[str]:
    lines = ["| evaluation | arm | minus best rival (95 %) | minus best pretrained rival (95 %) |", "|---" * 4 + "|"]
    for row, figures in rows:
        cells = [
            "-" if lead is None else f"{lead.rival}: {_signed(lead.difference)}"
            for lead in (figures.over_best, figures.over_best_pretrained)
        ]
        lines.append(f"| {row.evaluation} | {row.arm} | " + " | ".join(cells) + " |")
    return lines


def _figures(rows: Sequence[TableRow], reference: str | None) -> list[str]:
    compared = f" | minus {reference} |" if reference else " |"
    head = f"| evaluation | arm | macro AUROC (95 %) | each seed{compared} pretraining, minutes | training, minutes |"
    lines = [head, "|---" * (head.count("|") - 1) + "|"]
    for row in rows:
        cells = [row.evaluation, row.arm, text_of(row.macro_auroc), ", ".join(f"{v:.3f}" for v in row.of_seeds)]
        if reference:
            cells.append(_signed(row.difference))
        cells += [f"{row.pretrain_minutes:.0f}" if row.pretrain_minutes else "-", f"{row.minutes:.0f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _how(rows: Sequence[TableRow]) -> str:
    judged = {(row.evaluation, row.n_records, row.n_labels) for row in rows}
    sizes = ", ".join(f"{name} {n} records and {k} labels" for name, n, k in sorted(judged))
    return (
        f"Judged on, counting labels with positive and negative records: {sizes}. {_n_seeds(rows)}. Mean over seeds; "
        "intervals are percentiles of resampled patients, the same resamples for all arms. A best rival is chosen by "
        "its figure on the same records, which favours the rival. Minutes are medians over seeds."
    )


def _n_seeds(rows: Sequence[TableRow]) -> str:
    numbers = sorted({len(row.of_seeds) for row in rows})
    return f"{' or '.join(map(str, numbers))} seed{'' if numbers == [1] else 's'}"


def _signed(difference: Interval | None) -> str:
    if difference is None or difference.value is None or difference.low is None or difference.high is None:
        return "-"
    return f"{difference.value:+.3f} ({difference.low:+.3f} to {difference.high:+.3f})"
