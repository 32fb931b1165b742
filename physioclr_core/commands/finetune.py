"""``physioclr finetune``: training on labels, from a pretrained encoder or from scratch."""

from __future__ import annotations

import argparse
import json

from physioclr_core.commands.training import (
    add_training_arguments,
    config_arguments,
    require_run,
    say,
    step_progress,
)
from physioclr_core.train.config_file import load_config
from physioclr_core.train.finetune_config import FinetuneConfig


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("finetune", help="train on labels: whole network, head alone or linear probe")
    add_training_arguments(parser, "the fine-tuning")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Fine-tune; an interrupted command goes on where it was when it is given again."""
    if args.schema:
        print(json.dumps(FinetuneConfig.model_json_schema(), indent=1))  # noqa: T201
        return 0
    config = load_config(FinetuneConfig, *config_arguments(args))
    if args.dry_run:
        from physioclr_core.train.estimate import estimate_finetuning

        print(estimate_finetuning(config).sentence)  # noqa: T201
        return 0
    folder = require_run(args)
    from physioclr_core.train.finetune import finetune

    with step_progress("fine-tuning") as on_step:
        result = finetune(config, folder, on_step, allow_gpu=not args.cpu)
    say(f"{folder}: macro AUROC {result['best']:.4f} on what selects, epoch {result['best_epoch'] + 1}.")
    return 0
