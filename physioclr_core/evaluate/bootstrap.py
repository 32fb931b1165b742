"""Bootstrap over patients: resamples are weights of records, drawn once and used for every arm that is compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
# Labels, scores and weights (n_resamples, n_records) -> (n_resamples, n_labels).
Statistic = Callable[[npt.NDArray[np.generic], npt.NDArray[np.floating], npt.NDArray[np.float32]], FloatArray]

N_RESAMPLES = 1000
_PERCENT = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval; None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None


def patient_weights(patient: npt.NDArray[np.int64], n_resamples: int, seed: int) -> npt.NDArray[np.float32]:
    """Draw patients with replacement and return how often each record is in each resample.

    Parameters
    ----------
    patient : ndarray of int64, shape (n_records,)
        All records of a drawn patient come along.
    n_resamples : int
    seed : int

    Returns
    -------
    ndarray of float32, shape (n_resamples, n_records)
    """
    rng = np.random.default_rng(seed)
    numbers, of_record = np.unique(patient, return_inverse=True)
    n = len(numbers)
    counts = np.stack([np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(n_resamples)])
    weights: npt.NDArray[np.float32] = counts[:, of_record].astype(np.float32)
    return weights


def weighted_auroc(
    labels: npt.NDArray[np.generic], scores: npt.NDArray[np.floating], weights: npt.NDArray[np.float32]
) -> FloatArray:
    """Return the AUROC of every resample and label, ties counted one half, shape (n_resamples, n_labels).

    Parameters
    ----------
    labels : ndarray, shape (n_records, n_labels)
        NaN is unknown.
    scores : ndarray, shape (n_records, n_labels)
    weights : ndarray of float32, shape (n_resamples, n_records)

    Returns
    -------
    ndarray of float64, shape (n_resamples, n_labels)
        NaN where a resample has no positive or no negative record of a label.
    """
    area = np.full((len(weights), labels.shape[1]), np.nan)
    of_record = np.ascontiguousarray(weights.T)
    for index in range(labels.shape[1]):
        column, is_known = _known(labels, index)
        order = np.flatnonzero(is_known)[np.argsort(scores[is_known, index], kind="stable")]
        is_positive = column[order] == 1.0
        if not is_positive.any() or is_positive.all():
            continue
        drawn = of_record[order]
        # Whole numbers far under 2^24: single precision is exact.
        negatives = np.concatenate([np.zeros_like(drawn[:1]), np.cumsum(drawn * ~is_positive[:, None], axis=0)])
        first, last = _groups(scores[order, index])
        positive = drawn[is_positive].astype(np.float64)
        below = 0.5 * (negatives[first[is_positive]] + negatives[last[is_positive] + 1])
        total = positive.sum(axis=0) * negatives[-1]
        with np.errstate(invalid="ignore", divide="ignore"):
            area[:, index] = np.where(total > 0, (positive * below).sum(axis=0) / total, np.nan)
    return area


def weighted_average_precision(
    labels: npt.NDArray[np.generic], scores: npt.NDArray[np.floating], weights: npt.NDArray[np.float32]
) -> FloatArray:
    """Return the average precision of every resample and label; parameters and result as ``weighted_auroc``."""
    result = np.full((len(weights), labels.shape[1]), np.nan)
    of_record = np.ascontiguousarray(weights.T)
    for index in range(labels.shape[1]):
        column, is_known = _known(labels, index)
        order = np.flatnonzero(is_known)[np.argsort(-scores[is_known, index], kind="stable")]
        is_positive = column[order] == 1.0
        if not is_positive.any() or is_positive.all():
            continue
        drawn = of_record[order]
        _, last = _groups(scores[order, index])
        last = last[is_positive]
        hits, alarms = np.cumsum(drawn * is_positive[:, None], axis=0), np.cumsum(drawn, axis=0)
        n_positive = hits[-1].astype(np.float64)
        is_defined = (n_positive > 0) & (n_positive < alarms[-1])
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(alarms[last] > 0, hits[last] / alarms[last], 0.0)
            value = (precision * drawn[is_positive].astype(np.float64)).sum(axis=0) / n_positive
        result[:, index] = np.where(is_defined, value, np.nan)
    return result


def macro(values: FloatArray) -> FloatArray:
    """Return the mean over the labels, last axis, that are defined; NaN where none is."""
    n = np.isfinite(values).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: FloatArray = np.where(n > 0, np.nansum(values, axis=-1) / n, np.nan)
    return mean


def interval(value: float, resamples: FloatArray, is_biased: bool = False) -> Interval:
    """Return a figure with the percentile interval of its resamples; without bounds where most are undefined.

    Parameters
    ----------
    value : float
    resamples : ndarray of float64, shape (n_resamples,)
    is_biased : bool
        Move the resamples so that their mean is the figure: repeated records raise average precision and calibration
        error in every resample, which is no property of the sample.
    """
    if not np.isfinite(value):
        return Interval(None, None, None)
    defined = resamples[np.isfinite(resamples)]
    if len(defined) < 0.5 * len(resamples) or len(defined) < 2:
        return Interval(float(value), None, None)
    low, high = np.percentile(defined, _PERCENT) + (value - defined.mean() if is_biased else 0.0)
    return Interval(float(value), float(low), float(high))


def paired_difference(first: FloatArray, second: FloatArray, value: float) -> Interval:
    """Return the interval of a difference of two arms from the same resamples of patients.

    Parameters
    ----------
    first, second : ndarray of float64, shape (n_resamples,)
        The figure of each arm, resample by resample from the same weights.
    value : float
        The difference on all records.
    """
    return interval(value, first - second)


def _groups(ordered: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first and the last place of the equal scores that each sorted score is among."""
    is_start = np.append(True, ordered[1:] != ordered[:-1])
    starts = np.flatnonzero(is_start)
    group = np.cumsum(is_start) - 1
    ends = np.append(starts[1:], len(ordered)) - 1
    return starts[group], ends[group]


def _known(labels: npt.NDArray[np.generic], index: int) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    column = labels[:, index].astype(np.float64)
    return column, np.isfinite(column)
