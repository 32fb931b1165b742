"""Random lead masking (Oh et al., CHIL 2022): what a network must do without."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def kept_leads(has_lead: npt.NDArray[np.bool_], share: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Draw which leads stay; at least one of those that are there does.

    Parameters
    ----------
    has_lead : ndarray of bool, shape (batch, n_leads)
    share : float
        Probability of each lead to go.
    rng : Generator

    Returns
    -------
    ndarray of bool, shape (batch, n_leads)
    """
    draw = rng.random(has_lead.shape)
    is_kept = has_lead & (draw >= share)
    # The lead whose draw is highest stays where all would go.
    last = np.argmax(np.where(has_lead, draw, -1.0), axis=1)
    is_empty = ~is_kept.any(axis=1)
    is_kept[is_empty, last[is_empty]] = has_lead[is_empty, last[is_empty]]
    return is_kept
