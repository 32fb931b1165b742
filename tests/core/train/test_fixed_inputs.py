from __future__ import annotations

import numpy as np
import pytest

from physioclr_core.train.fixed_inputs import boosted_logits, chosen_within


def test_scores_of_parts_are_not_pooled() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((200, 3)) < 0.2).astype(np.float32)
    patients = np.arange(200).astype(str)

    def scores(inner: np.ndarray, outer: np.ndarray) -> dict[str, np.ndarray]:
        told = labels[outer] + 0.1 * rng.random((len(outer), 3))
        return {
            "perfect, on a scale of each part's own": told + 100.0 * rng.random(),
            "worse, on one scale": told + rng.normal(0, 0.5, told.shape),
        }

    assert chosen_within(labels, patients, scores) == "perfect, on a scale of each part's own"


def test_what_no_label_can_judge_is_decided_by_the_middle_of_the_choices() -> None:
    labels = np.zeros((20, 2), np.float32)
    patients = np.arange(20).astype(str)
    chosen = chosen_within(labels, patients, lambda _, outer: {k: np.zeros((len(outer), 2)) for k in (1, 2, 3)})
    assert chosen == 2


def test_a_part_holds_all_records_of_its_patients() -> None:
    patients = np.repeat(np.arange(30), 4).astype(str)
    labels = (np.arange(120)[:, None] % 3 == 0).astype(np.float32)

    def scores(inner: np.ndarray, outer: np.ndarray) -> dict[int, np.ndarray]:
        assert not set(patients[inner]) & set(patients[outer])
        return {1: labels[outer]}

    assert chosen_within(labels, patients, scores) == 1


@pytest.mark.parametrize("n", [400, pytest.param(11_000, marks=pytest.mark.slow)])
def test_trees_do_not_depend_on_the_seed_where_a_label_is_rare(n: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (n, 4)).astype(np.float32)
    labels = (x[:, :1] > np.sort(x[:, 0])[-25]).astype(np.float32)
    first, second = (boosted_logits(x, labels, x[:200], seed) for seed in (0, 1))
    np.testing.assert_array_equal(first, second)
