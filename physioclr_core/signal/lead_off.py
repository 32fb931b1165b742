"""Where a lead is off: stretches without values, or in which nothing moves."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from physioclr_core.signal.quality import runs

FloatArray = npt.NDArray[np.float32]
Spans = list[tuple[int, int]]

# Lead off: nothing moves. In 6,000 leads of seven public sets no lead with a signal stayed within 4 uV for 0.5 s or
# within 10 uV for 1 s; a lead that is off often carries a few units of noise.
LEAD_OFF_S, LEAD_OFF_RANGE_MV = 0.5, 0.004
NOISY_LEAD_OFF_S, NOISY_LEAD_OFF_RANGE_MV = 1.0, 0.01
_OFF_STEP_S = 0.1


def off_spans(signal_mv: FloatArray, fs_hz: float) -> list[Spans]:
    """Find the stretches in which each lead is without values or at one level, railed or not.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap.
    fs_hz : float

    Returns
    -------
    list of list of tuple of int
        For each lead the first sample and the sample after the last of every span, in order. A span lasts
        ``LEAD_OFF_S`` at least; where the level moves by more than ``LEAD_OFF_RANGE_MV``, but by less than
        ``NOISY_LEAD_OFF_RANGE_MV``, ``NOISY_LEAD_OFF_S``.

    Notes
    -----
    In asystole all leads look so: a lead that is off cannot be told from a heart that stands still by that lead alone.
    """
    n_leads, n_samples = signal_mv.shape
    spans: list[Spans] = [[] for _ in range(n_leads)]
    step = max(1, round(_OFF_STEP_S * fs_hz))
    if not n_leads or n_samples < LEAD_OFF_S * fs_hz:
        return spans
    starts = np.arange(0, n_samples, step)
    highest, lowest = np.maximum.reduceat(signal_mv, starts, axis=1), np.minimum.reduceat(signal_mv, starts, axis=1)
    for seconds, range_mv in ((LEAD_OFF_S, LEAD_OFF_RANGE_MV), (NOISY_LEAD_OFF_S, NOISY_LEAD_OFF_RANGE_MV)):
        # A span that long holds so many whole steps wherever it starts. Hardly any lead has them.
        n_steps = max(1, math.ceil(seconds * fs_hz / step) - 1)
        is_still = _still_from(highest, lowest, n_steps, range_mv)
        for row in np.flatnonzero(is_still.any(axis=1)).tolist():
            spans[row] += _still_spans(signal_mv[row], is_still[row], n_steps, step, seconds * fs_hz, range_mv)
    for row in np.flatnonzero(~(np.isfinite(highest) & np.isfinite(lowest)).all(axis=1)).tolist():
        gaps = zip(*runs(~np.isfinite(signal_mv[row])), strict=True)
        spans[row] += [(int(start), int(end)) for start, end in gaps if end - start >= LEAD_OFF_S * fs_hz]
    return [_merged(found) if len(found) > 1 else found for found in spans]


def _still_from(highest: FloatArray, lowest: FloatArray, n_steps: int, range_mv: float) -> npt.NDArray[np.bool_]:
    """Return where the ``n_steps`` steps from each one on stay within a range, shape (n_leads, n_steps_in_all)."""
    n_starts = max(highest.shape[1] - n_steps + 1, 0)
    high, low = highest[:, :n_starts].copy(), lowest[:, :n_starts].copy()
    for shift in range(1, n_steps):
        np.maximum(high, highest[:, shift : shift + n_starts], out=high)
        np.minimum(low, lowest[:, shift : shift + n_starts], out=low)
    with np.errstate(invalid="ignore"):  # infinite values are gaps, and compare False
        is_still: npt.NDArray[np.bool_] = high - low < range_mv
    return is_still


def _still_spans(
    lead_mv: FloatArray,
    is_still: npt.NDArray[np.bool_],
    n_steps: int,
    step: int,
    min_samples: float,
    range_mv: float,
) -> Spans:
    """Return the spans that the still steps of a lead make, to the sample."""
    spans: Spans = []
    for first, last in zip(*runs(is_still), strict=True):
        start, end = int(first) * step, min(int(last - 1 + n_steps) * step, len(lead_mv))
        # To the sample, as far as a step reaches.
        before = np.abs(lead_mv[max(0, start - step) : start][::-1] - lead_mv[start]) < range_mv
        after = np.abs(lead_mv[end : end + step] - lead_mv[end - 1]) < range_mv
        start -= int(np.argmin(np.append(before, False)))
        end += int(np.argmin(np.append(after, False)))
        if end - start >= min_samples:
            spans.append((start, end))
    return spans


def _merged(spans: Spans) -> Spans:
    merged: Spans = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
