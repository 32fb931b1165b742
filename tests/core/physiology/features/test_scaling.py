"""Robust z-scores, principal components, and the artefact that keeps them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from physioclr_core.errors import UserFacingError
from physioclr_core.physiology.features import scaling as scaling_module
from physioclr_core.physiology.features.scaling import (
    CLIP,
    N_COMPONENTS,
    FeatureScaling,
    FeatureScalingError,
    fit_scaling,
    load_scaling,
)
from physioclr_core.physiology.features.schema import N_FEATURES, NAMES, SCHEMA_VERSION

N_RECORDS = 400


def some_features(n: int = N_RECORDS, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return correlated features of different units, a tenth of them not valid."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=(n, 20)) @ rng.normal(size=(20, N_FEATURES)) + 0.5 * rng.normal(size=(n, N_FEATURES))
    values = (latent * 10.0 ** rng.uniform(-3, 3, N_FEATURES) + rng.normal(size=N_FEATURES)).astype(np.float32)
    is_valid = rng.random((n, N_FEATURES)) > 0.1
    values[~is_valid] = np.nan
    return values, is_valid


@pytest.fixture(scope="module")
def features() -> tuple[np.ndarray, np.ndarray]:
    return some_features()


@pytest.fixture(scope="module")
def scaling(features: tuple[np.ndarray, np.ndarray]) -> FeatureScaling:
    return fit_scaling(*features)


def test_centre_is_the_median_and_scale_the_interquartile_range_over_1_349(
    features: tuple[np.ndarray, np.ndarray], scaling: FeatureScaling
) -> None:
    values, _ = features
    low, middle, high = np.nanpercentile(values.astype(np.float64), [25, 50, 75], axis=0)
    np.testing.assert_allclose(scaling.centre, middle, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scaling.scale, (high - low) / 1.349, rtol=1e-5)


def test_a_share_that_is_mostly_zero_is_scaled_by_its_winsorised_deviation() -> None:
    values, is_valid = some_features()
    share = np.zeros(N_RECORDS, np.float32)
    share[:40] = 0.5
    values[:, 3], is_valid[:, 3] = share, True
    fitted = fit_scaling(values, is_valid)
    assert fitted.centre[3] == 0.0
    assert fitted.scale[3] == pytest.approx(share.std(), rel=1e-5)


def test_scores_do_not_depend_on_the_unit(features: tuple[np.ndarray, np.ndarray], scaling: FeatureScaling) -> None:
    values, is_valid = features
    other = values * np.float32(1000.0) + np.float32(7.0)
    scores = fit_scaling(other, is_valid).scores_of(other, is_valid)
    np.testing.assert_allclose(scores, scaling.scores_of(values, is_valid), atol=2e-3)


def test_what_is_not_valid_scores_zero_and_what_is_far_out_is_clipped(scaling: FeatureScaling) -> None:
    values = np.full(N_FEATURES, np.nan, np.float32)
    is_valid = np.zeros(N_FEATURES, np.bool_)
    values[:2], is_valid[:2] = (np.inf, -np.inf), True
    values[:2] = scaling.centre[:2] + np.array([1e6, -1e6], np.float32) * scaling.scale[:2]
    scores = scaling.scores_of(values, is_valid)
    assert scores.dtype == np.float32
    np.testing.assert_array_equal(scores, [CLIP, -CLIP, *[0.0] * (N_FEATURES - 2)])


def test_components_are_those_of_a_singular_value_decomposition(
    features: tuple[np.ndarray, np.ndarray], scaling: FeatureScaling
) -> None:
    scores = scaling.scores_of(*features).astype(np.float64)
    _, singular, rows = np.linalg.svd(scores - scores.mean(axis=0), full_matrices=False)
    share = singular**2 / (singular**2).sum()
    np.testing.assert_allclose(scaling.explained, share[:N_COMPONENTS], rtol=1e-6)
    # Those of the twenty latent directions are well apart, so that each is determined but for its sign.
    alike = np.abs(np.einsum("ij,ij->i", scaling.components[:20], rows[:20]))
    np.testing.assert_allclose(alike, 1.0, atol=1e-4)
    np.testing.assert_allclose(scaling.components @ scaling.components.T, np.eye(N_COMPONENTS), atol=1e-5)
    projected = scaling.components_of(*features)
    assert projected.shape == (N_RECORDS, N_COMPONENTS)
    np.testing.assert_allclose(projected.mean(axis=0), 0.0, atol=1e-3)


def test_signs_are_determined(scaling: FeatureScaling) -> None:
    largest = np.abs(scaling.components).argmax(axis=1)
    assert (scaling.components[np.arange(N_COMPONENTS), largest] > 0).all()


def test_fitting_is_deterministic_and_its_fingerprint_follows_the_data(
    features: tuple[np.ndarray, np.ndarray], scaling: FeatureScaling
) -> None:
    assert fit_scaling(*features).fingerprint == scaling.fingerprint
    values, is_valid = features
    changed = values.copy()
    changed[0, np.flatnonzero(is_valid[0])[0]] += 1e-3
    assert fit_scaling(changed, is_valid).fingerprint != scaling.fingerprint


def test_saved_and_loaded_is_the_same(scaling: FeatureScaling, tmp_path: Path) -> None:
    scaling.save(tmp_path)
    loaded = load_scaling(tmp_path)
    assert loaded.fingerprint == scaling.fingerprint
    np.testing.assert_array_equal(loaded.components, scaling.components)
    np.testing.assert_array_equal(loaded.scale, scaling.scale)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scaling.json", "scaling.npy"]


def _flip_a_bit(folder: Path) -> None:
    path = folder / "scaling.npy"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)


def _cut_off(folder: Path) -> None:
    path = folder / "scaling.npy"
    path.write_bytes(path.read_bytes()[:-100])


def _change(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "scaling.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (_flip_a_bit, "was changed"),
        (_change(data_sha256="0" * 64), "was changed"),
        (_change(schema_version=SCHEMA_VERSION + 1), "fit it anew"),
        (_change(explained=None), "damaged"),
        (_cut_off, "damaged"),
        (lambda folder: (folder / "scaling.npy").unlink(), "missing"),
        (lambda folder: (folder / "scaling.json").write_text("{"), "damaged"),
    ],
    ids=["array", "data hash", "schema", "no shares", "cut off", "missing", "no JSON"],
)
def test_a_damaged_or_foreign_artefact_is_refused_in_one_sentence(
    scaling: FeatureScaling, tmp_path: Path, damage: Callable[[Path], None], says: str
) -> None:
    scaling.save(tmp_path)
    damage(tmp_path)
    with pytest.raises(FeatureScalingError, match=says) as refused:
        load_scaling(tmp_path)
    assert isinstance(refused.value, UserFacingError)
    assert "\n" not in str(refused.value)


def test_too_few_records_and_a_constant_feature_are_refused() -> None:
    with pytest.raises(FeatureScalingError, match="too few"):
        fit_scaling(*some_features(30))
    values, is_valid = some_features()
    values[:, 5] = np.where(is_valid[:, 5], 1.0, np.nan)
    with pytest.raises(FeatureScalingError, match=NAMES[5]):
        fit_scaling(values, is_valid)


def test_arrays_hold_no_pickles(tmp_path: Path, scaling: FeatureScaling) -> None:
    scaling.save(tmp_path)
    np.save(tmp_path / "scaling.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(FeatureScalingError, match="damaged"):
        load_scaling(tmp_path)


def test_the_shipped_scaling_is_of_this_schema() -> None:
    folder = scaling_module.default_scaling_dir()
    if not folder.is_dir():
        pytest.skip("no scaling is shipped yet")
    assert load_scaling().components.shape == (N_COMPONENTS, N_FEATURES)
