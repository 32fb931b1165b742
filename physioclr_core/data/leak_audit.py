"""Leak audit: which records, recordings or patients are in more than one split, within and across data sets.

Patients and records are compared by name, samples by hash and by correlation. The names are those that ``prepare``
gives: a CinC record of PTB-XL is known by its ``ecg_id``, and its patient is then the one PTB-XL says, where PTB-XL is
among the data sets audited.

Near duplicates: both records' first 10 s are averaged to 25 Hz and smoothed, each lead's running mean of 1 s is taken
away, and all leads together are correlated, without half a second at either end, where resampling differs (the 500 Hz
records of PTB-XL against those of 100 Hz: over 0.998, with the ends down to 0.94). As a cheap first look, the same
vectors projected to 256 random directions are compared for all pairs (Johnson and Lindenstrauss 1984: their cosine
differs from the true one by 0.006 in the standard deviation at 0.95). Copies that begin at another time are not found,
nor are copies with other leads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from physioclr_core.data.prepared import ADU_PER_MV, PreparedDataset
from physioclr_core.leads import STANDARD_LEADS

Rows = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]
Kind = Literal["record", "exact", "near"]

NEAR_CORRELATION = 0.95
_CANDIDATE_COSINE = 0.90
_COMPARED_S, _LOW_FS_HZ, _BASELINE_S = 10.0, 25.0, 1.0
_N_END = 12
_N_DIRECTIONS = 256
# Below this root mean square there is no ECG: such records are alike without being one recording.
_BLANK_MV = 0.005
_CHUNK, _CHUNK_VALUES, _COMPARED_AT_ONCE = 1024, 40_000_000, 4096
_UNKNOWN_PATIENT = "record:"


@dataclass(frozen=True, slots=True)
class LeakPair:
    """Two records of different splits that are one recording.

    Attributes
    ----------
    kind : str
        ``record``: the same name; ``exact``: the same samples; ``near``: correlated over ``NEAR_CORRELATION``. A pair
        is listed once, as the first of these.
    first_split, first_record, second_split, second_record : str
    correlation : float or None
        Of near duplicates.
    """

    kind: Kind
    first_split: str
    first_record: str
    second_split: str
    second_record: str
    correlation: float | None = None


@dataclass(frozen=True, slots=True)
class SharedPatient:
    """A patient with records in two splits."""

    patient_id: str
    first_split: str
    second_split: str


@dataclass(frozen=True, slots=True)
class LeakReport:
    """What a leak audit found.

    Attributes
    ----------
    n_records : dict of str to int
        Of each split.
    n_blank : dict of str to int
        Records without signal, which are not compared by samples.
    patients : tuple of SharedPatient
    pairs : tuple of LeakPair
    """

    n_records: dict[str, int]
    n_blank: dict[str, int]
    patients: tuple[SharedPatient, ...]
    pairs: tuple[LeakPair, ...]

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.patients and not self.pairs

    def count(self, kind: Kind) -> int:
        """Return how many pairs are of a kind."""
        return sum(pair.kind == kind for pair in self.pairs)

    @property
    def summary(self) -> str:
        """One sentence of what was found."""
        names = ", ".join(f"{name} ({n})" for name, n in self.n_records.items())
        if self.is_clean:
            return f"No record, recording or patient is in two of the splits {names}."
        return (
            f"Among the splits {names} there are {len(self.patients)} shared patients, {self.count('record')} records "
            f"that are in two splits, {self.count('exact')} exact and {self.count('near')} near duplicates."
        )

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values, with its sentence."""
        return {"summary": self.summary, "is_clean": self.is_clean, **asdict(self)}


@dataclass(frozen=True, slots=True)
class _Split:
    name: str
    record_id: list[str]
    patient_id: list[str]
    digest: list[bytes]
    shape: FloatArray
    fingerprint: FloatArray
    is_blank: npt.NDArray[np.bool_]


def audit(splits: Mapping[str, tuple[PreparedDataset, Rows]]) -> LeakReport:
    """Compare splits with each other.

    Parameters
    ----------
    splits : mapping of str to (PreparedDataset, ndarray of int64)
        Data set and rows of each split; data sets and their rates may differ.

    Returns
    -------
    LeakReport
    """
    patient_of = _patient_of_record([dataset for dataset, _ in splits.values()])
    parts = [_read(name, dataset, rows, patient_of) for name, (dataset, rows) in splits.items()]
    patients: list[SharedPatient] = []
    pairs: list[LeakPair] = []
    for first, second in combinations(parts, 2):
        shared = {*first.patient_id} & {*second.patient_id}
        patients += [
            SharedPatient(patient, first.name, second.name)
            for patient in sorted(shared)
            if not patient.startswith(_UNKNOWN_PATIENT)
        ]
        pairs += _pairs(first, second)
    return LeakReport(
        n_records={part.name: len(part.record_id) for part in parts},
        n_blank={part.name: int(part.is_blank.sum()) for part in parts},
        patients=tuple(patients),
        pairs=tuple(pairs),
    )


def _pairs(first: _Split, second: _Split) -> list[LeakPair]:
    found: dict[tuple[int, int], LeakPair] = {}

    def add(kind: Kind, row: int, column: int, correlation: float | None = None) -> None:
        names = (first.name, first.record_id[row], second.name, second.record_id[column])
        found.setdefault((row, column), LeakPair(kind, *names, correlation))

    for row, column in _equal(first.record_id, second.record_id):
        add("record", row, column)
    for row, column in _equal(first.digest, second.digest):
        if not first.is_blank[row]:
            add("exact", row, column)
    for row, column, correlation in _near(first, second):
        add("near", row, column, correlation)
    return list(found.values())


