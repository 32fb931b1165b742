"""``physioclr similar``: the nearest ECGs of the reference library."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from physioclr_core.commands.batches import add_model_arguments, open_model
from physioclr_core.commands.table_flags import add_table_arguments, given_facts
from physioclr_core.errors import UserFacingError
from physioclr_core.infer.windows import NotAssessedError, windows_of
from physioclr_core.library.physiology import LibraryPhysiology
from physioclr_core.library.query import similar_to
from physioclr_core.library.reference import Match, ReferenceLibrary
from physioclr_core.physiology.features.similarity import PairSimilarity
from physioclr_core.physiology.features.spec import BLOCKS
from physioclr_core.readers import read_record


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("similar", help="the nearest ECGs of the reference library")
    parser.add_argument("file", type=Path, metavar="FILE", help="record (.hea, .dat, .mat or its stem)")
    parser.add_argument("-k", type=int, default=10, help="how many (default 10)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--library", type=Path, default=None, help="library folder (default: the shipped one)")
    parser.add_argument("--include-same", action="store_true", help="keep the same signal and the same patient")
    add_model_arguments(parser)
    add_table_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the nearest ECGs; a record that the model does not allow has none, with the reason."""
    if args.k < 1:
        raise UserFacingError(f"-k {args.k}: ask for at least one neighbour.")
    record = read_record(args.file, given_facts(args))
    model, library = open_model(args), ReferenceLibrary(args.library)
    result: dict[str, Any] = {
        "record": record.name,
        "fingerprint": model.manifest.fingerprint,
        "n_library": len(library),
        "not_assessed": None,
        "is_close": None,
        "limit_distance": library.limit_distance,
        "left_out": [],
        "similar": [],
        "attribution": library.attribution,
    }
    try:
        windows = windows_of(record, model.manifest.input)
    except NotAssessedError as reason:
        result["not_assessed"] = str(reason)
    else:
        found = similar_to(
            model.assess_windows([windows])[0],
            windows,
            model,
            library,
            args.k,
            record=record.name,
            patient_id=record.patient.patient_id,
            exclude_same=not args.include_same,
        )
        result["is_close"] = found.is_close
        result["left_out"] = list(found.left_out)
        why = LibraryPhysiology(library).compared(record, [match.entry.entry for match in found.matches])
        result["similar"] = [_described(*pair) for pair in zip(found.matches, why, strict=True)]
    print(json.dumps(result, indent=1) if args.json else _text(result))  # noqa: T201 (the command's answer)
    return 0


def _described(match: Match, why: PairSimilarity) -> dict[str, Any]:
    entry = match.entry
    return {
        "record": entry.record,
        "distance": round(match.distance, 6),
        "statements": list(entry.statements),
        "age_years": entry.age_years,
        "over_89": entry.over_89,
        "sex": entry.sex,
        "physiology": {
            "blocks": {block: round(why.blocks[block], 3) if block in why.blocks else None for block in BLOCKS},
            "alike": list(why.alike),
            "unlike": list(why.unlike),
        },
    }


def _text(result: dict[str, Any]) -> str:
    lines = [f"{result['record']}: nearest of {result['n_library']} library ECGs (research use only)"]
    if result["not_assessed"]:
        lines.append(f"  not assessed: {result['not_assessed']}")
    elif not result["is_close"]:
        lines.append(f"  no close match (nearest beyond {result['limit_distance']:.3f})")
    for row in result["similar"]:
        age = ">89 y" if row["over_89"] else "--" if row["age_years"] is None else f"{row['age_years']:.0f} y"
        lines.append(
            f"  {row['distance']:.3f}  {row['record']}  {age:>5} {row['sex'] or '--':6}  {' '.join(row['statements'])}"
        )
        blocks = row["physiology"]["blocks"].items()
        said = (f"{block} {'--' if cosine is None else f'{cosine:+.2f}'}" for block, cosine in blocks)
        lines.append(f"         {', '.join(said)}")
    lines += [f"  left out: {text}" for text in result["left_out"]]
    return "\n".join(lines)
