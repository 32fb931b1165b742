from __future__ import annotations

import numpy as np
import pytest
from real_records import entries_with, long_signal_mv, real_signal_mv
from synthetic_ecg import SyntheticEcg, Timing, delineation_of, synthetic_ecg

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.atrial import p_wave_objections
from physioclr_core.physiology.beats import detect_beats
from physioclr_core.physiology.delineation import delineate, with_global, without_p
from physioclr_core.physiology.marks import (
    FIDUCIALS,
    P_ON,
    P_PEAK,
    QRS,
    QRS_OFF,
    QRS_ON,
    R_PEAK,
    T_OFF,
    T_PEAK,
    Delineation,
    P,
    T,
    WaveState,
)
from physioclr_core.signal.resample import resample


def waves_of(signal_mv: np.ndarray, fs_hz: float = 100.0, lead_names: tuple[str, ...] = STANDARD_LEADS) -> Delineation:
    return delineate(signal_mv, fs_hz, lead_names, detect_beats(signal_mv, fs_hz))


def errors_ms(found: Delineation, ecg: SyntheticEcg, column: int) -> np.ndarray:
    truth = ecg.delineation.lead_s[:, :, column]
    return 1000.0 * (found.lead_s[:, :, column] - truth)[np.isfinite(truth) & np.isfinite(found.lead_s[:, :, column])]


@pytest.mark.parametrize("fs_hz", [250.0, 500.0, 1000.0])
def test_waves_of_known_place_are_found_there(fs_hz: float) -> None:
    ecg = synthetic_ecg(fs_hz, noise_mv=0.005)
    found = waves_of(ecg.signal_mv, fs_hz, ecg.lead_names)
    assert (found.lead_state[:, 1:-1] == WaveState.PRESENT).mean() > 0.9
    for column, limit_ms in ((P_ON, 20), (P_PEAK, 12), (QRS_ON, 12), (R_PEAK, 20), (QRS_OFF, 16), (T_PEAK, 20)):
        assert np.abs(np.median(errors_ms(found, ecg, column))) < limit_ms, FIDUCIALS[column]


def test_marks_are_in_order_within_every_beat() -> None:
    for entry in range(0, 60, 6):
        found = waves_of(real_signal_mv(entry))
        for marks in (found.lead_s, found.global_s):
            for wave in range(3):
                onset, peak, offset = np.moveaxis(marks[..., 3 * wave : 3 * wave + 3], -1, 0)
                whole = np.isfinite(onset) & np.isfinite(offset)
                assert (onset[whole] <= peak[whole] + 1e-9).all() or marks is found.global_s
                assert (onset[whole] < offset[whole]).all()
            assert not (marks[..., P_ON] > marks[..., QRS_ON]).any()
            assert not (marks[..., QRS_OFF] > marks[..., T_PEAK]).any()


def test_present_waves_have_marks_with_a_confidence_and_others_have_none() -> None:
    for entry in range(0, 60, 6):
        found = waves_of(real_signal_mv(entry))
        for state, marks, confidence in (
            (found.lead_state, found.lead_s, found.lead_confidence),
            (found.global_state, found.global_s, found.global_confidence),
        ):
            has_peak = np.isfinite(marks[..., [P_PEAK, R_PEAK, T_PEAK]])
            np.testing.assert_array_equal(has_peak, state == WaveState.PRESENT)
            np.testing.assert_array_equal(np.isfinite(confidence), np.isfinite(marks))
            assert ((confidence >= 0) & (confidence <= 1))[np.isfinite(confidence)].all()


def test_waves_do_not_depend_on_gain_offset_or_order_of_leads() -> None:
    signal = real_signal_mv(5)
    found = waves_of(signal)
    gain = np.linspace(0.4, 3.0, 12, dtype=np.float32)[:, None]
    for changed in (signal * 7, signal * gain, signal + 4):
        np.testing.assert_allclose(waves_of(changed).lead_s, found.lead_s, atol=0.004)
    turned = waves_of(np.ascontiguousarray(signal[::-1]), lead_names=STANDARD_LEADS[::-1])
    np.testing.assert_allclose(turned.lead_s[::-1], found.lead_s, atol=0.004)
    np.testing.assert_allclose(turned.global_s, found.global_s, atol=0.004)


