"""LUDB's human marks as a delineation, so that what is measured from marks can be tested without finding them.

LUDB scales every lead to a range of 1 mV: its times can be tested, its amplitudes and axes mean nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from synthetic_ecg import beats_of, delineation_of

from physioclr_core.data.ludb import MarkedRecord
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.marks import FIDUCIALS, QRS, Delineation, P, T

# QRS marks of two leads this close are one beat; a P ends and a T begins within these spans around it.
_SAME_BEAT_S = 0.1
_P_BEFORE_S = 0.35
_T_AFTER_S = 0.65


def delineation_of_marks(record: MarkedRecord) -> Delineation:
    """Return the marks of all leads, for the beats whose QRS is marked in more than half of them."""
    peaks_s = np.sort(np.concatenate([waves[waves[:, 0] == QRS, 2] for waves in record.waves_s]))
    groups = np.split(peaks_s, np.flatnonzero(np.diff(peaks_s) > _SAME_BEAT_S) + 1)
    r_s = np.array([np.median(group) for group in groups if len(group) > len(record.waves_s) / 2])
    lead_s = np.full((len(record.waves_s), len(r_s), len(FIDUCIALS)), np.nan)
    for lead, waves in enumerate(record.waves_s):
        for row in waves:
            beat = _beat_of(row, r_s)
            if beat is not None:
                column = 3 * int(row[0])
                lead_s[lead, beat, column : column + 3] = row[1:]
    beats = beats_of(r_s, record.fs_hz, record.signal_mv.shape[1])
    return delineation_of(beats, STANDARD_LEADS, lead_s)


def _beat_of(wave: npt.NDArray[np.float64], r_s: npt.NDArray[np.float64]) -> int | None:
    """Return the beat that a wave belongs to: T the last before it, P the next after it."""
    kind, peak_s = int(wave[0]), float(wave[2])
    if kind == QRS:
        candidates = np.flatnonzero(np.abs(r_s - peak_s) <= _SAME_BEAT_S)
    elif kind == P:
        candidates = np.flatnonzero((r_s > peak_s) & (r_s - peak_s <= _P_BEFORE_S))[:1]
    else:
        assert kind == T
        candidates = np.flatnonzero((r_s < peak_s) & (peak_s - r_s <= _T_AFTER_S))[-1:]
    return int(candidates[0]) if len(candidates) else None
