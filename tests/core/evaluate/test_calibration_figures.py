from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss

from physioclr_core.evaluate.calibration import cross_fit, fit_temperature, sigmoid
from physioclr_core.evaluate.calibration_figures import MIN_POSITIVES, calibration_figures, recalibration


def simulated(n: int) -> tuple[np.ndarray, np.ndarray]:
    logits = np.random.default_rng(0).normal(-1.0, 2.0, n)
    return np.random.default_rng(1).random(n) < sigmoid(logits), logits


@pytest.mark.parametrize(("factor", "shift"), [(1.0, 0.0), (2.0, 0.5), (0.5, -1.0)])
def test_recalibration_equals_an_unpenalised_logistic_regression_and_undoes_scale_and_shift(
    factor: float, shift: float
) -> None:
    positive, logits = simulated(20_000)
    changed = factor * logits + shift
    slope, intercept = recalibration(positive, sigmoid(changed))
    reference = LogisticRegression(C=1e10, tol=1e-8).fit(changed[:, None], positive)
    assert (slope, intercept) == pytest.approx((reference.coef_[0, 0], reference.intercept_[0]), abs=5e-3)
    assert (slope, intercept) == pytest.approx((1 / factor, -shift / factor), abs=0.07)


def test_brier_equals_scikit_learns_and_unknown_labels_do_not_count() -> None:
    positive, logits = simulated(300)
    labels = positive.astype(np.float64)
    labels[::3] = np.nan
    figures = calibration_figures(labels, sigmoid(logits))
    known = np.isfinite(labels)
    assert figures.n == known.sum()
    assert figures.brier == pytest.approx(brier_score_loss(positive[known], sigmoid(logits[known])))
    assert figures == calibration_figures(positive[known], sigmoid(logits[known]))


def test_under_twenty_positives_only_the_brier_score_is_known() -> None:
    labels = np.arange(200) < MIN_POSITIVES - 1
    figures = calibration_figures(labels, np.full(200, 0.1))
    assert figures.brier is not None
    assert (figures.expected_calibration_error, figures.slope, figures.intercept) == (None, None, None)


def test_unknown_labels_do_not_move_a_cross_fit() -> None:
    positive, logits = simulated(600)
    labels = np.stack([positive, positive], axis=1).astype(np.float64)
    labels[::4, 1] = np.nan
    patient = np.arange(600) // 2
    both = np.stack([logits, logits], axis=1)
    moved = both.copy()
    moved[::4, 1] = 50.0
    known = np.isfinite(labels[:, 1])
    before, after = (cross_fit(labels, x, patient, 5, seed=0) for x in (both, moved))
    np.testing.assert_array_equal(before.probability[known], after.probability[known])
    np.testing.assert_array_equal(before.decision[known], after.decision[known])


def test_a_temperature_of_nothing_is_one() -> None:
    assert fit_temperature(np.zeros(0, np.bool_), np.zeros(0)) == 1.0