def test_the_same_ecg_at_another_rate_has_the_same_waves() -> None:
    signal = real_signal_mv(5)
    a, b = waves_of(signal), waves_of(resample(signal, 100.0, 500.0), 500.0)
    assert (a.resolution_ms, b.resolution_ms) == (5.0, 1.0)
    difference_ms = 1000.0 * np.abs(a.global_s - b.global_s)
    assert np.nanmedian(difference_ms) < 1.0
    assert np.nanmax(difference_ms[1:-1]) < 15.0


def test_waves_move_with_the_signal() -> None:
    signal = long_signal_mv(1_400)
    early, late = waves_of(signal[:, 100:1_200]), waves_of(signal[:, 150:1_250])
    r_early, r_late = early.global_s[:, R_PEAK], late.global_s[:, R_PEAK] + 0.5
    pairs = [(i, int(np.abs(r_late - r).argmin())) for i, r in enumerate(r_early) if 2.0 < r < 9.0]
    assert len(pairs) >= 5
    shift_ms = [1000.0 * (early.global_s[i] - late.global_s[j] - 0.5) for i, j in pairs]
    assert np.nanmedian(np.abs(shift_ms)) < 2.0


def test_long_records_are_delineated_in_blocks_without_a_seam() -> None:
    signal = long_signal_mv(6_000)
    found = waves_of(signal)
    part = waves_of(signal[:, 1_000:3_400])
    r_long, r_part = found.global_s[:, R_PEAK], part.global_s[:, R_PEAK] + 10.0
    near = [(int(np.abs(r_long - r).argmin()), j) for j, r in enumerate(r_part) if 13.0 < r < 31.0]
    assert len(near) > 15
    difference_ms = [1000.0 * np.abs(found.global_s[i] - part.global_s[j] - 10.0) for i, j in near]
    assert np.nanmedian(difference_ms) < 2.0
    assert np.nanquantile(difference_ms, 0.95) < 20.0


@pytest.mark.parametrize("leads", [["II"], ["V1"], ["I", "II"], ["V1", "V5", "II"]])
def test_few_leads_are_enough(leads: list[str]) -> None:
    rows = [STANDARD_LEADS.index(lead) for lead in leads]
    shares = []
    for entry in entries_with("NORM")[:20]:
        found = waves_of(real_signal_mv(entry.entry)[rows], lead_names=tuple(leads))
        shares.append((found.global_state[1:-1] == WaveState.PRESENT).mean(axis=0))
    p, qrs, t = np.mean(shares, axis=0)
    assert qrs > 0.98
    assert t > 0.9
    assert p > 0.85


# --- what is not measurable ------------------------------------------------------------------------------------------


def test_leads_without_signal_are_not_measurable_with_the_reason() -> None:
    signal = real_signal_mv(5).copy()
    signal[2] = 0.7
    signal[8] = np.nan
    found = waves_of(signal)
    assert found.lead_reasons[2] == "flat"
    assert found.lead_reasons[8] == "no signal"
    assert (found.lead_state[[2, 8]] == WaveState.NOT_MEASURABLE).all()
    assert np.isnan(found.lead_s[[2, 8]]).all()
    assert (found.global_state[1:-1, QRS] == WaveState.PRESENT).all()


def test_a_wave_that_touches_a_gap_is_not_measurable() -> None:
    signal = real_signal_mv(5).copy()
    whole = waves_of(signal)
    beat = 4
    t_peak_s = whole.lead_s[1, beat, T_PEAK]
    signal[1, round(t_peak_s * 100) - 2 : round(t_peak_s * 100) + 3] = np.nan
    found = waves_of(signal)
    assert found.lead_state[1, beat, T] == WaveState.NOT_MEASURABLE
    assert np.isnan(found.lead_s[1, beat, 6:]).all()
    assert found.lead_state[0, beat, T] == whole.lead_state[0, beat, T]


def test_a_wave_beyond_the_end_of_the_record_is_not_measurable() -> None:
    signal = real_signal_mv(5)
    r = detect_beats(signal, 100.0).r_samples[5]
    found = waves_of(signal[:, : r + 15])
    assert found.lead_state[:, -1, T].max() <= WaveState.PRESENT
    assert np.isnan(found.lead_s[:, -1, T_OFF]).all()
    assert (found.lead_state[:, -1, T] != WaveState.ABSENT).all()


def test_no_beats_no_waves() -> None:
    signal = np.zeros((3, 1000), np.float32)
    found = waves_of(signal, lead_names=("I", "II", "III"))
    assert found.lead_s.shape == (3, 0, 9)
    assert found.global_s.shape == (0, 9)
    assert found.lead_reasons == ("flat", "flat", "flat")


