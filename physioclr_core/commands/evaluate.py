"""``physioclr evaluate``: figures of a fine-tuned run with intervals, as JSON, Markdown and plots."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from physioclr_core.commands.batches import require_new_folder
from physioclr_core.errors import UserFacingError


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("evaluate", help="figures of a fine-tuned run with intervals, tables and plots")
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of a finished run")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where to write (default: RUN/report)")
    parser.add_argument(
        "--prepared",
        type=Path,
        nargs="+",
        metavar="FOLDER",
        help="other data sets than those that selected: all records",
    )
    parser.add_argument("--task", help="task of --prepared, where it is another than the run's (same labels)")
    parser.add_argument(
        "--probes",
        action="store_true",
        help="judge the frozen encoder instead: linear probe, nearest neighbours, and whether it knows order; the only "
        "way for a pretraining run",
    )
    parser.add_argument(
        "--leave-one-out",
        action="store_true",
        help="hold each data set of --prepared out in turn, a linear probe fitted on the others",
    )
    parser.add_argument("--resamples", type=int, default=1000, help="bootstrap resamples (default: 1000)")
    parser.add_argument("--cpu", action="store_true", help="do not use the GPU")
    parser.add_argument("--dry-run", action="store_true", help="say what there is to evaluate, and do nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate; nothing of an earlier report is replaced before all of the new one is there."""
    out = args.out or args.run_folder / "report"
    require_new_folder(out)
    if args.probes or args.leave_one_out:
        return _probe(args, out)
    from physioclr_core.train.evaluation import evaluate_run, open_evaluation

    evaluation = open_evaluation(args.run_folder, tuple(args.prepared or ()), args.task, allow_gpu=not args.cpu)
    if args.dry_run:
        print(evaluation.sentence)  # noqa: T201
        return 0
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


def _probe(args: argparse.Namespace, out: Path) -> int:
    from physioclr_core.train.probes import leave_one_out, probe_run, write_probes

    prepared = tuple(args.prepared or ())
    name = args.run_folder.absolute().name
    task = args.task or "ptbxl-all"
    if args.leave_one_out:
        if len(prepared) < 2:
            raise UserFacingError("--leave-one-out needs at least two data sets after --prepared.")
        if args.dry_run:
            print(f"A linear probe of {task} for each of {len(prepared)} data sets. Nothing was written.")  # noqa: T201
            return 0
        figures = leave_one_out(args.run_folder, {p.name: p for p in prepared}, args.task or "cinc26", args.resamples)
    else:
        if args.dry_run:
            print(f"Linear probe, neighbours and probes of order of {name}. Nothing was written.")  # noqa: T201
            return 0
        with tqdm(total=None, file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
            figures = probe_run(args.run_folder, task, prepared, args.resamples, bar.set_description)
    print(write_probes(figures, f"Probes of {name}", out))  # noqa: T201
    return 0
