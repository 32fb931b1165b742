from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from ludb_marks import delineation_of_marks
from synthetic_ecg import LeadWaves, SyntheticEcg, Timing, standard_waves, synthetic_ecg

from physioclr_core.data.ludb import load_ludb
from physioclr_core.physiology.lead_measures import MIN_WAVE_MV, MIN_WAVE_S, LeadMeasures, lead_measures
from physioclr_core.physiology.marks import QRS, QRS_OFF, QRS_ON, P, T, WaveState
from physioclr_core.physiology.median_beat import MedianBeat, median_beat
from physioclr_core.signal.resample import resample

NAMES = [field.name for field in fields(LeadMeasures) if field.name != "lead_names"]


def measured(ecg: SyntheticEcg) -> LeadMeasures:
    return lead_measures(median_beat(ecg.signal_mv, ecg.fs_hz, ecg.delineation))


def single(waves: LeadWaves, fs_hz: float = 500.0, timing: Timing | None = None) -> dict[str, float]:
    """Measure one shape, in lead V1."""
    ecg = synthetic_ecg(fs_hz, waves={"V1": waves, "V2": LeadWaves(0.1, -0.1, 1, -0.5, 0, 0.3)}, timing=timing)
    measures = measured(ecg)
    return {name: float(getattr(measures, name)[0]) for name in NAMES}


@pytest.mark.parametrize(("fs_hz", "close_mv"), [(1000.0, 0.002), (500.0, 0.02), (250.0, 0.04), (100.0, 0.09)])
def test_amplitudes_are_those_that_were_put_in(fs_hz: float, close_mv: float) -> None:
    """The waves of 20 to 40 ms have content beyond 50 Hz, which 100 samples a second do not hold."""
    ecg = synthetic_ecg(fs_hz)
    measures = measured(ecg)
    true = {
        name: np.array([getattr(waves, name) for waves in ecg.waves.values()]) for name in ("p", "q", "r", "s", "t")
    }
    np.testing.assert_allclose(measures.p_mv, true["p"], atol=0.002)
    np.testing.assert_allclose(measures.t_mv, true["t"], atol=0.002)
    direct = np.flatnonzero((true["r"] > 0) & (true["s"] < 0))  # aVR begins with a positive wave: its names move on
    np.testing.assert_allclose(measures.r_mv[direct], true["r"][direct], atol=close_mv)
    np.testing.assert_allclose(measures.s_mv[direct], true["s"][direct], atol=close_mv)
    has_q = np.flatnonzero(true["q"] < -0.045)
    np.testing.assert_allclose(measures.q_mv[has_q], true["q"][has_q], atol=close_mv)
    avr = list(ecg.waves).index("aVR")
    assert measures.q_mv[avr] == 0
    np.testing.assert_allclose(measures.s_mv[avr], ecg.waves["aVR"].r, atol=close_mv)
    np.testing.assert_allclose(measures.r_prime_mv[avr], ecg.waves["aVR"].s, atol=close_mv)


@pytest.mark.parametrize("fs_hz", [500.0, 100.0])
def test_areas_and_durations_have_their_closed_forms(fs_hz: float) -> None:
    ecg = synthetic_ecg(fs_hz)
    measures, timing = measured(ecg), ecg.timing
    for lead, waves in enumerate(ecg.waves.values()):
        net = 500.0 * (waves.q * timing.q_s + waves.r * timing.r_s + waves.s * timing.s_s)
        total = 500.0 * (abs(waves.q) * timing.q_s + abs(waves.r) * timing.r_s + abs(waves.s) * timing.s_s)
        assert measures.qrs_area_uvs[lead] == pytest.approx(net, abs=0.5)
        assert measures.qrs_abs_area_uvs[lead] == pytest.approx(total, abs=0.1 if fs_hz > 400 else 1.5)
        assert measures.p_area_uvs[lead] == pytest.approx(500.0 * waves.p * timing.p_s, abs=0.02)
        assert measures.t_area_uvs[lead] == pytest.approx(500.0 * waves.t * timing.t_s, abs=0.02)
    lead = list(ecg.waves).index("II")
    for name, ms in {"p": 100, "pr": 160, "q": 20, "r": 40, "s": 30, "qrs": 90, "t": 180, "qt": 380, "vat": 40}.items():
        assert getattr(measures, f"{name}_ms")[lead] == pytest.approx(ms, abs=2.5), name
    steepest = 0.5 * 2 * np.pi / timing.r_s * 1.1  # of 1.1 mV in 40 ms
    assert measures.max_upslope_mv_per_s[lead] == pytest.approx(steepest, rel=0.02 if fs_hz > 400 else 0.1)
    assert measures.qrs_pp_mv[lead] == pytest.approx(1.3, abs=0.03)


