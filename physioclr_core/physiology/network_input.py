"""The one preprocessing of the beat and wave networks, used in training and in use alike.

High-pass, anti-alias filter and change of rate are one multiplication of the spectrum, which costs a tenth of what
filtering in time costs. All of it is zero-phase: nothing moves in time.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from physioclr_core.signal.resample import bridge_gaps

FloatArray = npt.NDArray[np.float32]

NETWORK_FS_HZ = 250.0
HIGH_PASS_HZ = 0.5
LOW_PASS_HZ = 100.0
_PAD_S = 2.0
# A second whose range is below this share of a large one's (the 85th of a hundred) does not move.
_LARGE_SECOND, _STILL_SECOND = 0.85, 0.1
_MAX_DENOMINATOR = 2000
# Least root mean square and range: rounding noise of a lead without signal is not blown up into an ECG.
MIN_RMS_MV = 0.005
MIN_RANGE_MV = 0.02


def network_signal(signal_mv: FloatArray, fs_hz: float) -> FloatArray:
    """Return leads at 250 Hz in the band 0.5-100 Hz, in mV.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap and is bridged by a straight line.
    fs_hz : float

    Returns
    -------
    ndarray of float32, shape (n_leads, ceil(n_samples * 250 / fs_hz))
        Sample j lies at j / 250 s.

    Notes
    -----
    The response is that of a second-order Butterworth high-pass and a fourth-order low-pass, each run forwards and
    backwards. The ends are continued by odd reflection for two seconds.
    """
    from scipy import fft

    n_leads, n_samples = signal_mv.shape
    ratio = Fraction(NETWORK_FS_HZ / fs_hz).limit_denominator(_MAX_DENOMINATOR)
    n_new = math.ceil(n_samples * ratio)
    if n_samples < 2 or not n_leads:
        return np.zeros((n_leads, n_new), np.float32)
    if not np.isfinite(signal_mv).all():
        signal_mv = bridge_gaps(signal_mv)
    # The pad is a whole number of steps at both rates, so that no sample moves.
    step = ratio.denominator
    n_pad = math.ceil(_PAD_S * fs_hz / step) * step
    padded, n_fft = _padded(signal_mv, n_pad, step)
    spectrum = fft.rfft(padded, n_fft)
    n_fft_new = n_fft * ratio.numerator // ratio.denominator
    response = _response(n_fft, n_fft_new, fs_hz)
    spectrum = spectrum[:, : len(response)] * response
    start = n_pad * ratio.numerator // ratio.denominator
    at_250_hz: FloatArray = fft.irfft(spectrum, n_fft_new)[:, start : start + n_new]
    return np.ascontiguousarray(at_250_hz)


def _padded(signal_mv: FloatArray, n_pad: int, step: int) -> tuple[FloatArray, int]:
    """Continue both ends by odd reflection; return the signal and a fast transform length, a multiple of ``step``."""
    from scipy import fft

    n_leads, n_samples = signal_mv.shape
    reach = min(n_pad, n_samples - 1)
    n_fft = step * fft.next_fast_len(math.ceil((n_samples + 3 * n_pad) / step), real=True)
    padded = np.empty((n_leads, n_fft), np.float32)
    first, last = signal_mv[:, :1], signal_mv[:, -1:]
    padded[:, : n_pad - reach] = 2 * first - signal_mv[:, reach : reach + 1]
    padded[:, n_pad - reach : n_pad] = 2 * first - signal_mv[:, reach:0:-1]
    end = n_pad + n_samples
    padded[:, n_pad:end] = signal_mv
    padded[:, end : end + reach] = 2 * last - signal_mv[:, -2 : -reach - 2 : -1]
    # The transform is periodic: a straight line leads back to the start without a step.
    left = n_fft - end - reach
    ramp = np.linspace(0.0, 1.0, left + 1, dtype=np.float32)[:-1] if left else np.zeros(0, np.float32)
    tail = padded[:, end + reach - 1 : end + reach]
    padded[:, end + reach :] = tail + (padded[:, :1] - tail) * ramp
    return padded, n_fft


@lru_cache(maxsize=64)
def _response(n_fft: int, n_fft_new: int, fs_hz: float) -> FloatArray:
    n_bins = min(n_fft, n_fft_new) // 2 + 1
    f_hz = np.arange(n_bins) * (fs_hz / n_fft)
    high_pass = f_hz**4 / (f_hz**4 + HIGH_PASS_HZ**4)
    low_pass = 1.0 / (1.0 + (f_hz / LOW_PASS_HZ) ** 8)
    response: FloatArray = (high_pass * low_pass * (n_fft_new / n_fft)).astype(np.float32)
    response.setflags(write=False)
    return response


def rms_scaled(signal_mv: FloatArray) -> FloatArray:
    """Return each lead over its root mean square: the wave network's input."""
    scale = np.sqrt(np.mean(np.square(signal_mv), axis=-1, keepdims=True))
    scaled: FloatArray = signal_mv / np.maximum(scale, np.float32(MIN_RMS_MV))
    return scaled


def range_scaled(signal_mv: FloatArray) -> FloatArray:
    """Return each lead over the median range of its seconds, clipped at 3: the beat network's input.

    The median is blind to a burst of noise or a loose electrode, which would make every beat small in other scales.
    Seconds that hardly move against the others do not count: beside an hour of silence beats are as large as ever.
    """
    second = round(NETWORK_FS_HZ)
    n_whole = signal_mv.shape[-1] // second
    if n_whole:
        blocks = signal_mv[..., : n_whole * second].reshape(*signal_mv.shape[:-1], n_whole, second)
    else:
        blocks = signal_mv[..., None, :]
    ranges = np.sort(np.ptp(blocks, axis=-1), axis=-1)
    n = ranges.shape[-1]
    large = ranges[..., [int(_LARGE_SECOND * (n - 1))]]
    first = np.count_nonzero(ranges < _STILL_SECOND * large, axis=-1, keepdims=True)
    middle = [np.take_along_axis(ranges, (n - 1 + first + odd) // 2, axis=-1) for odd in (0, 1)]
    scale = 0.5 * (middle[0] + middle[1])
    scaled: FloatArray = signal_mv / np.maximum(scale, np.float32(MIN_RANGE_MV)).astype(np.float32)
    return np.clip(scaled, -3.0, 3.0, out=scaled)
