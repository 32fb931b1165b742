"""Single formulas of the blocks against closed forms and slow references."""

from __future__ import annotations

import math

import numpy as np
import pytest

from physioclr_core.physiology.features.inputs import AlignedBeats
from physioclr_core.physiology.features.morphology import alikeness, kors_vector, spread_over_axes, transition_lead
from physioclr_core.physiology.features.rhythm import beat_coherence, coefficient_of_entropy


def slow_coefficient(rr_ms: list[float]) -> float:
    """Count pairs one by one, as Lake and Moorman define it."""
    n_short = n_long = 0
    for i in range(len(rr_ms) - 1):
        for j in range(i + 1, len(rr_ms) - 1):
            if any(math.isnan(x) for x in (rr_ms[i], rr_ms[i + 1], rr_ms[j], rr_ms[j + 1])):
                continue
            if abs(rr_ms[i] - rr_ms[j]) < 30.0:
                n_short += 1
                n_long += abs(rr_ms[i + 1] - rr_ms[j + 1]) < 30.0
    known = [x for x in rr_ms if not math.isnan(x)]
    return math.log(max(n_short, 1) / max(n_long, 1)) + math.log(60.0) - math.log(sum(known) / len(known))


@pytest.mark.parametrize("seed", range(4))
def test_the_coefficient_of_sample_entropy_is_that_of_single_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rr_ms = rng.normal(800.0, [5.0, 20.0, 60.0, 200.0][seed], 24)
    rr_ms[[0, 9]] = np.nan
    assert coefficient_of_entropy(rr_ms) == pytest.approx(slow_coefficient(rr_ms.tolist()), abs=1e-9)


def test_the_coefficient_of_sample_entropy_of_a_long_record_is_finite_and_quick() -> None:
    assert math.isfinite(coefficient_of_entropy(np.random.default_rng(0).normal(800.0, 40.0, 100_000)))


def test_coherence_parts_what_repeats_from_what_does_not() -> None:
    rng = np.random.default_rng(0)
    common = np.sin(np.linspace(0, 2 * np.pi, 100, endpoint=False)) * 0.1 * math.sqrt(2)  # RMS of 100 uV
    parts = (common + rng.normal(0.0, 0.05, (1, 400, 100))).astype(np.float32)
    coherence, residual_uv = beat_coherence(AlignedBeats(parts))
    assert coherence == pytest.approx(100**2 / (100**2 + 50**2), abs=0.01)
    assert residual_uv == pytest.approx(50.0, rel=0.01)
    noise = AlignedBeats(rng.normal(0.0, 0.05, (1, 400, 100)).astype(np.float32))
    assert beat_coherence(noise)[0] == pytest.approx(0.0, abs=0.02)
    assert np.isnan(beat_coherence(None)).all()
    assert np.isnan(beat_coherence(AlignedBeats(parts[:, :2]))).all()


def test_alikeness_is_the_correlation_with_the_mean_beat_moved_by_up_to_a_sample() -> None:
    rng = np.random.default_rng(1)
    parts = (rng.normal(size=(3, 1, 40)) + 0.5 * rng.normal(size=(3, 7, 40))).astype(np.float32)
    parts -= parts.mean(axis=2, keepdims=True)
    mean = parts.mean(axis=1)
    slope = np.gradient(mean, axis=1)
    slope -= slope.mean(axis=1, keepdims=True)
    # The best shift of each beat, found by trying all.
    moved = [(mean + shift * slope).ravel() for shift in np.linspace(-1.0, 1.0, 401)]
    expected = [max(np.corrcoef(beat, m)[0, 1] for m in moved) for beat in parts.transpose(1, 0, 2).reshape(7, -1)]
    assert alikeness(AlignedBeats(parts)) == pytest.approx((np.median(expected), min(expected)), abs=2e-3)
    assert np.isnan(alikeness(AlignedBeats(np.zeros_like(parts)))).all()


def test_beats_that_differ_by_less_than_a_sample_are_alike() -> None:
    at = np.arange(-20, 21)
    shifts = np.linspace(-0.5, 0.5, 9)[:, None]
    parts = np.exp(-(((at - shifts) / 3.0) ** 2))[None].astype(np.float32)
    parts -= parts.mean(axis=2, keepdims=True)
    simple = min(np.corrcoef(beat, parts[0].mean(axis=0))[0, 1] for beat in parts[0])
    assert simple < 0.99 < 0.9995 < alikeness(AlignedBeats(parts))[1]


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([0.1, 0.2, 0.4, 0.6, 0.9, 1.0], 3.5),
        ([0.1, 0.5, 0.4, 0.6, 0.9, 1.0], 2.0),
        ([0.7, 0.2, 0.4, 0.6, 0.9, 1.0], 0.5),
        ([0.1, 0.1, 0.2, 0.2, 0.3, 0.4], 6.5),
        ([0.0, 1.0, 1.0, 1.0, 1.0, 1.0], 1.5),
        ([0.1, math.nan, 0.4, 0.6, 0.9, 1.0], math.nan),
        ([0.1, 0.6, math.nan, 0.6, 0.9, 1.0], 1.8),
    ],
)
def test_transition_is_where_r_comes_to_be_as_large_as_s(shares: list[float], expected: float) -> None:
    assert transition_lead(shares) == pytest.approx(expected, nan_ok=True)


def test_spread_over_axes_is_the_ratio_of_singular_values() -> None:
    part = np.random.default_rng(2).normal(size=(12, 30)).astype(np.float32)
    singular = np.linalg.svd(part.astype(np.float64), compute_uv=False)
    assert spread_over_axes(part) == pytest.approx(singular[1] / singular[0], rel=1e-6)
    line = np.outer(np.arange(1, 13), np.sin(np.arange(30))).astype(np.float32)
    assert spread_over_axes(line) == pytest.approx(0.0, abs=1e-3)
    assert math.isnan(spread_over_axes(part[:2]))
    assert math.isnan(spread_over_axes(np.zeros((12, 30), np.float32)))


def test_a_vector_in_space_is_linear_and_unknown_where_a_lead_is() -> None:
    area = np.random.default_rng(3).normal(size=12).tolist()
    vector = kors_vector(area)
    np.testing.assert_allclose(kors_vector([3.0 * x for x in area]), 3.0 * vector)
    # V6 alone: mostly to the left, and to the back.
    np.testing.assert_allclose(kors_vector([0.0] * 11 + [1.0]), [0.54, 0.13, 0.31])
    assert np.isnan(kors_vector([math.nan, *area[1:]])).all()
    # Leads of the limbs that follow from I and II do not count.
    np.testing.assert_allclose(kors_vector([*area[:2], *[math.nan] * 4, *area[6:]]), vector)
