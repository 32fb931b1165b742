from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from physioclr_core.evaluate.knn import best_knn, knn_scores
from physioclr_core.evaluate.linear_probe import best_linear_probe, fit_logistic, linear_probes


def simulated(n: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return embeddings and labels that depend on them, some unknown."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n, 6)).astype(np.float32)
    labels = (x[:, :3] + rng.normal(0, 1, (n, 3)) > [0.0, 0.7, -0.5]).astype(np.float32)
    labels[rng.random(labels.shape) < 0.15] = np.nan
    return x, labels


@pytest.mark.parametrize("penalty", [1e-3, 1e-1])
def test_each_label_equals_scikit_learns_logistic_regression_with_the_same_penalty(penalty: float) -> None:
    x, labels = simulated()
    fitted = fit_logistic(x, labels, penalty, np.zeros((3, 7)))
    for index in range(3):
        known = np.isfinite(labels[:, index])
        # scikit-learn sums the entropies: C is one over the penalty and the number of records.
        reference = LogisticRegression(C=1.0 / (penalty * known.sum()), tol=1e-8, max_iter=1000)
        reference.fit(x[known].astype(np.float64), labels[known, index])
        np.testing.assert_allclose(fitted[index, :-1], reference.coef_[0], atol=2e-3)
        np.testing.assert_allclose(fitted[index, -1], reference.intercept_[0], atol=2e-3)


def test_the_probe_does_not_depend_on_shift_and_scale_of_the_embedding() -> None:
    (x, labels), (x_select, _) = simulated(), simulated(seed=1)
    scale, shift = np.float32([1, 10, 0.1, 5, 1, 2]), np.float32([0, 3, -2, 50, 1, 0])
    plain = next(linear_probes(x, labels, [1e-2]))
    moved = next(linear_probes(x * scale + shift, labels, [1e-2]))
    np.testing.assert_allclose(moved.logits(x_select * scale + shift), plain.logits(x_select), atol=5e-3)


def test_the_probe_keeps_the_penalty_that_is_best_on_the_other_records() -> None:
    (x, labels), (x_select, y_select) = simulated(60), simulated(seed=1)
    penalties = (1e-4, 1e-1, 10.0)
    best, area = best_linear_probe(x, labels, x_select, y_select, penalties)
    alone = {p: best_linear_probe(x, labels, x_select, y_select, [p])[1] for p in penalties}
    assert best.penalty in penalties
    assert area == pytest.approx(max(alone.values()), abs=1e-3)
    assert area > min(alone.values()) + 1e-3


def test_the_probe_bears_a_constant_feature_and_a_label_that_is_absent_or_unknown() -> None:
    x, labels = simulated()
    x[:, 2] = 4.0
    labels[:, 1] = 0.0
    labels[:, 2] = np.nan
    probe, area = best_linear_probe(x, labels, x, labels)
    assert np.isfinite(probe.weight).all()
    assert np.isfinite(probe.logits(x)).all()
    assert area > 0.7


def test_neighbours_vote_as_in_a_plain_loop() -> None:
    (x, labels), (query, _) = simulated(90), simulated(17, seed=1)
    scores = knn_scores(x, labels, query, (3, 10, 500))
    for k, got in scores.items():
        for row, asked in enumerate(query):
            cosine = [float(asked @ v / np.linalg.norm(asked) / np.linalg.norm(v)) for v in x]
            nearest = sorted(range(len(x)), key=lambda i: -cosine[i])[:k]
            for label in range(3):
                votes = [i for i in nearest if np.isfinite(labels[i, label])]
                whole = sum(np.exp((cosine[i] - cosine[nearest[0]]) / 0.07) for i in votes)
                carried = sum(np.exp((cosine[i] - cosine[nearest[0]]) / 0.07) * labels[i, label] for i in votes)
                assert got[row, label] == pytest.approx(carried / whole if votes else 0.0, abs=1e-4)


def test_the_number_of_neighbours_is_chosen_on_other_records_and_the_scores_are_its() -> None:
    (x, labels), (query, truth) = simulated(), simulated(seed=1)
    k, area, scores = best_knn(x, labels, query, truth, (1, 20))
    assert k == 20
    assert 0.7 < area < 1.0
    np.testing.assert_array_equal(scores, knn_scores(x, labels, query, (1, 20))[20])
