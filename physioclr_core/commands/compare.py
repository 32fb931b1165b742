"""``physioclr compare``: all runs of a comparison, then one table with intervals."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from physioclr_core.commands.training import (
    OnStep,
    add_training_arguments,
    config_arguments,
    require_run,
    step_progress,
)
from physioclr_core.compare.config import CompareConfig
from physioclr_core.train.config_file import load_config

if TYPE_CHECKING:
    from physioclr_core.compare.runs import PlannedRun


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("compare", help="arms against each other: all runs, then one table with intervals")
    add_training_arguments(parser, "the comparison")
    parser.add_argument("--table-only", action="store_true", help="make the table anew from finished runs")
    parser.add_argument(
        "--labels",
        nargs=3,
        action="append",
        default=[],
        metavar=("EVALUATION", "ARM", "RIVAL"),
        help="with --table-only: also where ARM is ahead of RIVAL, label by label; may be given several times",
    )
    parser.add_argument("--title", default="Comparison", help="of table and plot")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run what is not finished, then write the table.

    Returns
    -------
    int
        0, or 1 where runs are left to another process.
    """
    if args.schema:
        print(json.dumps(CompareConfig.model_json_schema(), indent=1))  # noqa: T201
        return 0
    config = load_config(CompareConfig, *config_arguments(args))
    out = require_run(args)
    from physioclr_core.compare.page import write_table
    from physioclr_core.compare.runs import planned_runs, require_finished, run_comparison
    from physioclr_core.compare.table import compare_table

    runs = planned_runs(config, out)
    if args.dry_run:
        print(_expectation(runs))  # noqa: T201
        return 0
    if args.table_only:
        require_finished(runs)
    with ExitStack() as stack:

        def on_run(planned: PlannedRun, number: int, total: int) -> OnStep:
            stack.close()
            what = f"{number}/{total} {planned.arm} {planned.what} seed {planned.seed}"
            if not sys.stderr.isatty():
                print(f"physioclr: {what}", file=sys.stderr, flush=True)  # noqa: T201
            return stack.enter_context(step_progress(what))

        left = [] if args.table_only else run_comparison(config, out, on_run, allow_gpu=not args.cpu)
    if left:
        print(f"{len(left)} runs are left to another process; the table comes with the last of them.")  # noqa: T201
        return 1
    for evaluation, arm, rival in args.labels:
        from physioclr_core.compare.labels import compare_labels, write_labels

        rows = compare_labels(runs, evaluation, arm, rival)
        print(write_labels(rows, evaluation, arm, rival, out))  # noqa: T201
    print(write_table(compare_table(runs, config.reference, config.own), config, args.title, out))  # noqa: T201
    return 0


def _expectation(runs: list[PlannedRun]) -> str:
    """Return how many runs there are to do and how long they take, from real steps of each kind of run."""
    from physioclr_core.train.estimate import estimate_finetuning, estimate_pretraining
    from physioclr_core.train.pretrain_config import PretrainConfig

    minutes: dict[tuple[str, str], float] = {}
    for planned in runs:
        key = (planned.arm, planned.what)
        if key in minutes:
            continue
        config = planned.config
        if isinstance(config, PretrainConfig):
            minutes[key] = estimate_pretraining(config).minutes
        else:
            minutes[key] = estimate_finetuning(config.model_copy(update={"pretrained": None})).minutes
    waiting = [planned for planned in runs if not planned.is_finished]
    hours = sum(minutes[planned.arm, planned.what] for planned in waiting) / 60.0
    return (
        f"{len(runs)} runs, {len(waiting)} of them not finished; about {hours:.1f} hours of training here, measured "
        "over small steps. Nothing was written."
    )
