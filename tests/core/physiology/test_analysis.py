from __future__ import annotations

import json

import numpy as np
import pytest
from real_records import entries_with, real_signal_mv
from synthetic_ecg import synthetic_ecg

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.analysis import EcgAnalysis, analyse
from physioclr_core.signal.resample import resample


def everything_of(analysis: EcgAnalysis) -> dict:
    """Compute every part; return the measurements as JSON would hold them."""
    assert analysis.features.values.shape == (150,)
    assert np.isfinite(analysis.features.values[analysis.features.is_valid]).all()
    assert len(analysis.quality.reasons) == len(analysis.lead_names)
    assert isinstance(analysis.swaps, tuple)
    return json.loads(json.dumps(analysis.measurements.to_dict(), allow_nan=False))


def value(analysis: EcgAnalysis, name: str) -> float | None:
    return analysis.measurements[name].value


def _flutter(fs_hz: float) -> np.ndarray:
    t_s = np.arange(round(10 * fs_hz)) / fs_hz
    return np.outer(np.linspace(-1, 1, 12), np.sin(2 * np.pi * 5.0 * t_s)).astype(np.float32)


def _off_half_way() -> np.ndarray:
    signal = real_signal_mv(5).copy()
    signal[:, 500:] = 0.0
    return signal


def _one_beat() -> np.ndarray:
    return synthetic_ecg(100.0, [], first_qrs_s=4.0, tail_s=5.0, noise_mv=0.005).signal_mv


