"""Polyphase resampling of signals with gaps."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
_MAX_DENOMINATOR = 2000


def resample(signal_mv: FloatArray, fs_hz: float, new_fs_hz: float) -> FloatArray:
    """Bring a signal to another rate by polyphase filtering (anti-aliased, linear phase).

    Gaps (NaN) are bridged linearly for the filter and are gaps again afterwards. Each lead's straight line from its
    first to its last sample is left out of the filter, so that an offset makes neither ringing at the ends nor the
    ripple of the filter's phases.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
    fs_hz, new_fs_hz : float
        Rates; their ratio is taken as a fraction with a denominator up to 2000.

    Returns
    -------
    ndarray of float32, shape (n_leads, about n_samples * new_fs_hz / fs_hz)
    """
    ratio = Fraction(new_fs_hz / fs_hz).limit_denominator(_MAX_DENOMINATOR)
    if ratio == 1:
        return signal_mv
    from scipy.signal import resample_poly  # 0.7 s to import: not for records that have the rate already

    is_gap = ~np.isfinite(signal_mv)
    has_gap = bool(is_gap.any())
    bridged = bridge_gaps(signal_mv) if has_gap else signal_mv
    n_samples = signal_mv.shape[-1]
    first_mv = bridged[:, :1]
    slope_mv = (bridged[:, -1:] - first_mv) / np.float32(max(n_samples - 1, 1))
    level = bridged - first_mv - slope_mv * np.arange(n_samples, dtype=np.float32)
    new: FloatArray = resample_poly(level, ratio.numerator, ratio.denominator, axis=-1).astype(np.float32)
    new += first_mv + slope_mv * (np.arange(new.shape[-1]) / float(ratio)).astype(np.float32)
    if has_gap:
        nearest = np.minimum(np.round(np.arange(new.shape[-1]) / float(ratio)).astype(np.int64), n_samples - 1)
        new[is_gap[:, nearest]] = np.nan
    return new


def bridge_gaps(signal_mv: FloatArray) -> FloatArray:
    """Return a copy with every gap bridged by a straight line (held constant at the ends; zero for an empty lead)."""
    bridged = signal_mv.copy()
    position = np.arange(signal_mv.shape[-1])
    for lead in bridged:
        is_valid = np.isfinite(lead)
        if is_valid.any():
            lead[~is_valid] = np.interp(position[~is_valid], position[is_valid], lead[is_valid])
        else:
            lead[:] = 0.0
    return bridged
