"""The reference library: real ECGs with embeddings, searched by cosine distance."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import LibraryError
from physioclr_core.files import sha256_of
from physioclr_core.library.codec import unpack_record
from physioclr_core.paths import assets_dir

FloatArray = npt.NDArray[np.float32]

SCHEMA = 1
MANIFEST_NAME = "library.json"
RECORDS_NAME = "records.csv"
EMBEDDINGS_NAME = "embeddings.npy"
WAVEFORMS_NAME = "waveforms.bin"
# Different ECGs of PTB-XL reach 0.7; the same one at 500 Hz, brought to 100 Hz by another resampler, stays over 0.99.
SAME_SIGNAL_CORRELATION = 0.95
# Resamplers differ at the ends of a record, in PTB-XL's own 100 Hz files by over 1 mV.
_END_SAMPLES = 20
# The library holds one record of a patient, so few neighbours can be left out.
_SPARE = 10
_MAX_RECENT = 64
_PTBXL_PATIENT = re.compile(r"ptbxl:([0-9]{1,9})")
_PTBXL_NAMES = (re.compile(r"(\d{5})_[lh]r"), re.compile(r"HR(\d{5})"))


@dataclass(frozen=True, slots=True)
class LibraryEntry:
    """One ECG of the library; ``other_ecg_ids`` are the same patient's records in PTB-XL."""

    entry: int
    ecg_id: int
    patient_id: int
    age_years: float | None
    over_89: bool
    sex: str | None
    fold: int
    statements: tuple[str, ...]
    other_ecg_ids: tuple[int, ...]

    @property
    def record(self) -> str:
        """Name of the record for a reader."""
        return f"PTB-XL {self.ecg_id:05d}"


@dataclass(frozen=True, slots=True)
class Match:
    """A neighbour and its cosine distance (0 the same direction, 1 unrelated, 2 opposite)."""

    entry: LibraryEntry
    distance: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The nearest entries, what was left out in words, and whether the nearest is near at all."""

    matches: tuple[Match, ...]
    left_out: tuple[str, ...]
    is_close: bool
    limit_distance: float


class ReferenceLibrary:
    """A library folder, opened.

    Parameters
    ----------
    folder : Path, optional
        The shipped library by default.

    Raises
    ------
    LibraryError
        If a file is missing, damaged, or of another schema.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = assets_dir() / "library" if folder is None else folder
        self.manifest = _load_manifest(self.folder)
        self.fingerprint: str = self.manifest["fingerprint"]
        self.limit_distance: float = self.manifest["limit_distance"]
        self.fs_hz: float = self.manifest["fs_hz"]
        self.n_samples: int = self.manifest["n_samples"]
        self.adu_per_mv: float = self.manifest["adu_per_mv"]
        self.entries, self._offsets = _load_records(self.folder / RECORDS_NAME)
        self.embeddings: FloatArray = unit(np.load(self.folder / EMBEDDINGS_NAME, allow_pickle=False))
        if len(self.embeddings) != len(self.entries):
            raise LibraryError(f"{self.folder}: {len(self.embeddings)} embeddings for {len(self.entries)} records.")
        self._index: Any = None
        self._recent: dict[int, FloatArray] = {}

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def attribution(self) -> str:
        """Whose recordings these are, with the licence."""
        return str(self.manifest["attribution"])

    def search(
        self,
        embedding: FloatArray,
        fingerprint: str,
        k: int,
        signal_mv: FloatArray | None = None,
        record: str = "",
        patient_id: str | None = None,
        exclude_same: bool = True,
    ) -> SearchResult:
        """Return the ``k`` nearest entries.

        Parameters
        ----------
        embedding : ndarray of float32, shape (embedding_size,)
        fingerprint : str
            Of the model that made the embedding.
        k : int
        signal_mv : ndarray of float32, shape (12, n_samples), optional
            The query's first window at the library's rate, in the standard order, NaN in gaps: an entry with the same
            signal is recognised by correlation.
        record, patient_id : str
            Name of the query's record, and its patient where known ("ptbxl:123" in PTB-XL).
        exclude_same : bool
            Leave out the same signal and the same patient.

        Raises
        ------
        LibraryError
            If the fingerprint is not the library's: distances between different models' embeddings mean nothing.
        """
        if fingerprint != self.fingerprint:
            raise LibraryError(
                f"{self.folder}: the library was made with model {self.fingerprint[:8]}, not {fingerprint[:8]}; "
                "rebuild it for this model."
            )
        query = unit(embedding[None].astype(np.float32))
        n_asked = min(len(self), k + _SPARE)
        similarity, found = self._faiss_index().search(query, n_asked)
        candidates = [(self.entries[i], 1.0 - float(s)) for i, s in zip(found[0], similarity[0], strict=True) if i >= 0]
        left_out: list[str] = []
        if exclude_same:
            candidates, left_out = self._without_same(candidates, k, signal_mv, record, patient_id)
        matches = tuple(Match(entry, max(0.0, distance)) for entry, distance in candidates[:k])
        is_close = bool(matches) and matches[0].distance <= self.limit_distance
        return SearchResult(matches, tuple(left_out), is_close, self.limit_distance)

    def signal_mv(self, entry: int) -> FloatArray:
        """Return the waveform of an entry, shape (12, n_samples), standard order; read-only.

        Raises
        ------
        LibraryError
            If there is no such entry, or the stored waveform is damaged.
        """
        if not 0 <= entry < len(self):
            raise LibraryError(f"{self.folder}: there is no entry {entry}; the library has {len(self)}.")
        # The same neighbours are unpacked to compare, to draw small and to open: 1 ms each.
        if entry not in self._recent:
            if len(self._recent) >= _MAX_RECENT:
                self._recent.pop(next(iter(self._recent)))
            self._recent[entry] = self._unpacked_mv(entry)
        return self._recent[entry]

    def _unpacked_mv(self, entry: int) -> FloatArray:
        start, end = self._offsets[entry]
        try:
            with (self.folder / WAVEFORMS_NAME).open("rb") as file:
                file.seek(start)
                signal_adu = unpack_record(file.read(end - start), self.n_samples)
        except (OSError, ValueError) as error:
            raise LibraryError(f"{self.folder / WAVEFORMS_NAME}: entry {entry} cannot be read ({error}).") from None
        signal_mv: FloatArray = signal_adu.astype(np.float32) / np.float32(self.adu_per_mv)
        signal_mv.setflags(write=False)
        return signal_mv

    def _faiss_index(self) -> Any:
        if self._index is None:
            import faiss

            self._index = faiss.IndexFlatIP(self.embeddings.shape[1])
            self._index.add(self.embeddings)
        return self._index

    def _without_same(
        self,
        candidates: list[tuple[LibraryEntry, float]],
        k: int,
        signal_mv: FloatArray | None,
        record: str,
        patient_id: str | None,
    ) -> tuple[list[tuple[LibraryEntry, float]], list[str]]:
        patients: set[int] = set()
        if patient_id is None:
            patients = self._patients_of_name(record)
        elif match := _PTBXL_PATIENT.fullmatch(patient_id):
            patients.add(int(match[1]))
        left_out: list[str] = []
        kept: list[tuple[LibraryEntry, float]] = []
        for entry, distance in candidates:
            # Only those that would be shown are unpacked: 1 ms each.
            if len(kept) == k:
                break
            if signal_mv is not None and is_same_signal(signal_mv, self.signal_mv(entry.entry)):
                left_out.append(f"{entry.record}: the same signal")
                patients.add(entry.patient_id)
            elif entry.patient_id in patients:
                left_out.append(f"{entry.record}: the same patient")
            else:
                kept.append((entry, distance))
        return kept, left_out

    def _patients_of_name(self, record: str) -> set[int]:
        """Return the patient whose PTB-XL record has this name: a recording kept apart from its database."""
        for pattern in _PTBXL_NAMES:
            match = pattern.fullmatch(record)
            if match:
                ecg_id = int(match[1])
                return {e.patient_id for e in self.entries if ecg_id == e.ecg_id or ecg_id in e.other_ecg_ids}
        return set()


