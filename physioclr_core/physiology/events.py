"""What a reader of a long recording wants to be led to: pauses, runs, irregular stretches; and the rate by the minute.

Shapes and intervals only: a wide run is a run of beats of another, broader shape, an irregular stretch is one of RR
intervals. What they mean is for the reader, who is one key away from the tracing.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.atrial import is_irregular
from physioclr_core.physiology.marks import BeatClass, Beats
from physioclr_core.recordings.day import MINUTE_S, RhythmEvent

PAUSE_S = 2.0
# Beats in a row.
RUN, PAIR = 3, 2
# A minute has a rate where RR intervals cover this much of it.
LEAST_COVERED_S = 15.0
MIN_CONFIDENCE = 0.6
# A minute of fewer beats says nothing of regularity.
MIN_BEATS_A_MINUTE = 20
_NAMES = {BeatClass.VENTRICULAR: "wide", BeatClass.SUPRAVENTRICULAR: "early narrow"}


def minute_rates_bpm(
    r_samples: npt.NDArray[np.int64],
    follows: npt.NDArray[np.bool_],
    fs_hz: float,
    n_samples: int,
    confidence: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Return the mean ventricular rate of each minute: 60 over the mean of the RR intervals that end in it.

    Parameters
    ----------
    r_samples : ndarray of int64, shape (n_beats,)
    follows : ndarray of bool, shape (n_beats,)
        Whether the interval before a beat is an RR interval.
    fs_hz : float
    n_samples : int
        Length of the recording; a last minute that is not whole counts too.
    confidence : ndarray of float32, shape (n_beats,), optional
        Minutes whose beats are uncertain have no rate.

    Returns
    -------
    ndarray of float32, shape (n_minutes,)
        NaN where RR intervals cover less than 15 s of the minute, or of its part that was recorded.
    """
    n_minutes = max(1, int(np.ceil(n_samples / (MINUTE_S * fs_hz))))
    rates_bpm = np.full(n_minutes, np.nan, np.float32)
    if len(r_samples) < 2:
        return rates_bpm
    rr_s = np.diff(r_samples) / fs_hz
    minute = (r_samples[1:] / (MINUTE_S * fs_hz)).astype(np.int64).clip(0, n_minutes - 1)
    is_rr = follows[1:]
    total_s = np.bincount(minute[is_rr], rr_s[is_rr], n_minutes)
    count = np.bincount(minute[is_rr], minlength=n_minutes)
    length_s = np.full(n_minutes, MINUTE_S)
    length_s[-1] = max(1.0, n_samples / fs_hz - MINUTE_S * (n_minutes - 1))
    is_known = (total_s >= np.minimum(LEAST_COVERED_S, 0.5 * length_s)) & (count > 0)
    if confidence is not None:
        mean_confidence = np.bincount(minute, confidence[1:], n_minutes) / np.maximum(
            np.bincount(minute, minlength=n_minutes), 1
        )
        is_known &= mean_confidence >= MIN_CONFIDENCE
    rates_bpm[is_known] = 60.0 * count[is_known] / total_s[is_known]
    return rates_bpm


def rhythm_events(beats: Beats) -> list[RhythmEvent]:
    """Return pauses, runs, pairs and single beats of another class, and irregular stretches, in order of time."""
    found = [*_pauses(beats), *_irregular(beats)]
    for beat_class in (BeatClass.VENTRICULAR, BeatClass.SUPRAVENTRICULAR):
        found += _runs(beats, beat_class)
    return sorted(found, key=lambda event: event.start_s)


def _pauses(beats: Beats) -> Iterable[RhythmEvent]:
    rr_s, r_s = beats.rr_s, beats.r_s
    for row in np.flatnonzero(rr_s > PAUSE_S).tolist():
        yield RhythmEvent("pause", float(r_s[row - 1]), float(rr_s[row]), f"RR {rr_s[row]:.1f} s")


def _runs(beats: Beats, beat_class: BeatClass) -> Iterable[RhythmEvent]:
    """Yield stretches of one class; a beat after a gap begins a new one."""
    is_member = beats.classes == beat_class
    breaks = np.flatnonzero(~(is_member[1:] & is_member[:-1] & beats.follows[1:])) + 1
    bounds = np.concatenate(([0], breaks, [len(beats)])).tolist()
    r_s, name = beats.r_s, _NAMES[beat_class]
    for first, stop in pairwise(bounds):
        n = stop - first
        if n == 0 or not is_member[first]:
            continue
        start_s, end_s = float(r_s[first]), float(r_s[stop - 1])
        if n >= RUN:
            detail = f"{n} beats, {60 * (n - 1) / max(end_s - start_s, 1e-3):.0f}/min"
            yield RhythmEvent(f"{name} run", start_s, end_s - start_s, detail)
        elif n == PAIR:
            yield RhythmEvent(f"{name} pair", start_s, end_s - start_s, f"RR {end_s - start_s:.2f} s")
        else:
            yield RhythmEvent(f"single {name} beat", start_s, 0.0)


def _irregular(beats: Beats) -> Iterable[RhythmEvent]:
    """Yield stretches of whole minutes in which RR intervals vary from beat to beat."""
    if len(beats) < MIN_BEATS_A_MINUTE:
        return
    minute = (beats.r_s / MINUTE_S).astype(np.int64)
    starts = np.searchsorted(minute, np.arange(minute[-1] + 2))
    flags = [
        stop - first >= MIN_BEATS_A_MINUTE and is_irregular(beats, np.arange(first, stop))
        for first, stop in pairwise(starts.tolist())
    ]
    edges = np.flatnonzero(np.diff(np.array([False, *flags, False]).astype(np.int8))).reshape(-1, 2).tolist()
    for first, stop in edges:
        detail = "RR varies from beat to beat; P waves were not looked at"
        end_s = min(stop * MINUTE_S, beats.n_samples / beats.fs_hz)
        yield RhythmEvent("irregular RR", first * MINUTE_S, end_s - first * MINUTE_S, detail)
