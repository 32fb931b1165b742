"""What the physiology engine found in the records of a prepared data set, measured once and kept beside it.

The folder ``physiology`` in a prepared data set holds ``records.arrow`` (one row a record: the 150 features, NaN where
one could not be measured, and its beats) and ``physiology.json`` (which data, which version of the measurements).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from physioclr_core.data.prepared import open_prepared
from physioclr_core.errors import UserFacingError
from physioclr_core.files import sha256_of
from physioclr_core.physiology.features.schema import N_FEATURES, SCHEMA_VERSION
from physioclr_core.physiology.fingerprint import measurement_fingerprint

FORMAT = 1
FOLDER, MANIFEST, RECORDS = "physiology", "physiology.json", "records.arrow"
NO_WAVE = -1

FloatArray = npt.NDArray[np.float32]
Int32Array = npt.NDArray[np.int32]

SCHEMA = pa.schema(
    [
        ("features", pa.list_(pa.float32(), N_FEATURES)),
        ("r_sample", pa.list_(pa.int32())),
        ("p_sample", pa.list_(pa.int32())),
        ("t_sample", pa.list_(pa.int32())),
        ("beat_class", pa.list_(pa.int8())),
        ("reason", pa.string()),
    ]
)


@dataclass(frozen=True, eq=False)
class PhysiologyCache:
    """Features and beats of records; row i of the data set is row i here.

    Attributes
    ----------
    features : ndarray of float32, shape (n_records, 150)
        NaN where a feature could not be measured.
    first_beat : ndarray of int64, shape (n_records + 1,)
        The beats of record i are those from ``first_beat[i]`` to ``first_beat[i + 1]``.
    r_sample, p_sample, t_sample : ndarray of int32, shape (n_beats,)
        Peaks of the three waves, in samples of the prepared record; -1 where there is no such wave.
    beat_class : ndarray of int8, shape (n_beats,)
        Values of ``physiology.marks.BeatClass``.
    sha256 : str
        Of all that.
    """

    features: FloatArray
    first_beat: npt.NDArray[np.int64]
    r_sample: Int32Array
    p_sample: Int32Array
    t_sample: Int32Array
    beat_class: npt.NDArray[np.int8]
    sha256: str

    def __len__(self) -> int:
        return len(self.features)

    @cached_property
    def is_measured(self) -> npt.NDArray[np.bool_]:
        """Whether anything could be measured in each record."""
        return np.asarray(np.isfinite(self.features).any(axis=1))

    def beats_of(self, row: int) -> slice:
        """Return the beats of a record as a slice of the arrays of beats."""
        return slice(int(self.first_beat[row]), int(self.first_beat[row + 1]))


def open_physiology(folders: Sequence[Path]) -> PhysiologyCache:
    """Open what was measured in prepared data sets, their records one after another as ``open_all`` has them.

    Parameters
    ----------
    folders : sequence of Path
        Of the prepared data sets; at least one.

    Raises
    ------
    UserFacingError
        If it was not measured in one of them, by another version of the measurements or from other data, or is
        damaged.
    """
    tables, hashes = [], []
    for folder in folders:
        manifest = checked_manifest(folder)
        path = folder / FOLDER / RECORDS
        try:
            with pa.memory_map(str(path)) as file:
                table = pa.ipc.open_file(file).read_all()
        except (OSError, ValueError):  # Arrow's own errors are these
            raise UserFacingError(f"{path}: is missing or damaged; {_MEASURE.format(folder)}") from None
        if not table.schema.equals(SCHEMA) or table.num_rows != manifest["n_records"]:
            raise UserFacingError(f"{path}: has other columns or rows than were written; {_MEASURE.format(folder)}")
        tables.append(table)
        hashes.append(manifest["records_sha256"])
    text = hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
    return cache_of(pa.concat_tables(tables), text)


def cache_of(table: pa.Table, sha256: str) -> PhysiologyCache:
    """Return rows of ``SCHEMA`` as arrays."""
    table = table.combine_chunks()

    def flat(name: str) -> Any:
        return table[name].combine_chunks().flatten().to_numpy(zero_copy_only=False)

    n_beats = np.array([0, *(len(beats) for beats in table["r_sample"])], np.int64)
    return PhysiologyCache(
        features=flat("features").reshape(-1, N_FEATURES),
        first_beat=np.cumsum(n_beats),
        r_sample=flat("r_sample"),
        p_sample=flat("p_sample"),
        t_sample=flat("t_sample"),
        beat_class=flat("beat_class"),
        sha256=sha256,
    )


_MEASURE = "measure it with: physioclr features {}"


def checked_manifest(folder: Path, verify: bool = False) -> dict[str, Any]:
    """Return what was written of a data set's measurements.

    Parameters
    ----------
    folder : Path
        The prepared data set.
    verify : bool
        Also compare the hash of the records.

    Raises
    ------
    UserFacingError
        As ``open_physiology``.
    """
    path = folder / FOLDER / MANIFEST
    how = _MEASURE.format(folder)
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        of_data, of_code = manifest["data_sha256"], manifest["measurements"]
        version = (manifest["format"], manifest["feature_schema"])
    except FileNotFoundError:
        raise UserFacingError(f"{folder}: its beats and features were not measured yet; {how}") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserFacingError(f"{path}: is damaged ({' '.join(str(error).split())}); {how}") from None
    if version != (FORMAT, SCHEMA_VERSION) or of_code != measurement_fingerprint("signal"):
        raise UserFacingError(f"{path}: was measured by another version of this program; {how}")
    if of_data != open_prepared(folder).data_sha256:
        raise UserFacingError(f"{path}: was measured on other records; {how}")
    if verify and sha256_of(folder / FOLDER / RECORDS) != manifest["records_sha256"]:
        raise UserFacingError(f"{folder / FOLDER / RECORDS}: is not what was written; {how}")
    return manifest
