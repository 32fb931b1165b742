"""Cosines of principal components and of blocks against slow references and closed forms."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

from physioclr_core.physiology.features.schema import BLOCK_COLUMNS, N_FEATURES, NAMES
from physioclr_core.physiology.features.similarity import (
    MIN_SHARED_FEATURES,
    block_similarity,
    cosine_similarity,
    pair_similarity,
)
from physioclr_core.physiology.features.spec import BLOCKS


def some_scores(n: int, seed: int, known: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    is_valid = rng.random((n, N_FEATURES)) < known
    return np.where(is_valid, rng.normal(size=(n, N_FEATURES)), 0.0).astype(np.float32), is_valid


def slow_block_cosine(
    a: np.ndarray, a_valid: np.ndarray, b: np.ndarray, b_valid: np.ndarray, columns: slice
) -> tuple[float, int]:
    product = a_square = b_square = 0.0
    n = 0
    for i in range(columns.start, columns.stop):
        if a_valid[i] and b_valid[i]:
            product += float(a[i]) * float(b[i])
            a_square += float(a[i]) ** 2
            b_square += float(b[i]) ** 2
            n += 1
    if n < MIN_SHARED_FEATURES or a_square == 0.0 or b_square == 0.0:
        return math.nan, n
    return product / math.sqrt(a_square * b_square), n


def test_cosine_is_that_of_each_pair() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 50)).astype(np.float32), rng.normal(size=(7, 50)).astype(np.float32)
    found = cosine_similarity(a, b)
    assert found.shape == (5, 7)
    for i in range(5):
        for j in range(7):
            x, y = a[i].astype(float), b[j].astype(float)
            assert found[i, j] == pytest.approx(x @ y / math.sqrt((x @ x) * (y @ y)), abs=1e-6)


def test_cosine_of_the_same_opposite_and_no_direction() -> None:
    a = np.array([[3.0, 4.0], [0.0, 0.0], [np.nan, 1.0]], np.float32)
    b = np.array([[6.0, 8.0], [-3.0, -4.0], [4.0, -3.0]], np.float32)
    found = cosine_similarity(a, b)
    np.testing.assert_allclose(found[0], [1.0, -1.0, 0.0], atol=1e-6)
    assert np.isnan(found[1:]).all()


def test_block_similarity_is_that_of_the_slow_reference() -> None:
    a, a_valid = some_scores(6, 1)
    b, b_valid = some_scores(9, 2, known=0.5)
    a_valid[0, BLOCK_COLUMNS["conduction"]] = False
    b_valid[1] = False
    found = block_similarity(a, a_valid, b, b_valid)
    assert found.blocks.shape == (4, 6, 9)
    for i in range(6):
        for j in range(9):
            expected = [slow_block_cosine(a[i], a_valid[i], b[j], b_valid[j], BLOCK_COLUMNS[block]) for block in BLOCKS]
            np.testing.assert_allclose(found.blocks[:, i, j], [cosine for cosine, _ in expected], atol=1e-5)
            assert found.n_shared[:, i, j].tolist() == [n for _, n in expected]
            known = [cosine for cosine, _ in expected if not math.isnan(cosine)]
            mean = sum(known) / len(known) if known else math.nan
            assert found.mean[i, j] == pytest.approx(mean, abs=1e-5, nan_ok=True)


def test_block_similarity_is_symmetric_and_one_with_itself() -> None:
    a, a_valid = some_scores(8, 3, known=0.9)
    found = block_similarity(a, a_valid, a, a_valid)
    np.testing.assert_allclose(found.mean, found.mean.T, atol=1e-6)
    np.testing.assert_allclose(np.diagonal(found.mean), 1.0, atol=1e-6)
    assert (np.abs(found.blocks) <= 1.0 + 1e-6).all()


def test_a_number_where_a_feature_is_not_valid_changes_nothing() -> None:
    a, a_valid = some_scores(3, 4)
    b, b_valid = some_scores(3, 5)
    dirty = np.where(a_valid, a, np.float32(np.nan))
    np.testing.assert_array_equal(
        block_similarity(a, a_valid, b, b_valid).mean, block_similarity(dirty, a_valid, b, b_valid).mean
    )


def test_every_block_has_the_same_weight_whatever_its_size_and_scale() -> None:
    a = np.ones(N_FEATURES, np.float32)
    b = a.copy()
    b[BLOCK_COLUMNS["rhythm"]] = -100.0
    is_valid = np.ones(N_FEATURES, np.bool_)
    found = pair_similarity(a, is_valid, b, is_valid)
    assert found.blocks == pytest.approx({"rhythm": -1.0, "conduction": 1.0, "repolarisation": 1.0, "morphology": 1.0})
    assert found.mean == pytest.approx(0.5)


def test_a_block_with_too_few_shared_features_is_left_out() -> None:
    a = np.ones(N_FEATURES, np.float32)
    is_valid = np.ones(N_FEATURES, np.bool_)
    few = is_valid.copy()
    rhythm = BLOCK_COLUMNS["rhythm"]
    few[rhythm.start + MIN_SHARED_FEATURES - 1 : rhythm.stop] = False
    assert "rhythm" not in pair_similarity(a, is_valid, a, few).blocks
    few[rhythm.start + MIN_SHARED_FEATURES - 1] = True
    assert pair_similarity(a, is_valid, a, few).blocks["rhythm"] == pytest.approx(1.0)
    nothing = pair_similarity(a, is_valid, a, ~is_valid)
    assert math.isnan(nothing.mean)
    assert (nothing.blocks, nothing.alike, nothing.unlike) == ({}, (), ())


def test_a_pair_names_what_speaks_for_and_against() -> None:
    a, b = np.full(N_FEATURES, 0.1, np.float32), np.full(N_FEATURES, 0.1, np.float32)
    is_valid = np.ones(N_FEATURES, np.bool_)
    a[7], b[7] = -3.0, -4.0
    a[90], b[90] = 5.0, 2.0
    a[120], b[120] = 2.0, -2.0
    found = pair_similarity(a, is_valid, b, is_valid, n_named=2)
    assert found.alike == (NAMES[7], NAMES[90])
    assert found.unlike == (NAMES[120],)


@pytest.mark.benchmark
def test_speed_of_a_batch(record_property: pytest.FixtureRequest) -> None:
    a, a_valid = some_scores(1024, 6)
    start = time.perf_counter()
    block_similarity(a, a_valid, a, a_valid)
    record_property("ms for 1024 x 1024", 1000.0 * (time.perf_counter() - start))  # type: ignore[operator]
