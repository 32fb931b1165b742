"""``physioclr predict``: calibrated probabilities of a model's labels, one row a record."""

from __future__ import annotations

import argparse
import csv
import io
from pathlib import Path

from physioclr_core.commands.batches import (
    add_batch_arguments,
    all_records,
    open_model,
    outcomes_with_progress,
    require_folder_of,
)
from physioclr_core.files import replaced
from physioclr_core.statements import statement_codes


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("predict", help="calibrated probabilities of a model's labels as CSV")
    add_batch_arguments(parser)
    parser.add_argument("--csv", type=Path, required=True, metavar="OUT", help="file to write")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Predict all records; a row stays empty where a record failed or is not assessed.

    Returns
    -------
    int
        0, or 1 where a record of a batch could not be read.
    """
    require_folder_of(args.csv)
    records = all_records(args.paths)
    model = open_model(args)
    # A model of the 71 statements gives them in their own order; any other its labels as it has them.
    codes = statement_codes() if {*statement_codes()} <= {*model.manifest.codes} else model.manifest.codes
    column = [model.manifest.codes.index(code) for code in codes]
    n_failed = 0
    with replaced(args.csv) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["record", *codes])
        for outcome in outcomes_with_progress(records, model):
            n_failed += outcome.error is not None
            if outcome.assessment is None:
                writer.writerow([outcome.label, *[""] * len(codes)])
            else:
                writer.writerow([outcome.label, *(f"{p:.7g}" for p in outcome.assessment.probability[column].tolist())])
        text.detach()  # flushed, and left open for `replaced` to sync and close
    return 1 if n_failed else 0
