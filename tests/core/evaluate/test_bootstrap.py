from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from physioclr_core.evaluate.average_precision import average_precision
from physioclr_core.evaluate.bootstrap import (
    interval,
    macro,
    paired_difference,
    patient_weights,
    weighted_auroc,
    weighted_average_precision,
)


def simulated(n_values: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels with unknown ones, scores with ties, and patients of several records."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((80, 4)) < [0.04, 0.3, 0.5, 0.9]).astype(np.float32)
    scores = np.round((labels + rng.normal(0, 1, labels.shape)) * n_values) / n_values
    labels[rng.random(labels.shape) < 0.2] = np.nan
    return labels, scores, rng.integers(0, 30, 80) * 11


def by_repeating_rows(figure: object, labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return scikit-learn's figure of every resample, its records written out as often as they were drawn."""
    result = np.full((len(weights), labels.shape[1]), np.nan)
    for row, weight in enumerate(weights):
        drawn = np.repeat(np.arange(len(labels)), weight.astype(int))
        for column in range(labels.shape[1]):
            y, s = labels[drawn, column], scores[drawn, column]
            y, s = y[np.isfinite(y)], s[np.isfinite(y)]
            if len(np.unique(y)) == 2:
                result[row, column] = figure(y, s)  # type: ignore[operator]
    return result


@pytest.mark.parametrize("n_values", [1, 4, 10_000], ids=["many ties", "ties", "no ties"])
def test_weighted_auroc_equals_that_of_the_repeated_rows(n_values: int) -> None:
    labels, scores, patient = simulated(n_values)
    weights = patient_weights(patient, 40, seed=1)
    expected = by_repeating_rows(roc_auc_score, labels, scores, weights)
    assert np.isnan(expected).any()
    np.testing.assert_allclose(weighted_auroc(labels, scores, weights), expected, rtol=1e-6)


@pytest.mark.parametrize("n_values", [1, 4, 10_000], ids=["many ties", "ties", "no ties"])
def test_weighted_average_precision_equals_that_of_the_repeated_rows(n_values: int) -> None:
    labels, scores, patient = simulated(n_values)
    weights = patient_weights(patient, 40, seed=1)
    expected = by_repeating_rows(average_precision_score, labels, scores, weights)
    np.testing.assert_allclose(weighted_average_precision(labels, scores, weights), expected, rtol=1e-6)


@pytest.mark.parametrize("n_values", [1, 4, 10_000], ids=["many ties", "ties", "no ties"])
def test_average_precision_equals_scikit_learns(n_values: int) -> None:
    labels, scores, _ = simulated(n_values, seed=3)
    once = np.ones((1, len(labels)), np.float32)
    expected = by_repeating_rows(average_precision_score, labels, scores, once)[0]
    np.testing.assert_allclose(average_precision(labels, scores), expected, rtol=1e-12)


def test_average_precision_of_constant_scores_is_the_share_of_positives_and_one_class_has_none() -> None:
    labels = np.array([[1, 1], [0, 1], [0, 1], [0, np.nan]])
    np.testing.assert_allclose(average_precision(labels, np.zeros((4, 2))), [0.25, np.nan])


def test_all_records_of_a_drawn_patient_come_along_as_often_as_the_patient_was_drawn() -> None:
    patient = np.random.default_rng(0).integers(0, 40, 200) * 3
    weights = patient_weights(patient, 50, seed=2)
    numbers, first = np.unique(patient, return_index=True)
    for number in numbers:
        own = weights[:, patient == number]
        assert (own == own[:, :1]).all()
    np.testing.assert_array_equal(weights[:, first].sum(axis=1), len(numbers))


def test_resamples_are_the_same_for_the_same_seed_and_patients() -> None:
    patient = np.array([5, 5, 9, 12])
    np.testing.assert_array_equal(patient_weights(patient, 30, 1), patient_weights(patient, 30, 1))
    assert (patient_weights(patient, 30, 1) != patient_weights(patient, 30, 2)).any()


def test_the_same_arm_twice_differs_by_exactly_nothing() -> None:
    labels, scores, patient = simulated(4)
    weights = patient_weights(patient, 50, seed=0)
    arms = [macro(weighted_auroc(labels, scores, weights)) for _ in range(2)]
    difference = paired_difference(arms[0], arms[1], 0.0)
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)


def test_pairing_narrows_the_interval_of_a_difference() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((300, 1)) < 0.3).astype(np.float32)
    common = labels + rng.normal(0, 1, labels.shape)
    arms = [common + rng.normal(0, 0.1, labels.shape) for _ in range(2)]
    patient = np.arange(300)
    same, other = patient_weights(patient, 300, 0), patient_weights(patient, 300, 1)
    first, second = (weighted_auroc(labels, arm, same)[:, 0] for arm in arms)
    paired = paired_difference(first, second, 0.0)
    unpaired = paired_difference(first, weighted_auroc(labels, arms[1], other)[:, 0], 0.0)
    assert paired.low is not None
    assert paired.high is not None
    assert unpaired.low is not None
    assert unpaired.high is not None
    assert paired.high - paired.low < 0.5 * (unpaired.high - unpaired.low)


@pytest.mark.slow
def test_the_interval_covers_the_true_area_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    true_area = 0.7602499  # of unit normals one apart: Phi(1 / sqrt 2)
    covered = 0
    for seed in range(200):
        labels = np.repeat([1.0, 0.0], [60, 120])[:, None]
        scores = labels + rng.normal(0, 1, labels.shape)
        weights = patient_weights(np.arange(180), 300, seed)
        area = interval(0.76, weighted_auroc(labels, scores, weights)[:, 0])
        assert area.low is not None
        assert area.high is not None
        covered += area.low <= true_area <= area.high
    assert 0.90 <= covered / 200 <= 0.99


def test_an_interval_is_the_percentiles_of_the_defined_resamples() -> None:
    resamples = np.append(np.linspace(0, 1, 1001), np.full(100, np.nan))
    assert interval(0.5, resamples).low == pytest.approx(0.025)
    assert interval(0.5, resamples).high == pytest.approx(0.975)
    moved = interval(0.3, resamples, is_biased=True)
    assert (moved.low, moved.high) == pytest.approx((-0.175, 0.775))


def test_an_interval_has_no_bounds_where_most_resamples_are_undefined_and_no_value_where_the_figure_is() -> None:
    mostly = np.append(np.full(9, np.nan), 0.5)
    assert (interval(0.5, mostly).value, interval(0.5, mostly).low) == (0.5, None)
    assert interval(float("nan"), np.zeros(10)).value is None


def test_macro_leaves_out_what_is_undefined() -> None:
    np.testing.assert_array_equal(macro(np.array([[1.0, np.nan, 0.5], [np.nan] * 3])), [0.75, np.nan])
