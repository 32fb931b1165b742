from __future__ import annotations

import numpy as np
import pytest

from physioclr_core.evaluate.auroc import auroc, macro_auroc


def auroc_by_pairs(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the share of (positive, negative) pairs in the right order, ties counted one half: O(n^2)."""
    positive, negative = scores[labels], scores[~labels]
    if not len(positive) or not len(negative):
        return float("nan")
    wins = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    return wins / (len(positive) * len(negative))


@pytest.mark.parametrize("n_values", [2, 5, 1_000_000], ids=["two values", "many ties", "no ties"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_counting_all_pairs(n_values: int, dtype: type) -> None:
    rng = np.random.default_rng(n_values)
    labels = rng.random((90, 6)) < [0.02, 0.1, 0.3, 0.5, 0.9, 0.98]
    labels[0] = True
    labels[1] = False
    scores = (rng.integers(0, n_values, labels.shape) / n_values).astype(dtype)
    expected = [auroc_by_pairs(y, s) for y, s in zip(labels.T, scores.T, strict=True)]
    np.testing.assert_allclose(auroc(labels, scores), expected, rtol=1e-12)


def test_is_one_for_a_perfect_order_zero_for_its_reverse_and_half_for_constant_scores() -> None:
    labels = np.array([[False], [False], [True], [True]])
    scores = np.array([[0.1], [0.2], [0.3], [0.4]])
    assert auroc(labels, scores) == 1.0
    assert auroc(labels, -scores) == 0.0
    assert auroc(labels, np.full((4, 1), 0.7)) == 0.5


def test_is_nan_where_a_label_has_one_class_only() -> None:
    labels = np.array([[True, False, True], [True, False, False]])
    area = auroc(labels, np.array([[0.1, 0.1, 0.9], [0.2, 0.2, 0.1]]))
    np.testing.assert_array_equal(area, [np.nan, np.nan, 1.0])


def test_macro_is_the_mean_over_the_defined_labels() -> None:
    labels = np.array([[True, False, True, True], [True, False, False, False]])
    scores = np.array([[0.1, 0.1, 0.9, 0.3], [0.2, 0.2, 0.1, 0.3]])
    assert macro_auroc(labels, scores) == pytest.approx((1.0 + 0.5) / 2)
