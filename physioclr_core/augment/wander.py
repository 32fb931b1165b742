"""Baseline wander: slow drifts of electrodes with breathing and movement."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from physioclr_core.augment.draws import log_uniform
from physioclr_core.augment.electrodes import N_ELECTRODES, lead_matrix

FloatArray = npt.NDArray[np.float32]

# Breathing and slower; under the 0.67 Hz that the ECG itself may need (AHA/ACC/HRS 2007).
_BAND_HZ = (0.05, 0.6)
_WAVES = 4


def wander_mv(n_batch: int, n_samples: int, fs_hz: float, largest_mv: float, rng: np.random.Generator) -> FloatArray:
    """Return wander of twelve leads, shape (batch, 12, n_samples).

    Four sines of random rate a record reach each electrode with its own phase and weight; the leads are differences
    of electrodes.

    Parameters
    ----------
    n_batch, n_samples : int
    fs_hz : float
    largest_mv : float
        The amplitude at the electrodes is uniform up to this.
    rng : Generator
    """
    rate_hz = log_uniform(*_BAND_HZ, (n_batch, _WAVES), rng)
    size_mv = rng.uniform(0.0, largest_mv, (n_batch, 1, 1)) / np.sqrt(_WAVES)
    real, imaginary = rng.standard_normal((2, n_batch, N_ELECTRODES, _WAVES)) * size_mv / np.sqrt(2.0)
    angle = 2.0 * np.pi * rate_hz[:, :, None] * np.arange(n_samples) / fs_hz
    to_leads = lead_matrix().astype(np.float64)
    wander: FloatArray = ((to_leads @ real) @ np.cos(angle) + (to_leads @ imaginary) @ np.sin(angle)).astype(np.float32)
    return wander
