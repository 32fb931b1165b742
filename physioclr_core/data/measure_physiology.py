"""Measure beats and features of a whole prepared data set, piece by piece, so that it can go on after a stop."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from physioclr_core.data.physiology_cache import FOLDER, FORMAT, MANIFEST, NO_WAVE, RECORDS, SCHEMA, checked_manifest
from physioclr_core.data.prepared import PreparedDataset, open_prepared
from physioclr_core.errors import UserFacingError
from physioclr_core.files import replaced, sha256_of
from physioclr_core.physiology.features.schema import N_FEATURES, SCHEMA_VERSION
from physioclr_core.physiology.fingerprint import measurement_fingerprint
from physioclr_core.processes import in_order

RECORDS_A_PIECE = 64
# Below this the processes' start costs more than they save.
MIN_FOR_PROCESSES = 200
_PIECES = "pieces"


def measure_physiology(
    folder: Path, n_processes: int = 1, on_records: Callable[[int], None] = lambda n: None
) -> dict[str, Any]:
    """Measure all records of a prepared data set and keep what was found beside them; what is there is left as it is.

    A record that cannot be analysed has no beats, no feature and a reason; it does not end the work.

    Parameters
    ----------
    folder : Path
        The prepared data set.
    n_processes : int
    on_records : callable
        Called with the number of records that were just finished, those of an earlier sitting included.

    Returns
    -------
    dict
        What ``physiology.json`` says.

    Raises
    ------
    UserFacingError
        If the data set cannot be opened, or the measurements cannot be written.
    """
    dataset = open_prepared(folder)
    try:
        manifest = checked_manifest(folder, verify=True)
    except UserFacingError:
        pass
    else:
        on_records(len(dataset))
        return manifest
    identity = {
        "format": FORMAT,
        "feature_schema": SCHEMA_VERSION,
        "measurements": measurement_fingerprint("signal"),
        "data_sha256": dataset.data_sha256,
    }
    pieces = folder / FOLDER / _PIECES / _name(identity)
    try:
        _forget_others(pieces)
        pieces.mkdir(parents=True, exist_ok=True)
        starts = range(0, len(dataset), RECORDS_A_PIECE)
        ends = {start: min(start + RECORDS_A_PIECE, len(dataset)) for start in starts}
        missing = [start for start in starts if not (pieces / _piece(start)).is_file()]
        on_records(len(dataset) - sum(ends[start] - start for start in missing))
        tasks = [(str(folder), start, ends[start]) for start in missing]
        n_processes = n_processes if len(missing) * RECORDS_A_PIECE >= MIN_FOR_PROCESSES else 1
        for (_, start, end), rows in zip(
            tasks, in_order(tasks, _measured, n_processes, "measured records"), strict=True
        ):
            with replaced(pieces / _piece(start)) as file, pa.ipc.new_file(file, SCHEMA) as writer:
                writer.write_table(pa.Table.from_pylist(rows, schema=SCHEMA))
            on_records(end - start)
        table = pa.concat_tables([_read(pieces / _piece(start)) for start in starts])
        records = folder / FOLDER / RECORDS
        with replaced(records) as file, pa.ipc.new_file(file, SCHEMA) as writer:
            writer.write_table(table.combine_chunks())
    except OSError as error:
        cause = error.strerror or str(error)
        raise UserFacingError(f"{folder / FOLDER}: cannot be written ({cause}); the command can go on.") from None
    features = table["features"].combine_chunks().flatten().to_numpy().reshape(-1, N_FEATURES)
    manifest = {
        **identity,
        "n_records": len(dataset),
        "n_unmeasured": int((~np.isfinite(features).any(axis=1)).sum()),
        "share_measured": round(float(np.isfinite(features).mean()), 4),
        "records_sha256": sha256_of(records),
    }
    with replaced(folder / FOLDER / MANIFEST) as file:
        file.write((json.dumps(manifest, indent=1) + "\n").encode())
    shutil.rmtree(folder / FOLDER / _PIECES, ignore_errors=True)
    return manifest


def _name(identity: dict[str, Any]) -> str:
    return f"{identity['measurements'][:12]}-{identity['data_sha256'][:12]}"


def _piece(start: int) -> str:
    return f"{start:09d}.arrow"


def _forget_others(pieces: Path) -> None:
    """Remove pieces that another version made, or that were made of other records."""
    for other in pieces.parent.glob("*"):
        if other != pieces:
            shutil.rmtree(other)


def _read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()


@lru_cache(maxsize=1)
def _opened(folder: str) -> PreparedDataset:
    return open_prepared(Path(folder))


def _measured(task: tuple[str, int, int]) -> list[dict[str, Any]]:
    folder, start, end = task
    dataset = _opened(folder)
    sex: list[str] = dataset.index["sex"].slice(start, end - start).to_pylist()
    return [
        measured_row(dataset.record_mv(row), dataset.fs_hz, dataset.lead_names, sex[row - start])
        for row in range(start, end)
    ]


def measured_row(
    signal_mv: npt.NDArray[np.float32], fs_hz: float, lead_names: tuple[str, ...], sex: str | None = None
) -> dict[str, Any]:
    """Return the row of ``SCHEMA`` of one record.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap.
    fs_hz : float
    lead_names : tuple of str
    sex : str, optional
        "male" or "female"; anything else is unknown.
    """
    from physioclr_core.physiology.analysis import analyse
    from physioclr_core.physiology.marks import P_PEAK, T_PEAK

    known: Literal["male", "female"] | None = sex if sex in ("male", "female") else None  # type: ignore[assignment]
    try:
        found = analyse(signal_mv, fs_hz, lead_names, sex=known)
        beats, global_s, features = found.delineation.beats, found.delineation.global_s, found.features
    except Exception as error:  # noqa: BLE001 (a fault that one record brings out must not end the others' work)
        nothing = np.full(N_FEATURES, np.nan, np.float32)
        return {
            "features": nothing,
            **dict.fromkeys(("r_sample", "p_sample", "t_sample", "beat_class"), ()),
            "reason": f"cannot be analysed ({type(error).__name__}: {error})",
        }
    return {
        "features": features.values,
        "r_sample": beats.r_samples,
        "p_sample": _samples(global_s[:, P_PEAK], fs_hz),
        "t_sample": _samples(global_s[:, T_PEAK], fs_hz),
        "beat_class": beats.classes,
        "reason": beats.reason or None,
    }


def _samples(times_s: npt.NDArray[np.float64], fs_hz: float) -> npt.NDArray[np.int32]:
    is_there = np.isfinite(times_s)
    return np.where(is_there, np.rint(np.where(is_there, times_s, 0.0) * fs_hz), NO_WAVE).astype(np.int32)