def test_net_areas_keep_einthovens_law() -> None:
    measures = measured(synthetic_ecg(noise_mv=0.0))
    for name in ("p_area_uvs", "qrs_area_uvs", "t_area_uvs"):
        area = dict(zip(measures.lead_names, getattr(measures, name), strict=True))
        assert area["I"] + area["III"] == pytest.approx(area["II"], abs=1e-3)
        assert area["aVR"] + area["aVL"] + area["aVF"] == pytest.approx(0.0, abs=1e-3)


def test_a_complex_without_r_is_qs() -> None:
    found = single(LeadWaves(p=0.1, q=-0.6, t=0.2), timing=Timing(q_s=0.09, r_s=0.0, s_s=0.0))
    assert found["qs_mv"] == found["s_mv"] == pytest.approx(-0.6, abs=0.001)
    assert (found["q_mv"], found["q_ms"], found["r_mv"], found["r_prime_mv"]) == (0, 0, 0, 0)
    assert found["s_ms"] == pytest.approx(90, abs=2.5)
    assert np.isnan(found["vat_ms"])


def test_a_second_r_is_r_prime_and_ends_the_activation_time() -> None:
    timing = Timing(q_s=0.0, r_s=0.03, s_s=0.03, r_prime_s=0.05)
    found = single(LeadWaves(r=0.3, s=-0.5, r_prime=0.8, t=-0.2), timing=timing)
    assert found["r_mv"] == pytest.approx(0.3, abs=0.02)
    assert found["s_mv"] == pytest.approx(-0.5, abs=0.02)
    assert found["r_prime_mv"] == pytest.approx(0.8, abs=0.01)
    assert found["s_prime_mv"] == 0
    assert found["r_prime_ms"] == pytest.approx(50, abs=2.5)
    assert found["vat_ms"] == pytest.approx(85, abs=2.5)
    assert found["n_fragments"] == 0


def test_a_notch_in_r_is_a_fragment_and_no_wave() -> None:
    whole = LeadWaves(r=1.0, t=0.3)
    ecg = synthetic_ecg(waves={"V5": whole, "V6": whole}, timing=Timing(q_s=0.0, r_s=0.1, s_s=0.0))
    signal = ecg.signal_mv.copy()
    for r_s in ecg.r_s:
        time_s = np.arange(signal.shape[1]) / ecg.fs_hz - r_s
        signal[0] -= (0.3 * np.exp(-0.5 * (time_s / 0.005) ** 2)).astype(np.float32)
    measures = lead_measures(median_beat(signal, ecg.fs_hz, ecg.delineation))
    assert measures.n_fragments.tolist() == [1, 0]
    assert measures.r_prime_mv.tolist() == [0, 0]


def test_deflections_below_the_smallest_wave_are_none() -> None:
    found = single(LeadWaves(q=-0.8 * MIN_WAVE_MV, r=1.0, t=0.01))
    assert (found["q_mv"], found["q_ms"]) == (0, 0)
    assert (found["t_mv"], found["t_positive_mv"], found["t_negative_mv"]) == (0, 0, 0)
    assert found["r_mv"] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("st_mv", [0.2, -0.15])
def test_st_is_read_against_the_pq_level_at_j_and_after(st_mv: float) -> None:
    waves = standard_waves(V3=LeadWaves(p=0.1, r=0.6, s=-0.5, t=0.4, st=st_mv))
    ecg = synthetic_ecg(waves=waves, timing=Timing(qt_s=0.42))
    measures = measured(ecg)
    for name in ("st_j_mv", "st_j40_mv", "st_j60_mv", "st_j80_mv"):
        level = dict(zip(measures.lead_names, getattr(measures, name), strict=True))
        assert level["V3"] == pytest.approx(st_mv, abs=0.002), name
        assert level["V4"] == pytest.approx(0.0, abs=0.002), name
    assert measures.st_slope_mv_per_s[8] == pytest.approx(0.0, abs=0.01)


