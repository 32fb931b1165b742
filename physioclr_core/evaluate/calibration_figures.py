"""How far probabilities can be believed: calibration error, Brier score, and slope and intercept of recalibration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from physioclr_core.evaluate.calibration import expected_calibration_error

MIN_POSITIVES = 20
_SMALLEST = 1e-6


@dataclass(frozen=True, slots=True)
class CalibrationFigures:
    """Of one label.

    Attributes
    ----------
    n, n_positive : int
        Records whose label is known, and those that carry it.
    expected_calibration_error : float or None
        None under twenty positives, where it measures noise.
    brier : float or None
        Mean squared difference of probability and label; None without records.
    slope, intercept : float or None
        Of the logistic regression of the label on the probability's logit (Cox, Biometrika 45, 1958): 1 and 0 are
        perfect, a slope under 1 is overconfidence. None under twenty positives or negatives.
    """

    n: int
    n_positive: int
    expected_calibration_error: float | None
    brier: float | None
    slope: float | None
    intercept: float | None


def calibration_figures(labels: npt.NDArray[np.generic], probability: npt.NDArray[np.float64]) -> CalibrationFigures:
    """Return the figures of one label.

    Parameters
    ----------
    labels : ndarray of bool or float, shape (n_records,)
        NaN is unknown.
    probability : ndarray of float64, shape (n_records,)
        Of fits that have not seen the record's patient.
    """
    truth = labels.astype(np.float64)
    is_known = np.isfinite(truth) & np.isfinite(probability)
    positive, said = truth[is_known] == 1.0, probability[is_known]
    n, n_positive = len(said), int(positive.sum())
    is_enough = n_positive >= MIN_POSITIVES
    slope, intercept = (
        recalibration(positive, said) if min(n_positive, n - n_positive) >= MIN_POSITIVES else (None, None)
    )
    return CalibrationFigures(
        n=n,
        n_positive=n_positive,
        expected_calibration_error=expected_calibration_error(positive, said) if is_enough else None,
        brier=float(np.square(said - positive).mean()) if n else None,
        slope=slope,
        intercept=intercept,
    )


def recalibration(positive: npt.NDArray[np.bool_], probability: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and intercept of the logistic regression of a label on the logit of its probability.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
        Both values occur.
    probability : ndarray of float64, shape (n,)
    """
    clipped = np.clip(probability, _SMALLEST, 1.0 - _SMALLEST)
    logit = np.log(clipped / (1.0 - clipped))
    sign = np.where(positive, 1.0, -1.0)

    def loss(parameters: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        margin = sign * (parameters[0] * logit + parameters[1])
        pull = -sign / (1.0 + np.exp(np.clip(margin, -60.0, 60.0)))
        return float(np.logaddexp(0.0, -margin).mean()), np.array([(pull * logit).mean(), pull.mean()])

    fitted = minimize(loss, np.array([1.0, 0.0]), jac=True, method="BFGS").x
    return float(fitted[0]), float(fitted[1])
