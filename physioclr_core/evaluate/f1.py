"""F1 of decisions; a label without a threshold has no decision and is counted, not guessed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class F1Figures:
    """F1 of labels.

    Attributes
    ----------
    per_label : ndarray of float64, shape (n_labels,)
        NaN where a label has no decision for some record, or neither positives nor alarms.
    macro : float
        Mean over the labels that have one; NaN where none has.
    n_labels : int
        Labels in the mean.
    n_undecided : int
        Labels without decisions.
    """

    per_label: FloatArray
    macro: float
    n_labels: int
    n_undecided: int


def f1_figures(labels: npt.NDArray[np.generic], decision: FloatArray) -> F1Figures:
    """Return 2 TP / (2 TP + FP + FN) of each label.

    Parameters
    ----------
    labels : ndarray of bool or float, shape (n_records, n_labels)
        NaN is unknown and does not count.
    decision : ndarray of float64, shape (n_records, n_labels)
        1, 0, or NaN where there was no threshold.
    """
    truth = labels.astype(np.float64)
    is_known = np.isfinite(truth)
    is_undecided = (np.isnan(decision) & is_known).any(axis=0)
    hits = ((truth == 1.0) & (decision == 1.0)).sum(axis=0)
    alarms = ((truth == 0.0) & (decision == 1.0)).sum(axis=0)
    misses = ((truth == 1.0) & (decision == 0.0)).sum(axis=0)
    whole = 2 * hits + alarms + misses
    per_label = np.where((whole > 0) & ~is_undecided, 2 * hits / np.maximum(whole, 1), np.nan)
    n_labels = int(np.isfinite(per_label).sum())
    mean = float(np.nanmean(per_label)) if n_labels else float("nan")
    return F1Figures(per_label, mean, n_labels, int(is_undecided.sum()))


def weighted_f1(labels: npt.NDArray[np.generic], decision: FloatArray, weights: npt.NDArray[np.float32]) -> FloatArray:
    """Return the F1 of every resample and label, shape (n_resamples, n_labels); NaN as in ``f1_figures``.

    Parameters
    ----------
    labels, decision : ndarray, shape (n_records, n_labels)
    weights : ndarray of float32, shape (n_resamples, n_records)
    """
    truth = labels.astype(np.float64)
    is_undecided = (np.isnan(decision) & np.isfinite(truth)).any(axis=0)
    hits, alarms, misses = (
        weights @ part.astype(np.float32)
        for part in (
            (truth == 1.0) & (decision == 1.0),
            (truth == 0.0) & (decision == 1.0),
            (truth == 1.0) & (decision == 0.0),
        )
    )
    whole = 2.0 * hits + alarms + misses
    f1: FloatArray = np.where((whole > 0) & ~is_undecided, 2.0 * hits / np.maximum(whole, 1.0), np.nan)
    return f1.astype(np.float64)
