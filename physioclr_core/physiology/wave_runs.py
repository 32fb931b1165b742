"""From probabilities over time to waves with onset, peak and offset between samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.network_input import NETWORK_FS_HZ
from physioclr_core.physiology.networks import sigmoid

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# For P, QRS and T: shorter spans are no waves, and a shorter dip within one does not end it.
MIN_WAVE_S = (0.020, 0.030, 0.040)
MAX_DIP_S = (0.020, 0.020, 0.040)
THRESHOLD = 0.5
# Added to the logits of being inside P, QRS and T. Trained in part on soft targets, the network draws waves narrower
# than annotators do by one to five milliseconds; with these the mean error out of fold is about zero.
LOGIT_SHIFT = (0.1, 0.2, 0.2)
# The boundary's confidence is the probability that it lies within this time of where it is set.
CONFIDENCE_S = 0.010
# Wide enough that two samples of nearly the same height give nearly the same centre.
_PEAK_REACH = 8
_OUTSIDE = -30.0


@dataclass(frozen=True, slots=True, eq=False)
class WaveRuns:
    """Waves of one kind in all leads, sorted by lead and time; arrays of shape (n_runs,) or (n_runs, 3).

    Attributes
    ----------
    lead : ndarray of int64
        Row of the lead.
    time_s : ndarray of float64, shape (n_runs, 3)
        Onset, peak and offset from the first sample.
    confidence : ndarray of float32, shape (n_runs, 3)
        For a boundary the probability that it is within 10 ms, for the peak the highest probability of the wave.
    is_cut : ndarray of bool, shape (n_runs, 2)
        Whether onset or offset is only the end of the signal.
    """

    lead: IntArray
    time_s: Float64Array
    confidence: FloatArray
    is_cut: npt.NDArray[np.bool_]


def find_runs(logits: FloatArray) -> tuple[WaveRuns, WaveRuns, WaveRuns]:
    """Return P, QRS and T waves from the network's logits.

    A boundary is where the probability of being inside crosses one half (but for a small correction), interpolated
    between samples: the network is trained on marks, so this is the median of where a mark would be.

    Parameters
    ----------
    logits : ndarray of float32, shape (n_leads, 6, n_samples)
        Of being inside P, QRS and T and at the peak of each, at 250 Hz. Most samples are far from any boundary, so
        probabilities are computed only where they are needed.
    """
    n_leads, _, n_samples = logits.shape
    # A column of "outside" on both sides makes every run start and end, and keeps runs of two rows apart.
    framed = np.full((6, n_leads, n_samples + 2), _OUTSIDE, np.float32)
    framed[:, :, 1:-1] = logits.transpose(1, 0, 2)
    framed[:3] += np.array(LOGIT_SHIFT, np.float32)[:, None, None]
    inside, at_peak = framed[:3].ravel(), framed[3:].ravel()
    edges = np.flatnonzero(np.diff(inside >= 0.0))
    starts, ends = edges[::2] + 1, edges[1::2] + 1  # first inside, first outside
    row = starts // (n_samples + 2)
    onset, offset = _crossing(inside, starts - 1), _crossing(inside, ends - 1)
    is_new = np.ones(len(starts), bool)
    if len(starts) > 1:
        max_dip = (np.array(MAX_DIP_S) * NETWORK_FS_HZ)[row[1:] // n_leads]
        is_new[1:] = (row[1:] != row[:-1]) | (onset[1:] - offset[:-1] >= max_dip)
    is_last = np.append(is_new[1:], True)[: len(starts)]
    row, starts, onset, ends, offset = row[is_new], starts[is_new], onset[is_new], ends[is_last], offset[is_last]
    keep = offset - onset >= (np.array(MIN_WAVE_S) * NETWORK_FS_HZ)[row // n_leads]
    row, starts, onset, ends, offset = row[keep], starts[keep], onset[keep], ends[keep], offset[keep]
    first = row * (n_samples + 2) + 1
    is_cut = np.stack([starts == first, ends == first + n_samples], axis=1)
    onset, offset = np.where(is_cut[:, 0], starts, onset), np.where(is_cut[:, 1], ends - 1, offset)
    within = CONFIDENCE_S * NETWORK_FS_HZ
    confidence = np.zeros((len(row), 3))
    if len(row):
        confidence[:, 0] = np.where(is_cut[:, 0], 0.0, _rise(inside, onset, within))
        confidence[:, 1] = sigmoid(np.maximum.reduceat(inside, np.stack([starts, ends], axis=1).ravel())[::2])
        confidence[:, 2] = np.where(is_cut[:, 1], 0.0, -_rise(inside, offset, within))
    time_s = (np.stack([onset, _peaks(at_peak, starts, ends), offset], axis=1) - first[:, None]) / NETWORK_FS_HZ
    certain: FloatArray = np.clip(confidence, 0.0, 1.0).astype(np.float32)
    bounds = np.searchsorted(row, [0, n_leads, 2 * n_leads, 3 * n_leads])
    p, qrs, t = (
        WaveRuns(row[a:b] - wave * n_leads, time_s[a:b], certain[a:b], is_cut[a:b])
        for wave, (a, b) in enumerate(zip(bounds[:-1], bounds[1:], strict=True))
    )
    return p, qrs, t


def _crossing(flat: FloatArray, before: IntArray) -> Float64Array:
    """Return where the probability crosses the threshold between ``before`` and the sample after."""
    a, b = sigmoid(flat[before]).astype(np.float64), sigmoid(flat[before + 1]).astype(np.float64)
    crossing: Float64Array = before + (THRESHOLD - a) / (b - a)
    return crossing


def _peaks(flat: FloatArray, starts: IntArray, ends: IntArray) -> Float64Array:
    """Return the centre of the highest peak probability within each run."""
    width = int((ends - starts).max(initial=1))
    steps = np.arange(width)
    index = np.minimum(starts[:, None] + steps, (ends - 1)[:, None])
    highest = starts + np.argmax(flat[index], axis=1)
    around = np.clip(highest[:, None] + np.arange(-_PEAK_REACH, _PEAK_REACH + 1), starts[:, None], ends[:, None] - 1)
    weight = np.square(sigmoid(flat[around]).astype(np.float64)) + 1e-12
    peak: Float64Array = (around * weight).sum(axis=1) / weight.sum(axis=1)
    return peak


def _rise(flat: FloatArray, centre: Float64Array, reach: float) -> Float64Array:
    """Return how much the probability rises from ``reach`` samples before to ``reach`` after."""
    return _at(flat, centre + reach) - _at(flat, centre - reach)


def _at(flat: FloatArray, position: Float64Array) -> Float64Array:
    position = np.clip(position, 0.0, len(flat) - 1.001)
    left = position.astype(np.int64)
    part = position - left
    value: Float64Array = sigmoid(flat[left]) * (1.0 - part) + sigmoid(flat[left + 1]) * part
    return value
