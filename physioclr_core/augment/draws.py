"""Random draws that several changes share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def log_uniform(low: float, high: float, shape: tuple[int, ...], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Return numbers whose logarithms are uniform.

    Parameters
    ----------
    low, high : float
        Both over 0.
    shape : tuple of int
    rng : Generator

    Returns
    -------
    ndarray of float64, shape ``shape``
    """
    values: npt.NDArray[np.float64] = np.exp(rng.uniform(float(np.log(low)), float(np.log(high)), shape))
    return values
