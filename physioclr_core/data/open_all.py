"""Several prepared data sets as one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from physioclr_core.data.prepared import PreparedDataset, open_prepared
from physioclr_core.data.sources.source import own_patient
from physioclr_core.errors import UserFacingError

_ID_LENGTH = 8


def open_all(folders: Sequence[Path]) -> PreparedDataset:
    """Open prepared data sets as one, their records one after another.

    Ids begin with the name of their data set, so that equal numbers of different data sets are not one person; plain
    folders of equal names are told apart by their data. A record that is in two data sets has one patient: PTB-XL's
    own, where a copy of the record does not say who it is. A label that a data set does not have is unknown for its
    records.

    Parameters
    ----------
    folders : sequence of Path
        At least one.

    Raises
    ------
    UserFacingError
        If one cannot be opened or is given twice, or rates or leads differ.
    """
    parts = [open_prepared(folder) for folder in folders]
    first = parts[0]
    if len(parts) == 1:
        return first
    for number, part in enumerate(parts):
        if part.fs_hz != first.fs_hz:
            raise UserFacingError(
                f"{part.folder}: is at {part.fs_hz:g} Hz and {first.folder} at {first.fs_hz:g} Hz; prepare both alike."
            )
        if part.lead_names != first.lead_names:
            raise UserFacingError(f"{part.folder}: has other leads than {first.folder}; prepare both alike.")
        if part.data_sha256 in [other.data_sha256 for other in parts[:number]]:
            raise UserFacingError(f"{part.folder}: the same data set is given twice.")
    n_using = Counter(name for part in parts for name in part.manifest["datasets"])
    tables, n_shards = [], 0
    for part in parts:
        table = _with_column(part.index, "shard", part.index["shard"].to_numpy() + np.int32(n_shards))
        if part.manifest["source"] == "folder" and any(n_using[name] > 1 for name in part.manifest["datasets"]):
            for column in ("record_id", "patient_id"):
                ids = [f"{part.data_sha256[:_ID_LENGTH]}:{text}" for text in table[column].to_pylist()]
                table = _with_column(table, column, ids)
        tables.append(table)
        n_shards += len(part.shards)
    index = _with_one_patient_a_record(pa.concat_tables(tables).combine_chunks())
    datasets: Counter[str] = Counter()
    for part in parts:
        datasets.update(part.manifest["datasets"])
    manifest = {
        **first.manifest,
        "n_records": index.num_rows,
        "n_patients": len(set(index["patient_id"].to_pylist())),
        "datasets": dict(datasets),
        "label_names": list(dict.fromkeys(name for part in parts for name in part.label_names)),
        "left_out": [entry for part in parts for entry in part.manifest["left_out"]],
        "shards": [entry for part in parts for entry in part.manifest["shards"]],
        "provenance_sha256": hashlib.sha256("".join(part.data_sha256 for part in parts).encode()).hexdigest(),
    }
    return PreparedDataset(first.folder, manifest, index, tuple(shard for part in parts for shard in part.shards))


def _with_one_patient_a_record(index: pa.Table) -> pa.Table:
    """Give records of one id the patient whom one of them names."""
    records, patients = index["record_id"].to_pylist(), index["patient_id"].to_pylist()
    known = {
        record: patient for record, patient in zip(records, patients, strict=True) if patient != own_patient(record)
    }
    return _with_column(
        index,
        "patient_id",
        [
            known.get(record, patient) if patient == own_patient(record) else patient
            for record, patient in zip(records, patients, strict=True)
        ],
    )


def _with_column(table: pa.Table, name: str, values: object) -> pa.Table:
    place = table.schema.get_field_index(name)
    field = table.schema.field(place)
    return table.set_column(place, field, pa.array(values, field.type))
