"""What ``beats`` and ``delineate`` share: records with progress, failures named, one JSON object at the end."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from physioclr_core.commands.batches import PATH_HELP, all_records, require_folder_of
from physioclr_core.errors import UserFacingError
from physioclr_core.files import replaced


def add_marks_arguments(parser: argparse.ArgumentParser) -> None:
    """Add paths and ``--json``."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=PATH_HELP)
    parser.add_argument("--json", type=Path, required=True, metavar="OUT", help="file to write")


def write_marks(args: argparse.Namespace, find: Callable[[Path], Any]) -> int:
    """Write {record: what was found}.

    Parameters
    ----------
    args : argparse.Namespace
        With ``paths`` and ``json``.
    find : callable
        Path of a record -> plain JSON values.

    Returns
    -------
    int
        0, or 1 where a record of several could not be read: it is named on stderr and has no entry.

    Raises
    ------
    UserFacingError
        If the only record there is cannot be read.
    """
    require_folder_of(args.json)
    records = all_records(args.paths)
    found: dict[str, Any] = {}
    with tqdm(total=len(records), unit="record", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        for label, path in records:
            try:
                found[label] = find(path)
            except UserFacingError as error:
                if len(records) == 1:
                    raise
                bar.write(f"physioclr: {label}: {error}", file=sys.stderr)
            except Exception as error:  # noqa: BLE001 (a fault that one record brings out must not end the others')
                cause = f"{path.name}: cannot be analysed ({type(error).__name__}: {error})."
                if len(records) == 1:
                    raise UserFacingError(cause) from error
                bar.write(f"physioclr: {label}: {cause}", file=sys.stderr)
            bar.update()
    with replaced(args.json) as file:
        file.write(json.dumps(found, allow_nan=False).encode())
    return 1 if len(found) < len(records) else 0
