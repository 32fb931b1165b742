"""``physioclr predict``: calibrated probabilities of a model's labels, and what the model says of its own limits."""

from __future__ import annotations

import argparse
import csv
import io
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from physioclr_core.commands.batches import (
    add_batch_arguments,
    all_records,
    open_model,
    outcomes_with_progress,
    require_folder_of,
)
from physioclr_core.errors import UserFacingError
from physioclr_core.files import replaced
from physioclr_core.infer.batch import Outcome
from physioclr_core.infer.model import Assessment, EcgModel
from physioclr_core.statements import statement_codes

_SET_COLUMNS = ("prediction_set", "abstention")
_DISTANCE_COLUMNS = ("distance", "distance_limit", "out_of_distribution")
# As in a table of labels: "-" is no label, an empty cell is unknown.
_NO_LABEL = "-"
_ABSTAINS_NOT = "no"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("predict", help="calibrated probabilities of a model's labels as CSV or JSON")
    add_batch_arguments(parser)
    parser.add_argument("--csv", type=Path, default=None, metavar="OUT", help="file to write, one row a record")
    parser.add_argument("--json", type=Path, default=None, metavar="OUT", help="file to write, one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Predict all records; a row stays empty where a record failed or is not assessed.

    Returns
    -------
    int
        0, or 1 where a record of a batch could not be read.

    Raises
    ------
    UserFacingError
        If neither ``--csv`` nor ``--json`` is given.
    """
    if args.csv is None and args.json is None:
        raise UserFacingError("Name the file to write: --csv OUT, --json OUT or both.")
    for out in (args.csv, args.json):
        if out is not None:
            require_folder_of(out)
    records = all_records(args.paths)
    model = open_model(args)
    table = _Table(model)
    found: dict[str, Any] = {}
    n_failed = 0
    with ExitStack() as stack:
        writer = None
        if args.csv is not None:
            file = stack.enter_context(replaced(args.csv))
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            stack.callback(text.detach)  # flushed, and left open for `replaced` to sync and close
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(["record", *table.columns])
        for outcome in outcomes_with_progress(records, model):
            n_failed += outcome.error is not None
            if writer is not None:
                writer.writerow([outcome.label, *table.row(outcome.assessment)])
            if args.json is not None:
                found[outcome.label] = table.values(outcome)
        if args.json is not None:
            with replaced(args.json) as file:
                file.write(json.dumps({**table.head(), "records": found}, allow_nan=False).encode())
    return 1 if n_failed else 0


class _Table:
    """A model's answers as rows of a table and as JSON values."""

    def __init__(self, model: EcgModel) -> None:
        self._model = model
        labels = model.manifest.codes
        # A model of the 71 statements gives them in their own order; any other its labels as it has them.
        self.codes = statement_codes() if {*statement_codes()} <= {*labels} else labels
        self._index = [labels.index(code) for code in self.codes]
        self.columns = (
            *self.codes,
            *(_SET_COLUMNS if model.sets is not None else ()),
            *(_DISTANCE_COLUMNS if model.known is not None else ()),
        )

    def row(self, assessment: Assessment | None) -> list[str]:
        """Return the cells of a record, empty where there is no assessment."""
        if assessment is None:
            return [""] * len(self.columns)
        cells = [f"{p:.7g}" for p in assessment.probability[self._index].tolist()]
        if self._model.sets is not None:
            cells += [";".join(self._members(assessment)) or _NO_LABEL, assessment.abstention or _ABSTAINS_NOT]
        if self._model.known is not None:
            cells += [_number(assessment.distance), _number(self._model.known.threshold)]
            cells += [{True: "1", False: "0", None: ""}[assessment.is_out_of_distribution]]
        return cells

    def head(self) -> dict[str, Any]:
        """Return what holds for all records; None is what the bundle does not ship."""
        sets, known, manifest = self._model.sets, self._model.known, self._model.manifest
        return {
            "model": f"{manifest.name} {manifest.version}",
            "fingerprint": manifest.fingerprint,
            "prediction_sets": None
            if sets is None
            else {"level": sets.level, "threshold": sets.threshold, "largest": sets.most},
            "distance_limit": None if known is None else _rounded(known.threshold),
        }

    def values(self, outcome: Outcome) -> dict[str, Any]:
        """Return a record's answer; None is unknown."""
        assessment = outcome.assessment
        values: dict[str, Any] = {"error": outcome.error, "not_assessed": outcome.not_assessed}
        if assessment is None:
            return values
        p = assessment.probability[self._index].tolist()
        return {
            **values,
            "probability": {code: float(f"{value:.7g}") for code, value in zip(self.codes, p, strict=True)},
            "prediction_set": None if assessment.is_in_set is None else self._members(assessment),
            "abstains": None if assessment.abstention is None else bool(assessment.abstention),
            "abstention": assessment.abstention,
            "distance": _rounded(assessment.distance),
            "out_of_distribution": assessment.is_out_of_distribution,
        }

    def _members(self, assessment: Assessment) -> list[str]:
        is_in_set = assessment.is_in_set
        if is_in_set is None:
            return []
        return [code for code, index in zip(self.codes, self._index, strict=True) if is_in_set[index]]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5f}"
