"""Narrower bands, as older recorders and monitors have them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from physioclr_core.augment.draws import log_uniform

FloatArray = npt.NDArray[np.float32]


def band_limited(
    signal_mv: FloatArray,
    fs_hz: float,
    high_pass_hz: tuple[float, float],
    low_pass_hz: tuple[float, float],
    rng: np.random.Generator,
) -> FloatArray:
    """Filter each segment to a band of its own, without a shift in time.

    The gain is that of second-order Butterworth filters applied forwards and backwards,
    1 / (1 + (f / low)^4) / (1 + (high / f)^4); the segment is mirrored at its ends.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (batch, n_leads, n_samples)
    fs_hz : float
    high_pass_hz, low_pass_hz : (float, float)
        Ranges from which the band's limits are drawn, uniform on a logarithmic scale.
    rng : Generator
    """
    n_batch, _, n_samples = signal_mv.shape
    low, high = (log_uniform(*limits, (n_batch, 1, 1), rng) for limits in (high_pass_hz, low_pass_hz))
    mirrored = np.concatenate([signal_mv, signal_mv[:, :, ::-1]], axis=2)
    rate_hz = np.fft.rfftfreq(2 * n_samples, 1.0 / fs_hz)
    with np.errstate(divide="ignore"):
        gain = 1.0 / (1.0 + (rate_hz / high) ** 4) / (1.0 + (low / rate_hz) ** 4)
    spectrum = np.fft.rfft(mirrored, axis=2)
    spectrum *= gain.astype(np.float32)
    filtered: FloatArray = np.fft.irfft(spectrum, 2 * n_samples, axis=2)[:, :, :n_samples].astype(np.float32)
    return filtered
