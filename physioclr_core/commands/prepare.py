"""``physioclr prepare``: make a prepared data set of a public data set's folder or of any folder of ECGs."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

from physioclr_core.data.prepare import prepare
from physioclr_core.data.prepare_estimate import estimate
from physioclr_core.data.prepared import MANIFEST, open_prepared
from physioclr_core.data.sources.detect import KINDS, open_source
from physioclr_core.data.sources.source import Source
from physioclr_core.errors import UserFacingError

_LEFT_OUT_SHOWN = 5


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "prepare", help="a data set for training: samples, labels and patients in one folder"
    )
    parser.add_argument("source", type=Path, metavar="FOLDER", help="folder of ECG records")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="folder to write")
    parser.add_argument(
        "--kind", choices=("auto", *KINDS), default="auto", help="layout of the source (default: looked for)"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="CSV",
        help="table of a plain folder: record, patient, fold or split, age, sex, and one column a label (1, 0, empty "
        "for unknown) or one column labels, separated by ';'",
    )
    parser.add_argument("--fs-hz", type=float, default=100.0, help="rate of the prepared records (default: 100)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one for each core)")
    parser.add_argument("--dry-run", action="store_true", help="say how much there is to do, and do nothing")
    parser.add_argument("--restart", action="store_true", help="throw away what --out holds of a prepared data set")
    parser.add_argument(
        "--verify", action="store_true", help="compare all hashes afterwards; without --out, those of FOLDER itself"
    )
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
    if args.out is None:
        if args.verify:
            return _verify(args.source)
        if not args.dry_run:
            raise UserFacingError("--out is missing: the folder to write.")
    source = open_source(args.source, args.kind, args.fs_hz, args.labels)
    if args.dry_run:
        print(_expectation(source, args.fs_hz, args.jobs, args.out))  # noqa: T201
        return 0
    was_finished = (args.out / MANIFEST).is_file() and not args.restart
    is_terminal = sys.stderr.isatty()
    with tqdm(total=len(source.records), unit="record", file=sys.stderr, disable=not is_terminal) as bar:

        def on_records(n: int) -> None:
            bar.update(n)

        manifest = prepare(source, args.out, args.fs_hz, args.jobs, on_records, args.restart)
    _say(args.out, manifest, was_finished)
    if args.verify:
        _verify(args.out)
    return 1 if manifest["left_out"] else 0


def _say(out: Path, manifest: dict[str, Any], was_finished: bool) -> None:
    left_out = manifest["left_out"]
    for remark in manifest["remarks"]:
        print(f"physioclr: {remark}", file=sys.stderr)  # noqa: T201
    for entry in left_out[:_LEFT_OUT_SHOWN]:
        print(f"physioclr: {entry['record_id']}: {entry['reason']}", file=sys.stderr)  # noqa: T201
    if len(left_out) > _LEFT_OUT_SHOWN:
        rest = len(left_out) - _LEFT_OUT_SHOWN
        print(f"physioclr: {rest} more are named in {out / MANIFEST}", file=sys.stderr)  # noqa: T201
    counts = ", ".join(f"{name} {n}" for name, n in manifest["datasets"].items())
    labels = f"{len(manifest['label_names'])} labels; " if manifest["label_names"] else ""
    print(  # noqa: T201
        (f"{out}: is already prepared, nothing to do. " if was_finished else "")
        + f"{manifest['n_records']} records of {manifest['n_patients']} patients ({counts}), {len(left_out)} left out; "
        f"{labels}provenance {manifest['provenance_sha256'][:16]}"
    )


def _verify(folder: Path) -> int:
    dataset = open_prepared(folder, verify=True)
    print(f"{folder}: all {len(dataset.shards) + 1} files are what was written.")  # noqa: T201
    return 0


def _expectation(source: Source, fs_hz: float, n_jobs: int, out: Path | None) -> str:
    expected = estimate(source, fs_hz, n_jobs)
    said = [f"{len(source.records)} records ({source.kind})", *source.remarks]
    if expected.n_failed:
        said.append(
            f"{expected.n_failed} of {expected.n_sampled} that were tried cannot be read; the first: {expected.cause}"
        )
    there = next((path for path in (out, *out.absolute().parents) if path.exists()), None) if out is not None else None
    free = f" ({shutil.disk_usage(there).free / 1e6:.0f} MB are free)" if there is not None else ""
    said.append(f"On disk about {expected.n_bytes / 1e6:.0f} MB at {fs_hz:g} Hz{free}")
    said.append(f"Memory about {expected.memory_mb:.0f} MB in all with {n_jobs} processes")
    said.append(f"Time about {_duration(expected.time_s)}, from {expected.n_sampled} records that were read here")
    said.append("Nothing was written")
    return "\n".join(sentence.removesuffix(".") + "." for sentence in said)


def _duration(time_s: float) -> str:
    if time_s < 90.0:
        return f"{max(time_s, 1.0):.0f} s"
    return f"{time_s / 60.0:.0f} min" if time_s < 5400.0 else f"{time_s / 3600.0:.1f} h"
