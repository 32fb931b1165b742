"""Prediction sets with a promised share of right answers (Angelopoulos et al., Conformal Risk Control, 2022)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.binomial import exact_interval
from physioclr_core.evaluate.calibration import patient_parts

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

LEVEL = 0.9
# Of the sizes of held-out records' sets: a larger one is unusual for the model.
PERCENTILE = 99.0
MIN_RECORDS = 20
# Candidate thresholds: fine where rare labels' probabilities are.
_THRESHOLDS = np.concatenate([[0.0], np.logspace(-3.5, 0.0, 100)[:-1]])


# Sizes are put together: from each number to one below the next.
_SIZES = (1, 3, 5, 9, 15)


@dataclass(frozen=True, slots=True)
class SetSizeFigures:
    """How many of the labels in sets of like size apply, cross-fitted by patient.

    Attributes
    ----------
    smallest : int
    largest : int or None
        None: any number.
    n_records, n_held, n_right : int
        Records with such a set, the labels that their sets hold, and how many of those apply.
    """

    smallest: int
    largest: int | None
    n_records: int
    n_held: int
    n_right: int


@dataclass(frozen=True, slots=True)
class ConformalFigures:
    """What prediction sets are worth on records that did not set their threshold.

    Attributes
    ----------
    level : float
        Promised: the mean share of a record's labels that its set holds.
    threshold : float
        On the calibrated probability, set on all records.
    recall : float
        Mean share found, cross-fitted by patient.
    n : int
        Records with a label, over which the mean is taken.
    n_whole : int
        Records whose set holds all of their labels.
    whole_low, whole_high : float
        Exact interval of their share.
    mean_size : float
        Labels in a set.
    largest : int
        The sets of one record in a hundred hold more labels.
    by_size : tuple of SetSizeFigures
        Sizes that occur, from small to large.
    """

    level: float
    threshold: float
    recall: float
    n: int
    n_whole: int
    whole_low: float
    whole_high: float
    mean_size: float
    largest: int
    by_size: tuple[SetSizeFigures, ...]


def set_threshold(labels: npt.NDArray[np.generic], probability: FloatArray, level: float = LEVEL) -> float:
    """Return the highest threshold whose sets promise to hold ``level`` of a record's labels in the mean.

    Records without any label say nothing of it and are left out; a label that is unknown counts as not carried.

    Parameters
    ----------
    labels : ndarray of bool or float, shape (n_records, n_labels)
    probability : ndarray of float64, shape (n_records, n_labels)
    level : float
        Under 1.

    Raises
    ------
    UserFacingError
        If there are under twenty records with a label.
    """
    # 1 s to load, which nothing else in this package needs.
    from mapie.risk_control import MultiLabelClassificationController

    truth = labels.astype(np.float64) == 1.0
    has_label = truth.any(axis=1)
    if has_label.sum() < MIN_RECORDS:
        raise UserFacingError(
            f"{int(has_label.sum())} records carry a label; prediction sets need at least {MIN_RECORDS} to be set."
        )
    control = MultiLabelClassificationController(
        predict_function=np.asarray,
        risk="recall",
        method="crc",
        target_level=level,
        predict_params=_THRESHOLDS,
    )
    control.calibrate(probability[has_label], truth[has_label].astype(np.int64))
    return float(control.best_predict_param[0])


def conformal_figures(
    labels: npt.NDArray[np.generic],
    probability: FloatArray,
    patient: npt.NDArray[np.int64],
    level: float = LEVEL,
    n_parts: int = 5,
    seed: int = 0,
) -> ConformalFigures:
    """Set a threshold and measure such sets on patients that did not set it.

    Parameters
    ----------
    labels, probability : ndarray, shape (n_records, n_labels)
    patient : ndarray of int64, shape (n_records,)
    level : float
    n_parts, seed : int
        Of the cross-fit.

    Raises
    ------
    UserFacingError
        As ``set_threshold``.
    """
    truth = labels.astype(np.float64) == 1.0
    part = patient_parts(patient, n_parts, seed)
    sets = np.empty(truth.shape, np.bool_)
    for index in range(n_parts):
        held_out = part == index
        sets[held_out] = probability[held_out] > set_threshold(labels[~held_out], probability[~held_out], level)
    has_label = truth.any(axis=1)
    found = (truth & sets)[has_label].sum(axis=1) / truth[has_label].sum(axis=1)
    n, n_whole = int(has_label.sum()), int((found == 1.0).sum())
    low, high = exact_interval(n_whole, n)
    size = sets.sum(axis=1)
    return ConformalFigures(
        level=level,
        threshold=set_threshold(labels, probability, level),
        recall=float(found.mean()),
        n=n,
        n_whole=n_whole,
        whole_low=low,
        whole_high=high,
        mean_size=float(size.mean()),
        largest=int(np.percentile(size, PERCENTILE, method="higher")),
        by_size=_by_size(truth, sets),
    )


def _by_size(truth: BoolArray, sets: BoolArray) -> tuple[SetSizeFigures, ...]:
    size, n_right = sets.sum(axis=1), (truth & sets).sum(axis=1)
    rows = []
    for smallest, following in zip(_SIZES, (*_SIZES[1:], None), strict=True):
        is_such = (size >= smallest) & (size < (np.inf if following is None else following))
        if is_such.any():
            largest = None if following is None else following - 1
            n_held = int(size[is_such].sum())
            rows.append(SetSizeFigures(smallest, largest, int(is_such.sum()), n_held, int(n_right[is_such].sum())))
    return tuple(rows)
