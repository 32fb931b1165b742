from __future__ import annotations

import numpy as np
import pytest

from physioclr_core.evaluate.calibration import (
    MIN_POSITIVES,
    best_f1_threshold,
    cross_fit,
    expected_calibration_error,
    fit_calibration,
    fit_temperature,
    patient_parts,
    sigmoid,
)


def f1_at(labels: np.ndarray, is_over: np.ndarray) -> float:
    hits = (labels & is_over).sum()
    return 2.0 * hits / (labels.sum() + is_over.sum())


def simulated(n_records: int, n_labels: int, rate: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, logits and patients; labels are drawn at the logits' own probabilities."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(np.log(rate / (1 - rate)), 2.0, (n_records, n_labels))
    return rng.random(logits.shape) < sigmoid(logits), logits, rng.integers(0, n_records // 2, n_records)


# --- temperature -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_recovers_a_known_temperature(temperature: float) -> None:
    labels, logits, _ = simulated(40_000, 1, 0.2, seed=1)
    assert fit_temperature(labels, logits * temperature) == pytest.approx(temperature, rel=0.03)


def test_sigmoid_is_exact_and_quiet_at_the_extremes() -> None:
    np.testing.assert_allclose(sigmoid(np.array([0.0, np.log(3.0), -np.log(3.0)])), [0.5, 0.75, 0.25])
    assert sigmoid(np.array([-1e6]))[0] < 1e-20
    assert sigmoid(np.array([1e6]))[0] == 1.0


# --- threshold -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_values", [3, 7, 1000], ids=["three values", "ties", "almost no ties"])
@pytest.mark.parametrize("seed", range(8))
def test_threshold_has_the_best_f1_of_all_cut_points(n_values: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.random(60) < rng.choice([0.1, 0.4, 0.9])
    labels[0] = True
    probability = np.clip(rng.integers(0, n_values, 60) / n_values * 0.7 + 0.3 * labels * rng.random(), 0, 1)
    best = max(f1_at(labels, probability >= cut) for cut in np.unique(probability))
    threshold = best_f1_threshold(labels, probability)
    assert f1_at(labels, probability >= threshold) == pytest.approx(best, abs=1e-12)


def test_threshold_is_the_middle_of_the_gap_that_it_cuts() -> None:
    labels = np.array([True, True, False, False])
    assert best_f1_threshold(labels, np.array([0.9, 0.8, 0.2, 0.1])) == pytest.approx(0.5)
    assert best_f1_threshold(np.array([True]), np.array([0.6])) == pytest.approx(0.3)


def test_threshold_needs_a_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        best_f1_threshold(np.array([False, False]), np.array([0.1, 0.2]))


# --- what a label gets -----------------------------------------------------------------------------------------------


def test_a_label_with_few_positives_gets_the_pooled_temperature_and_no_threshold() -> None:
    labels, logits, _ = simulated(3000, 3, 0.2, seed=2)
    labels[:, 1] = False
    labels[: MIN_POSITIVES - 1, 1] = True
    labels[:, 2] = False
    labels[:MIN_POSITIVES, 2] = True
    fit = fit_calibration(labels, logits, labels.sum(axis=0))
    assert fit.pooled_temperature == pytest.approx(fit_temperature(labels, logits))
    assert fit.temperature[1] == fit.pooled_temperature
    assert np.isnan(fit.threshold[1])
    assert fit.temperature[2] != fit.pooled_temperature
    np.testing.assert_array_equal(np.isfinite(fit.threshold), [True, False, True])


def test_thresholds_are_on_the_calibrated_probability() -> None:
    labels, logits, _ = simulated(2000, 1, 0.3, seed=3)
    fit = fit_calibration(labels, 3.0 * logits, labels.sum(axis=0))
    expected = best_f1_threshold(labels[:, 0], sigmoid(3.0 * logits[:, 0] / fit.temperature[0]))
    assert fit.threshold[0] == pytest.approx(expected)


# --- cross-fitting ---------------------------------------------------------------------------------------------------


def test_all_records_of_a_patient_are_in_one_part_and_parts_hold_equally_many_patients() -> None:
    patient = np.random.default_rng(0).integers(0, 103, 500) * 7
    part = patient_parts(patient, 5, seed=0)
    for one in np.unique(patient):
        assert len(np.unique(part[patient == one])) == 1
    sizes = [len(np.unique(patient[part == index])) for index in range(5)]
    assert max(sizes) - min(sizes) <= 1


def test_a_patients_own_labels_never_decide_its_calibration() -> None:
    labels, logits, patient = simulated(800, 2, 0.3, seed=4)
    before = cross_fit(labels, logits, patient, 5, seed=0)
    for one in (patient[0], patient[17]):
        own = patient == one
        flipped = labels.copy()
        flipped[own] ^= True
        after = cross_fit(flipped, logits, patient, 5, seed=0)
        np.testing.assert_array_equal(before.probability[own], after.probability[own])
        np.testing.assert_array_equal(before.decision[own], after.decision[own])
        assert (before.probability[~own] != after.probability[~own]).any()


def test_cross_fit_equals_fitting_on_the_other_parts() -> None:
    labels, logits, patient = simulated(400, 2, 0.3, seed=5)
    part = patient_parts(patient, 4, seed=9)
    crossed = cross_fit(labels, logits, patient, 4, seed=9)
    for row in range(0, 400, 23):
        others = part != part[row]
        fit = fit_calibration(labels[others], logits[others], labels.sum(axis=0))
        probability = sigmoid(logits[row] / fit.temperature)
        np.testing.assert_allclose(crossed.probability[row], probability)
        np.testing.assert_array_equal(crossed.decision[row], probability >= fit.threshold)


def test_no_decision_where_there_is_no_threshold() -> None:
    labels, logits, patient = simulated(300, 2, 0.3, seed=6)
    labels[:, 1] = False
    labels[:3, 1] = True
    crossed = cross_fit(labels, logits, patient, 5, seed=0)
    assert np.isnan(crossed.decision[:, 1]).all()
    assert set(np.unique(crossed.decision[:, 0])) == {0.0, 1.0}
    assert np.isfinite(crossed.probability).all()


def test_no_decision_where_the_only_patient_with_positives_is_held_out() -> None:
    labels, logits, patient = simulated(300, 1, 0.3, seed=7)
    labels[:] = False
    labels[:12] = True
    patient[:12] = 5000
    crossed = cross_fit(labels, logits, patient, 5, seed=0)
    part = patient_parts(patient, 5, seed=0)
    np.testing.assert_array_equal(np.isnan(crossed.decision[:, 0]), part == part[0])


# --- figures ---------------------------------------------------------------------------------------------------------


def test_calibration_error_has_its_closed_form() -> None:
    half = np.array([True, False] * 50)
    assert expected_calibration_error(half, np.full(100, 0.25)) == pytest.approx(0.25)
    assert expected_calibration_error(half, np.full(100, 0.5)) == pytest.approx(0.0)
    assert expected_calibration_error(np.ones(3, np.bool_), np.ones(3)) == pytest.approx(0.0)
    # Two bins: 30 records off by 0.1, 10 records off by 0.8.
    labels = np.repeat([True, False, False], [6, 24, 10])
    probability = np.repeat([0.3, 0.3, 0.8], [6, 24, 10])
    assert expected_calibration_error(labels, probability) == pytest.approx((30 * 0.1 + 10 * 0.8) / 40)


def test_calibrated_probabilities_have_a_small_calibration_error() -> None:
    labels, logits, patient = simulated(20_000, 1, 0.3, seed=8)
    crossed = cross_fit(labels, 4.0 * logits, patient, 5, seed=0)
    raw = expected_calibration_error(labels[:, 0], sigmoid(4.0 * logits[:, 0]))
    assert raw > 0.08
    assert expected_calibration_error(labels[:, 0], crossed.probability[:, 0]) < 0.015