# --- global marks ----------------------------------------------------------------------------------------------------


def global_of(lead_ms: list[float], column: int) -> float:
    """Return the global mark in ms of one beat whose leads have a mark at the times given."""
    ecg = synthetic_ecg()
    beats = detect_beats(ecg.signal_mv, 500.0)
    marks = np.full((len(lead_ms), len(beats), 9), np.nan)
    wave = column // 3
    marks[:, 0, 3 * wave + 1] = 0.5
    marks[:, 0, column] = np.array(lead_ms) / 1000.0
    names = tuple(f"L{i}" for i in range(len(lead_ms)))
    return float(1000.0 * with_global(delineation_of(beats, names, marks)).global_s[0, column])


def test_a_global_onset_is_the_earliest_that_another_lead_supports() -> None:
    assert global_of([400, 404, 410, 420], QRS_ON) == pytest.approx(400)
    assert global_of([340, 404, 410, 420], QRS_ON) == pytest.approx(404)  # one lead is wrong alone
    assert global_of([400, 390], QRS_ON) == pytest.approx(390)
    assert global_of([400], QRS_ON) == pytest.approx(400)


def test_a_global_offset_is_the_latest_that_another_lead_supports() -> None:
    assert global_of([500, 504, 510, 519], QRS_OFF) == pytest.approx(519)
    assert global_of([500, 504, 510, 590], QRS_OFF) == pytest.approx(510)


def test_a_wave_of_one_lead_among_many_is_no_global_wave() -> None:
    ecg = synthetic_ecg(noise_mv=0.005)
    marks = ecg.delineation.lead_s.copy()
    marks[1:, :, :3] = np.nan
    found = with_global(delineation_of(ecg.delineation.beats, ecg.lead_names, marks))
    assert (found.global_state[:, P] == WaveState.ABSENT).all()
    assert np.isnan(found.global_s[:, :3]).all()


# --- P waves ---------------------------------------------------------------------------------------------------------


def p_share(signal_mv: np.ndarray) -> float:
    found = waves_of(signal_mv)
    if p_wave_objections(found)[1]:
        return 0.0
    known = found.global_state[:, P] != WaveState.NOT_MEASURABLE
    return float((found.global_state[known, P] == WaveState.PRESENT).mean())


def test_no_p_wave_is_invented_in_atrial_fibrillation() -> None:
    entries = [entry for entry in entries_with("AFIB", [9]) if not {"SR", "AFLT"} & set(entry.statements)]
    assert len(entries) >= 5
    shares = [p_share(real_signal_mv(entry.entry)) for entry in entries]
    assert np.mean(np.array(shares) == 0.0) >= 0.9


def test_sinus_rhythm_has_p_waves() -> None:
    entries = [entry for entry in entries_with("NORM", [9]) if "SR" in entry.statements][:40]
    assert np.mean([p_share(real_signal_mv(entry.entry)) > 0.8 for entry in entries]) >= 0.9


def test_sinus_arrhythmia_keeps_its_p_waves() -> None:
    entries = entries_with("SARRH")[:30]
    assert np.mean([p_share(real_signal_mv(entry.entry)) > 0.7 for entry in entries]) >= 0.85


@pytest.mark.parametrize("pr_s", [0.12, 0.16, 0.22, 0.28])
def test_short_and_long_pr_intervals_are_measured(pr_s: float) -> None:
    ecg = synthetic_ecg(500.0, [1.0] * 9, timing=Timing(pr_s=pr_s), noise_mv=0.005)
    found = waves_of(ecg.signal_mv, 500.0, ecg.lead_names)
    pr_ms = 1000.0 * np.nanmedian(found.global_s[:, QRS_ON] - found.global_s[:, P_ON])
    assert pr_ms == pytest.approx(1000.0 * pr_s, abs=25)


def test_without_p_leaves_the_other_waves_alone() -> None:
    found = waves_of(real_signal_mv(5))
    bare = without_p(found, "for a test")
    assert bare.p_reason == "for a test"
    assert np.isnan(bare.lead_s[:, :, :3]).all()
    assert not (bare.lead_state[:, :, P] == WaveState.PRESENT).any()
    np.testing.assert_array_equal(bare.lead_s[:, :, 3:], found.lead_s[:, :, 3:])
    assert np.isfinite(found.lead_s[:, :, :3]).any()
