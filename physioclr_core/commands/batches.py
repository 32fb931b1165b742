"""What ``predict`` and ``embed`` share: arguments, progress and the report of records that failed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from physioclr_core.errors import UserFacingError
from physioclr_core.infer.batch import Outcome, assess_records
from physioclr_core.infer.model import EcgModel
from physioclr_core.readers.discover import find_records

PATH_HELP = "record (.hea, .dat, .mat or its stem), folder, or text file with one path a line"


def add_batch_arguments(parser: argparse.ArgumentParser) -> None:
    """Add paths, ``--model`` and ``--cpu``."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=PATH_HELP)
    add_model_arguments(parser)


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--model``, ``--precision`` and ``--cpu``."""
    parser.add_argument("--model", type=Path, default=None, help="model bundle (default: the shipped one)")
    parser.add_argument(
        "--precision",
        choices=("fp32", "int8"),
        default="fp32",
        help="int8: the model's network in 8 bits, faster on a CPU and slightly less exact (default: fp32)",
    )
    parser.add_argument("--cpu", action="store_true", help="do not use the GPU")


def open_model(args: argparse.Namespace) -> EcgModel:
    """Open the model that the arguments name."""
    return EcgModel(args.model, n_threads=1, allow_gpu=not args.cpu, precision=args.precision)


def all_records(paths: list[Path]) -> list[tuple[str, Path]]:
    """Return (label, path) of all records of several paths; labels that clash between paths get their folder's name.

    Raises
    ------
    UserFacingError
        If a path holds no record.
    """
    found = [pair for path in paths for pair in find_records(path)]
    seen: dict[str, int] = {}
    for label, _ in found:
        seen[label] = seen.get(label, 0) + 1
    return [(label if seen[label] == 1 else path.with_suffix("").as_posix(), path) for label, path in found]


def outcomes_with_progress(records: list[tuple[str, Path]], model: EcgModel) -> Iterator[Outcome]:
    """Yield the outcomes in order with a progress bar on a terminal; failures are named on stderr as they come.

    Raises
    ------
    UserFacingError
        If the only record there is cannot be read.
    """
    is_terminal = sys.stderr.isatty()
    with tqdm(total=len(records), unit="record", file=sys.stderr, disable=not is_terminal) as bar:
        for outcome in assess_records(records, model):
            bar.update()
            if outcome.error is not None and len(records) == 1:
                raise UserFacingError(outcome.error)  # not a batch: nothing is written
            if outcome.error is not None:
                bar.write(f"physioclr: {outcome.label}: {outcome.error}", file=sys.stderr)
            elif outcome.not_assessed is not None:
                bar.write(f"physioclr: {outcome.label}: not assessed: {outcome.not_assessed}", file=sys.stderr)
            yield outcome


def require_folder_of(out: Path) -> None:
    """Refuse an output path whose folder does not exist, before any work is done.

    Raises
    ------
    UserFacingError
        If the folder is missing or ``out`` is a folder itself.
    """
    if out.is_dir():
        raise UserFacingError(f"{out}: this is a folder; name the file to write.")
    if not out.absolute().parent.is_dir():
        raise UserFacingError(f"{out}: its folder does not exist.")


def require_new_folder(out: Path) -> None:
    """Refuse an output folder that is a file or whose own folder does not exist, before any work is done.

    Raises
    ------
    UserFacingError
        In these two cases.
    """
    if out.exists() and not out.is_dir():
        raise UserFacingError(f"{out}: this is a file; name a folder to write.")
    if not out.absolute().parent.is_dir():
        raise UserFacingError(f"{out}: its folder does not exist.")
