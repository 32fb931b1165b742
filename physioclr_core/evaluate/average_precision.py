"""Area under the precision-recall curve, as average precision."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def average_precision(labels: npt.NDArray[np.generic], scores: npt.NDArray[np.floating]) -> FloatArray:
    """Return each label's average precision: the precision at each score, weighted by the recall gained there.

    No interpolation, and equal scores count together (as scikit-learn's ``average_precision_score``).

    Parameters
    ----------
    labels : ndarray of bool or float, shape (n_records, n_labels)
        NaN is unknown.
    scores : ndarray of float, shape (n_records, n_labels)

    Returns
    -------
    ndarray of float64, shape (n_labels,)
        NaN where a label has no positive or no negative record.
    """
    result = np.full(labels.shape[1], np.nan)
    for index in range(labels.shape[1]):
        column = labels[:, index].astype(np.float64)
        is_known = np.isfinite(column)
        positive = column[is_known] == 1.0
        if not positive.any() or positive.all():
            continue
        order = np.argsort(-scores[is_known, index], kind="stable")
        sorted_scores, hits = scores[is_known, index][order], np.cumsum(positive[order])
        is_end = np.append(sorted_scores[1:] != sorted_scores[:-1], True)
        precision = hits[is_end] / (np.flatnonzero(is_end) + 1.0)
        gained = np.diff(hits[is_end], prepend=0)
        result[index] = float((precision * gained).sum() / positive.sum())
    return result