def test_the_slope_of_st_and_a_t_wave_on_top_of_it() -> None:
    ecg = synthetic_ecg(timing=Timing(qt_s=0.45))
    signal = ecg.signal_mv.astype(np.float64)
    for r_s in ecg.r_s:
        after_j_s = np.arange(signal.shape[1]) / ecg.fs_hz - (r_s + 0.05)
        signal[6] += np.where((after_j_s > 0) & (after_j_s < 0.36), -1.0 * np.minimum(after_j_s, 0.36 - after_j_s), 0.0)
    measures = lead_measures(median_beat(signal.astype(np.float32), ecg.fs_hz, ecg.delineation))
    assert measures.st_slope_mv_per_s[6] == pytest.approx(-1.0, abs=0.02)
    assert measures.st_j60_mv[6] == pytest.approx(-0.06, abs=0.002)
    assert measures.t_mv[6] < -0.15
    assert measures.t_positive_mv[6] == 0


def test_the_terminal_part_of_a_biphasic_p_is_measured() -> None:
    ecg = synthetic_ecg(waves={"V1": LeadWaves(p=0.1, r=0.3, s=-0.9, t=0.2), "V2": LeadWaves(0.1, 0, 1, -1, 0, 0.3)})
    signal = ecg.signal_mv.astype(np.float64)
    for r_s in ecg.r_s:
        phase = (np.arange(signal.shape[1]) / ecg.fs_hz - (r_s - 0.04 - 0.16)) / 0.1
        inside = (phase > 0) & (phase < 1)
        signal[0] += np.where(
            inside, 0.12 * np.sin(2 * np.pi * phase) - 0.1 * (0.5 - 0.5 * np.cos(2 * np.pi * phase)), 0
        )
    measures = lead_measures(median_beat(signal.astype(np.float32), ecg.fs_hz, ecg.delineation))
    assert measures.p_negative_mv[0] == pytest.approx(-0.12, abs=0.002)
    assert measures.p_negative_ms[0] == pytest.approx(50, abs=4)
    assert measures.p_area_uvs[0] == pytest.approx(0.0, abs=0.1)
    assert (measures.p_negative_mv[1], measures.p_negative_ms[1]) == (0, 0)


def test_gain_scales_amplitudes_and_leaves_times() -> None:
    ecg = synthetic_ecg(noise_mv=0.0)
    once, twice = measured(ecg), measured(replace(ecg, signal_mv=2 * ecg.signal_mv + 1))
    for name in NAMES:
        factor = 2.0 if "mv" in name.split("_") or name.endswith("uvs") else 1.0
        if name in {"q_mv", "q_ms", "n_fragments"} or name == "p_negative_ms":
            continue  # a wave below the smallest one may now be one
        direct = np.flatnonzero(np.isfinite(getattr(once, name)))
        close = np.isclose(getattr(twice, name)[direct], factor * getattr(once, name)[direct], atol=0.02)
        assert close.mean() > 0.8, name


def test_what_is_not_there_is_not_measured() -> None:
    ecg = synthetic_ecg(has_p=False)
    measures = measured(ecg)
    assert all(np.isnan(getattr(measures, name)).all() for name in NAMES if name.startswith(("p_", "pr_")))
    assert np.isfinite(measures.r_mv).all()

    full = synthetic_ecg()
    beat = median_beat(full.signal_mv, full.fs_hz, full.delineation)
    state = beat.lead_state.copy()
    state[3] = WaveState.NOT_MEASURABLE
    state[4, P] = state[5, T] = WaveState.NOT_MEASURABLE
    measures = lead_measures(replace(beat, lead_state=state))
    assert all(np.isnan(getattr(measures, name)[3]) for name in NAMES)
    assert np.isnan(measures.p_mv[4])
    assert np.isfinite(measures.t_mv[4])
    assert np.isnan(measures.t_area_uvs[5])
    assert np.isfinite(measures.st_j_mv[5])


def test_an_empty_lead_is_nan_and_harms_no_other() -> None:
    ecg = synthetic_ecg(100.0)
    whole = measured(ecg)
    signal = ecg.signal_mv.copy()
    signal[1] = np.nan
    measures = measured(replace(ecg, signal_mv=signal))
    others = np.delete(np.arange(12), 1)
    for name in NAMES:
        assert np.isnan(getattr(measures, name)[1]), name
        np.testing.assert_allclose(getattr(measures, name)[others], getattr(whole, name)[others], atol=1e-5)