BAD = {
    "all flat": np.full((12, 1000), 0.3, np.float32),
    "all NaN": np.full((12, 1000), np.nan, np.float32),
    "one beat": _one_beat(),
    "asystole": np.random.default_rng(0).normal(0, 0.01, (12, 1000)).astype(np.float32),
    "flutter of 300 a minute": _flutter(100.0),
    "off half way": _off_half_way(),
    "20 a minute": synthetic_ecg(100.0, [3.0] * 4, noise_mv=0.005).signal_mv,
    "saturated QRS": np.clip(real_signal_mv(5), -0.3, 0.3),
    "50 microvolts": real_signal_mv(5) * np.float32(0.05),
    "huge": real_signal_mv(5) * np.float32(1e4),
    "pure noise": np.random.default_rng(0).normal(0, 1.0, (12, 1000)).astype(np.float32),
    "one sample": np.zeros((12, 1), np.float32),
    "no sample": np.zeros((12, 0), np.float32),
    "half a second": real_signal_mv(5)[:, :50],
    "two seconds": real_signal_mv(5)[:, :200],
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("n_leads", [1, 2, 12])
def test_any_signal_is_measured_where_measurable_and_nothing_raises(name: str, n_leads: int) -> None:
    analysis = analyse(BAD[name][:n_leads], 100.0, STANDARD_LEADS[:n_leads])
    measured = everything_of(analysis)
    for item in measured["measurements"]:
        assert (item["value"] is None) == bool(item["reason"]), item
    if name in ("all flat", "all NaN", "asystole", "one sample", "no sample", "half a second"):
        assert len(analysis.delineation.beats) == 0
        assert analysis.delineation.beats.reason
        assert not analysis.features.is_valid.any()


@pytest.mark.parametrize("name", ["saturated QRS", "50 microvolts"])
def test_what_can_be_measured_in_a_bad_signal_is(name: str) -> None:
    good, bad = analyse(real_signal_mv(5), 100.0, STANDARD_LEADS), analyse(BAD[name], 100.0, STANDARD_LEADS)
    assert value(bad, "hr_bpm") == pytest.approx(value(good, "hr_bpm"), rel=0.02)
    assert value(bad, "qt_ms") == pytest.approx(value(good, "qt_ms"), abs=25)


def test_leads_with_names_of_their_own_are_measured_too() -> None:
    analysis = analyse(real_signal_mv(5)[:2], 100.0, ("ECG 1", "ECG 2"))
    everything_of(analysis)
    assert value(analysis, "hr_bpm") is not None
    assert value(analysis, "qrs_axis_deg") is None


def test_intervals_of_a_known_ecg_are_measured() -> None:
    ecg = synthetic_ecg(500.0, noise_mv=0.005)
    analysis = analyse(ecg.signal_mv, 500.0, ecg.lead_names)
    assert value(analysis, "hr_bpm") == pytest.approx(75.0, abs=0.5)
    assert value(analysis, "pr_ms") == pytest.approx(160.0, abs=15)
    assert value(analysis, "qrs_ms") == pytest.approx(90.0, abs=15)
    assert value(analysis, "qt_ms") == pytest.approx(380.0, abs=25)


def test_intervals_do_not_depend_on_gain_offset_or_rate() -> None:
    signal = real_signal_mv(5)
    first = analyse(signal, 100.0, STANDARD_LEADS)
    for other in (
        analyse(signal * 3, 100.0, STANDARD_LEADS),
        analyse(signal + 2, 100.0, STANDARD_LEADS),
        analyse(resample(signal, 100.0, 500.0), 500.0, STANDARD_LEADS),
    ):
        for name in ("pr_ms", "qrs_ms", "qt_ms"):
            assert value(other, name) == pytest.approx(value(first, name), abs=4), name


def test_atrial_fibrillation_has_no_pr_interval_and_says_why() -> None:
    entries = [entry for entry in entries_with("AFIB", [9]) if not {"SR", "AFLT"} & set(entry.statements)]
    analyses = [analyse(real_signal_mv(entry.entry), 100.0, STANDARD_LEADS) for entry in entries]
    without = [a for a in analyses if value(a, "pr_ms") is None]
    assert len(without) >= 0.9 * len(analyses)
    assert all(a.measurements["pr_ms"].reason for a in without)


def test_slow_and_fast_rhythms_and_bundle_branch_blocks_measure_as_such() -> None:
    def median_of(code: str, name: str) -> float:
        found = [analyse(real_signal_mv(e.entry), 100.0, STANDARD_LEADS) for e in entries_with(code)[:25]]
        return float(np.median([v for a in found if (v := value(a, name)) is not None]))

    assert median_of("STACH", "hr_bpm") > 98
    assert median_of("SBRAD", "hr_bpm") < 60
    assert median_of("CLBBB", "qrs_ms") > 130
    assert median_of("CRBBB", "qrs_ms") > 120
    assert median_of("NORM", "qrs_ms") < 110
    assert median_of("1AVB", "pr_ms") > 195
    assert median_of("LNGQT", "qtc_fridericia_ms") > 440
    assert median_of("LAFB", "qrs_axis_deg") < -30


def test_a_frozen_lead_is_not_measured_as_signal() -> None:
    ecg = synthetic_ecg(500.0, [0.8] * 11, noise_mv=0.01)
    whole = analyse(ecg.signal_mv, 500.0, ecg.lead_names)
    frozen = ecg.signal_mv.copy()
    rows = [ecg.lead_names.index(lead) for lead in ("V1", "V3", "aVL")]
    n = frozen.shape[1]
    frozen[rows, n // 2 :] = frozen[rows, n // 2][:, None]
    analysis = analyse(frozen, 500.0, ecg.lead_names)
    for name in ("sokolow_lyon_mv", "cornell_mv"):
        measured = value(analysis, name)
        assert measured is None or measured == pytest.approx(value(whole, name), rel=0.1)
    assert value(analysis, "hr_bpm") == pytest.approx(75.0, abs=0.5)


@pytest.mark.parametrize("lead", ["II", "V1"])
def test_a_gap_in_the_p_window_of_one_lead_costs_its_features_only(lead: str) -> None:
    ecg = synthetic_ecg(500.0, [0.8] * 11, noise_mv=0.01)
    signal = ecg.signal_mv.copy()
    r = ecg.delineation.beats.r_samples[4]
    signal[ecg.lead_names.index(lead), r - 80 : r - 70] = np.nan
    whole = analyse(ecg.signal_mv, 500.0, ecg.lead_names).features.is_valid
    cut = analyse(signal, 500.0, ecg.lead_names).features.is_valid
    assert cut.sum() >= whole.sum() - 12


def test_sinus_rhythm_with_ventricular_bigeminy_keeps_its_p_waves() -> None:
    rr_s = [0.5, 1.1] * 6
    ecg = synthetic_ecg(500.0, rr_s, ventricular=list(range(1, 13, 2)), noise_mv=0.01)
    analysis = analyse(ecg.signal_mv, 500.0, ecg.lead_names)
    assert analysis.delineation.p_reason == ""
    assert value(analysis, "pr_ms") == pytest.approx(160.0, abs=20)


def test_infinite_and_absurd_values_are_gaps() -> None:
    signal = real_signal_mv(5).copy()
    signal[0, 300:320] = np.inf
    signal[1, 400:420] = 1e30
    assert value(analyse(signal, 100.0, STANDARD_LEADS), "hr_bpm") == pytest.approx(
        value(analyse(real_signal_mv(5), 100.0, STANDARD_LEADS), "hr_bpm"), rel=0.02
    )


def test_a_few_minutes_of_a_long_record_are_measured_in_every_part() -> None:
    signal = np.full((2, 60_000), np.nan, np.float32)
    signal[:, 10_000:16_000] = np.tile(real_signal_mv(5)[:2], (1, 6))
    analysis = analyse(signal, 100.0, ("I", "II"))
    assert analysis.delineation.lead_reasons == ("", "")
    assert len(analysis.delineation.beats) > 50
    assert value(analysis, "qrs_ms") is not None
