"""Where a lead holds no signal: stretches at one level that cannot be a heart at rest.

``signal.lead_off`` finds where a lead is still. That alone does not say that its electrode is off: in a clean recording
a lead may stay within 10 uV through a pause of atrial fibrillation (LUDB 51, V5 and V6, 1.2 s). What is called without
signal here is a lead that is still while another one beats; where none beats, a lead that does not move at all, for
longer than a quiet moment between two beats.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from physioclr_core.signal.lead_off import LEAD_OFF_RANGE_MV, NOISY_LEAD_OFF_RANGE_MV, Spans, off_spans
from physioclr_core.signal.quality import runs

FloatArray = npt.NDArray[np.float32]

SHORTEST_S = 1.0
# A QRS complex: steeper than any T wave at rest and than wander, and in some lead of every ECG.
BEAT_MV, BEAT_S = 0.2, 0.04
# Where slopes are not known: no wander of a quiet second reaches this far.
BEAT_RANGE_MV = 0.3
# Beats of other leads do not begin and end when those of this one do, nor is the stretch known to the sample.
EDGE_S = 0.15
# Without a beat elsewhere.
LONE_S = 2.0
# Coarse steps swallow the noise that shows a lead to be alive (and beyond 20 uV the beats of a low lead): a pause is
# still too, so that only what lasts longer is taken for no signal.
COARSE_S = 10.0
COARSE_MV, COARSE_LONE_MV = 0.02, LEAD_OFF_RANGE_MV
_ROUNDING_MV = 1e-6
_AT_ONCE_S = 10.0


def no_signal_spans(signal_mv: FloatArray, fs_hz: float, step_mv: Sequence[float] | None = None) -> list[Spans]:
    """Find the stretches of each lead that have samples but no signal.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap; gaps are not part of what is found.
    fs_hz : float
    step_mv : sequence of float, optional
        Resolution of each lead; by default the smallest step that is seen in it.

    Returns
    -------
    list of list of tuple of int
        For each lead the first sample and the sample after the last of every stretch, in order.

    Notes
    -----
    A stretch stays within 10 uV (``signal.lead_off``) for a second at least while another lead beats; or within 4 uV
    for 2 s where none does, so that a standstill that was recorded with any noise is never taken for a lead that is
    off. A lead in coarse steps has to be still for 10 s.
    """
    found: list[Spans] = []
    for row, spans in enumerate(off_spans(signal_mv, fs_hz)):
        lead_mv = signal_mv[row]
        kept: Spans = []
        for start, end in _with_samples(lead_mv, spans):
            duration_s = (end - start) / fs_hz
            if duration_s < SHORTEST_S:
                continue
            edge = round(EDGE_S * fs_hz)
            beats = _beats_elsewhere(signal_mv, row, start + edge, end - edge, fs_hz)
            step = _smallest_step_mv(lead_mv) if step_mv is None else step_mv[row]
            if _is_long_enough(duration_s, beats, float(np.ptp(lead_mv[start + edge : end - edge])), step):
                kept.append((start, end))
        found.append(kept)
    return found


def no_signal_bins(
    low_mv: FloatArray, high_mv: FloatArray, bin_s: float, step_mv: Sequence[float]
) -> list[list[tuple[int, int]]]:
    """Find the same where only lowest and highest values of equal parts are at hand; to whole parts, so never too much.

    Parameters
    ----------
    low_mv, high_mv : ndarray of float32, shape (n_leads, n_bins)
        NaN where a part is a gap.
    bin_s : float
        Length of a part.
    step_mv : sequence of float
        Resolution of each lead.

    Returns
    -------
    list of list of tuple of int
        For each lead the first bin and the bin after the last of every stretch, in order.
    """
    found: list[list[tuple[int, int]]] = []
    is_beating = high_mv - low_mv >= BEAT_RANGE_MV
    for row, (low, high) in enumerate(zip(low_mv, high_mv, strict=True)):
        is_still = high - low < NOISY_LEAD_OFF_RANGE_MV
        # A step between two parts ends a stretch as one within a part does.
        follows = np.maximum(high[1:], high[:-1]) - np.minimum(low[1:], low[:-1]) < NOISY_LEAD_OFF_RANGE_MV
        kept: list[tuple[int, int]] = []
        firsts, ends = runs(is_still)
        is_long = (ends - firsts) * bin_s >= SHORTEST_S
        for first, end in zip(firsts[is_long].tolist(), ends[is_long].tolist(), strict=True):
            cuts = (first + 1 + np.flatnonzero(~follows[first : end - 1])).tolist()
            for start, stop in pairwise([first, *cuts, end]):
                inside = slice(start + 1, stop - 1) if stop - start > 2 else slice(start, stop)
                beats = bool(np.delete(is_beating[:, inside], row, axis=0).any())
                range_mv = float(high[start:stop].max() - low[start:stop].min())
                if _is_long_enough((stop - start) * bin_s, beats, range_mv, step_mv[row]):
                    kept.append((start, stop))
        found.append(kept)
    return found


def without_lost(signal_mv: FloatArray, spans: Sequence[Spans]) -> FloatArray:
    """Return a signal whose stretches without signal are gaps; the same array where there are none."""
    if not any(spans):
        return signal_mv
    blanked = signal_mv.copy()
    for row, found in enumerate(spans):
        for start, end in found:
            blanked[row, start:end] = np.nan
    return blanked


def _with_samples(lead_mv: FloatArray, spans: Spans) -> Spans:
    """Return the parts of some spans that are no gaps."""
    parts: Spans = []
    for start, end in spans:
        starts, ends = runs(np.isfinite(lead_mv[start:end]))
        parts += [(start + int(a), start + int(b)) for a, b in zip(starts, ends, strict=True)]
    return parts


def _beats_elsewhere(signal_mv: FloatArray, row: int, start: int, end: int, fs_hz: float) -> bool:
    others = [other for other in range(len(signal_mv)) if other != row]
    lag, piece = max(1, round(BEAT_S * fs_hz)), round(_AT_ONCE_S * fs_hz)
    for first in range(start, end, piece):
        for other in others:
            part = signal_mv[other, first : min(first + piece, end)]
            # A gap is no step: comparisons with NaN are False.
            if (np.abs(part[lag:] - part[:-lag]) >= BEAT_MV).any():
                return True
    return False


def _smallest_step_mv(lead_mv: FloatArray) -> float:
    """Return the smallest change between two samples, 0 where nothing ever changes."""
    steps = np.abs(np.diff(lead_mv))
    steps = steps[steps > 0]  # passes over NaN
    return float(steps.min()) if steps.size else 0.0


def _is_long_enough(duration_s: float, beats: bool, range_mv: float, step_mv: float) -> bool:
    """Decide on a stretch in which a lead is still, ``beats`` being whether another lead has a beat within it."""
    if duration_s < (SHORTEST_S if beats else LONE_S) or (not beats and range_mv >= LEAD_OFF_RANGE_MV):
        return False
    return duration_s >= COARSE_S or step_mv <= (COARSE_MV if beats else COARSE_LONE_MV) + _ROUNDING_MV
