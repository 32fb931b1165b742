"""What lies between beats: stretches without signal, and movement of QRS size that no beat explains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.network_input import NETWORK_FS_HZ
from physioclr_core.signal.quality import runs

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# A signal that does not move at all for this long is none.
STILL_S = 0.5
# A second is active where it moves by this share of what a typical second with a beat does.
ACTIVE = 0.5
# T waves end and P waves begin within these times of an R peak.
_AFTER_R_S, _BEFORE_R_S = 0.7, 0.3
# Where more of the active seconds than this have no beat the rhythm is too fast or too chaotic to tell beats apart.
MAX_UNEXPLAINED = 0.5
_MIN_ACTIVE_S = 3
# Flutter: the signal repeats itself this well after this time, and fewer of the repetitions than this are beats.
REPEATS, FAST_PERIOD_S = 0.8, (0.17, 0.264)
_FOUND_SHARE = 0.7
_PERIOD_WINDOW_S, _HALF_FS_HZ = 4, 125


@dataclass(frozen=True, slots=True, eq=False)
class BeatContext:
    """What surrounds the beats of a stretch of signal.

    Attributes
    ----------
    gap_starts : ndarray of int64
        Samples at which a span begins where no lead has a signal.
    second_starts : ndarray of int64, shape (n_seconds,)
        First sample of every whole second that was looked at.
    activity : ndarray of float32, shape (n_seconds,)
        Range of the signal in it, over that of a typical second; the mean over the leads.
    period_s : ndarray of float32, shape (n_seconds,)
        Period of 0.17 to 0.26 s in which the largest lead repeats itself around that second; NaN where it does not.
    """

    gap_starts: IntArray
    second_starts: IntArray
    activity: FloatArray
    period_s: FloatArray


def dead_samples(signal_mv: FloatArray, is_finite: BoolArray, fs_hz: float) -> BoolArray:
    """Return where none of the leads has a value, or none moves for half a second."""
    is_dead: BoolArray = np.logical_not(is_finite.any(axis=0))
    if signal_mv.shape[1] > 1:
        moves = signal_mv[:, 1:] != signal_mv[:, :-1]
        moves &= is_finite[:, 1:] & is_finite[:, :-1]
        starts, ends = runs(~moves.any(axis=0))
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            if end - start >= STILL_S * fs_hz:
                is_dead[start + 1 : end] = True
    return is_dead


def context_of_block(
    is_dead: BoolArray,
    scaled: FloatArray,
    largest_mv: FloatArray,
    fs_hz: float,
    block_start: int,
    core: tuple[int, int],
) -> BeatContext:
    """Return the context of a block's core.

    Parameters
    ----------
    is_dead : ndarray of bool, shape (n_samples,)
    scaled : ndarray of float32, shape (n_leads, n_samples at 250 Hz)
        Leads over the range of a typical second; none where no lead has a signal.
    largest_mv : ndarray of float32, shape (n_leads,)
        Size of each of these leads.
    fs_hz : float
    block_start : int
    core : tuple of int
        First sample and the one after the last.
    """
    first, last = core[0] - block_start, core[1] - block_start
    gap_starts = block_start + first + runs(is_dead[first:last])[0]
    n_seconds = int((last - first) / fs_hz) if len(scaled) else 0
    start_250 = round(first * NETWORK_FS_HZ / fs_hz)
    width = round(NETWORK_FS_HZ)
    n_seconds = min(n_seconds, (scaled.shape[1] - start_250) // width if len(scaled) else 0)
    part = scaled[:, start_250 : start_250 + n_seconds * width].reshape(len(scaled), n_seconds, width)
    activity = np.ptp(part, axis=2).mean(axis=0) if n_seconds else np.zeros(0, np.float32)
    second_starts = core[0] + np.round(np.arange(n_seconds) * fs_hz).astype(np.int64)
    lead = part[int(np.argmax(largest_mv))].reshape(-1) if n_seconds else np.zeros(0, np.float32)
    return BeatContext(gap_starts, second_starts, activity.astype(np.float32), _periods_s(lead, n_seconds))


def _periods_s(lead: FloatArray, n_seconds: int) -> FloatArray:
    """Return the fast period of every second of one lead at 250 Hz, looked for in windows of some seconds."""
    period_s = np.full(n_seconds, np.nan, np.float32)
    half = lead[::2]
    from scipy import fft

    shortest, longest = (round(t * _HALF_FS_HZ) for t in FAST_PERIOD_S)
    width = _PERIOD_WINDOW_S * _HALF_FS_HZ
    n_windows = len(half) // width
    if not n_windows:
        return period_s
    windows = half[: n_windows * width].reshape(n_windows, width)
    windows = windows - windows.mean(axis=1, keepdims=True)
    spectrum = fft.rfft(windows, 2 * width)
    likeness = fft.irfft(np.square(spectrum.real) + np.square(spectrum.imag))[:, :longest]
    likeness *= width / (width - np.arange(longest)) / np.maximum(likeness[:, :1], 1e-9)
    # A slow wave is like itself at any small shift; one that repeats itself is unlike itself in between.
    columns = np.arange(n_windows)
    lags = shortest + np.argmax(likeness[:, shortest:], axis=1)
    is_fast = (likeness[columns, lags] >= REPEATS) & (likeness[columns, lags // 2] < 0.5 * REPEATS)
    found = np.where(is_fast, lags / _HALF_FS_HZ, np.nan)
    period_s[: n_windows * _PERIOD_WINDOW_S] = np.repeat(found, _PERIOD_WINDOW_S)
    return period_s


def joined_contexts(parts: Sequence[BeatContext]) -> BeatContext:
    """Return the context of consecutive stretches."""
    none = np.zeros(0, np.int64)
    return BeatContext(
        np.concatenate([none, *(part.gap_starts for part in parts)]),
        np.concatenate([none, *(part.second_starts for part in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(part.activity for part in parts)]),
        np.concatenate([np.zeros(0, np.float32), *(part.period_s for part in parts)]),
    )


def unexplained_seconds(context: BeatContext, r_samples: IntArray, fs_hz: float) -> BoolArray:
    """Return which seconds move like one with a beat although no beat is near."""
    is_active: BoolArray = context.activity >= ACTIVE
    if not len(r_samples):
        return is_active
    before = r_samples[np.maximum(np.searchsorted(r_samples, context.second_starts, "right") - 1, 0)]
    ends = context.second_starts + fs_hz
    following = np.append(r_samples, np.iinfo(np.int64).max)[np.searchsorted(r_samples, context.second_starts, "right")]
    is_after = (before > context.second_starts) | (context.second_starts - before >= _AFTER_R_S * fs_hz)
    is_lone = is_active & is_after & (following - ends >= _BEFORE_R_S * fs_hz)
    # A rhythm faster than its beats were found.
    n_beats = np.diff(np.searchsorted(r_samples, [context.second_starts, ends]), axis=0)[0]
    return np.asarray(is_lone | (_smoothed(n_beats * context.period_s) < _FOUND_SHARE))


def _smoothed(share: FloatArray) -> FloatArray:
    """Return the mean over three seconds: beats fall into whole seconds unevenly."""
    if len(share) < 3:
        return share
    smooth = share.copy()
    smooth[1:-1] = (share[:-2] + share[1:-1] + share[2:]) / 3
    smooth[0], smooth[-1] = smooth[1], smooth[-2]
    return smooth


def is_chaotic(context: BeatContext, r_samples: IntArray, fs_hz: float) -> bool:
    """Return whether most of what moves is not explained by beats, as in ventricular flutter."""
    n_active = int(np.count_nonzero(context.activity >= ACTIVE))
    n_unexplained = int(np.count_nonzero(unexplained_seconds(context, r_samples, fs_hz)))
    return n_active >= _MIN_ACTIVE_S and n_unexplained > MAX_UNEXPLAINED * n_active


def follow_without_break(context: BeatContext, r_samples: IntArray, fs_hz: float) -> BoolArray:
    """Return for each beat whether the interval before it is an RR interval.

    It is none across a gap, across a second whose movement no beat explains, and for the first beat.
    """
    follows = np.zeros(len(r_samples), bool)
    breaks = np.sort(
        np.concatenate([context.gap_starts, context.second_starts[unexplained_seconds(context, r_samples, fs_hz)]])
    )
    follows[1:] = np.diff(np.searchsorted(breaks, r_samples)) == 0
    return follows
