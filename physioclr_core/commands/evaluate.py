"""``physioclr evaluate``: figures of a fine-tuned run with intervals, as JSON, Markdown and plots."""

from __future__ import annotations

import argparse
from pathlib import Path

from physioclr_core.commands.batches import require_new_folder


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("evaluate", help="figures of a fine-tuned run with intervals, tables and plots")
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of a finished fine-tuning run")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to write (default: RUN/report)")
    parser.add_argument(
        "--prepared",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="other data sets than those that selected: all records",
    )
    parser.add_argument("--task", help="task of --prepared, where it is another than the run's (same labels)")
    parser.add_argument("--resamples", type=int, default=1000, help="bootstrap resamples (default: 1000)")
    parser.add_argument("--cpu", action="store_true", help="do not use the GPU")
    parser.add_argument("--dry-run", action="store_true", help="say what there is to evaluate, and do nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate; nothing of an earlier report is replaced before all of the new one is there."""
    from physioclr_core.train.evaluation import evaluate_run, open_evaluation

    evaluation = open_evaluation(args.run_folder, tuple(args.prepared or ()), args.task, allow_gpu=not args.cpu)
    if args.dry_run:
        print(evaluation.sentence)  # noqa: T201
        return 0
    out = args.out or args.run_folder / "report"
    require_new_folder(out)
    report = evaluate_run(evaluation, out, args.resamples)
    area = report.macro_auroc
    shown = "unknown" if area.value is None else f"{area.value:.4f}"
    if area.low is not None and area.high is not None:
        shown += f" ({area.low:.4f}-{area.high:.4f})"
    print(  # noqa: T201
        f"{out / 'report.md'}: macro AUROC {shown} over {report.n_labels} labels, {report.n_records} records of "
        f"{report.n_patients} patients."
    )
    return 0
