"""The one-cycle learning rate."""

from __future__ import annotations

import math


def one_cycle_rate(step: int, n_steps: int, max_rate: float, warmup_fraction: float) -> float:
    """Return the learning rate of a step: linear rise, cosine fall (Smith, arXiv 1708.07120)."""
    n_warmup = max(1, round(n_steps * warmup_fraction))
    if step < n_warmup:
        return max_rate * (0.04 + 0.96 * step / n_warmup)
    progress = (step - n_warmup) / max(1, n_steps - n_warmup)
    return max_rate * (0.5 * (1.0 + math.cos(math.pi * progress)) * 0.999 + 0.001)
