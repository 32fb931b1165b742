"""Hiding a span of time in all leads."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def visible_time(mask: npt.NDArray[np.bool_], longest_share: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Hide one span of each segment, its length uniform up to ``longest_share`` of the segment.

    Parameters
    ----------
    mask : ndarray of bool, shape (batch, n_samples)
    longest_share : float
        Under 1.
    rng : Generator

    Returns
    -------
    ndarray of bool, shape (batch, n_samples)
        A segment that would lose all of its signal stays as it was.
    """
    n_batch, n_samples = mask.shape
    length = rng.integers(0, int(longest_share * n_samples) + 1, n_batch)
    start = (rng.random(n_batch) * (n_samples - length + 1)).astype(np.int64)
    at = np.arange(n_samples)
    visible = mask & ~((at >= start[:, None]) & (at < (start + length)[:, None]))
    return np.where(visible.any(axis=1, keepdims=True), visible, mask)
