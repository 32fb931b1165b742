"""Prepared data sets in memory, of real records of the shipped library, with rows as a test wants them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from real_records import real_signal_mv, to_adu

from physioclr_core.data.prepared import INDEX_SCHEMA, SCHEMA, PreparedDataset
from physioclr_core.leads import STANDARD_LEADS


def prepared_set(
    rows: Sequence[dict[str, Any]],
    signals_mv: Sequence[npt.NDArray[np.floating]] | None = None,
    fs_hz: float = 100.0,
    label_names: Sequence[str] = (),
) -> PreparedDataset:
    """Return a data set; what a row does not say is empty, ``table`` holds its known labels as {name: 0 or 1}.

    Parameters
    ----------
    rows : sequence of dict
        Values of columns of the index.
    signals_mv : sequence of ndarray, shape (12, n_samples), optional
        Default: the library's records from the first.
    fs_hz : float
    label_names : sequence of str
    """
    signals = [real_signal_mv(row) for row in range(len(rows))] if signals_mv is None else signals_mv
    samples = [to_adu(signal).reshape(-1) for signal in signals]
    offsets = np.cumsum([0, *map(len, samples)])
    complete = []
    for number, (row, signal) in enumerate(zip(rows, signals, strict=True)):
        table = row.get("table", {})
        name = row.get("record_id", f"test:{number}")
        known = {
            "record_id": name,
            "patient_id": f"record:{name}",
            "fold": -1,
            "offset": int(offsets[number]),
            "n_samples": signal.shape[1],
            "has_lead": [True] * len(STANDARD_LEADS),
            "labels": [label for label, value in table.items() if value],
            "known_labels": list(table),
            "unknown_labels": [label for label in label_names if label not in table],
            **row,
        }
        complete.append({field.name: known.get(field.name, _empty(field.type)) for field in INDEX_SCHEMA})
    manifest = {
        "schema": SCHEMA,
        "source": "test",
        "fs_hz": fs_hz,
        "lead_names": list(STANDARD_LEADS),
        "label_names": list(label_names),
        "provenance_sha256": "",
    }
    shard = np.concatenate(samples) if samples else np.empty(0, np.int16)
    return PreparedDataset(Path("test-set"), manifest, pa.Table.from_pylist(complete, INDEX_SCHEMA), (shard,))


def _empty(kind: pa.DataType) -> object:
    if pa.types.is_list(kind):
        return []
    if pa.types.is_string(kind):
        return ""
    return float("nan") if pa.types.is_floating(kind) else 0
