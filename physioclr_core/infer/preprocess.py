"""The one preprocessing of model inputs, used in training and in inference alike."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

SCALE_MV = 0.25
CLIP = 20.0


def model_input(signal_mv: FloatArray) -> FloatArray:
    """Return the model's view of a window: each lead's mean removed, in units of 0.25 mV, clipped at 5 mV.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (..., n_leads, n_samples)
        At the model's rate, without padding and without gaps.

    Returns
    -------
    ndarray of float32, same shape
    """
    centred: FloatArray = signal_mv - signal_mv.mean(axis=-1, keepdims=True, dtype=np.float32)
    centred *= np.float32(1.0 / SCALE_MV)
    np.clip(centred, -CLIP, CLIP, out=centred)
    return centred
