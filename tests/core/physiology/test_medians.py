from __future__ import annotations

import numpy as np
import pytest

from physioclr_core.physiology.medians import nan_median


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_nan_median_is_numpys_without_its_warnings(n: int) -> None:
    values = np.random.default_rng(n).normal(size=(n, 40))
    np.testing.assert_allclose(nan_median(values, axis=0), np.median(values, axis=0))
    values[np.random.default_rng(0).random(values.shape) < 0.3] = np.nan
    values[0] = 1.0
    np.testing.assert_allclose(nan_median(values, axis=0), np.nanmedian(values, axis=0))
    values[:, 3] = np.nan
    assert np.isnan(nan_median(values, axis=0)[3])
    few = nan_median(values, axis=0, min_count=n + 1)
    assert np.isnan(few).all()
    assert np.isnan(nan_median(values[:0], axis=0)).all()


@pytest.mark.parametrize("n", range(2, 18))
def test_many_samples_of_a_few_beats_have_the_same_medians(n: int) -> None:
    values = np.random.default_rng(n).normal(size=(n, 12, 475)).astype(np.float32)
    np.testing.assert_allclose(nan_median(values, axis=0), np.median(values, axis=0), rtol=1e-6)
    np.testing.assert_allclose(nan_median(values.transpose(1, 0, 2), axis=1), np.median(values, axis=0), rtol=1e-6)
    values[0, 3, 7] = np.nan
    np.testing.assert_allclose(nan_median(values, axis=0), np.nanmedian(values, axis=0), rtol=1e-6)
