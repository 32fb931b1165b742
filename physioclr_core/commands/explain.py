"""``physioclr explain``: which waves in which leads speak for a label."""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from physioclr_core.commands.batches import add_model_arguments, open_model
from physioclr_core.commands.table_flags import add_table_arguments, given_facts
from physioclr_core.errors import UserFacingError

if TYPE_CHECKING:
    from physioclr_core.physiology.explain import RecordExplanation

_N_SHOWN = 12
_MEASURE = "logit as recorded minus logit without it; positive speaks for the label"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("explain", help="which waves in which leads speak for a label")
    parser.add_argument("file", type=Path, metavar="RECORD", help="record (.hea, .dat, .mat or its stem)")
    parser.add_argument("--label", required=True, metavar="CODE", help="a label of the model, such as AFIB")
    parser.add_argument("--json", action="store_true", help="print one JSON object with every span and lead")
    parser.add_argument(
        "--at",
        type=float,
        metavar="SECONDS",
        help="of a long record the window around this time (default: where the label is the most probable)",
    )
    add_model_arguments(parser)
    add_table_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print waves and leads in the order of what they add to the label's logit.

    Returns
    -------
    int
        0, also where the record is not assessed: the reason is printed.
    """
    from tqdm import tqdm

    from physioclr_core.infer.windows import NotAssessedError
    from physioclr_core.physiology.explain import NotExplainedError, explain_record, label_index
    from physioclr_core.readers import read_record

    record = read_record(args.file, given_facts(args))
    model = open_model(args)
    label_index(model.manifest, args.label)
    if args.at is not None and not 0 <= args.at <= record.duration_s:
        raise UserFacingError(f"--at {args.at:g}: {record.name} is {record.duration_s:g} s long.")
    content: dict[str, Any] = {
        "record": record.name,
        "label": args.label,
        "model": model.manifest.short_id,
        "fingerprint": model.manifest.fingerprint,
        "use": "research use only",
        "measure": _MEASURE,
        "not_explained": None,
    }
    try:
        with tqdm(file=sys.stderr, disable=not sys.stderr.isatty(), unit="run") as bar:

            def show(n_done: int, n_all: int) -> None:
                bar.total = n_all
                bar.update(n_done - bar.n)

            in_sight_s = None if args.at is None else (args.at - 0.5, args.at + 0.5)
            found = explain_record(record, model, in_sight_s=in_sight_s, code=args.label, on_progress=show)
    except (NotAssessedError, NotExplainedError) as reason:
        content["not_explained"] = str(reason)
    else:
        content |= described(found, args.label)
    sys.stdout.write((json.dumps(content, indent=1, allow_nan=False) if args.json else _text(content)) + "\n")
    return 0


def described(found: RecordExplanation, code: str) -> dict[str, Any]:
    """Return an explanation of one label as plain JSON values: largest first, what is not known last as ``None``."""
    attribution = found.of_label(code)
    logit = attribution.logit
    groups: list[dict[str, Any]] = [
        {
            "what": name,
            "effect": _known(effect),
            "probability_without": _known(found.probability(code, logit - float(effect))),
        }
        for name, effect in zip(found.group_names, attribution.group_effect, strict=True)
    ]
    leads = [
        {"lead": lead, "effect": _known(effect)}
        for lead, effect in zip(found.lead_names, attribution.lead_effect, strict=True)
    ]
    spans = [
        {
            "lead": lead,
            "wave": span.wave,
            "beat": span.beat,
            "start_s": round(span.start_s, 3),
            "end_s": round(span.end_s, 3),
            "effect": _known(attribution.effect[row, column]),
        }
        for row, lead in enumerate(found.lead_names)
        for column, span in enumerate(found.spans)
    ]
    return {
        "window_s": [round(found.window_s[0], 3), round(found.window_s[1], 3)],
        "n_windows": found.n_windows,
        "logit": _known(logit),
        "probability": _known(found.probability(code, logit)),
        "all_leads": [group for group in groups if group["what"].startswith("all ")],
        "beats": _ranked([group for group in groups if not group["what"].startswith("all ")]),
        "leads": _ranked(leads),
        "spans": _ranked(spans),
    }


def _known(value: float | np.floating[Any]) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None


def _ranked(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: math.inf if row["effect"] is None else -row["effect"])


def _text(content: dict[str, Any]) -> str:
    head = f"{content['record']}: why {content['label']} ({content['model']}, research use only)"
    if content["not_explained"] is not None:
        return f"{head}\n  not explained: {content['not_explained']}"
    start_s, end_s = content["window_s"]
    several = f", one of {content['n_windows']} windows" if content["n_windows"] > 1 else ""
    lines = [
        head,
        f"  probability {content['probability']:.3f} in {start_s:g}-{end_s:g} s{several}",
        f"  ({content['measure']})",
        "",
        "Out of all leads",
    ]
    lines += [
        f"  {_signed(row['effect'])}  {row['what']:<18} leaves probability {row['probability_without']:.3f}"
        for row in content["all_leads"]
        if row["effect"] is not None
    ]
    lines += ["", "Whole leads"]
    lines += [f"  {_signed(row['effect'])}  {row['lead']}" for row in content["leads"][:4]]
    lines += ["", "Single waves in single leads"]
    for row in content["spans"][:_N_SHOWN]:
        beat = "without a beat" if row["beat"] is None else f"beat {row['beat']}"
        where = f"{row['start_s']:.2f}-{row['end_s']:.2f} s"
        lines.append(f"  {_signed(row['effect'])}  {row['lead']:<4} {row['wave']:<5} {beat:<8} {where}")
    return "\n".join(lines)


def _signed(value: float | None) -> str:
    return "     -" if value is None else f"{value:+6.3f}"
