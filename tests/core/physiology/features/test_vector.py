"""The vector of features: closed forms on a synthetic ECG, invariances, and what cannot be measured."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ludb_marks import delineation_of_marks
from synthetic_ecg import LeadWaves, SyntheticEcg, Timing, standard_waves, synthetic_ecg

from physioclr_core.data.ludb import load_ludb
from physioclr_core.physiology.features.schema import BLOCK_COLUMNS, FEATURES, NAMES, SCHEMA_VERSION
from physioclr_core.physiology.features.vector import FeatureVector, feature_vector
from physioclr_core.physiology.lead_measures import lead_measures
from physioclr_core.physiology.marks import Delineation
from physioclr_core.physiology.median_beat import median_beat

UNIT_OF = {feature.name: feature.unit for feature in FEATURES}
# Their scale is not that of the signal, nor do they keep their value under a gain.
NOT_LINEAR = {"qrs_fragments"}


def vector_of(
    signal_mv: np.ndarray, fs_hz: float, delineation: Delineation, sex: Any = None, with_signal: bool = True
) -> FeatureVector:
    median = median_beat(signal_mv, fs_hz, delineation)
    return feature_vector(delineation, median, lead_measures(median), signal_mv if with_signal else None, sex)


def features_of(ecg: SyntheticEcg, sex: Any = None) -> dict[str, float]:
    found = vector_of(ecg.signal_mv, ecg.fs_hz, ecg.delineation, sex)
    return dict(zip(NAMES, found.values.tolist(), strict=True))


def assert_alike(a: FeatureVector, b: FeatureVector, rtol: float = 1e-3, atol: float = 1e-3) -> None:
    np.testing.assert_array_equal(a.is_valid, b.is_valid)
    np.testing.assert_allclose(a.values, b.values, rtol=rtol, atol=atol)


@pytest.fixture(scope="module")
def ecg() -> SyntheticEcg:
    return synthetic_ecg(rr_s=[0.8, 0.84, 0.78, 0.8, 0.82, 0.79, 0.81, 0.8, 0.83, 0.77, 0.8], noise_mv=0.004)


@pytest.fixture(scope="module")
def clean() -> dict[str, float]:
    return features_of(synthetic_ecg())


# --- closed forms -----------------------------------------------------------------------------------------------------


def test_a_vector_holds_a_number_or_nan_for_every_feature(ecg: SyntheticEcg) -> None:
    found = vector_of(ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    assert found.values.shape == found.is_valid.shape == (150,)
    assert found.values.dtype == np.float32
    assert found.schema_version == SCHEMA_VERSION
    np.testing.assert_array_equal(np.isfinite(found.values), found.is_valid)
    assert found.is_valid.mean() > 0.97, [n for n, v in zip(NAMES, found.is_valid, strict=True) if not v]


def test_intervals_are_those_of_the_marks(clean: dict[str, float]) -> None:
    t = Timing()
    expected = {
        "rr_median_ms": 800.0,
        "p_ms": 1000 * t.p_s,
        "pr_ms": 1000 * t.pr_s,
        "pq_segment_ms": 1000 * (t.pr_s - t.p_s),
        "qrs_ms": 1000 * t.qrs_s,
        "qtc_ms": 1000 * t.qt_s / 0.8 ** (1 / 3),
        "t_ms": 1000 * t.t_s,
        "st_segment_ms": 1000 * (t.qt_s - t.t_s - t.qrs_s),
        "t_peak_end_ms": 1000 * t.t_s / 2,
        "jt_peak_corrected_ms": 1000 * (t.qt_s - t.t_s / 2 - t.qrs_s) / 0.8**0.58,
    }
    assert {name: clean[name] for name in expected} == pytest.approx(expected, abs=2.5)


def test_amplitudes_are_those_of_the_waves(clean: dict[str, float]) -> None:
    waves = standard_waves()
    for lead in ("I", "II", "V2", "V5"):
        assert clean[f"r_{lead.lower()}_mv"] == pytest.approx(waves[lead].r, abs=0.01)
        assert clean[f"t_{lead.lower()}_mv"] == pytest.approx(waves[lead].t, abs=0.01)
        assert clean[f"st_j60_{lead.lower()}_mv"] == pytest.approx(0.0, abs=0.01)
    assert clean["p_ii_mv"] == pytest.approx(waves["II"].p, abs=0.01)
    assert clean["q_v5_mv"] == pytest.approx(waves["V5"].q, abs=0.01)
    assert clean["sokolow_lyon_mv"] == pytest.approx(0.9 + 1.4, abs=0.02)
    assert clean["cornell_mv"] == pytest.approx(waves["aVL"].r + 0.8, abs=0.02)
    assert clean["peguero_lo_presti_mv"] == pytest.approx(1.4 + 0.4, abs=0.02)
    assert clean["r_share_v1"] == pytest.approx(0.25 / 1.15, abs=0.01)
    # R / (R + S) is 0.4 / 1.8 in V2 and 0.8 / 1.6 in V3.
    assert clean["transition_lead"] == pytest.approx(3.0, abs=0.1)
    assert clean["st_j_highest_mv"] == pytest.approx(0.0, abs=0.01)


def test_axes_are_those_of_the_areas(clean: dict[str, float]) -> None:
    waves, timing = standard_waves(), Timing()

    def axis_rad(areas: Callable[[LeadWaves], float]) -> float:
        return math.atan2(areas(waves["aVF"]) * 2 / math.sqrt(3), areas(waves["I"]))

    qrs = axis_rad(lambda w: w.q * timing.q_s + w.r * timing.r_s + w.s * timing.s_s)
    t = axis_rad(lambda w: w.t)
    found = [clean[name] for name in ("qrs_axis_sin", "qrs_axis_cos", "t_axis_sin", "t_axis_cos", "p_axis_sin")]
    expected = [math.sin(qrs), math.cos(qrs), math.sin(t), math.cos(t), math.sin(axis_rad(lambda w: w.p))]
    assert found == pytest.approx(expected, abs=0.03)
    assert clean["qrs_t_frontal_deg"] == pytest.approx(abs(math.degrees(qrs - t)), abs=3.0)


def test_st_elevation_is_found_in_its_leads() -> None:
    waves = standard_waves(V2=replace(standard_waves()["V2"], st=0.3), V5=replace(standard_waves()["V5"], st=-0.2))
    found = features_of(synthetic_ecg(waves=waves))
    assert found["st_j60_v2_mv"] == pytest.approx(0.3, abs=0.02)
    assert found["st_j60_v5_mv"] == pytest.approx(-0.2, abs=0.02)
    assert found["st_j_highest_mv"] == pytest.approx(0.3, abs=0.02)
    assert found["st_j_lowest_mv"] == pytest.approx(-0.2, abs=0.02)


def test_a_regular_rhythm_has_no_variability(clean: dict[str, float]) -> None:
    for name in ("rr_iqr_over_median", "nn_sd_ln_ms", "nn_pnn50", "rr_step_median", "rr_entropy", "premature_share"):
        assert clean[name] == pytest.approx(0.0, abs=1e-3)
    assert clean["rr_min_over_median"] == clean["rr_max_over_median"] == pytest.approx(1.0, abs=3e-3)
    assert clean["p_coherence_ii"] == pytest.approx(1.0, abs=1e-3)
    assert clean["qrs_alikeness_lowest"] == pytest.approx(1.0, abs=1e-3)


def test_bigeminy_shows_in_alternation_correlation_and_shares() -> None:
    found = features_of(synthetic_ecg(rr_s=[0.5, 1.1] * 5, ventricular=[1, 3, 5, 7, 9], timing=Timing(qt_s=0.36)))
    assert found["ventricular_share"] == pytest.approx(5 / 11)
    # R of a ventricular beat is 35 ms later after its onset, so RR is 535 and 1065 ms.
    assert found["rr_alternation"] == pytest.approx(0.53 / 0.8, abs=0.01)
    assert found["rr_lag2_correlation"] == pytest.approx(0.8, abs=0.05)
    assert found["premature_share"] == pytest.approx(0.5)
    assert found["qrs_ms"] == pytest.approx(1000 * Timing().qrs_s, abs=2.5)  # of the dominant beats
    assert found["wide_qrs_share"] == pytest.approx(5 / 11)


def test_fibrillation_shows_in_p_and_irregularity() -> None:
    rr_s = np.random.default_rng(0).uniform(0.5, 1.1, 12)
    found = features_of(synthetic_ecg(rr_s=rr_s, has_p=False, noise_mv=0.02))
    regular = features_of(synthetic_ecg(noise_mv=0.02))
    assert found["absent_p_share"] == 1.0
    assert math.isnan(found["pr_ms"])
    assert math.isnan(found["other_p_per_beat"])
    assert found["p_coherence_ii"] < 0.2 < 0.8 < regular["p_coherence_ii"]
    assert found["rr_cosen"] > regular["rr_cosen"] + 1.0
    assert found["rr_entropy"] > regular["rr_entropy"] + 0.5
    assert regular["p_residual_ii_uv"] == pytest.approx(20.0, rel=0.1)


def test_a_long_qtc_depends_on_the_sex() -> None:
    ecg = synthetic_ecg(timing=Timing(qt_s=0.42))  # QTc 452 ms
    assert features_of(ecg, "male")["long_qtc_share"] == 1.0
    assert features_of(ecg, "female")["long_qtc_share"] == 0.0
    assert features_of(ecg)["long_qtc_share"] == 0.0


def test_a_late_r_prime_shows_in_v1() -> None:
    timing = Timing(r_prime_s=0.05)
    # The end of QRS is where a second lead supports it.
    waves = standard_waves(
        V1=LeadWaves(p=0.06, r=0.2, s=-0.4, r_prime=0.6, t=-0.2),
        V2=LeadWaves(p=0.06, r=0.4, s=-0.8, r_prime=0.3, t=0.2),
    )
    found, plain = features_of(synthetic_ecg(waves=waves, timing=timing)), features_of(synthetic_ecg())
    assert found["r_prime_v1_mv"] == pytest.approx(0.6, abs=0.02)
    assert found["qrs_end_v1_mv"] > plain["qrs_end_v1_mv"] + 0.3
    assert found["vat_v1_ms"] == pytest.approx(1000 * (0.09 + 0.025), abs=3.0)
    assert found["wide_qrs_share"] == 1.0


# --- invariances ------------------------------------------------------------------------------------------------------


def test_an_offset_of_any_lead_changes_nothing(ecg: SyntheticEcg) -> None:
    offset = np.linspace(-2.0, 2.0, 12, dtype=np.float32)[:, None]
    plain, moved = (vector_of(signal, ecg.fs_hz, ecg.delineation) for signal in (ecg.signal_mv, ecg.signal_mv + offset))
    assert_alike(plain, moved)


def test_a_gain_scales_amplitudes_and_nothing_else(ecg: SyntheticEcg) -> None:
    plain = vector_of(ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    doubled = vector_of(2 * ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    is_amplitude = np.array([UNIT_OF[name] in ("mV", "uV", "mV/s", "uV s") for name in NAMES])
    expected = np.where(is_amplitude, 2 * plain.values, plain.values)
    kept = np.array([name not in NOT_LINEAR for name in NAMES])
    np.testing.assert_allclose(doubled.values[kept], expected[kept], rtol=2e-3, atol=2e-3)


def test_the_order_of_the_leads_changes_nothing(ecg: SyntheticEcg) -> None:
    order = np.random.default_rng(1).permutation(12)
    d = ecg.delineation
    shuffled = replace(
        d,
        lead_names=tuple(d.lead_names[i] for i in order),
        lead_s=d.lead_s[order],
        lead_state=d.lead_state[order],
        lead_confidence=d.lead_confidence[order],
    )
    assert_alike(
        vector_of(ecg.signal_mv, ecg.fs_hz, d), vector_of(ecg.signal_mv[order], ecg.fs_hz, shuffled), atol=1e-4
    )


def test_a_shift_in_time_changes_nothing(ecg: SyntheticEcg) -> None:
    n = 250
    shift_s = n / ecg.fs_hz
    d = ecg.delineation
    beats = replace(d.beats, r_samples=d.beats.r_samples + n, n_samples=d.beats.n_samples + n)
    later = replace(d, beats=beats, lead_s=d.lead_s + shift_s, global_s=d.global_s + shift_s)
    signal = np.concatenate([np.repeat(ecg.signal_mv[:, :1], n, axis=1), ecg.signal_mv], axis=1)
    assert_alike(vector_of(ecg.signal_mv, ecg.fs_hz, d), vector_of(signal, ecg.fs_hz, later), atol=1e-4)


def test_a_lower_rate_gives_nearly_the_same_features() -> None:
    fine, coarse = (features_of(synthetic_ecg(fs_hz=fs_hz, rr_s=[0.8, 0.84, 0.78] * 4)) for fs_hz in (500.0, 250.0))
    for name in NAMES:
        tolerance = {"ms": 6.0, "uV s": 3.0, "mV/s": 12.0, "deg": 5.0, "mV": 0.06, "%": 0.1, "uV": 4.0}
        assert coarse[name] == pytest.approx(fine[name], abs=tolerance.get(UNIT_OF[name], 0.1), nan_ok=True), name


# --- what cannot be measured ------------------------------------------------------------------------------------------


def test_without_the_signal_what_compares_beats_is_not_valid(ecg: SyntheticEcg) -> None:
    full = vector_of(ecg.signal_mv, ecg.fs_hz, ecg.delineation)
    found = vector_of(ecg.signal_mv, ecg.fs_hz, ecg.delineation, with_signal=False)
    lost = {name for name, a, b in zip(NAMES, full.is_valid, found.is_valid, strict=True) if a and not b}
    assert lost == {
        *("p_coherence_ii", "p_coherence_v1", "p_residual_ii_uv", "p_residual_v1_uv"),
        *("t_alikeness", "qrs_alikeness", "qrs_alikeness_lowest", "qrs_rms_cv"),
    }
    np.testing.assert_array_equal(full.values[found.is_valid], found.values[found.is_valid])


@pytest.mark.parametrize("rr_s", [[], [0.8]])
def test_one_or_two_beats_have_shapes_but_no_variability(rr_s: list[float]) -> None:
    found = features_of(synthetic_ecg(rr_s=rr_s))
    assert math.isfinite(found["r_v5_mv"])
    assert math.isfinite(found["qrs_ms"])
    assert math.isfinite(found["rr_median_ms"]) == bool(rr_s)
    assert math.isnan(found["nn_sd_ln_ms"])
    assert math.isnan(found["rr_cosen"])


def no_beats_of(ecg: SyntheticEcg) -> Delineation:
    d, b = ecg.delineation, ecg.delineation.beats
    beats = replace(
        b,
        r_samples=b.r_samples[:0],
        confidence=b.confidence[:0],
        classes=b.classes[:0],
        follows=b.follows[:0],
        reason="no beats found",
    )
    return replace(
        d,
        beats=beats,
        lead_s=d.lead_s[:, :0],
        lead_state=d.lead_state[:, :0],
        lead_confidence=d.lead_confidence[:, :0],
        global_s=d.global_s[:0],
        global_state=d.global_state[:0],
        global_confidence=d.global_confidence[:0],
    )


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_without_beats_nothing_is_valid(ecg: SyntheticEcg, value: float) -> None:
    signal = np.full_like(ecg.signal_mv, value)
    assert not vector_of(signal, ecg.fs_hz, no_beats_of(ecg)).is_valid.any()


def test_leads_that_are_missing_or_unknown_leave_the_others_as_they_are(ecg: SyntheticEcg) -> None:
    rows = [ecg.lead_names.index("II"), ecg.lead_names.index("V5")]
    d = ecg.delineation
    for names in (("II", "V5"), ("MLII", "CM5")):
        few = replace(
            d,
            lead_names=names,
            lead_s=d.lead_s[rows],
            lead_state=d.lead_state[rows],
            lead_confidence=d.lead_confidence[rows],
            lead_reasons=("",) * 2,
        )
        found = dict(zip(NAMES, vector_of(ecg.signal_mv[rows], ecg.fs_hz, few).values.tolist(), strict=True))
        assert math.isfinite(found["rr_median_ms"])
        assert math.isfinite(found["qrs_ms"])
        assert math.isnan(found["r_v1_mv"])
        assert math.isnan(found["qrs_axis_sin"])
        assert math.isfinite(found["r_v5_mv"]) == (names[1] == "V5")


def test_a_lead_of_gaps_leaves_the_others_as_they_are(ecg: SyntheticEcg) -> None:
    signal = ecg.signal_mv.copy()
    row = ecg.lead_names.index("V3")
    signal[row] = np.nan
    full, found = (
        dict(zip(NAMES, vector_of(s, ecg.fs_hz, ecg.delineation).values.tolist(), strict=True))
        for s in (ecg.signal_mv, signal)
    )
    assert math.isnan(found["r_v3_mv"])
    for name in ("r_v4_mv", "pr_ms", "p_coherence_ii", "st_j60_v2_mv", "qrs_axis_cos"):
        assert found[name] == pytest.approx(full[name], rel=1e-5)
    assert found["qrs_alikeness"] == pytest.approx(full["qrs_alikeness"], abs=0.01)


# --- real records -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ludb_vectors(test_data: Callable[..., Path]) -> tuple[np.ndarray, float]:
    vectors, times_s = [], []
    for record in load_ludb(test_data("ludb", "data")):
        delineation = delineation_of_marks(record)
        median = median_beat(record.signal_mv, record.fs_hz, delineation)
        measures = lead_measures(median)
        start = time.perf_counter()
        vectors.append(feature_vector(delineation, median, measures, record.signal_mv).values)
        times_s.append(time.perf_counter() - start)
    return np.array(vectors), 1000.0 * float(np.median(times_s))


# Human marks give neither classes of beats nor P waves that lead to no beat.
NOT_IN_MARKS = {"ventricular_share", "supraventricular_share", "other_p_per_beat"}


def test_on_real_records_no_feature_is_constant_and_most_are_valid(ludb_vectors: tuple[np.ndarray, float]) -> None:
    vectors, _ = ludb_vectors
    share_valid = np.isfinite(vectors).mean(axis=0)
    assert share_valid.min() > 0.7, NAMES[share_valid.argmin()]
    for name, column in zip(NAMES, vectors.T, strict=True):
        if name not in NOT_IN_MARKS:
            assert len(np.unique(column[np.isfinite(column)])) > 1, name


def test_on_real_records_no_two_features_are_one(ludb_vectors: tuple[np.ndarray, float]) -> None:
    vectors, _ = ludb_vectors
    alike = []
    for i, a in enumerate(vectors.T):
        for j, b in enumerate(vectors.T[:i]):
            known = np.isfinite(a) & np.isfinite(b)
            if np.ptp(a[known]) == 0.0 or np.ptp(b[known]) == 0.0:
                continue
            r = abs(float(np.corrcoef(a[known], b[known])[0, 1]))
            if r > 0.9:
                alike.append((round(r, 3), NAMES[j], NAMES[i]))
    assert max(alike)[0] < 0.96, sorted(alike)
    assert len(alike) <= 10, sorted(alike)


@pytest.mark.benchmark
def test_speed(ludb_vectors: tuple[np.ndarray, float], record_property: Any) -> None:
    record_property("ms per vector at 500 Hz", ludb_vectors[1])


def test_blocks_are_measured_alike_often(ludb_vectors: tuple[np.ndarray, float]) -> None:
    vectors, _ = ludb_vectors
    for columns in BLOCK_COLUMNS.values():
        assert np.isfinite(vectors[:, columns]).mean() > 0.9
