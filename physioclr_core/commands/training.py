"""What the commands that train share: configuration, progress and the sentence at the end."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from physioclr_core.errors import UserFacingError

OnStep = Callable[[int, int, float], None]


def add_training_arguments(parser: argparse.ArgumentParser, what: str) -> None:
    """Add configuration, run folder, ``--cpu``, ``--dry-run`` and ``--schema``."""
    parser.add_argument("config", nargs="?", type=Path, metavar="CONFIG", help=f"{what} as YAML or JSON")
    parser.add_argument("settings", nargs="*", metavar="KEY=VALUE", help="settings that win over the file")
    parser.add_argument("--run", dest="run_folder", type=Path, metavar="FOLDER", help="folder of the run")
    parser.add_argument("--cpu", action="store_true", help="do not use the GPU")
    parser.add_argument("--dry-run", action="store_true", help="say size, memory and expected time, and do nothing")
    parser.add_argument("--schema", action="store_true", help="write the configuration's JSON schema and do nothing")


def config_arguments(args: argparse.Namespace) -> tuple[Path | None, list[str]]:
    """Return the configuration's file, if one is named, and the settings; a first KEY=VALUE is no file."""
    path, settings = args.config, list(args.settings)
    if path is not None and "=" in str(path) and not path.exists():
        return None, [str(path), *settings]
    return path, settings


def require_run(args: argparse.Namespace) -> Path:
    """Return the run's folder.

    Raises
    ------
    UserFacingError
        If none is named.
    """
    if args.run_folder is None:
        raise UserFacingError("--run must name the folder of the run.")
    folder: Path = args.run_folder
    return folder


def say(text: str) -> None:
    """Print a line, once where torchrun started several processes."""
    if os.environ.get("RANK", "0") == "0":
        print(text)  # noqa: T201


def _shows_bars() -> bool:
    return sys.stderr.isatty() and os.environ.get("RANK", "0") == "0"


@contextmanager
def step_progress(name: str) -> Iterator[OnStep]:
    """Show steps with the time that is left, on a terminal as a bar and elsewhere not at all."""
    with tqdm(desc=name, unit="step", file=sys.stderr, disable=not _shows_bars(), smoothing=0.05) as bar:

        def on_step(done: int, total: int, loss: float) -> None:
            if bar.total is None:
                # Steps of an earlier sitting cost no time of this one.
                bar.total, bar.initial, bar.n = total, done - 1, done - 1
                bar.reset(total)
                bar.update(done - 1)
            bar.update(done - bar.n)
            bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)

        yield on_step
