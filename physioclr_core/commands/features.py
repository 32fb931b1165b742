"""``physioclr features``: the 150 physiological features, one row a record."""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

import physioclr_core
from physioclr_core.commands.batches import PATH_HELP, all_records, require_folder_of
from physioclr_core.errors import UserFacingError
from physioclr_core.paths import assets_dir
from physioclr_core.physiology.features.table import FeatureParts, FeatureRow, failed_row
from physioclr_core.readers import read_record

_RECORDS_A_TASK = 16
_RECORDS_A_PIECE = 256
# Below this the processes' start costs more than they save.
_MIN_FOR_PROCESSES = 200
_ONE_THREAD = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
# What decides the numbers.
_CODE_FOLDERS = ("physiology", "readers", "signal")

Record = tuple[str, str]


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("features", help="the 150 physiological features as Parquet, one row a record")
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help=PATH_HELP)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="Parquet file to write")
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
    require_folder_of(args.out)
    if args.jobs < 1:
        raise UserFacingError("--jobs must be at least 1.")
    # By its path a record is known again; one that was named twice is one.
    records = list({str(path.absolute()): label for label, path in all_records(args.paths)}.items())
    labelled = [(label, path) for path, label in records]
    parts = FeatureParts(args.out, code_fingerprint())
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


def code_fingerprint() -> str:
    """Return a hash of the version, the code and the networks that decide the features."""
    digest = hashlib.sha256(physioclr_core.__version__.encode())
    package = Path(physioclr_core.__file__).parent
    files = [path for name in _CODE_FOLDERS for path in (package / name).rglob("*.py")]
    files += [path for path in (assets_dir() / "physiology").glob("*") if path.is_file()]
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


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
    if n_processes == 1 or len(records) < _MIN_FOR_PROCESSES:
        for task in tasks:
            yield from _analyse_some(task)
        return
    with _environment(_ONE_THREAD):
        pool = ProcessPoolExecutor(n_processes, get_context("spawn"), _start_process)
        yield from _in_order(pool, n_processes, tasks, _analyse_some)


def _in_order(
    pool: ProcessPoolExecutor,
    n_processes: int,
    tasks: Iterator[Sequence[Record]],
    analyse: Callable[[Sequence[Record]], list[FeatureRow]],
) -> Iterator[FeatureRow]:
    with pool:
        # A few tasks ahead keep the processes busy while rows are written.
        waiting = [pool.submit(analyse, task) for task in islice(tasks, 4 * n_processes)]
        try:
            while waiting:
                rows = waiting.pop(0).result()
                waiting += [pool.submit(analyse, task) for task in islice(tasks, 1)]
                yield from rows
        except BrokenProcessPool:
            raise UserFacingError("A process that analysed records ended unexpectedly (out of memory?).") from None
        finally:
            for future in waiting:
                future.cancel()


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables for the processes that are started; libraries read them when they load."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _start_process() -> None:
    # Ctrl+C reaches the whole group; the parent alone says what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