def unit(embeddings: npt.NDArray[np.floating]) -> FloatArray:
    """Return the rows scaled to length 1, as float32."""
    rows: FloatArray = np.ascontiguousarray(embeddings, np.float32)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return rows


def is_same_signal(a_mv: FloatArray, b_mv: FloatArray) -> bool:
    """Tell whether two 12-lead signals are one recording, at whatever amplitude resolution or filter.

    Parameters
    ----------
    a_mv, b_mv : ndarray of float32, shape (12, n_samples)
        At one rate; the shorter length is compared, without its ends and without gaps (NaN).
    """
    n = min(a_mv.shape[1], b_mv.shape[1])
    a, b = a_mv[:, _END_SAMPLES : n - _END_SAMPLES], b_mv[:, _END_SAMPLES : n - _END_SAMPLES]
    is_valid = (np.isfinite(a) & np.isfinite(b)).all(axis=0)
    if not is_valid.any():
        return False
    a, b = a[:, is_valid], b[:, is_valid]
    a = a - a.mean(axis=1, keepdims=True)
    b = b - b.mean(axis=1, keepdims=True)
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return norm > 0 and float((a * b).sum()) / norm >= SAME_SIGNAL_CORRELATION


def _load_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST_NAME
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if manifest["schema"] != SCHEMA:
            raise LibraryError(f"{path}: library schema {manifest['schema']}, this version reads schema {SCHEMA}.")
        for name in (RECORDS_NAME, EMBEDDINGS_NAME, WAVEFORMS_NAME):
            if sha256_of(folder / name) != manifest["sha256"][name]:
                raise LibraryError(f"{folder / name}: its hash is not the one in {MANIFEST_NAME}; the file is damaged.")
        for key in ("fingerprint", "limit_distance", "fs_hz", "n_samples", "adu_per_mv", "attribution"):
            manifest[key]
    except FileNotFoundError as error:
        raise LibraryError(f"{error.filename}: this file of the reference library is missing.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LibraryError(f"{path}: cannot be read as a library manifest ({error}).") from None
    return manifest


def _load_records(path: Path) -> tuple[tuple[LibraryEntry, ...], list[tuple[int, int]]]:
    entries, offsets, start = [], [], 0
    with path.open(newline="", encoding="utf-8") as lines:
        for index, row in enumerate(csv.DictReader(lines)):
            entries.append(
                LibraryEntry(
                    entry=index,
                    ecg_id=int(row["ecg_id"]),
                    patient_id=int(row["patient_id"]),
                    age_years=float(row["age_years"]) if row["age_years"] else None,
                    over_89=row["over_89"] == "1",
                    sex=row["sex"] or None,
                    fold=int(row["fold"]),
                    statements=tuple(row["statements"].split()),
                    other_ecg_ids=tuple(int(i) for i in row["other_ecg_ids"].split()),
                )
            )
            offsets.append((start, start + int(row["n_bytes"])))
            start += int(row["n_bytes"])
    return tuple(entries), offsets
