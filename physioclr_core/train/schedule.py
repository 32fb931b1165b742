"""The learning rate as a pure function of the step."""

from __future__ import annotations

import math

_FIRST_FRACTION = 0.04


def one_cycle_rate(step: int, n_steps: int, max_rate: float, warmup_fraction: float) -> float:
    """Return the learning rate of a step: linear rise, cosine fall (Smith, arXiv 1708.07120).

    Parameters
    ----------
    step, n_steps : int
        Steps that are done, and all.
    max_rate : float
        At the end of the rise.
    warmup_fraction : float
        Share of the steps in which the rate rises.
    """
    n_warmup = max(1, round(n_steps * warmup_fraction))
    if step < n_warmup:
        return warmup_rate(step, n_warmup, max_rate)
    progress = (step - n_warmup) / max(1, n_steps - n_warmup)
    return max_rate * (0.5 * (1.0 + math.cos(math.pi * progress)) * 0.999 + 0.001)


def constant_rate(step: int, n_steps: int, max_rate: float, warmup_fraction: float) -> float:
    """Return the learning rate of a step: linear rise, then constant; parameters as in ``one_cycle_rate``."""
    n_warmup = max(1, round(n_steps * warmup_fraction))
    return warmup_rate(step, n_warmup, max_rate) if step < n_warmup else max_rate


def warmup_rate(step: int, n_warmup: int, max_rate: float) -> float:
    """Return the rate of a step of the linear rise, which starts at 4 % of the highest rate, ``max_rate``."""
    return max_rate * (_FIRST_FRACTION + (1.0 - _FIRST_FRACTION) * step / n_warmup)