@pytest.mark.parametrize("break_it", ["no beat", "no qrs", "one sample", "flat"])
def test_bad_beats_raise_nothing(break_it: str) -> None:
    ecg = synthetic_ecg()
    beat = median_beat(ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    broken: dict[str, MedianBeat] = {
        "no beat": replace(beat, signal_mv=beat.signal_mv[:, :0], n_used=0),
        "no qrs": replace(beat, global_s=np.full(9, np.nan)),
        "one sample": replace(beat, signal_mv=beat.signal_mv[:, :1], r_index=0),
        "flat": replace(beat, signal_mv=np.zeros_like(beat.signal_mv)),
    }
    measures = lead_measures(broken[break_it])
    if break_it == "flat":
        assert (measures.r_mv == 0).all()
        assert (measures.qrs_pp_mv == 0).all()
    else:
        assert all(np.isnan(getattr(measures, name)).all() for name in NAMES)


# --- real records ----------------------------------------------------------------------------------------------------


def slow_waves(qrs_mv: np.ndarray, fs_hz: float) -> dict[str, float]:
    """Name the waves of one lead by a plain loop over its samples."""
    found = dict.fromkeys(("q", "r", "s", "r_prime", "s_prime"), 0.0)
    last, start = "", 0
    for stop in range(1, len(qrs_mv) + 1):
        if stop < len(qrs_mv) and (qrs_mv[stop] > 0) == (qrs_mv[start] > 0):
            continue
        part, is_first, start = qrs_mv[start:stop], start == 0, stop
        if stop == len(qrs_mv) and not is_first and np.abs(part).max() - abs(part[-1]) < 0.02:
            continue  # the ST level, not a wave
        if sum(abs(x) >= MIN_WAVE_MV for x in part) / fs_hz < MIN_WAVE_S - 1e-9:
            continue
        if part[0] > 0:
            last = {"": "r", "q": "r", "r": "r", "s": "r_prime", "r_prime": "r_prime"}.get(last, "")
            if not last:
                break
            found[last] = max(found[last], part.max())
        else:
            last = {"": "q", "q": "q", "r": "s", "s": "s"}.get(last, "s_prime")
            found[last] = min(found[last], part.min())
    if found["q"] and not found["r"]:
        found["s"], found["q"] = found["q"], 0.0
    return found


def test_a_qrs_complex_that_ends_above_the_level_has_no_terminal_r() -> None:
    waves = {**standard_waves(), "V1": LeadWaves(q=-1.5, t=0.4, st=0.15)}
    ecg = synthetic_ecg(500.0, waves=waves, timing=Timing(q_s=0.08, r_s=0.0, s_s=0.02))
    measures = lead_measures(median_beat(ecg.signal_mv, 500.0, ecg.delineation))
    row = measures.lead_names.index("V1")
    assert measures.r_mv[row] == 0.0
    assert measures.qs_mv[row] == pytest.approx(-1.5, abs=0.03)
    assert measures.st_j_mv[row] == pytest.approx(0.15, abs=0.05)


def test_waves_of_real_beats_are_those_of_a_slow_reference(test_data: Callable[..., Path], tmp_path: Path) -> None:
    for number in range(1, 13):
        for path in test_data("ludb", "data").glob(f"{number}.*"):
            (tmp_path / path.name).symlink_to(path)
    for record in load_ludb(tmp_path):
        delineation = delineation_of_marks(record)
        beat = median_beat(record.signal_mv, record.fs_hz, delineation)
        measures = lead_measures(beat)
        start, stop = (round(beat.global_s[mark] * 500.0) + beat.r_index for mark in (QRS_ON, QRS_OFF))
        for lead in np.flatnonzero(beat.lead_state[:, QRS] == WaveState.PRESENT):
            slow = slow_waves(beat.signal_mv[lead, start : stop + 1], 500.0)
            if slow["s_prime"]:
                continue  # a wave after S' ends the loop above
            for name, value in slow.items():
                assert getattr(measures, f"{name}_mv")[lead] == pytest.approx(value, abs=1e-6), (
                    record.name,
                    lead,
                    name,
                )

        coarse = replace(
            delineation,
            beats=replace(
                delineation.beats,
                fs_hz=100.0,
                r_samples=np.round(delineation.beats.r_s * 100).astype(np.int64),
            ),
        )
        slower = lead_measures(median_beat(resample(record.signal_mv, 500.0, 100.0), 100.0, coarse))
        both = np.isfinite(measures.qrs_area_uvs + slower.qrs_area_uvs)
        difference = np.abs(measures.qrs_pp_mv - slower.qrs_pp_mv)[both]
        assert np.median(difference) < 0.15 * np.median(measures.qrs_pp_mv[both]), record.name
