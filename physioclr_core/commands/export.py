"""``physioclr export``: a fine-tuned run as a model bundle."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from physioclr_core.commands.batches import require_new_folder


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("export", help="a fine-tuned run as a model that the application opens")
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="folder of a finished fine-tuning run")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder of the model")
    parser.add_argument("--name", default=None, help="name of the model (default: the run folder's)")
    parser.add_argument("--version", dest="model_version", default="1", help="its version (default: 1)")
    parser.add_argument("--licence", default="not stated", help="licence of the weights")
    parser.add_argument("--dry-run", action="store_true", help="say what would be written, and do nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export, calibrate and check."""
    require_new_folder(args.out)
    from physioclr_core.export.run_bundle import export_run
    from physioclr_core.train.finetune import load_finetuned

    name = args.name or args.run_folder.absolute().name
    if args.dry_run:
        classifier, config, record = load_finetuned(args.run_folder)
        n = sum(parameter.numel() for parameter in classifier.parameters())
        print(  # noqa: T201
            f"{name} {args.model_version}: {n / 1e6:.2f} million weights, about {4 * n / 1e6:.0f} MB, "
            f"{len(record['labels'])} labels of {config.task}. Nothing was written."
        )
        return 0

    def on_stage(stage: str) -> None:
        if sys.stderr.isatty():
            print(f"physioclr: {stage}", file=sys.stderr)  # noqa: T201

    manifest = export_run(args.run_folder, args.out, name, args.model_version, args.licence, on_stage=on_stage)
    print(  # noqa: T201
        f"{args.out}: {manifest.short_id}, {len(manifest.labels)} labels, largest difference to training "
        f"{max(manifest.parity.values()):.1e}."
    )
    return 0
