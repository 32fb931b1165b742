"""``physioclr pretrain``: self-supervised training of an encoder."""

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
from physioclr_core.train.pretrain_config import PretrainConfig


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("pretrain", help="train an encoder without labels")
    add_training_arguments(parser, "the pretraining")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Pretrain; an interrupted command goes on where it was when it is given again."""
    if args.schema:
        print(json.dumps(PretrainConfig.model_json_schema(), indent=1))  # noqa: T201
        return 0
    config = load_config(PretrainConfig, *config_arguments(args))
    # PyTorch takes seconds to load, which an error in the configuration need not wait for.
    if args.dry_run:
        from physioclr_core.train.estimate import estimate_pretraining

        print(estimate_pretraining(config).sentence)  # noqa: T201
        return 0
    folder = require_run(args)
    from physioclr_core.train.pretrain import pretrain

    with step_progress("pretraining") as on_step:
        result = pretrain(config, folder, on_step, allow_gpu=not args.cpu)
    say(f"{folder}: {result['n_steps']} steps done, epoch {result['best_epoch'] + 1} kept.")
    return 0