def _equal(first: list[Any], second: list[Any]) -> Iterator[tuple[int, int]]:
    places: dict[Any, list[int]] = {}
    for column, value in enumerate(second):
        places.setdefault(value, []).append(column)
    return ((row, column) for row, value in enumerate(first) for column in places.get(value, ()))


def _near(first: _Split, second: _Split) -> Iterator[tuple[int, int, float]]:
    for start in range(0, len(first.fingerprint), _COMPARED_AT_ONCE):
        cosine = first.fingerprint[start : start + _COMPARED_AT_ONCE] @ second.fingerprint.T
        for row, column in np.argwhere(cosine > _CANDIDATE_COSINE):
            correlation = float(first.shape[start + row] @ second.shape[column])
            if correlation > NEAR_CORRELATION:
                yield int(start + row), int(column), correlation


def _read(name: str, dataset: PreparedDataset, rows: Rows, patient_of: Mapping[str, str]) -> _Split:
    record_ids: list[str] = dataset.index["record_id"].to_pylist()
    chosen = [record_ids[row] for row in rows]
    digests: list[bytes] = []
    shapes = []
    for part in _chunks(dataset, rows):
        n_samples = int(dataset.n_samples[part].max())
        segments = dataset.segments(part, max(n_samples, round(_COMPARED_S * dataset.fs_hz)))
        adu = np.rint(segments.signal_mv * np.float32(ADU_PER_MV)).astype(np.int16)
        lengths = dataset.n_samples[part]
        digests += [
            hashlib.blake2b(samples[:, :length].tobytes(), digest_size=16).digest()
            for samples, length in zip(adu, lengths, strict=True)
        ]
        shapes.append(_shape(segments.signal_mv, dataset.fs_hz, dataset.lead_names))
    shape = np.concatenate(shapes) if shapes else np.zeros((0, _n_low() * len(STANDARD_LEADS)), np.float32)
    # Root mean square in mV before the vectors are made of length 1.
    length = np.linalg.norm(shape, axis=1)
    is_blank = length < _BLANK_MV * np.sqrt(shape.shape[1])
    shape = np.where(is_blank[:, None], 0.0, shape / np.maximum(length, 1e-12)[:, None]).astype(np.float32)
    fingerprint = shape @ _directions(shape.shape[1])
    fingerprint /= np.maximum(np.linalg.norm(fingerprint, axis=1, keepdims=True), 1e-12)
    return _Split(
        name=name,
        record_id=chosen,
        patient_id=[patient_of.get(record, f"{_UNKNOWN_PATIENT}{record}") for record in chosen],
        digest=digests,
        shape=shape,
        fingerprint=fingerprint,
        is_blank=is_blank,
    )


def _chunks(dataset: PreparedDataset, rows: Rows) -> Iterator[Rows]:
    longest = int(dataset.n_samples[rows].max()) if len(rows) else 1
    size = max(1, min(_CHUNK, _CHUNK_VALUES // (longest * len(dataset.lead_names))))
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _shape(signal_mv: FloatArray, fs_hz: float, lead_names: tuple[str, ...]) -> FloatArray:
    """Return the leads at 25 Hz without baseline, one after another in the standard order, shape (batch, 12 x 226)."""
    edges = np.round(np.arange(_n_low() + 2 * _N_END + 1) * fs_hz / _LOW_FS_HZ).astype(np.int64)
    low: FloatArray = np.add.reduceat(signal_mv[:, :, : edges[-1]], edges[:-1], axis=2, dtype=np.float32)
    low /= np.diff(edges).astype(np.float32)
    padded = np.pad(low, ((0, 0), (0, 0), (1, 1)), mode="edge")
    low = _without_baseline((padded[:, :, :-2] + 2.0 * low + padded[:, :, 2:]) / np.float32(4.0))[:, :, _N_END:-_N_END]
    ordered = np.zeros((len(low), len(STANDARD_LEADS), _n_low()), np.float32)
    for place, lead in enumerate(STANDARD_LEADS):
        if lead in lead_names:
            ordered[:, place] = low[:, lead_names.index(lead)]
    return ordered.reshape(len(low), -1)


def _without_baseline(low: FloatArray) -> FloatArray:
    """Take the mean of 1 s around each sample away; at the ends that of what there is."""
    n_low = low.shape[2]
    half = round(_BASELINE_S * _LOW_FS_HZ / 2)
    total = np.concatenate(
        [np.zeros((*low.shape[:2], 1), np.float64), np.cumsum(low, axis=2, dtype=np.float64)], axis=2
    )
    first = np.maximum(np.arange(n_low) - half, 0)
    last = np.minimum(np.arange(n_low) + half + 1, n_low)
    baseline = (total[:, :, last] - total[:, :, first]) / (last - first)
    centred: FloatArray = (low - baseline).astype(np.float32)
    return centred


def _directions(n_values: int) -> FloatArray:
    drawn: FloatArray = np.random.default_rng(0).standard_normal((n_values, _N_DIRECTIONS), np.float32)
    drawn /= np.float32(np.sqrt(_N_DIRECTIONS))
    return drawn


def _n_low() -> int:
    return round(_COMPARED_S * _LOW_FS_HZ) - 2 * _N_END


def _patient_of_record(datasets: Sequence[PreparedDataset]) -> dict[str, str]:
    """Return the known patient of each record of all data sets, also of records in no split."""
    patients: dict[str, str] = {}
    for dataset in {id(dataset): dataset for dataset in datasets}.values():
        records: list[str] = dataset.index["record_id"].to_pylist()
        named = zip(records, dataset.patient_id.tolist(), strict=True)
        patients |= {record: patient for record, patient in named if not patient.startswith(_UNKNOWN_PATIENT)}
    return patients
