"""Exact intervals of counts, for sets too small for anything else."""

from __future__ import annotations

from scipy.stats import beta


def exact_interval(n_hits: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the exact binomial interval of a share (Clopper and Pearson, Biometrika 26, 1934).

    Parameters
    ----------
    n_hits, n : int
        0 <= n_hits <= n, n > 0.
    level : float

    Raises
    ------
    ValueError
        If there is nothing to take a share of.
    """
    if not 0 <= n_hits <= n or n == 0:
        raise ValueError(f"{n_hits} of {n} is no share")
    outside = (1.0 - level) / 2.0
    low = float(beta.ppf(outside, n_hits, n - n_hits + 1)) if n_hits > 0 else 0.0
    high = float(beta.ppf(1.0 - outside, n_hits + 1, n - n_hits)) if n_hits < n else 1.0
    return low, high
