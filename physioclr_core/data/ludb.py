"""LUDB: cardiologists' marks of P, QRS and T in each of twelve leads, as arrays.

Kalyakulina et al., IEEE Access 8:186181 (2020). Only the beats in the middle of a record are marked, so what lies
before a lead's first mark or after its last is unknown, not empty.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record

WAVE_SYMBOLS = {"p": 0, "N": 1, "t": 2}
FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class MarkedRecord:
    """One record with the marks of every lead.

    Attributes
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
    waves_s : tuple of ndarray of float64, shape (n_waves, 4), one for each lead
        Columns: wave (0 P, 1 QRS, 2 T), onset, peak, offset in seconds; NaN where a boundary is not marked.
    span_s : ndarray of float64, shape (n_leads, 2)
        First and last mark of each lead; nothing is known outside.
    """

    name: str
    signal_mv: npt.NDArray[np.float32]
    fs_hz: float
    waves_s: tuple[npt.NDArray[np.float64], ...]
    span_s: npt.NDArray[np.float64]


def load_ludb(folder: Path) -> list[MarkedRecord]:
    """Load all records of a LUDB folder, in the order of their numbers.

    Raises
    ------
    UserFacingError
        If there is no record, or one lacks a standard lead or its marks.
    """
    headers = sorted(folder.glob("*.hea"), key=lambda path: int(path.stem))
    if not headers:
        raise UserFacingError(f"{folder}: no LUDB records here (expected 1.hea, 1.dat, 1.i ... 1.v6).")
    return [_load(header) for header in headers]


def ludb_sha256(records: list[MarkedRecord]) -> str:
    """Return a hash of samples and marks."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(record.name.encode() + record.signal_mv.tobytes())
        digest.update(b"".join(waves.tobytes() for waves in record.waves_s))
    return digest.hexdigest()


def fold_of(name: str) -> int:
    """Return the cross-validation fold of a record: its number modulo five (each LUDB record is another patient)."""
    return int(name) % FOLDS


def _load(header: Path) -> MarkedRecord:
    import wfdb

    record = read_record(header)
    missing = [lead for lead in STANDARD_LEADS if lead not in record.lead_names]
    if missing:
        raise UserFacingError(f"{header}: lead {missing[0]} is missing.")
    waves = []
    for lead in STANDARD_LEADS:
        if not header.with_suffix(f".{lead.lower()}").is_file():
            raise UserFacingError(f"{header}: the marks of lead {lead} are missing.")
        marks = wfdb.rdann(str(header.with_suffix("")), lead.lower())
        waves.append(parse_marks(list(marks.symbol), np.asarray(marks.sample) / record.fs_hz))
    edges = [w[:, 1:][np.isfinite(w[:, 1:])] for w in waves]
    return MarkedRecord(
        name=record.name,
        signal_mv=np.stack([record.lead_mv(lead) for lead in STANDARD_LEADS]),
        fs_hz=record.fs_hz,
        waves_s=tuple(waves),
        span_s=np.array([(e.min(), e.max()) if len(e) else (np.inf, -np.inf) for e in edges]),
    )


def parse_marks(symbols: list[str], times_s: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the waves of one lead from its marks.

    "(" before a wave's symbol is its onset, ")" after it its offset. Where a wave begins at its peak LUDB stores the
    peak alone, which then is the onset too, or the onset just after the peak.

    Parameters
    ----------
    symbols : list of str
    times_s : ndarray of float64, shape (n_marks,)

    Returns
    -------
    ndarray of float64, shape (n_waves, 4)
        Wave, onset, peak, offset.
    """
    padded = ["", *symbols, "", ""]
    waves = []
    for index, time_s in enumerate(times_s.tolist()):
        before, symbol, after, second = padded[index : index + 4]
        if symbol not in WAVE_SYMBOLS:
            continue
        onset = times_s[index - 1] if before == "(" else time_s if before in (")", "") else np.nan
        late = after == "(" and second == ")"
        offset = times_s[index + 1 + late] if after == ")" or late else np.nan
        waves.append((WAVE_SYMBOLS[symbol], onset, time_s, offset))
    return np.array(waves, np.float64).reshape(-1, 4)
