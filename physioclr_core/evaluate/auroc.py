"""Area under the ROC curve, of each label and as the mean over labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


def auroc(labels: npt.NDArray[np.generic], scores: npt.NDArray[np.floating]) -> FloatArray:
    """Return each label's area under the ROC curve.

    The normalised Mann-Whitney statistic with ties counted one half (Hanley and McNeil, Radiology 143, 1982).

    Parameters
    ----------
    labels : ndarray of bool or float, shape (n_records, n_labels)
        NaN is unknown: that record does not count for that label.
    scores : ndarray of float, shape (n_records, n_labels)
        Higher means more likely positive.

    Returns
    -------
    ndarray of float64, shape (n_labels,)
        NaN where a label has no positive or no negative record.
    """
    is_known = np.ones(labels.shape, np.bool_) if labels.dtype == np.bool_ else np.isfinite(labels)
    is_positive = is_known & (labels == 1)
    n_positive = is_positive.sum(axis=0)
    n_negative = is_known.sum(axis=0) - n_positive
    # Unknown records rank above all others, so that they move no rank below.
    ranks = rankdata(np.where(is_known, scores, np.inf), axis=0)
    rank_sum = np.where(is_positive, ranks, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        area = (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)
    return np.where((n_positive > 0) & (n_negative > 0), area, np.nan)


def macro_auroc(labels: npt.NDArray[np.generic], scores: npt.NDArray[np.floating]) -> float:
    """Return the mean AUROC over the labels that have both positive and negative records; NaN where none has."""
    area = auroc(labels, scores)
    return float(np.nanmean(area)) if np.isfinite(area).any() else float("nan")
