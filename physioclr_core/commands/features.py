"""``physioclr features``: the 150 physiological features, one row a record, or those of a prepared data set."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from physioclr_core.commands.batches import PATH_HELP, all_records, require_folder_of
from physioclr_core.data.prepared import MANIFEST as PREPARED
from physioclr_core.data.prepared import open_prepared
from physioclr_core.errors import UserFacingError
from physioclr_core.physiology.features.table import FeatureParts, FeatureRow, failed_row
from physioclr_core.physiology.fingerprint import measurement_fingerprint
from physioclr_core.processes import in_order
from physioclr_core.readers import read_record

_RECORDS_A_TASK = 16
_RECORDS_A_PIECE = 256
# Below this the processes' start costs more than they save.
_MIN_FOR_PROCESSES = 200
# What decides the numbers besides the engine.
_CODE_FOLDERS = ("readers", "signal")

Record = tuple[str, str]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "features",
        help="the 150 physiological features as Parquet, one row a record; of a prepared data set they are kept "
        "beside it, with the beats, for training",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=f"{PATH_HELP}; or a prepared data set")
    parser.add_argument("--out", type=Path, metavar="FILE", help="Parquet file to write")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: one for each core)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Analyse all records; a row has nulls and a reason where a record failed.

    An interrupted run goes on where it was when the same command is given again.

    Returns
    -------
    int
        0, or 1 where a record of a batch could not be analysed.
    """
    if args.jobs < 1:
        raise UserFacingError("--jobs must be at least 1.")
    if any((path / PREPARED).is_file() for path in args.paths):
        return _of_prepared(args)
    if args.out is None:
        raise UserFacingError("--out is missing: the Parquet file to write.")
    require_folder_of(args.out)
    # By its path a record is known again; one that was named twice is one.
    records = list({str(path.absolute()): label for label, path in all_records(args.paths)}.items())
    labelled = [(label, path) for path, label in records]
    parts = FeatureParts(args.out, measurement_fingerprint(*_CODE_FOLDERS))
    is_single = len(labelled) == 1
    done = parts.resume([path for _, path in labelled])
    waiting = [record for record in labelled if record[1] not in done]
    n_failed = 0
    rows: list[FeatureRow] = []
    is_terminal = sys.stderr.isatty()
    bar = tqdm(total=len(labelled), initial=len(done), unit="record", file=sys.stderr, disable=not is_terminal)
    try:
        with bar:
            for row in analysed(waiting, args.jobs):
                if row.failed and is_single:
                    raise UserFacingError(row.reason or "")  # not a batch: nothing is written
                rows.append(row)
                bar.update()
                if row.failed:
                    n_failed += 1
                    bar.write(f"physioclr: {row.label}: {row.reason}", file=sys.stderr)
                if len(rows) == _RECORDS_A_PIECE:
                    parts.add(rows)
                    rows = []
    finally:
        parts.add(rows)  # after an interrupt too
    parts.finish(labelled)
    return 1 if n_failed else 0


def _of_prepared(args: argparse.Namespace) -> int:
    from physioclr_core.data.measure_physiology import measure_physiology

    others = [path for path in args.paths if not (path / PREPARED).is_file()]
    if others or args.out is not None:
        what = f"{others[0]} is none" if others else "they take no --out"
        raise UserFacingError(f"Features of prepared data sets are kept in their folders, and {what}.")
    n_unmeasured = 0
    for folder in args.paths:
        n_records = open_prepared(folder).index.num_rows
        with tqdm(total=n_records, unit="record", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:

            def on_records(n: int, bar: tqdm[Any] = bar) -> None:
                bar.update(n)

            manifest = measure_physiology(folder, args.jobs, on_records)
        n_unmeasured += manifest["n_unmeasured"]
        print(  # noqa: T201
            f"{folder}: {n_records} records, {100.0 * manifest['share_measured']:.1f} % of their features measured; in "
            f"{manifest['n_unmeasured']} nothing could be measured"
        )
    return 1 if n_unmeasured else 0


def analysed(records: Sequence[Record], n_processes: int) -> Iterator[FeatureRow]:
    """Yield the row of each record, in the order given.

    Parameters
    ----------
    records : sequence of (label, path)
    n_processes : int
        Many records go to as many processes of one thread each; a few are worked on here.

    Raises
    ------
    UserFacingError
        If a process ends unexpectedly.
    """
    tasks = (records[start : start + _RECORDS_A_TASK] for start in range(0, len(records), _RECORDS_A_TASK))
    some = in_order(tasks, _analyse_some, n_processes if len(records) >= _MIN_FOR_PROCESSES else 1, "analysed records")
    for rows in some:
        yield from rows


def _analyse_some(records: Sequence[Record]) -> list[FeatureRow]:
    return [_analyse(label, path) for label, path in records]


def _analyse(label: str, path: str) -> FeatureRow:
    from physioclr_core.physiology.analysis import analyse_record

    try:
        record = read_record(Path(path))
        analysis = analyse_record(record)
        beats, features = analysis.delineation.beats, analysis.features
    except UserFacingError as error:
        return failed_row(label, path, str(error))
    except Exception as error:  # noqa: BLE001 (a fault that one record brings out must not end the others' batch)
        return failed_row(label, path, f"{Path(path).name}: cannot be analysed ({type(error).__name__}: {error}).")
    return FeatureRow(
        label=label,
        path=path,
        fs_hz=record.fs_hz,
        n_beats=len(beats),
        reason=beats.reason or None,
        failed=False,
        values=features.values,
        is_valid=features.is_valid,
    )
