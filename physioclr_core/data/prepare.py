"""Make a prepared data set of a source: read, resample, and write shard by shard, so that it can go on after a stop."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from physioclr_core import __version__
from physioclr_core.data.prepared import (
    ADU_PER_MV,
    GAP_ADU,
    INDEX,
    INDEX_SCHEMA,
    MANIFEST,
    MAX_ADU,
    SCHEMA,
    open_prepared,
)
from physioclr_core.data.sources.source import Source, SourceRecord
from physioclr_core.errors import UserFacingError
from physioclr_core.files import replaced
from physioclr_core.leads import LIMB_LEADS, STANDARD_LEADS, derive_limb_leads
from physioclr_core.readers import read_record
from physioclr_core.record import EcgRecord
from physioclr_core.signal.resample import resample

_log = logging.getLogger(__name__)

RECORDS_A_SHARD = 256
PLAN = "plan.json"
# Below this the processes' start costs more than they save.
_MIN_FOR_PROCESSES = 200


def prepare(
    source: Source,
    out: Path,
    fs_hz: float,
    n_processes: int = 1,
    on_records: Callable[[int], None] = lambda n: None,
) -> dict[str, Any]:
    """Write a prepared data set, or go on with one that was interrupted.

    Records that cannot be read are left out and named in ``dataset.json``; they do not end the work.

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

    Returns
    -------
    dict
        What ``dataset.json`` says.

    Raises
    ------
    UserFacingError
        If the source is empty, the folder belongs to another source or other settings, the disk is full, or no record
        could be read.
    """
    if not source.records:
        raise UserFacingError(f"{source.folder}: there is no record to prepare.")
    repeated = [name for name, n in Counter(record.record_id for record in source.records).items() if n > 1]
    if repeated:
        raise UserFacingError(f"{source.folder}: the record {repeated[0]} is listed twice.")
    plan = {
        "schema": SCHEMA,
        "source": source.kind,
        "fs_hz": fs_hz,
        "label_names": list(source.label_names),
        "rows_sha256": _rows_sha256(source),
        "code_version": __version__,
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        _claim(out, plan)
        if (out / MANIFEST).is_file():
            on_records(len(source.records))
            return open_prepared(out).manifest
        shards = [source.records[i : i + RECORDS_A_SHARD] for i in range(0, len(source.records), RECORDS_A_SHARD)]
        waiting = []
        for number, records in enumerate(shards):
            if _rows_path(out, number).is_file():
                on_records(len(records))
            else:
                waiting.append((number, records))
        _write_all(out, waiting, fs_hz, n_processes if len(source.records) >= _MIN_FOR_PROCESSES else 1, on_records)
        return _finish(out, source, plan, len(shards))
    except OSError as error:
        raise UserFacingError(
            f"{out}: cannot be written ({error.strerror}); the same command goes on where it was."
        ) from None


def _write_all(
    out: Path,
    waiting: list[tuple[int, tuple[SourceRecord, ...]]],
    fs_hz: float,
    n_processes: int,
    on_records: Callable[[int], None],
) -> None:
    if n_processes == 1:
        for number, records in waiting:
            write_shard(out, number, records, fs_hz)
            on_records(len(records))
        return
    with ProcessPoolExecutor(n_processes, get_context("spawn")) as pool:
        futures = [(records, pool.submit(write_shard, out, number, records, fs_hz)) for number, records in waiting]
        try:
            for records, future in futures:
                future.result()
                on_records(len(records))
        except BrokenProcessPool:
            raise UserFacingError("A process that read records ended unexpectedly (out of memory?).") from None
        finally:
            for _, future in futures:
                future.cancel()


def write_shard(out: Path, number: int, records: tuple[SourceRecord, ...], fs_hz: float) -> None:
    """Read records and write one shard with its rows; the rows are written last and say that it is finished."""
    rows: list[dict[str, Any]] = []
    left_out: list[dict[str, str]] = []
    contents: list[str] = []
    digest = hashlib.sha256()
    offset = 0
    with replaced(_shard_path(out, number)) as file:
        for source in records:
            try:
                record = read_record(source.path)
                samples, has_lead, n_clipped = to_adu(record, fs_hz)
            except UserFacingError as error:
                left_out.append({"record_id": source.record_id, "reason": str(error)})
                continue
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001
                # One file that no reader foresaw must not end the work of hours.
                _log.debug("%s", source.path, exc_info=True)
                reason = f"{Path(source.path).name}: cannot be read ({type(error).__name__}: {error})."
                left_out.append({"record_id": source.record_id, "reason": " ".join(reason.split())})
                continue
            content = samples.tobytes()
            digest.update(content)
            file.write(content)
            rows.append(_row(source, record, number, offset, samples.shape[1], has_lead, n_clipped))
            contents.append(hashlib.sha256(content).hexdigest())
            offset += samples.size
    values = {
        "rows": rows,
        "contents": contents,
        "left_out": left_out,
        "sha256": digest.hexdigest(),
        "n_values": offset,
    }
    with replaced(_rows_path(out, number)) as file:
        file.write(json.dumps(values).encode())


def to_adu(record: EcgRecord, fs_hz: float) -> tuple[npt.NDArray[np.int16], list[bool], int]:
    """Return a record's twelve standard leads as prepared samples.

    Limb leads that follow from two others are computed; other missing leads, and flat ones, are said to be missing.

    Returns
    -------
    ndarray of int16, shape (12, n_samples)
        1000 a mV; -32768 in gaps and missing leads.
    list of bool
        Which leads there are.
    int
        Samples beyond what 16 bits hold, which were clipped.

    Raises
    ------
    UserFacingError
        If there is none of the standard leads with signal.
    """
    leads = {name: record.signal_mv[row] for row, name in enumerate(record.lead_names) if name in STANDARD_LEADS}
    leads = {name: lead for name, lead in leads.items() if np.fmax.reduce(lead) > np.fmin.reduce(lead)}
    if not leads:
        raise UserFacingError(f"{record.provenance.path.name}: none of the twelve standard leads has signal.")
    derived = derive_limb_leads(leads)
    leads |= {name: derived[name] for name in LIMB_LEADS if name in derived and name not in leads}
    present = [name for name in STANDARD_LEADS if name in leads]
    signal_mv = resample(np.stack([leads[name] for name in present]), record.fs_hz, fs_hz)
    adu = np.round(signal_mv * np.float32(ADU_PER_MV))
    is_gap = ~np.isfinite(adu)
    n_clipped = int((np.abs(np.where(is_gap, 0.0, adu)) > MAX_ADU).sum())
    samples = np.full((len(STANDARD_LEADS), signal_mv.shape[1]), GAP_ADU, np.int16)
    rows = [STANDARD_LEADS.index(name) for name in present]
    samples[rows] = np.where(is_gap, GAP_ADU, np.clip(adu, -MAX_ADU, MAX_ADU)).astype(np.int16)
    return samples, [name in leads for name in STANDARD_LEADS], n_clipped


def _row(
    source: SourceRecord,
    record: EcgRecord,
    shard: int,
    offset: int,
    n_samples: int,
    has_lead: list[bool],
    n_clipped: int,
) -> dict[str, Any]:
    return {
        "record_id": source.record_id,
        "dataset": source.dataset,
        "patient_id": source.patient_id,
        "fold": source.fold,
        "age_years": record.patient.age_years,
        "sex": record.patient.sex,
        "statements": list(record.acquisition.statements),
        "snomed": list(record.acquisition.snomed_codes),
        "labels": list(source.labels),
        "unknown_labels": list(source.unknown_labels),
        "shard": shard,
        "offset": offset,
        "n_samples": n_samples,
        "has_lead": has_lead,
        "n_clipped": n_clipped,
    }


def _finish(out: Path, source: Source, plan: dict[str, Any], n_shards: int) -> dict[str, Any]:
    parts = [json.loads(_rows_path(out, number).read_text(encoding="utf-8")) for number in range(n_shards)]
    rows = [row for part in parts for row in part["rows"]]
    left_out = [entry for part in parts for entry in part["left_out"]]
    if not rows:
        raise UserFacingError(f"{source.folder}: no record could be read; the first: {left_out[0]['reason']}")
    # Over what the records are, not over how they were dealt to files.
    digest = hashlib.sha256(json.dumps({"fs_hz": plan["fs_hz"], "labels": plan["label_names"]}).encode())
    for row, content in zip(rows, (content for part in parts for content in part["contents"]), strict=True):
        what = {key: value for key, value in row.items() if key not in ("shard", "offset")}
        digest.update(json.dumps(what, sort_keys=True).encode() + content.encode())
    table = pa.Table.from_pylist(rows, schema=INDEX_SCHEMA)
    with replaced(out / INDEX) as file, pa.ipc.new_file(file, INDEX_SCHEMA) as writer:
        writer.write_table(table)
    manifest = {
        **plan,
        "lead_names": list(STANDARD_LEADS),
        "adu_per_mv": ADU_PER_MV,
        "n_records": len(rows),
        "n_patients": len({row["patient_id"] for row in rows}),
        "datasets": dict(Counter(row["dataset"] for row in rows)),
        "left_out": left_out,
        "n_clipped_records": sum(row["n_clipped"] > 0 for row in rows),
        "shards": [
            {"file": _shard_path(out, number).name, "n_values": part["n_values"], "sha256": part["sha256"]}
            for number, part in enumerate(parts)
        ],
        "provenance_sha256": digest.hexdigest(),
    }
    with replaced(out / MANIFEST) as file:
        file.write((json.dumps(manifest, indent=1) + "\n").encode())
    return manifest


def _claim(out: Path, plan: dict[str, Any]) -> None:
    path = out / PLAN
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if (out / MANIFEST).is_file():  # finished: by which version does not matter
            before, plan = ({k: v for k, v in values.items() if k != "code_version"} for values in (before, plan))
        if before != plan:
            raise UserFacingError(
                f"{out}: this folder holds another data set, other settings, or was begun by another version or before "
                "the source changed; name a new folder."
            )
        return
    if any(out.iterdir()):
        raise UserFacingError(f"{out}: this folder is not empty; name a new one.")
    with replaced(path) as file:
        file.write((json.dumps(plan, indent=1) + "\n").encode())


def _rows_sha256(source: Source) -> str:
    """Return a hash of what the source lists and of its files' sizes; where it lies does not matter."""
    digest = hashlib.sha256()
    for record in source.records:
        relative = Path(os.path.relpath(record.path, source.folder)).as_posix()
        values = [record.record_id, relative, record.dataset, record.patient_id, record.fold]
        values += [list(record.labels), list(record.unknown_labels), _sizes(Path(record.path))]
        digest.update(json.dumps(values).encode() + b"\n")
    return digest.hexdigest()


def _sizes(path: Path) -> list[int]:
    """Return the sizes of a record's files, which tell a changed source from the one that was begun with."""
    stem = path.with_suffix("") if path.suffix in (".hea", ".dat", ".mat") else path
    paths = [path, *(stem.with_name(stem.name + suffix) for suffix in (".hea", ".dat", ".mat"))]
    sizes = []
    for candidate in paths:
        try:
            sizes.append(candidate.stat().st_size)
        except OSError:
            sizes.append(-1)
    return sizes


def _shard_path(out: Path, number: int) -> Path:
    return out / f"shard-{number:05d}.i16"


def _rows_path(out: Path, number: int) -> Path:
    return out / f"shard-{number:05d}.json"
