"""Prepared data sets: memory-mapped shards of samples and an Arrow index of what is known of each record.

A folder holds ``shard-00000.i16`` (records one after another, each leads x samples, int16 at 1000 a mV, -32768 where
there is no sample), ``index.arrow`` (one row a record) and ``dataset.json`` (format, leads, hashes, provenance).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from physioclr_core.data.segments import Segments
from physioclr_core.errors import UserFacingError
from physioclr_core.files import sha256_of

SCHEMA = 2
MANIFEST, INDEX = "dataset.json", "index.arrow"
ADU_PER_MV = 1000.0
GAP_ADU = -32768
MAX_ADU = 32767
UNKNOWN_FOLD = -1

INDEX_SCHEMA = pa.schema(
    [
        ("record_id", pa.string()),
        ("dataset", pa.string()),
        ("patient_id", pa.string()),
        ("fold", pa.int16()),
        ("age_years", pa.float32()),
        ("sex", pa.string()),
        ("statements", pa.list_(pa.string())),
        ("snomed", pa.list_(pa.string())),
        ("labels", pa.list_(pa.string())),
        ("unknown_labels", pa.list_(pa.string())),
        ("shard", pa.int32()),
        ("offset", pa.int64()),
        ("n_samples", pa.int32()),
        ("has_lead", pa.list_(pa.bool_())),
        ("n_clipped", pa.int32()),
    ]
)


@dataclass(frozen=True, eq=False)
class PreparedDataset:
    """A prepared data set, opened; row i of every column is the same record.

    Attributes
    ----------
    folder : Path
    manifest : dict
        What ``dataset.json`` says.
    index : pyarrow.Table
        Columns of ``INDEX_SCHEMA``.
    shards : tuple of ndarray of int16
        Memory-mapped.
    """

    folder: Path
    manifest: dict[str, Any]
    index: pa.Table
    shards: tuple[npt.NDArray[np.int16], ...]

    def __len__(self) -> int:
        return int(self.index.num_rows)

    @property
    def fs_hz(self) -> float:
        """Sampling rate of all records."""
        return float(self.manifest["fs_hz"])

    @property
    def lead_names(self) -> tuple[str, ...]:
        """Leads in the order of the samples."""
        return tuple(self.manifest["lead_names"])

    @property
    def data_sha256(self) -> str:
        """Hash over rows and samples."""
        return str(self.manifest["provenance_sha256"])

    @cached_property
    def patient_id(self) -> npt.NDArray[np.str_]:
        """Patient of each record."""
        return np.array(self.index["patient_id"].to_pylist(), np.str_)

    @cached_property
    def patient(self) -> npt.NDArray[np.int64]:
        """Number of each record's patient; equal numbers are one person."""
        numbers: npt.NDArray[np.int64] = np.unique(self.patient_id, return_inverse=True)[1].astype(np.int64)
        return numbers

    @cached_property
    def fold(self) -> npt.NDArray[np.int64]:
        """Fold of each record, -1 where the source has none."""
        return self._numbers("fold").astype(np.int64)

    @cached_property
    def n_samples(self) -> npt.NDArray[np.int64]:
        """Length of each record."""
        return self._numbers("n_samples").astype(np.int64)

    @cached_property
    def has_lead(self) -> npt.NDArray[np.bool_]:
        """Which leads each record has, shape (n_records, n_leads)."""
        flat = self.index["has_lead"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat, np.bool_).reshape(len(self), len(self.lead_names))

    @property
    def label_names(self) -> tuple[str, ...]:
        """Labels of the table that came with the source; none where it had none."""
        return tuple(self.manifest["label_names"])

    @property
    def label_values(self) -> npt.NDArray[np.float32]:
        """Those labels of each record, shape (n_records, n_labels): 1, 0, or NaN where it is unknown."""
        names = self.label_names
        values = np.zeros((len(self), len(names)), np.float32)
        for column, value in (("labels", 1.0), ("unknown_labels", np.nan)):
            for row, carried in enumerate(self.texts(column)):
                values[row, [names.index(name) for name in carried if name in names]] = value
        return values

    def texts(self, column: str) -> list[tuple[str, ...]]:
        """Return ``statements``, ``snomed``, ``labels`` or ``unknown_labels`` of each record."""
        return [tuple(values) for values in self.index[column].to_pylist()]

    def segments(
        self,
        rows: npt.NDArray[np.int64],
        n_samples: int,
        labels: npt.NDArray[np.float32] | None = None,
    ) -> Segments:
        """Return the first ``n_samples`` samples of records; shorter records are padded and masked.

        Where only some of a record's leads have a gap, these are zero there; the time is masked where all have one.

        Parameters
        ----------
        rows : ndarray of int64, shape (batch,)
        n_samples : int
        labels : ndarray of float32, shape (n_records, n_labels), optional
            Those of all records.
        """
        n_leads = len(self.lead_names)
        adu = np.full((len(rows), n_leads, n_samples), GAP_ADU, np.int16)
        for place, row in enumerate(rows):
            length = int(self.n_samples[row])
            start = int(self._offset[row])
            samples = self.shards[self._shard[row]][start : start + n_leads * length].reshape(n_leads, length)
            adu[place, :, : min(length, n_samples)] = samples[:, :n_samples]
        has_lead = self.has_lead[rows]
        is_signal = (adu != GAP_ADU) & has_lead[:, :, None]
        signal_mv = adu * np.float32(1.0 / ADU_PER_MV)
        signal_mv *= is_signal
        return Segments(
            signal_mv=signal_mv,
            mask=is_signal.any(axis=1),
            has_lead=has_lead,
            fs_hz=self.fs_hz,
            row=np.asarray(rows, np.int64),
            patient=self.patient[rows],
            labels=labels[rows] if labels is not None else np.empty((len(rows), 0), np.float32),
        )

    @cached_property
    def _shard(self) -> npt.NDArray[np.int64]:
        return self._numbers("shard").astype(np.int64)

    @cached_property
    def _offset(self) -> npt.NDArray[np.int64]:
        return self._numbers("offset").astype(np.int64)

    def _numbers(self, column: str) -> npt.NDArray[np.generic]:
        values: npt.NDArray[np.generic] = self.index[column].to_numpy()
        return values


