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
        A sample is signal where both samples that it is interpolated from are.
    """
    n_samples = signal_mv.shape[-1]
    time = time_curves(len(signal_mv), n_samples, share, rng)
    before = np.minimum(time.astype(np.int64), n_samples - 2)
    weight = (time - before).astype(np.float32)
    left = np.take_along_axis(signal_mv, before[:, None, :], axis=2)
    right = np.take_along_axis(signal_mv, before[:, None, :] + 1, axis=2)
    left += (right - left) * weight[:, None, :]
    is_signal = np.take_along_axis(mask, before, axis=1) & np.take_along_axis(mask, before + 1, axis=1)
    return left, is_signal


def time_curves(n_batch: int, n_samples: int, share: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return where each sample is taken from, shape (batch, n_samples), in samples.

    The curve is time plus a sum of three sines with zeros at both ends; their derivatives add up to at most ``share``.
    """
    phase = np.pi * np.arange(n_samples) / (n_samples - 1)
    order = np.arange(1, _WAVES + 1)
    part = rng.dirichlet(np.ones(_WAVES), n_batch) * rng.uniform(-1.0, 1.0, (n_batch, _WAVES)) * share
    shift = (part / order) @ np.sin(order[:, None] * phase) * ((n_samples - 1) / np.pi)
    curves: npt.NDArray[np.float64] = np.clip(np.arange(n_samples) + shift, 0.0, n_samples - 1)
    return curves
