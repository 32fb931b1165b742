"""The metric of the PhysioNet/CinC Challenges 2020 and 2021 (Perez Alday et al., Physiol Meas 41, 2020)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from physioclr_core.ontology.cinc import SINUS_RHYTHM, cinc_classes, cinc_weights

BoolArray = npt.NDArray[np.bool_]


def challenge_metric(
    labels: BoolArray, decision: BoolArray, weights: npt.NDArray[np.float64] | None = None, normal: int | None = None
) -> float:
    """Return the normalised score: 1 for a classifier that is always right, 0 for one that always says sinus rhythm.

    Each pair of a true class i and a predicted class j of a record adds weight_ij divided by the number of classes
    that are true or predicted there.

    Parameters
    ----------
    labels, decision : ndarray of bool, shape (n_records, n_classes)
    weights : ndarray of float64, shape (n_classes, n_classes), optional
        The challenge's by default.
    normal : int, optional
        Column of sinus rhythm; the challenge's by default.

    Returns
    -------
    float
        NaN where being right earns no more than saying sinus rhythm.
    """
    if weights is None:
        weights = cinc_weights()
    if normal is None:
        normal = next(index for index, codes in enumerate(cinc_classes()) if SINUS_RHYTHM in codes)
    inactive = np.zeros_like(labels)
    inactive[:, normal] = True
    right, observed, nothing = (_score(labels, said, weights) for said in (labels, decision, inactive))
    return (observed - nothing) / (right - nothing) if right != nothing else float("nan")


def _score(labels: BoolArray, decision: BoolArray, weights: npt.NDArray[np.float64]) -> float:
    n_either = np.maximum((labels | decision).sum(axis=1, keepdims=True), 1)
    confusion = (labels / n_either).T @ decision.astype(np.float64)
    return float((weights * confusion).sum())
