"""Hiding a span of time: the same one in all leads, or one of its own in each."""

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


def hidden_in_leads(shape: tuple[int, int, int], share: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw one span of each lead, all as long, each where it falls (3KG: Gopal et al., ML4H 2021).

    Parameters
    ----------
    shape : tuple of int
        (batch, n_leads, n_samples).
    share : float
        Length of the spans, share of the segment.
    rng : Generator

    Returns
    -------
    ndarray of bool, shape (batch, n_leads, n_samples)
        True where the lead is hidden.
    """
    n_batch, n_leads, n_samples = shape
    length = int(share * n_samples)
    start = rng.integers(0, n_samples - length + 1, (n_batch, n_leads, 1))
    at = np.arange(n_samples)
    return (at >= start) & (at < start + length)
