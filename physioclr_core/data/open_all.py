"""Several prepared data sets as one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from physioclr_core.data.prepared import PreparedDataset, open_prepared
from physioclr_core.errors import UserFacingError


def open_all(folders: Sequence[Path]) -> PreparedDataset:
    """Open prepared data sets as one, their records one after another.

    Patients of different data sets are different people even where their ids are equal, unless both are of the same
    source.

    Raises
    ------
    UserFacingError
        If one cannot be opened, or rates or leads differ.
    """
    parts = [open_prepared(folder) for folder in folders]
    first = parts[0]
    if len(parts) == 1:
        return first
    for part in parts[1:]:
        if part.fs_hz != first.fs_hz or part.lead_names != first.lead_names:
            raise UserFacingError(
                f"{part.folder}: prepared at {part.fs_hz:g} Hz with {len(part.lead_names)} leads, {first.folder} at "
                f"{first.fs_hz:g} Hz with {len(first.lead_names)}; prepare both alike."
            )
    tables, n_shards = [], 0
    for part in parts:
        shard = pa.array(part.index["shard"].to_numpy() + np.int32(n_shards), pa.int32())
        place = part.index.schema.get_field_index("shard")
        tables.append(part.index.set_column(place, part.index.schema.field(place), shard))
        n_shards += len(part.shards)
    digest = hashlib.sha256("".join(part.data_sha256 for part in parts).encode()).hexdigest()
    manifest = {**first.manifest, "provenance_sha256": digest, "n_records": sum(map(len, parts))}
    return PreparedDataset(
        first.folder,
        manifest,
        pa.concat_tables(tables).combine_chunks(),
        tuple(shard for part in parts for shard in part.shards),
    )
