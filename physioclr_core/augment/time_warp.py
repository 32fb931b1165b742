"""A smooth change of the time scale: heart rate varies, and no recorder's clock is perfect."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
_WAVES = 3


def warped(
    signal_mv: FloatArray, mask: npt.NDArray[np.bool_], share: float, rng: np.random.Generator
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Resample segments along a monotone curve of time that begins and ends where the segment does.

    By cubic convolution: at 100 Hz a straight line between samples takes a tenth and more off the tips of R waves, of
    each beat another part.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (batch, n_leads, n_samples)
    mask : ndarray of bool, shape (batch, n_samples)
    share : float
        The local speed stays within 1 - share and 1 + share.
    rng : Generator

    Returns
    -------
    ndarray of float32, ndarray of bool
        A sample is signal where all four samples that it is interpolated from are.
    """
    n_samples = signal_mv.shape[-1]
    time = time_curves(len(signal_mv), n_samples, share, rng)
    before = np.minimum(time.astype(np.int64), n_samples - 2)
    after = (time - before).astype(np.float32)
    # Samples of all leads side by side: one index then fetches twelve values.
    by_time = np.ascontiguousarray(np.swapaxes(signal_mv, 1, 2)).reshape(-1, signal_mv.shape[1])
    first = np.arange(len(time))[:, None] * n_samples
    warped_mv = np.zeros((*time.shape, signal_mv.shape[1]), np.float32)
    is_signal = np.ones_like(mask)
    for offset, weight in zip((-1, 0, 1, 2), _cubic_weights(after), strict=True):
        index = first + np.clip(before + offset, 0, n_samples - 1)
        part = by_time.take(index, axis=0)
        part *= weight[:, :, None]
        warped_mv += part
        is_signal &= mask.reshape(-1).take(index)
    return np.ascontiguousarray(np.swapaxes(warped_mv, 1, 2)), is_signal


def _cubic_weights(after: FloatArray) -> FloatArray:
    """Return the weights of the samples at -1, 0, 1 and 2 for a time ``after`` the one at 0 (Keys, 1981, a = -1/2)."""
    rest = 1.0 - after
    weights = (
        -0.5 * after * rest**2,
        1.0 + after**2 * (1.5 * after - 2.5),
        1.0 + rest**2 * (1.5 * rest - 2.5),
        -0.5 * rest * after**2,
    )
    return np.stack(weights).astype(np.float32)


def time_curves(n_batch: int, n_samples: int, share: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return where each sample is taken from.

    The curve is time plus a sum of three sines with zeros at both ends.

    Parameters
    ----------
    n_batch, n_samples : int
    share : float
        The sines' derivatives add up to at most this.
    rng : Generator

    Returns
    -------
    ndarray of float64, shape (n_batch, n_samples)
        In samples.
    """
    phase = np.pi * np.arange(n_samples) / (n_samples - 1)
    order = np.arange(1, _WAVES + 1)
    part = rng.dirichlet(np.ones(_WAVES), n_batch) * rng.uniform(-1.0, 1.0, (n_batch, _WAVES)) * share
    shift = (part / order) @ np.sin(order[:, None] * phase) * ((n_samples - 1) / np.pi)
    curves: npt.NDArray[np.float64] = np.clip(np.arange(n_samples) + shift, 0.0, n_samples - 1)
    return curves
