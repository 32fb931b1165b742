"""``physioclr prepare``: make a prepared data set of PTB-XL or of a CinC Challenge folder."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tqdm import tqdm

from physioclr_core.data.prepare import prepare
from physioclr_core.data.sources.cinc import cinc_source
from physioclr_core.data.sources.ptbxl import DATABASE, ptbxl_source
from physioclr_core.data.sources.source import Source
from physioclr_core.errors import UserFacingError
from physioclr_core.leads import STANDARD_LEADS

KINDS = ("auto", "ptbxl", "cinc")
_RECORD_S = 10.0
_LEFT_OUT_SHOWN = 5


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "prepare", help="a data set for training: samples, labels and patients in one folder"
    )
    parser.add_argument("source", type=Path, metavar="FOLDER", help="PTB-XL's folder or one of a CinC Challenge")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write")
    parser.add_argument("--kind", choices=KINDS, default="auto", help="layout of the source (default: looked for)")
    parser.add_argument("--fs-hz", type=float, default=100.0, help="rate of the prepared records (default: 100)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one for each core)")
    parser.add_argument("--dry-run", action="store_true", help="say how much there is to do, and do nothing")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prepare; an interrupted command goes on where it was when it is given again.

    Returns
    -------
    int
        0, or 1 where records were left out.
    """
    if args.jobs < 1:
        raise UserFacingError("--jobs must be at least 1.")
    if not 25.0 <= args.fs_hz <= 2000.0:
        raise UserFacingError("--fs-hz must be between 25 and 2000.")
    source = open_source(args.source, args.kind, args.fs_hz)
    n_records = len(source.records)
    if args.dry_run:
        size_mb = n_records * len(STANDARD_LEADS) * _RECORD_S * args.fs_hz * 2 / 1e6
        print(  # noqa: T201
            f"{n_records} records ({source.kind}); about {size_mb:.0f} MB at {args.fs_hz:g} Hz if they are "
            f"{_RECORD_S:g} s long. Nothing was written."
        )
        return 0
    is_terminal = sys.stderr.isatty()
    with tqdm(total=n_records, unit="record", file=sys.stderr, disable=not is_terminal) as bar:

        def on_records(n: int) -> None:
            bar.update(n)

        manifest = prepare(source, args.out, args.fs_hz, args.jobs, on_records)
    left_out = manifest["left_out"]
    for entry in left_out[:_LEFT_OUT_SHOWN]:
        print(f"physioclr: {entry['record_id']}: {entry['reason']}", file=sys.stderr)  # noqa: T201
    if len(left_out) > _LEFT_OUT_SHOWN:
        rest = len(left_out) - _LEFT_OUT_SHOWN
        print(f"physioclr: {rest} more are named in {args.out / 'dataset.json'}", file=sys.stderr)  # noqa: T201
    counts = ", ".join(f"{name} {n}" for name, n in manifest["datasets"].items())
    print(  # noqa: T201
        f"{manifest['n_records']} records of {manifest['n_patients']} patients ({counts}), {len(left_out)} left out; "
        f"provenance {manifest['provenance_sha256'][:16]}"
    )
    return 1 if left_out else 0


def open_source(folder: Path, kind: str, fs_hz: float) -> Source:
    """Return the source in a folder; "auto" takes PTB-XL's table as its sign.

    Raises
    ------
    UserFacingError
        If there is no such folder, or it has not the layout.
    """
    if not folder.is_dir():
        raise UserFacingError(f"{folder}: there is no such folder.")
    if kind == "ptbxl" or (kind == "auto" and (folder / DATABASE).is_file()):
        return ptbxl_source(folder, fs_hz)
    return cinc_source(folder)
