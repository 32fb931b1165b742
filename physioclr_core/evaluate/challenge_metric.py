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
    once = np.ones((1, len(labels)), np.float32)
    return float(weighted_challenge_metric(labels, decision, once, weights, normal)[0])


def weighted_challenge_metric(
    labels: BoolArray,
    decision: BoolArray,
    resamples: npt.NDArray[np.float32],
    weights: npt.NDArray[np.float64] | None = None,
    normal: int | None = None,
) -> npt.NDArray[np.float64]:
    """Return the score of every resample; a resample's sums are those of its records.

    Parameters
    ----------
    labels, decision, weights, normal
        As ``challenge_metric``.
    resamples : ndarray of float32, shape (n_resamples, n_records)
        How often each record is in each.
    """
    if weights is None:
        weights = cinc_weights()
    if normal is None:
        normal = next(index for index, codes in enumerate(cinc_classes()) if SINUS_RHYTHM in codes)
    inactive = np.zeros_like(labels)
    inactive[:, normal] = True
    right, observed, nothing = (
        resamples.astype(np.float64) @ _of_records(labels, said, weights) for said in (labels, decision, inactive)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(right != nothing, (observed - nothing) / (right - nothing), np.nan)


def _of_records(labels: BoolArray, decision: BoolArray, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return what each record earns, shape (n_records,)."""
    n_either = np.maximum((labels | decision).sum(axis=1), 1)
    earned: npt.NDArray[np.float64] = ((labels.astype(np.float64) @ weights) * decision).sum(axis=1) / n_either
    return earned
