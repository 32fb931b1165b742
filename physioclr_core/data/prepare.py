"""Make a prepared data set of a source: read, resample, and write shard by shard, so that it can go on after a stop."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from ctypes import c_int64
from multiprocessing import connection, get_context, parent_process
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import Any

import pyarrow as pa

from physioclr_core.data.prepare_plan import claim, plan_of
from physioclr_core.data.prepare_shard import rows_path, shard_path, to_adu, write_shard
from physioclr_core.data.prepared import ADU_PER_MV, INDEX, INDEX_SCHEMA, MANIFEST, open_prepared
from physioclr_core.data.sources.source import UNKNOWN_FOLD, Source, SourceRecord
from physioclr_core.errors import UserFacingError
from physioclr_core.files import replaced, sha256_of
from physioclr_core.leads import STANDARD_LEADS

__all__ = ["MIN_FOR_PROCESSES", "RECORDS_A_SHARD", "prepare", "to_adu"]

RECORDS_A_SHARD = 512
# Below this the processes' start costs more than they save.
MIN_FOR_PROCESSES = 200
_POLL_S = 0.2

# Records of each waiting shard that are done, one place a shard: only the shard's process writes it, so no lock.
_progress: Any = None


def prepare(
    source: Source,
    out: Path,
    fs_hz: float,
    n_processes: int = 1,
    on_records: Callable[[int], None] = lambda n: None,
    restart: bool = False,
) -> dict[str, Any]:
    """Write a prepared data set, or go on with one that was interrupted; one that is finished is left as it is.

    Records that cannot be read are left out and named in ``dataset.json``; they do not end the work. One process at a
    time writes a folder.

    Parameters
    ----------
    source : Source
    out : Path
        Folder to write; made where it does not exist.
    fs_hz : float
        Rate of the prepared records.
    n_processes : int
    on_records : callable
        Called with the number of records that were just finished, those of an earlier sitting included.
    restart : bool
        Throw away what the folder holds of a prepared data set.

    Returns
    -------
    dict
        What ``dataset.json`` says.

    Raises
    ------
    UserFacingError
        If the source is empty, the folder belongs to another source, version or other settings, the source changed
        since the folder was begun, the disk is full, a patient is in two folds, or no record could be read.
    """
    if not source.records:
        raise UserFacingError(f"{source.folder}: there is no record to prepare.")
    repeated = [name for name, n in Counter(record.record_id for record in source.records).items() if n > 1]
    if repeated:
        raise UserFacingError(f"{source.folder}: the record {repeated[0]} is listed twice.")
    try:
        plan = plan_of(source, fs_hz)
    except OSError as error:
        raise UserFacingError(f"{error.filename or source.folder}: cannot be read ({error.strerror}).") from None
    try:
        out.mkdir(parents=True, exist_ok=True)
        claim(out, plan, restart)
        if (out / MANIFEST).is_file():
            on_records(len(source.records))
            return open_prepared(out).manifest
        shards = [source.records[i : i + RECORDS_A_SHARD] for i in range(0, len(source.records), RECORDS_A_SHARD)]
        waiting = []
        for number, records in enumerate(shards):
            if rows_path(out, number).is_file():
                on_records(len(records))
            else:
                waiting.append((number, records))
        if n_processes == 1 or len(waiting) < 2 or sum(len(records) for _, records in waiting) < MIN_FOR_PROCESSES:
            for number, records in waiting:
                write_shard(out, number, records, fs_hz, source.folder, on_records)
        else:
            _write_all(out, waiting, fs_hz, source.folder, n_processes, on_records)
        return _finish(out, source, plan, len(shards))
    except OSError as error:
        cause = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise UserFacingError(f"{out}: cannot be written ({cause}); the same command goes on where it was.") from None


def _write_all(
    out: Path,
    waiting: list[tuple[int, tuple[SourceRecord, ...]]],
    fs_hz: float,
    folder: Path,
    n_processes: int,
    on_records: Callable[[int], None],
) -> None:
    context = get_context("spawn")
    progress = RawArray(c_int64, len(waiting))
    n_seen = 0

    def report() -> None:
        nonlocal n_seen
        n_done = sum(progress)
        if n_done > n_seen:
            on_records(n_done - n_seen)
            n_seen = n_done

    with ProcessPoolExecutor(min(n_processes, len(waiting)), context, _begin_process, (progress,)) as pool:
        pending = {
            pool.submit(_write_in_process, place, out, number, records, fs_hz, folder)
            for place, (number, records) in enumerate(waiting)
        }
        try:
            while pending:
                done, pending = wait(pending, _POLL_S, FIRST_EXCEPTION)
                report()
                for future in done:
                    future.result()
        except BrokenProcessPool:
            raise UserFacingError(
                f"{out}: a process that read records ended unexpectedly (out of memory?); "
                "the same command goes on where it was."
            ) from None
        finally:
            for future in pending:
                future.cancel()


def _begin_process(progress: Any) -> None:
    global _progress
    _progress = progress
    # Ctrl-C reaches all processes of a terminal; the first one ends the others in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process when the first one is gone: killed, it ends nobody, and the same command may be given again."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _write_in_process(
    place: int, out: Path, number: int, records: tuple[SourceRecord, ...], fs_hz: float, folder: Path
) -> None:
    def on_records(n: int) -> None:
        _progress[place] += n

    write_shard(out, number, records, fs_hz, folder, on_records)


def _finish(out: Path, source: Source, plan: dict[str, Any], n_shards: int) -> dict[str, Any]:
    """Make the index of the shards' rows, shard by shard: all rows at once would not fit for a million records."""
    # Over what the records are, not over how they were dealt to files or where they came from.
    digest = hashlib.sha256(json.dumps({"fs_hz": plan["fs_hz"], "labels": plan["label_names"]}).encode())
    left_out: list[dict[str, str]] = []
    shards: list[dict[str, Any]] = []
    datasets: Counter[str] = Counter()
    fold_of: dict[str, int] = {}
    n_clipped = n_with_gaps = 0
    with replaced(out / INDEX) as file:
        with pa.ipc.new_file(file, INDEX_SCHEMA) as writer:
            for number in range(n_shards):
                part = json.loads(rows_path(out, number).read_text(encoding="utf-8"))
                for row, content in zip(part["rows"], part["contents"], strict=True):
                    what = {key: value for key, value in row.items() if key not in ("shard", "offset")}
                    digest.update(json.dumps(what, sort_keys=True).encode() + content.encode())
                    datasets[row["dataset"]] += 1
                    n_clipped += row["n_clipped"] > 0
                    n_with_gaps += row["n_gap"] > 0
                    _check_fold(source, row, fold_of)
                if part["rows"]:
                    writer.write_table(pa.Table.from_pylist(part["rows"], schema=INDEX_SCHEMA))
                left_out += part["left_out"]
                path = shard_path(out, number)
                shards.append({"file": path.name, "n_values": part["n_values"], "sha256": part["sha256"]})
        if not datasets:
            raise UserFacingError(f"{source.folder}: no record could be read; the first: {left_out[0]['reason']}")
    manifest = {
        **plan,
        "lead_names": list(STANDARD_LEADS),
        "adu_per_mv": ADU_PER_MV,
        "n_records": sum(datasets.values()),
        "n_patients": len(fold_of),
        "datasets": dict(datasets),
        "remarks": list(source.remarks),
        "left_out": left_out,
        "n_clipped_records": n_clipped,
        "n_records_with_gaps": n_with_gaps,
        "shards": shards,
        "index_sha256": sha256_of(out / INDEX),
        "provenance_sha256": digest.hexdigest(),
    }
    with replaced(out / MANIFEST) as file:
        file.write((json.dumps(manifest, indent=1) + "\n").encode())
    return manifest


def _check_fold(source: Source, row: dict[str, Any], fold_of: dict[str, int]) -> None:
    """Refuse a patient in two folds of a table: who the patient is may be known from the record's file only."""
    patient, fold = row["patient_id"], row["fold"]
    before = fold_of.setdefault(patient, fold)
    if before == UNKNOWN_FOLD:
        fold_of[patient] = fold
    elif source.kind == "folder" and fold not in (UNKNOWN_FOLD, before):
        raise UserFacingError(
            f"{source.folder}: the patient {patient} is in the folds {before} and {fold}; "
            "all records of a patient belong to one."
        )
