"""Prepared data sets: memory-mapped shards of samples and an Arrow index of what is known of each record.

A folder holds ``shard-00000.i16`` (records one after another, each leads x samples, int16 at 1000 a mV, -32768 where
there is no sample), ``index.arrow`` (one row a record) and ``dataset.json`` (format, leads, hashes, provenance).

A source's own labels: ``label_names`` in ``dataset.json`` are all there are; of a record, ``labels`` apply and of
``known_labels``, which they are among, it is known whether they apply. ``n_gap`` counts the samples that are missing in
the leads that a record has. ``report`` are lines of the machine's report.
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

SCHEMA = 3
MANIFEST, INDEX = "dataset.json", "index.arrow"
ADU_PER_MV = 1000.0
GAP_ADU = -32768
MAX_ADU = 32767
# What a gap is in mV, and a little more.
_GAP_MV = (GAP_ADU + 0.5) / ADU_PER_MV

FloatArray = npt.NDArray[np.float32]

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
        ("known_labels", pa.list_(pa.string())),
        ("report", pa.list_(pa.string())),
        ("shard", pa.int32()),
        ("offset", pa.int64()),
        ("n_samples", pa.int32()),
        ("has_lead", pa.list_(pa.bool_())),
        ("n_clipped", pa.int32()),
        ("n_gap", pa.int32()),
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

    @cached_property
    def label_values(self) -> FloatArray:
        """Those labels of each record, shape (n_records, n_labels): 1, 0, or NaN where it is unknown."""
        column_of = {name: column for column, name in enumerate(self.label_names)}
        values = np.full((len(self), len(column_of)), np.nan, np.float32)
        for texts, value in (("known_labels", 0.0), ("labels", 1.0)):
            for row, names in enumerate(self.texts(texts) if column_of else ()):
                values[row, [column_of[name] for name in names if name in column_of]] = value
        return values

    def texts(self, column: str) -> list[tuple[str, ...]]:
        """Return ``statements``, ``snomed``, ``labels``, ``known_labels`` or ``report`` of each record."""
        return [tuple(values) for values in self.index[column].to_pylist()]

    def segments(self, rows: npt.NDArray[np.int64], n_samples: int, labels: FloatArray | None = None) -> Segments:
        """Return the first ``n_samples`` samples of records; shorter records are padded and masked.

        A time is masked where no lead has a sample. A lead that lost contact for a part is zero there, and hides
        nothing of the others; the mean of what there is of it is taken off, so that zero is its level and
        ``network_input`` makes no step of the gap. A lead without any sample in the segment is not present in it.

        Parameters
        ----------
        rows : ndarray of int64, shape (batch,)
        n_samples : int
        labels : ndarray of float32, shape (n_records, n_labels), optional
            Those of all records.
        """
        rows = np.asarray(rows, np.int64)
        n_leads = len(self.lead_names)
        signal_mv = np.empty((len(rows), n_leads, n_samples), np.float32)
        mask = np.arange(n_samples) < self.n_samples[rows, None]
        has_lead = self.has_lead[rows]
        scale = np.float32(1.0 / ADU_PER_MV)
        where = (self._shard[rows].tolist(), self._offset[rows].tolist(), self.n_samples[rows].tolist())
        for place, (shard, start, length) in enumerate(zip(*where, strict=True)):
            samples = self._samples[shard][start : start + n_leads * length].reshape(n_leads, length)
            n = min(length, n_samples)
            # From 16 bits to mV in one pass.
            np.multiply(samples[:, :n], scale, out=signal_mv[place, :, :n], casting="unsafe")
            signal_mv[place, :, n:] = 0.0
        signal_mv[~has_lead] = 0.0
        for place in np.flatnonzero(self._n_gap[rows]).tolist():
            is_signal = (signal_mv[place] > _GAP_MV) & mask[place] & has_lead[place, :, None]
            mask[place] = is_signal.any(axis=0)
            has_lead[place] = is_signal.any(axis=1)
            signal_mv[place] = _without_gaps(signal_mv[place], is_signal)
        return Segments(
            signal_mv=signal_mv,
            mask=mask,
            has_lead=has_lead,
            fs_hz=self.fs_hz,
            row=rows,
            patient=self.patient[rows],
            labels=labels[rows] if labels is not None else np.empty((len(rows), 0), np.float32),
        )

    def record_mv(self, row: int) -> FloatArray:
        """Return one record as it was read, shape (n_leads, n_samples); NaN in gaps and in leads that are missing."""
        n_leads, n = len(self.lead_names), int(self.n_samples[row])
        start = int(self._offset[row])
        samples = self._samples[int(self._shard[row])][start : start + n_leads * n].reshape(n_leads, n)
        signal_mv = samples.astype(np.float32) / np.float32(ADU_PER_MV)
        signal_mv[samples == GAP_ADU] = np.nan
        signal_mv[~self.has_lead[row]] = np.nan
        return signal_mv

    @cached_property
    def _samples(self) -> tuple[npt.NDArray[np.int16], ...]:
        # Slicing a memmap makes a memmap, which costs ten times what slicing an array does.
        return tuple(shard.view(np.ndarray) for shard in self.shards)

    @cached_property
    def _n_gap(self) -> npt.NDArray[np.int64]:
        return self._numbers("n_gap").astype(np.int64)

    @cached_property
    def _shard(self) -> npt.NDArray[np.int64]:
        return self._numbers("shard").astype(np.int64)

    @cached_property
    def _offset(self) -> npt.NDArray[np.int64]:
        return self._numbers("offset").astype(np.int64)

    def _numbers(self, column: str) -> npt.NDArray[np.generic]:
        values: npt.NDArray[np.generic] = self.index[column].to_numpy()
        return values


def _without_gaps(signal_mv: FloatArray, is_signal: npt.NDArray[np.bool_]) -> FloatArray:
    """Return a segment with zeros in its gaps, each lead that lacks some of the segment's time without its mean."""
    is_partial = is_signal.any(axis=1) & (is_signal.sum(axis=1) < is_signal.any(axis=0).sum())
    clean: FloatArray = np.where(is_signal, signal_mv, np.float32(0.0))
    n_valid = np.maximum(is_signal.sum(axis=1), 1)
    mean_mv = np.where(is_partial, clean.sum(axis=1, dtype=np.float64) / n_valid, 0.0).astype(np.float32)
    clean -= mean_mv[:, None] * is_signal
    return clean


