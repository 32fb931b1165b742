"""Whether a record's P waves can be believed as a whole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.beat_classes import IRREGULAR
from physioclr_core.physiology.marks import BeatClass, Beats, Delineation, P, WaveState

# Fewer beats than this say nothing about a rhythm.
MIN_BEATS = 4
# In an irregular rhythm P waves are believed from this share of beats on; in a regular one from that.
SHARE_IRREGULAR = 0.6
SHARE_REGULAR = 0.2
IRREGULAR_RHYTHM = "irregular rhythm"
_MINUTE_S = 60.0


def p_wave_objections(delineation: Delineation) -> tuple[npt.NDArray[np.bool_], str]:
    """Return the beats whose P waves are not to be reported, and why.

    In atrial fibrillation single fibrillatory waves look like P waves. A rhythm without pattern in which most beats
    have no P wave has none at all; nor has a regular rhythm in which hardly a beat has one. Premature and ventricular
    beats do not count, nor the intervals beside them: they neither have P waves in front nor keep the rhythm.

    Parameters
    ----------
    delineation : Delineation
        As found. Long records are judged minute by minute, since a rhythm comes and goes.

    Returns
    -------
    objected : ndarray of bool, shape (n_beats,)
    reason : str
        Empty where no beat is objected to.
    """
    beats = delineation.beats
    objected = np.zeros(len(beats), bool)
    if not (delineation.lead_state[:, :, P] == WaveState.PRESENT).any():
        return objected, ""
    minute = _minutes(beats)
    reasons = []
    for number in np.unique(minute):
        rows = np.flatnonzero(minute == number)
        known, present = _known_and_present(delineation, rows)
        if known < MIN_BEATS:
            continue
        counts = f"P-like waves before {present} of {known} beats only"
        if is_irregular(beats, rows) and present < SHARE_IRREGULAR * known:
            objected[rows] = True
            reasons.append(f"{IRREGULAR_RHYTHM} with {counts}")
        elif present < SHARE_REGULAR * known:
            objected[rows] = True
            reasons.append(counts)
    n_minutes = len(np.unique(minute))
    if n_minutes > 1 and reasons:
        return objected, f"{reasons[0]}, and so on in {len(reasons)} of {n_minutes} minutes"
    return objected, reasons[0] if reasons else ""


def fibrillating_beats(delineation: Delineation) -> npt.NDArray[np.bool_]:
    """Return the beats in an irregular rhythm in which most have no P wave: none of them is premature."""
    beats = delineation.beats
    fibrillating = np.zeros(len(beats), bool)
    minute = _minutes(beats)
    for number in np.unique(minute):
        rows = np.flatnonzero(minute == number)
        known, present = _known_and_present(delineation, rows)
        if known >= MIN_BEATS and present < SHARE_IRREGULAR * known and is_irregular(beats, rows):
            fibrillating[rows] = True
    return fibrillating


def _minutes(beats: Beats) -> npt.NDArray[np.int64]:
    """Return the minute of each beat; a record of up to two is judged as one."""
    if beats.n_samples <= 2 * _MINUTE_S * beats.fs_hz:
        return np.zeros(len(beats), np.int64)
    return np.asarray(beats.r_samples // round(_MINUTE_S * beats.fs_hz))


def _known_and_present(delineation: Delineation, rows: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Return of how many dominant beats it is known whether they have a P wave, and how many have."""
    is_dominant = delineation.beats.classes[rows] == BeatClass.DOMINANT
    states = delineation.global_state[rows[is_dominant] if is_dominant.sum() >= MIN_BEATS else rows, P]
    return int((states != WaveState.NOT_MEASURABLE).sum()), int((states == WaveState.PRESENT).sum())


def is_irregular(beats: Beats, rows: npt.NDArray[np.int64]) -> bool:
    """Return whether RR intervals vary from beat to beat throughout, those beside ventricular beats left out."""
    is_other = beats.classes == BeatClass.VENTRICULAR
    beside = is_other.copy()
    beside[1:] |= is_other[:-1]
    rr_s = np.where(beside, np.nan, beats.rr_s)[rows]
    steps = np.abs(np.diff(rr_s))
    steps = steps[np.isfinite(steps)]
    return len(steps) > 1 and bool(np.median(steps) > IRREGULAR * np.nanmedian(rr_s))
