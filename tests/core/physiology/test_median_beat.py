from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ludb_marks import delineation_of_marks
from synthetic_ecg import beats_of, delineation_of, synthetic_ecg

from physioclr_core.data.ludb import MarkedRecord, load_ludb
from physioclr_core.physiology.marks import P_ON, QRS_OFF, QRS_ON, T_OFF, P, WaveState
from physioclr_core.physiology.median_beat import MAX_BEATS, median_beat
from physioclr_core.signal.resample import resample

RR_S = (0.8, 0.82, 0.79, 0.81, 0.8, 0.83, 0.78, 0.8)


def test_without_noise_it_is_every_beat_and_its_marks_are_the_true_ones() -> None:
    ecg = synthetic_ecg(rr_s=(0.8,) * 9)
    beat = median_beat(ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    assert beat.beat_set == "10 of 10 beats"
    start = ecg.delineation.beats.r_samples[4] - beat.r_index
    np.testing.assert_allclose(
        beat.signal_mv, ecg.signal_mv[:, start : start + beat.signal_mv.shape[1]], atol=1e-5, rtol=0
    )
    true_s = ecg.delineation.global_s[4] - ecg.delineation.beats.r_s[4]
    np.testing.assert_allclose(beat.global_s, true_s, atol=1e-9)
    np.testing.assert_allclose(beat.lead_s, ecg.delineation.lead_s[:, 4] - ecg.delineation.beats.r_s[4], atol=1e-9)
    assert (beat.global_state == WaveState.PRESENT).all()
    np.testing.assert_allclose(beat.noise_mv, 0.0, atol=1e-5)


@pytest.mark.parametrize(("fs_hz", "jitter_s"), [(500.0, 0.016), (250.0, 0.016), (100.0, 0.01)])
def test_it_is_sharp_though_the_marks_of_r_are_not(fs_hz: float, jitter_s: float) -> None:
    ecg = synthetic_ecg(fs_hz, rr_s=[*RR_S, *RR_S])
    true = median_beat(ecg.signal_mv, fs_hz, ecg.delineation).signal_mv
    jitter = np.random.default_rng(1).uniform(-jitter_s, jitter_s, len(ecg.r_s))
    beats = replace(ecg.delineation.beats, r_samples=np.round((ecg.r_s + jitter) * fs_hz).astype(np.int64))
    beat = median_beat(ecg.signal_mv, fs_hz, replace(ecg.delineation, beats=beats))
    np.testing.assert_allclose(np.ptp(beat.signal_mv, axis=1), np.ptp(true, axis=1), rtol=0.05)
    marks_s = beat.global_s[[P_ON, QRS_OFF, T_OFF]] - beat.global_s[QRS_ON]
    np.testing.assert_allclose(marks_s, [-0.16, 0.09, 0.38], atol=0.002)


@pytest.mark.parametrize("classed", [True, False])
def test_ventricular_beats_stay_out_whether_or_not_they_are_classed(classed: bool) -> None:
    rr_s = [0.8, 0.8, 0.5, 1.1, 0.8, 0.8, 0.5, 1.1, 0.8]
    plain = synthetic_ecg(rr_s=rr_s)
    ecg = synthetic_ecg(rr_s=rr_s, ventricular=(3, 7), classed=classed)
    beat = median_beat(ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    assert not beat.used[[3, 7]].any()
    assert beat.beat_set.startswith("8 of 10 beats: 2 ")
    assert ("ventricular" in beat.beat_set) is classed
    expected = median_beat(plain.signal_mv, plain.fs_hz, plain.delineation)
    middle = slice(beat.r_index - 100, beat.r_index + 150)
    other = slice(expected.r_index - 100, expected.r_index + 150)
    np.testing.assert_allclose(beat.signal_mv[:, middle], expected.signal_mv[:, other], atol=1e-4)


def test_beats_in_noise_and_beats_that_are_cut_stay_out() -> None:
    ecg = synthetic_ecg(rr_s=RR_S, first_qrs_s=0.25, noise_mv=0.01)
    signal = ecg.signal_mv.copy()
    r = int(ecg.delineation.beats.r_samples[4])
    signal[:, r - 150 : r + 250] += np.random.default_rng(0).normal(0, 0.3, (12, 400)).astype(np.float32)
    beat = median_beat(signal, ecg.fs_hz, ecg.delineation)
    assert np.flatnonzero(~beat.used).tolist() == [0, 4]
    assert "1 cut by the record's ends" in beat.beat_set
    assert "1 unlike the others or noisy" in beat.beat_set


def test_level_and_slow_drift_do_not_matter_and_gain_only_scales() -> None:
    ecg = synthetic_ecg(rr_s=RR_S)
    beat = median_beat(ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    offset = np.arange(12, dtype=np.float32)[:, None] - 5
    moved = median_beat(3 * ecg.signal_mv + offset, ecg.fs_hz, ecg.delineation)
    np.testing.assert_allclose(moved.signal_mv, 3 * beat.signal_mv, atol=1e-5)
    np.testing.assert_array_equal(moved.lead_s, beat.lead_s)
    drift = 0.2 * np.sin(2 * np.pi * 0.2 * np.arange(ecg.signal_mv.shape[1]) / ecg.fs_hz)
    drifted = median_beat(ecg.signal_mv + drift.astype(np.float32), ecg.fs_hz, ecg.delineation)
    qrs = slice(beat.r_index - 30, beat.r_index + 40)
    np.testing.assert_allclose(drifted.signal_mv[:, qrs], beat.signal_mv[:, qrs], atol=0.02)


def test_order_of_leads_and_start_of_the_record_do_not_matter() -> None:
    ecg = synthetic_ecg(rr_s=RR_S, noise_mv=0.02)
    beat = median_beat(ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    order = np.random.default_rng(0).permutation(12)
    d = ecg.delineation
    turned = replace(
        d,
        lead_names=tuple(d.lead_names[row] for row in order),
        lead_s=d.lead_s[order],
        lead_state=d.lead_state[order],
    )
    other = median_beat(ecg.signal_mv[order], ecg.fs_hz, turned)
    np.testing.assert_allclose(other.signal_mv, beat.signal_mv[order], atol=1e-6)
    np.testing.assert_allclose(other.global_s, beat.global_s, atol=1e-12)

    later = replace(d.beats, r_samples=d.beats.r_samples + 700, n_samples=d.beats.n_samples + 700)
    shifted = replace(d, beats=later, lead_s=d.lead_s + 1.4, global_s=d.global_s + 1.4)
    signal = np.concatenate([np.zeros((12, 700), np.float32), ecg.signal_mv], axis=1)
    moved = median_beat(signal, ecg.fs_hz, shifted)
    np.testing.assert_allclose(moved.signal_mv, beat.signal_mv, atol=1e-6)
    np.testing.assert_allclose(moved.lead_s, beat.lead_s, atol=1e-9)


@pytest.mark.parametrize("fs_hz", [500.0, 100.0])
def test_gaps_cost_their_beats_and_empty_leads_are_empty(fs_hz: float) -> None:
    ecg = synthetic_ecg(fs_hz, rr_s=(0.8,) * 8)
    whole = median_beat(ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    signal = ecg.signal_mv.copy()
    r = int(ecg.delineation.beats.r_samples[3])
    signal[:, r - 5 : r + round(0.2 * fs_hz)] = np.nan
    signal[2] = np.nan
    beat = median_beat(signal, ecg.fs_hz, ecg.delineation)
    assert np.isnan(beat.signal_mv[2]).all()
    assert np.isnan(beat.noise_mv[2])
    others = np.delete(np.arange(12), 2)
    np.testing.assert_allclose(beat.signal_mv[others], whole.signal_mv[others], atol=0.005)


def test_a_record_without_beats_says_why() -> None:
    beats = replace(beats_of([], 500.0, 5000), reason="all leads are flat")
    delineation = delineation_of(beats, ("I", "II"), np.zeros((2, 0, 9)))
    beat = median_beat(np.zeros((2, 5000), np.float32), 500.0, delineation)
    assert (beat.n_used, beat.reason) == (0, "all leads are flat")
    assert beat.signal_mv.shape == (2, 0)
    assert np.isnan(beat.global_s).all()
    assert (beat.lead_state == WaveState.NOT_MEASURABLE).all()
    assert len(beat.time_s) == 0


@pytest.mark.parametrize("n_rr", [0, 1])
def test_one_or_two_beats_of_one_lead_are_enough(n_rr: int) -> None:
    ecg = synthetic_ecg(rr_s=(0.8,) * n_rr)
    d = ecg.delineation
    single = replace(
        d, lead_names=("II",), lead_s=d.lead_s[1:2], lead_state=d.lead_state[1:2], lead_reasons=d.lead_reasons[:1]
    )
    beat = median_beat(ecg.signal_mv[1:2], ecg.fs_hz, single)
    assert beat.n_used == n_rr + 1
    assert beat.signal_mv.max() == pytest.approx(1.1, abs=1e-4)
    assert beat.global_s[QRS_OFF] - beat.global_s[QRS_ON] == pytest.approx(0.09)


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_flat_and_empty_signals_raise_nothing(value: float) -> None:
    ecg = synthetic_ecg(rr_s=RR_S)
    beat = median_beat(np.full_like(ecg.signal_mv, value), ecg.fs_hz, ecg.delineation)
    assert beat.n_used >= 5
    np.testing.assert_array_equal(beat.signal_mv, np.full_like(beat.signal_mv, value))


def test_a_long_record_is_sampled_evenly() -> None:
    ecg = synthetic_ecg(100.0, rr_s=(0.8,) * 299)
    beat = median_beat(ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    assert beat.n_used == MAX_BEATS
    assert np.diff(np.flatnonzero(beat.used)).max() <= 6
    assert beat.beat_set == "60 of 300 beats; evenly spread"


def test_a_wave_of_fewer_than_half_of_the_beats_is_none() -> None:
    ecg = synthetic_ecg(rr_s=RR_S)
    d = ecg.delineation
    lead_s, lead_state, global_state = d.lead_s.copy(), d.lead_state.copy(), d.global_state.copy()
    lead_s[0, 3:, :3] = np.nan
    lead_state[0, 3:, P] = WaveState.ABSENT
    lead_state[1, 3:, P] = WaveState.NOT_MEASURABLE
    beat = median_beat(ecg.signal_mv, ecg.fs_hz, replace(d, lead_s=lead_s, lead_state=lead_state))
    assert beat.lead_state[:3, P].tolist() == [WaveState.ABSENT, WaveState.NOT_MEASURABLE, WaveState.PRESENT]
    assert np.isnan(beat.lead_s[:2, :3]).all()
    assert np.isfinite(beat.lead_s[2, :3]).all()
    global_state[:, P] = WaveState.ABSENT
    without = median_beat(ecg.signal_mv, ecg.fs_hz, replace(d, global_state=global_state))
    assert np.isnan(without.global_s[:3]).all()


def test_one_lead_alone_sets_no_global_boundary() -> None:
    ecg = synthetic_ecg(rr_s=RR_S)
    lead_s = ecg.delineation.lead_s.copy()
    lead_s[5, :, QRS_ON] -= 0.03
    lead_s[7, :, T_OFF] += 0.05
    alone = median_beat(ecg.signal_mv, ecg.fs_hz, replace(ecg.delineation, lead_s=lead_s))
    assert alone.global_s[T_OFF] - alone.global_s[QRS_ON] == pytest.approx(0.38)
    lead_s[6, :, QRS_ON] = lead_s[5, :, QRS_ON] + 0.008
    two = median_beat(ecg.signal_mv, ecg.fs_hz, replace(ecg.delineation, lead_s=lead_s))
    assert two.global_s[T_OFF] - two.global_s[QRS_ON] == pytest.approx(0.41)


def test_of_two_leads_the_outermost_marks_stand() -> None:
    ecg = synthetic_ecg(rr_s=RR_S)
    d = ecg.delineation
    two = [0, 6]  # V1 has no Q
    pair = replace(d, lead_names=("I", "V1"), lead_s=d.lead_s[two], lead_state=d.lead_state[two])
    beat = median_beat(ecg.signal_mv[two], ecg.fs_hz, pair)
    assert beat.global_s[QRS_OFF] - beat.global_s[QRS_ON] == pytest.approx(0.09)


def test_a_delineation_of_other_leads_is_refused() -> None:
    ecg = synthetic_ecg(rr_s=RR_S)
    with pytest.raises(ValueError, match="12 leads, the signal 3"):
        median_beat(ecg.signal_mv[:3], ecg.fs_hz, ecg.delineation)


# --- real records ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ludb(test_data: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> list[MarkedRecord]:
    folder = tmp_path_factory.mktemp("ludb")
    for number in range(1, 12):
        for path in test_data("ludb", "data").glob(f"{number}.*"):
            (folder / path.name).symlink_to(path)
    return load_ludb(folder)


def test_every_real_beat_is_like_the_median_of_its_record(ludb: list[MarkedRecord]) -> None:
    for record in ludb:
        delineation = delineation_of_marks(record)
        beat = median_beat(record.signal_mv, record.fs_hz, delineation)
        assert beat.n_used >= len(delineation.beats) / 2, record.name
        template = beat.signal_mv[:, beat.r_index - 40 : beat.r_index + 50]
        for r in delineation.beats.r_samples[beat.used]:
            assert best_correlation(template, record.signal_mv[:, r - 60 : r + 70]) > 0.8, (record.name, r)


def best_correlation(template: np.ndarray, signal: np.ndarray) -> float:
    """Return the correlation at the best place within a longer signal, each lead against its mean."""
    n = template.shape[1]
    own = (template - template.mean(axis=1, keepdims=True)).ravel()
    found = []
    for start in range(0, signal.shape[1] - n + 1, 2):
        part = signal[:, start : start + n]
        found.append(np.corrcoef((part - part.mean(axis=1, keepdims=True)).ravel(), own)[0, 1])
    return float(max(found))


def test_marks_are_medians_over_the_beats_used(ludb: list[MarkedRecord]) -> None:
    for record in ludb:
        delineation = delineation_of_marks(record)
        beat = median_beat(record.signal_mv, record.fs_hz, delineation)
        interval_s = slow_interval_s(delineation.lead_s[:, beat.used], QRS_ON, QRS_OFF)
        own_s = beat.lead_s[:, QRS_OFF] - beat.lead_s[:, QRS_ON]
        assert np.nanmax(np.abs(own_s - interval_s)) < 0.02, record.name


def slow_interval_s(lead_s: np.ndarray, start: int, end: int) -> np.ndarray:
    medians = []
    for lead in lead_s:
        found = [beat[end] - beat[start] for beat in lead if np.isfinite(beat[end] - beat[start])]
        medians.append(np.median(found) if 2 * len(found) >= len(lead) else np.nan)
    return np.array(medians)


def test_a_fifth_of_the_samples_gives_nearly_the_same_beat(ludb: list[MarkedRecord]) -> None:
    for record in ludb[:8]:
        delineation = delineation_of_marks(record)
        fine = median_beat(record.signal_mv, record.fs_hz, delineation)
        signal = resample(record.signal_mv, record.fs_hz, 100.0)
        beats = replace(
            delineation.beats,
            fs_hz=100.0,
            n_samples=signal.shape[1],
            r_samples=np.round(delineation.beats.r_s * 100.0).astype(np.int64),
        )
        coarse = median_beat(signal, 100.0, replace(delineation, beats=beats, resolution_ms=5.0))
        np.testing.assert_allclose(
            np.diff(coarse.global_s[[QRS_ON, QRS_OFF, T_OFF]]),
            np.diff(fine.global_s[[QRS_ON, QRS_OFF, T_OFF]]),
            atol=0.012,
        )
        first = 5 * (coarse.r_index - 8)
        between = resample(coarse.signal_mv, 100.0, 500.0)[:, first : first + 80]
        assert best_correlation(between, fine.signal_mv[:, fine.r_index - 60 : fine.r_index + 61]) > 0.97, record.name