def open_prepared(folder: Path, verify: bool = False) -> PreparedDataset:
    """Open a prepared data set; samples stay on disk until they are asked for.

    Parameters
    ----------
    folder : Path
    verify : bool
        Also compare the hashes of the index and all shards, which takes as long as the disk needs.

    Raises
    ------
    UserFacingError
        If the folder is none, is not finished, is of another version, or a file has not the size that it should, or
        not the content.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UserFacingError(f"{folder}: no {MANIFEST} there; this is no prepared data set, or not a finished one.")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            raise UserFacingError(
                f"{path}: format {manifest['schema']}, this version reads format {SCHEMA}; prepare the data set anew."
            )
        index_path = folder / INDEX
        if verify and sha256_of(index_path) != manifest["index_sha256"]:
            raise UserFacingError(f"{index_path}: is not what was written; prepare the data set anew.")
        with pa.memory_map(str(index_path)) as file:
            index = pa.ipc.open_file(file).read_all()
        entries = [(folder / shard["file"], int(shard["n_values"]), shard["sha256"]) for shard in manifest["shards"]]
        n_records, _ = manifest["n_records"], manifest["label_names"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserFacingError(f"{folder}: the prepared data set is damaged ({' '.join(str(error).split())}).") from None
    if not index.schema.equals(INDEX_SCHEMA) or index.num_rows != n_records:
        raise UserFacingError(f"{folder / INDEX}: the index has other columns or rows than were written.")
    shards = []
    for shard, n_values, sha256 in entries:
        if not shard.is_file() or shard.stat().st_size != 2 * n_values:
            raise UserFacingError(f"{shard}: is missing or has not the size it should; prepare the data set anew.")
        if verify and sha256_of(shard) != sha256:
            raise UserFacingError(f"{shard}: is not what was written; prepare the data set anew.")
        shards.append(np.memmap(shard, "<i2", "r") if n_values else np.empty(0, np.int16))
    return PreparedDataset(folder, manifest, index, tuple(shards))
