from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.metrics import f1_score

from physioclr_core.evaluate.binomial import exact_interval
from physioclr_core.evaluate.challenge_metric import challenge_metric, weighted_challenge_metric
from physioclr_core.evaluate.f1 import f1_figures, weighted_f1
from physioclr_core.ontology.cinc import SINUS_RHYTHM, cinc_classes, cinc_weights

# --- exact interval --------------------------------------------------------------------------------------------------


def test_the_exact_interval_has_its_closed_forms_at_the_ends() -> None:
    for n in (1, 5, 30):
        assert exact_interval(0, n) == pytest.approx((0.0, 1 - 0.025 ** (1 / n)))
        assert exact_interval(n, n) == pytest.approx((0.025 ** (1 / n), 1.0))


def test_the_exact_interval_has_published_values() -> None:
    assert exact_interval(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    assert exact_interval(1, 10) == pytest.approx((0.0025, 0.4450), abs=1e-4)


@pytest.mark.parametrize(("n_hits", "n"), [(1, 3), (7, 20), (199, 200)])
def test_the_exact_interval_leaves_a_fortieth_in_each_tail(n_hits: int, n: int) -> None:
    low, high = exact_interval(n_hits, n)
    assert binom.sf(n_hits - 1, n, low) == pytest.approx(0.025)
    assert binom.cdf(n_hits, n, high) == pytest.approx(0.025)


@pytest.mark.parametrize(("n_hits", "n"), [(0, 0), (3, 2), (-1, 2)])
def test_no_interval_of_what_is_no_share(n_hits: int, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        exact_interval(n_hits, n)


# --- F1 --------------------------------------------------------------------------------------------------------------


def test_f1_equals_scikit_learns_on_the_known_labels() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((60, 5)) < 0.3).astype(np.float32)
    labels[rng.random(labels.shape) < 0.2] = np.nan
    decision = (rng.random(labels.shape) < 0.4).astype(np.float64)
    known = np.isfinite(labels)
    expected = [f1_score(labels[known[:, i], i], decision[known[:, i], i]) for i in range(5)]
    figures = f1_figures(labels, decision)
    np.testing.assert_allclose(figures.per_label, expected)
    assert figures.macro == pytest.approx(np.mean(expected))
    assert (figures.n_labels, figures.n_undecided) == (5, 0)


def test_f1_counts_labels_without_decisions_and_leaves_them_out_of_the_mean() -> None:
    labels = np.array([[1.0, 1.0, 0.0, np.nan], [0.0, 1.0, 0.0, 1.0]])
    decision = np.array([[1.0, np.nan, 0.0, np.nan], [0.0, 1.0, 0.0, 0.0]])
    figures = f1_figures(labels, decision)
    np.testing.assert_array_equal(figures.per_label, [1.0, np.nan, np.nan, 0.0])
    assert (figures.macro, figures.n_labels, figures.n_undecided) == (0.5, 2, 1)


def test_f1_of_nothing_is_unknown() -> None:
    figures = f1_figures(np.zeros((3, 2)), np.full((3, 2), np.nan))
    assert np.isnan(figures.macro)
    assert (figures.n_labels, figures.n_undecided) == (0, 2)


# --- the Challenge's metric ------------------------------------------------------------------------------------------


def normal_class() -> int:
    return next(i for i, codes in enumerate(cinc_classes()) if SINUS_RHYTHM in codes)


def score_by_loops(labels: np.ndarray, decision: np.ndarray, weights: np.ndarray) -> float:
    """Return the unnormalised score, pair by pair."""
    total = 0.0
    for truth, said in zip(labels, decision, strict=True):
        size = max(1, sum(bool(t or s) for t, s in zip(truth, said, strict=True)))
        for i in np.flatnonzero(truth):
            for j in np.flatnonzero(said):
                total += weights[i, j] / size
    return total


def drawn_labels(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((50, len(cinc_classes()))) < 0.08


def test_the_challenge_metric_equals_its_definition() -> None:
    labels, decision, weights = drawn_labels(), drawn_labels(1), cinc_weights()
    sinus = np.zeros_like(labels)
    sinus[:, normal_class()] = True
    right, said, nothing = (score_by_loops(labels, d, weights) for d in (labels, decision, sinus))
    assert challenge_metric(labels, decision) == pytest.approx((said - nothing) / (right - nothing))


def test_the_challenge_metric_is_one_for_the_truth_and_nothing_for_sinus_rhythm_always() -> None:
    labels = drawn_labels()
    sinus = np.zeros_like(labels)
    sinus[:, normal_class()] = True
    assert challenge_metric(labels, labels) == pytest.approx(1.0)
    assert challenge_metric(labels, sinus) == 0.0
    assert challenge_metric(labels, np.zeros_like(labels)) < 0.0
    assert np.isnan(challenge_metric(sinus, sinus))


def test_weighted_f1_and_challenge_metric_equal_those_of_repeated_rows() -> None:
    rng = np.random.default_rng(5)
    labels = (rng.random((80, 26)) < 0.15).astype(np.float32)
    decision = np.where(rng.random(labels.shape) < 0.8, labels, 1.0 - labels).astype(np.float64)
    decision[:, 3] = np.nan
    weights = rng.integers(0, 3, (6, 80)).astype(np.float32)
    f1 = weighted_f1(labels, decision, weights)
    score = weighted_challenge_metric(labels == 1, decision == 1, weights)
    for resample, counts in enumerate(weights.astype(int)):
        rows = np.repeat(np.arange(80), counts)
        np.testing.assert_allclose(f1[resample], f1_figures(labels[rows], decision[rows]).per_label, rtol=1e-6)
        assert score[resample] == pytest.approx(challenge_metric(labels[rows] == 1, decision[rows] == 1))