def open_prepared(folder: Path, verify: bool = False) -> PreparedDataset:
    """Open a prepared data set; samples stay on disk until they are asked for.

    Parameters
    ----------
    folder : Path
    verify : bool
        Also read every shard and compare its hash, which takes as long as the disk needs.

    Raises
    ------
    UserFacingError
        If the folder is none, is not finished, is of another version, or a shard has not the size that it should, or
        not the content.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserFacingError(f"{folder}: no {MANIFEST} there; this is no prepared data set, or not a finished one.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            raise UserFacingError(f"{path}: format {manifest['schema']}, this version reads format {SCHEMA}.")
        with pa.memory_map(str(folder / INDEX)) as file:
            index = pa.ipc.open_file(file).read_all()
        sizes = [(folder / shard["file"], int(shard["n_values"])) for shard in manifest["shards"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserFacingError(f"{folder}: the prepared data set is damaged ({' '.join(str(error).split())}).") from None
    if not index.schema.equals(INDEX_SCHEMA):
        raise UserFacingError(f"{folder / INDEX}: the index has other columns than this version writes.")
    shards = []
    if verify:
        for entry in manifest["shards"]:
            if sha256_of(folder / entry["file"]) != entry["sha256"]:
                raise UserFacingError(f"{folder / entry['file']}: is damaged; prepare the data set anew.")
    for shard, n_values in sizes:
        if not shard.is_file() or shard.stat().st_size != 2 * n_values:
            raise UserFacingError(f"{shard}: is missing or has not the size it should; prepare the data set anew.")
        shards.append(np.memmap(shard, "<i2", "r") if n_values else np.empty(0, np.int16))
    return PreparedDataset(folder, manifest, index, tuple(shards))
