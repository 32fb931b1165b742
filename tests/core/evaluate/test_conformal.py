from __future__ import annotations

import numpy as np
import pytest

from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.calibration import sigmoid
from physioclr_core.evaluate.conformal import MIN_RECORDS, conformal_figures, set_threshold


def exchangeable(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return labels drawn at their own probabilities."""
    logits = np.random.default_rng(seed).normal(-2.0, 2.0, (n, 8))
    probability = sigmoid(logits)
    return (np.random.default_rng(seed + 1000).random(logits.shape) < probability).astype(np.float32), probability


def recall(labels: np.ndarray, probability: np.ndarray, threshold: float) -> float:
    has = (labels == 1).any(axis=1)
    found = ((labels == 1) & (probability > threshold))[has].sum(axis=1) / (labels == 1)[has].sum(axis=1)
    return float(found.mean())


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.8, 0.9])
def test_sets_keep_their_promise_in_the_mean_on_new_records_and_are_not_far_too_large(level: float) -> None:
    reached = []
    for seed in range(12):
        threshold = set_threshold(*exchangeable(200, seed), level)
        reached.append(recall(*exchangeable(2000, seed + 500), threshold))
    assert level - 0.01 < np.mean(reached) < level + 0.03


@pytest.mark.slow
def test_cross_fitted_figures_are_about_the_promise_and_count_whole_records() -> None:
    labels, probability = exchangeable(800, 0)
    figures = conformal_figures(labels, probability, np.arange(800) // 2)
    assert figures.level == 0.9
    assert 0.88 < figures.recall < 0.94
    assert figures.n == (labels == 1).any(axis=1).sum()
    assert figures.whole_low < figures.n_whole / figures.n < figures.whole_high
    assert 0 < figures.mean_size < figures.largest <= 8
    sizes = figures.by_size
    assert [(row.smallest, row.largest) for row in sizes] == [(1, 2), (3, 4), (5, 8)]
    assert sum(row.n_held for row in sizes) == pytest.approx(800 * figures.mean_size)
    assert sum(row.n_records for row in sizes) <= 800
    assert all(0 < row.n_right < row.n_held for row in sizes)
    assert 0.88 < sum(row.n_right for row in sizes) / (labels == 1).sum() < 0.95


def test_unknown_labels_count_as_not_carried() -> None:
    labels, probability = exchangeable(200, 0)
    unknown = labels.copy()
    unknown[labels == 0] = np.nan
    assert set_threshold(unknown, probability) == set_threshold(labels, probability)


def test_under_twenty_records_with_a_label_are_refused() -> None:
    labels, probability = np.zeros((100, 3)), np.full((100, 3), 0.5)
    labels[: MIN_RECORDS - 1, 0] = 1
    with pytest.raises(UserFacingError, match="19 records carry a label"):
        set_threshold(labels, probability)
    labels[50, 0] = 1
    assert 0.0 <= set_threshold(labels, probability) <= 1.0
