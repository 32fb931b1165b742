"""``physioclr prepare``: make a prepared data set of a public data set's folder or of any folder of ECGs."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from pathlib import Path

from tqdm import tqdm

from physioclr_core.data.prepare import prepare, to_adu
from physioclr_core.data.prepared import MANIFEST
from physioclr_core.data.sources.cinc import cinc_source, is_cinc_name
from physioclr_core.data.sources.folder import folder_source
from physioclr_core.data.sources.mimic import RECORD_LIST, mimic_source
from physioclr_core.data.sources.ptbxl import DATABASE, ptbxl_source
from physioclr_core.data.sources.source import Source
from physioclr_core.errors import UserFacingError
from physioclr_core.readers import read_record
from physioclr_core.readers.discover import find_records

KINDS = ("auto", "ptbxl", "cinc", "mimic", "folder")
_N_TIMED = 64
_LEFT_OUT_SHOWN = 5


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "prepare", help="a data set for training: samples, labels and patients in one folder"
    )
    parser.add_argument("source", type=Path, metavar="FOLDER", help="folder of ECG records")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="folder to write")
    parser.add_argument("--kind", choices=KINDS, default="auto", help="layout of the source (default: looked for)")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="table of labels of a plain folder's records")
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
    source = open_source(args.source, args.kind, args.fs_hz, args.labels)
    n_records = len(source.records)
    if args.dry_run:
        print(_expectation(source, args.fs_hz, args.jobs))  # noqa: T201
        return 0
    was_finished = (args.out / MANIFEST).is_file()
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
    if was_finished:
        print("Already prepared, nothing to do:", end=" ")  # noqa: T201
    counts = ", ".join(f"{name} {n}" for name, n in manifest["datasets"].items())
    print(  # noqa: T201
        f"{manifest['n_records']} records of {manifest['n_patients']} patients ({counts}), {len(left_out)} left out; "
        f"provenance {manifest['provenance_sha256'][:16]}"
    )
    return 1 if left_out else 0


def open_source(folder: Path, kind: str, fs_hz: float, labels: Path | None = None) -> Source:
    """Return the source in a folder.

    "auto" looks for PTB-XL's or MIMIC-IV-ECG's table, then for names of the CinC Challenges; anything else, and any
    folder with a table of labels, is a plain folder.

    Raises
    ------
    UserFacingError
        If there is no such folder, or it has not the layout.
    """
    if not folder.is_dir():
        raise UserFacingError(f"{folder}: there is no such folder.")
    if labels is not None and kind not in ("auto", "folder"):
        raise UserFacingError(f"--labels goes with a plain folder; {kind} has labels of its own.")
    if kind == "auto":
        kind = _detected(folder) if labels is None else "folder"
    if kind == "ptbxl":
        return ptbxl_source(folder, fs_hz)
    if kind == "mimic":
        return mimic_source(folder)
    return cinc_source(folder) if kind == "cinc" else folder_source(folder, labels)


def _detected(folder: Path) -> str:
    if (folder / DATABASE).is_file():
        return "ptbxl"
    if (folder / RECORD_LIST).is_file():
        return "mimic"
    return "cinc" if all(is_cinc_name(path) for _, path in find_records(folder)) else "folder"


def _expectation(source: Source, fs_hz: float, n_jobs: int) -> str:
    """Return what preparing will take, from reading some of the records here."""
    step = max(1, len(source.records) // _N_TIMED)
    sample = source.records[::step][:_N_TIMED]
    n_bytes, n_read = 0, 0
    started = time.perf_counter()
    for record in sample:
        with contextlib.suppress(UserFacingError):
            n_bytes += to_adu(read_record(record.path), fs_hz)[0].nbytes
            n_read += 1
    seconds = (time.perf_counter() - started) / len(sample)
    n_records = len(source.records)
    if not n_read:
        return f"{n_records} records ({source.kind}); none of the {len(sample)} that were tried can be read."
    minutes = seconds * n_records / min(n_jobs, n_records) / 60.0
    return (
        f"{n_records} records ({source.kind}): about {n_bytes / n_read * n_records / 1e6:.0f} MB at {fs_hz:g} Hz, "
        f"under 1 GB of memory a process, about {max(minutes, 0.1):.1f} minutes with {n_jobs} processes here. "
        "Nothing was written."
    )
