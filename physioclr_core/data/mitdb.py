"""MIT-BIH Arrhythmia: signals with the annotated beats.

Moody and Mark, IEEE Eng Med Biol Mag 20(3):45-50 (2001).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError
from physioclr_core.readers import read_record

# Annotation codes of beats (WFDB Programmer's Guide, "Annotation codes").
BEAT_CODES = frozenset("NLRBAaJSVrFejnE/fQ?")
# Waves of ventricular flutter: marked one by one, and ventricular beats to anyone who counts the rate.
FLUTTER_WAVE = "!"


@dataclass(frozen=True, slots=True, eq=False)
class BeatRecord:
    """One record with its beats.

    Attributes
    ----------
    beats_s : ndarray of float64, shape (n_beats,)
    codes : tuple of str
        WFDB's code of each beat.
    unknown_s : tuple of tuple of float
        (start, end) in which beats are not marked: flutter without marks of its waves, or outside the marked part.
    """

    name: str
    signal_mv: npt.NDArray[np.float32]
    fs_hz: float
    beats_s: npt.NDArray[np.float64]
    codes: tuple[str, ...]
    unknown_s: tuple[tuple[float, float], ...]


def load_mitdb(folder: Path) -> list[BeatRecord]:
    """Load all records of a folder with ``.atr`` annotations, in the order of their names.

    Raises
    ------
    UserFacingError
        If there is none.
    """
    import wfdb

    records = []
    for marks_file in sorted(folder.glob("*.atr")):
        stem = marks_file.with_suffix("")
        record = read_record(stem.with_suffix(".hea"))
        marks = wfdb.rdann(str(stem), "atr")
        times_s = np.asarray(marks.sample) / record.fs_hz
        codes = np.array(marks.symbol)
        starts, ends = times_s[codes == "["], times_s[codes == "]"]
        is_beat = np.isin(codes, [*BEAT_CODES, FLUTTER_WAVE])
        waves_s = times_s[codes == FLUTTER_WAVE]
        spans = [(start, min(ends[ends > start], default=record.duration_s)) for start in starts.tolist()]
        records.append(
            BeatRecord(
                name=record.name,
                signal_mv=record.signal_mv,
                fs_hz=record.fs_hz,
                beats_s=times_s[is_beat],
                codes=tuple(codes[is_beat].tolist()),
                unknown_s=tuple(
                    (start, end) for start, end in spans if not ((waves_s >= start) & (waves_s <= end)).any()
                ),
            )
        )
    if not records:
        raise UserFacingError(f"{folder}: no records with .atr annotations here.")
    return records


def beats_sha256(records: list[BeatRecord]) -> str:
    """Return a hash of samples and beats."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(record.name.encode() + record.signal_mv.tobytes() + record.beats_s.tobytes())
    return digest.hexdigest()
