from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from synthetic_ecg import beats_of

from physioclr_core.physiology.marks import BeatClass, Beats
from physioclr_core.physiology.rhythm import (
    MIN_NN,
    RHYTHM_NAMES,
    is_nn,
    rhythm,
    sample_entropy,
    shannon_entropy,
)

FS_HZ = 1000.0


def beats_with(rr_s: list[float] | np.ndarray, ventricular: tuple[int, ...] = (), classed: bool = True) -> Beats:
    r_s = 0.5 + np.concatenate([[0.0], np.cumsum(rr_s)])
    classes = np.full(len(r_s), BeatClass.DOMINANT if classed else BeatClass.UNCLASSED, np.int8)
    classes[list(ventricular)] = BeatClass.VENTRICULAR
    return beats_of(r_s, FS_HZ, int((r_s[-1] + 1) * FS_HZ), classes)


def test_closed_forms_of_an_alternating_rhythm() -> None:
    r = rhythm(beats_with([0.8, 0.9] * 5))
    assert r.hr_bpm == pytest.approx(60 / 0.85)
    assert (r.rr_mean_ms, r.rr_median_ms, r.rr_min_ms, r.rr_max_ms) == pytest.approx((850, 850, 800, 900))
    assert r.rr_sd_ms == pytest.approx(50 * math.sqrt(10 / 9))
    assert r.rr_cv == pytest.approx(r.rr_sd_ms / 850)
    assert r.rmssd_ms == pytest.approx(100)
    assert r.sdnn_ms == pytest.approx(r.rr_sd_ms)
    assert (r.pnn50, r.pnn20) == pytest.approx((90, 90))  # 9 differences of 10 intervals
    assert r.cvsd == pytest.approx(100 / 850)
    assert r.sd2_ms == pytest.approx(0, abs=1e-9)
    assert math.isnan(r.sd1_sd2) or r.sd1_sd2 > 1e6
    assert r.turning_point_ratio == 1
    assert r.shannon_entropy == pytest.approx(math.log(2) / math.log(10))


def test_a_steady_rhythm_has_no_variability() -> None:
    r = rhythm(beats_with([0.8] * 12))
    assert r.hr_bpm == pytest.approx(75)
    for name in ("rr_sd_ms", "rmssd_ms", "sdnn_ms", "pnn50", "sd1_ms", "turning_point_ratio", "sample_entropy"):
        assert getattr(r, name) == pytest.approx(0, abs=1e-9), name
    assert r.shannon_entropy == 0


def test_fifty_ms_is_not_more_than_fifty_ms() -> None:
    r = rhythm(beats_with([0.8, 0.85] * 6))
    assert r.pnn50 == 0
    assert r.pnn20 > 90


def test_only_intervals_between_normal_beats_count_as_nn() -> None:
    rr_s = [0.8, 0.82, 0.5, 1.1, 0.8, 0.82, 0.8, 0.82]
    beats = beats_with(rr_s, ventricular=(3,))
    assert np.flatnonzero(is_nn(beats)).tolist() == [1, 2, 5, 6, 7, 8]
    r = rhythm(beats)
    assert (r.n_rr, r.n_nn, r.n_differences) == (8, 6, 4)
    assert r.rmssd_ms == pytest.approx(20)
    assert (r.rr_min_ms, r.rr_max_ms) == pytest.approx((500, 1100))
    assert rhythm(beats_with(rr_s, classed=False)).n_nn == 8


def test_no_interval_is_taken_over_a_gap() -> None:
    beats = beats_with([0.8] * 10)
    follows = beats.follows.copy()
    follows[4] = False
    r = rhythm(replace(beats, follows=follows))
    assert (r.n_rr, r.n_nn, r.n_differences) == (9, 9, 7)
    assert r.rr_max_ms == pytest.approx(800)


def test_the_start_of_the_record_does_not_matter() -> None:
    beats = beats_with(np.random.default_rng(0).normal(0.8, 0.05, 30))
    later = replace(beats, r_samples=beats.r_samples + 12345)
    for name in RHYTHM_NAMES:
        assert getattr(rhythm(later), name) == pytest.approx(getattr(rhythm(beats), name), rel=1e-6, nan_ok=True), name


@pytest.mark.parametrize("n_rr", range(MIN_NN + 1))
def test_few_beats_give_what_they_can(n_rr: int) -> None:
    r = rhythm(beats_with([0.8] * n_rr))
    assert r.n_rr == n_rr
    assert math.isfinite(r.hr_bpm) is (n_rr >= 1)
    assert math.isfinite(r.rr_sd_ms) is (n_rr >= 2)
    assert math.isfinite(r.rmssd_ms) is (n_rr >= MIN_NN)
    assert math.isnan(r.sample_entropy)


def test_no_beats_at_all() -> None:
    r = rhythm(beats_of([], FS_HZ, 1000))
    assert (r.n_rr, r.n_nn) == (0, 0)
    assert math.isnan(r.hr_bpm)


def test_only_ventricular_beats_have_a_rate_and_no_nn() -> None:
    r = rhythm(beats_with([0.5] * 10, ventricular=tuple(range(11))))
    assert r.hr_bpm == pytest.approx(120)
    assert r.n_nn == 0


@pytest.mark.parametrize(("n_pattern", "tolerance"), [(1, 0.03), (2, 0.02), (3, 0.05)])
def test_sample_entropy_is_that_of_its_definition(n_pattern: int, tolerance: float) -> None:
    series = np.round(np.random.default_rng(3).normal(0.8, 0.03, 60), 3)

    def count(length: int) -> int:
        found = 0
        n = len(series) - n_pattern
        for i in range(n):
            for j in range(n):
                steps = [abs(series[i + k] - series[j + k]) <= tolerance + 1e-9 for k in range(length)]
                found += i != j and all(steps)
        return found

    expected = -math.log(count(n_pattern + 1) / count(n_pattern))
    assert sample_entropy(series, n_pattern, tolerance) == pytest.approx(expected)


def test_entropies_tell_a_steady_rhythm_from_a_random_one() -> None:
    rng = np.random.default_rng(0)
    steady = rhythm(beats_with(rng.normal(0.8, 0.01, 40)))
    random = rhythm(beats_with(rng.uniform(0.4, 1.2, 40)))
    assert random.sample_entropy > steady.sample_entropy + 1
    assert random.cosen > steady.cosen + 1
    assert random.turning_point_ratio == pytest.approx(2 / 3, abs=0.2)
    assert shannon_entropy(np.linspace(400, 1200, 16)) == pytest.approx(1.0)
    assert math.isnan(sample_entropy(np.array([0.8, 0.9]), 1, 0.01))
