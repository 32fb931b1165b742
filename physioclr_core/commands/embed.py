"""``physioclr embed``: one embedding a record, with the fingerprint of its space."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from physioclr_core.commands.batches import (
    add_batch_arguments,
    all_records,
    open_model,
    outcomes_with_progress,
    require_folder_of,
)
from physioclr_core.files import replaced


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("embed", help="embeddings as .npz: record, embedding, fingerprint")
    add_batch_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz", help="file to write")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Embed all records; a row is NaN where a record failed or is not assessed.

    Returns
    -------
    int
        0, or 1 where a record of a batch could not be read.
    """
    require_folder_of(args.out)
    records = all_records(args.paths)
    model = open_model(args)
    embedding = np.full((len(records), model.manifest.embedding_size), np.nan, np.float32)
    n_failed = 0
    for row, outcome in enumerate(outcomes_with_progress(records, model)):
        n_failed += outcome.error is not None
        if outcome.assessment is not None:
            embedding[row] = outcome.assessment.embedding
    with replaced(args.out) as file:
        np.savez(
            file,
            record=np.array([label for label, _ in records]),
            embedding=embedding,
            fingerprint=np.array(model.manifest.fingerprint),
        )
    return 1 if n_failed else 0
