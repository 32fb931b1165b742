from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ludb_marks import delineation_of_marks
from synthetic_ecg import SyntheticEcg, beats_of, delineation_of, synthetic_ecg

from physioclr_core.commands.measure import hrv_text, summary
from physioclr_core.data.ludb import load_ludb
from physioclr_core.physiology.lead_measures import lead_measures
from physioclr_core.physiology.marks import QRS_OFF, QRS_ON, Delineation
from physioclr_core.physiology.measurement_table import Measurements
from physioclr_core.physiology.measurements import measure
from physioclr_core.physiology.median_beat import median_beat
from physioclr_core.record import Sex

BAND = "0.05 to 150 Hz"


def measured(
    signal_mv: np.ndarray,
    fs_hz: float,
    delineation: Delineation,
    sex: Sex | None = "male",
    age_years: float | None = 50.0,
) -> Measurements:
    beat = median_beat(signal_mv, fs_hz, delineation)
    return measure(
        signal_mv, fs_hz, delineation, beat, lead_measures(beat), sex=sex, age_years=age_years, band_text=BAND
    )


def of(ecg: SyntheticEcg, sex: Sex | None = "male", age_years: float | None = 50.0) -> Measurements:
    return measured(ecg.signal_mv, ecg.fs_hz, ecg.delineation, sex, age_years)


def value(measurements: Measurements, name: str) -> float:
    found = measurements[name].value
    assert found is not None, (name, measurements[name].reason)
    return found


@pytest.mark.parametrize("fs_hz", [1000.0, 500.0, 100.0])
def test_every_value_is_the_true_one(fs_hz: float) -> None:
    m = of(synthetic_ecg(fs_hz))
    true = {"hr_bpm": 75, "rr_mean_ms": 800, "pr_ms": 160, "p_ms": 100, "qrs_ms": 90, "qt_ms": 380, "beats": 12}
    for name, expected in true.items():
        assert value(m, name) == pytest.approx(expected, abs=0.01), name
    assert value(m, "qtc_fridericia_ms") == pytest.approx(380 / 0.8 ** (1 / 3), abs=0.1)
    assert value(m, "qtc_bazett_ms") == pytest.approx(380 / 0.8**0.5, abs=0.1)
    assert value(m, "qtc_framingham_ms") == pytest.approx(380 + 154 * 0.2, abs=0.1)
    assert value(m, "qtc_hodges_ms") == pytest.approx(380 + 1.75 * 15, abs=0.1)
    assert value(m, "sokolow_lyon_mv") == pytest.approx(0.9 + 1.4, abs=0.08)
    assert value(m, "cornell_mv") == pytest.approx(0.15 + 0.8, abs=0.08)
    assert value(m, "cornell_product_mv_ms") == pytest.approx(90 * value(m, "cornell_mv"), abs=0.1)
    assert value(m, "rmssd_ms") == pytest.approx(0, abs=1e-6)
    assert m["qtc_fridericia_ms"].label.endswith("(default)")


def test_it_reads_as_an_ecg_is_read() -> None:
    names = [item.name for item in of(synthetic_ecg())]
    assert names[:1] == ["hr_bpm"]
    order = ["hr_bpm", "pr_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms", "qrs_axis_deg", "sokolow_lyon_mv", "rmssd_ms"]
    assert [name for name in names if name in order] == order
    assert len(set(names)) == len(names)
    with pytest.raises(KeyError):
        of(synthetic_ecg())["no such thing"]


def test_every_measurement_says_what_it_is_from_or_why_it_is_not_there() -> None:
    for ecg in (
        synthetic_ecg(noise_mv=0.02),
        synthetic_ecg(has_p=False),
        synthetic_ecg(rr_s=()),
        synthetic_ecg(rr_s=(1,)),
    ):
        for item in of(ecg, sex=None):
            assert item.band == BAND
            assert item.beat_set
            assert item.lead_set
            assert (item.value is None) == bool(item.reason), item
            if item.value is None:
                assert item.uncertainty is None


def test_the_uncertainty_holds_scatter_and_sampling() -> None:
    fine, coarse = of(synthetic_ecg(500.0)), of(synthetic_ecg(100.0))
    assert fine["qrs_ms"].uncertainty == pytest.approx(math.sqrt(2 / 3))
    assert coarse["qrs_ms"].uncertainty == pytest.approx(5 * math.sqrt(2 / 3))
    ecg = synthetic_ecg(500.0)
    global_s = ecg.delineation.global_s.copy()
    global_s[:, QRS_OFF] += np.random.default_rng(0).normal(0, 0.01, len(global_s))
    each_ms = 1000 * (global_s[:, QRS_OFF] - global_s[:, QRS_ON])
    scattered = measured(ecg.signal_mv, 500.0, replace(ecg.delineation, global_s=global_s))
    spread = 1.4826 * np.median(np.abs(each_ms - np.median(each_ms))) / math.sqrt(len(each_ms))
    assert scattered["qrs_ms"].uncertainty == pytest.approx(math.hypot(spread, math.sqrt(2 / 3)))
    assert of(synthetic_ecg(rr_s=(0.8,)))["qrs_ms"].uncertainty is None


def test_without_p_there_is_no_pr_and_the_reason_is_handed_on() -> None:
    m = of(synthetic_ecg(has_p=False))
    for name in ("pr_ms", "p_ms", "p_axis_deg"):
        assert m[name].value is None
        assert m[name].reason == "irregular rhythm"
    assert "irregular rhythm" in m["qtc_fridericia_ms"].note
    assert value(m, "qtc_fridericia_ms") > 0
    assert m.lead_items("II")[0].reason == "irregular rhythm"
    assert all(leads["p_mv"] is None for leads in m.lead_values().values())


def test_qt_is_paired_with_the_rr_before_the_beats_used() -> None:
    rr_s = [0.8, 0.8, 0.8, 0.5, 1.1, 0.8, 0.8, 0.8]
    ecg = synthetic_ecg(rr_s=rr_s, ventricular=(4,))
    m = of(ecg)
    paired_s = np.delete(
        ecg.delineation.beats.rr_s, [0, 4]
    )  # the first beat ends none, the ventricular one is not used
    assert value(m, "qtc_bazett_ms") == pytest.approx(380 / paired_s.mean() ** 0.5, abs=0.01)
    assert value(m, "ventricular_beats") == 1
    assert value(m, "dominant_beats") == 8
    assert "1 ventricular left out" in m["qrs_ms"].beat_set


def test_an_unsteady_rhythm_and_fast_rates_are_cautioned() -> None:
    unsteady = of(synthetic_ecg(rr_s=[0.6, 1.1, 0.7, 1.2, 0.65, 1.0, 0.6, 1.1]))
    assert "RR varies by" in unsteady["qtc_hodges_ms"].note
    fast = of(synthetic_ecg(rr_s=[0.5] * 15))
    assert "60 to 100 bpm" in fast["qtc_bazett_ms"].note
    assert fast["qtc_fridericia_ms"].note == ""
    steady = of(synthetic_ecg())
    assert all(steady[f"qtc_{name}_ms"].note == "" for name in ("bazett", "fridericia", "framingham", "hodges"))


def test_sex_and_age_matter_where_they_do() -> None:
    ecg = synthetic_ecg()
    assert of(ecg, sex=None)["cornell_product_mv_ms"].reason == "sex unknown"
    difference = value(of(ecg, sex="female"), "cornell_product_mv_ms") - value(of(ecg), "cornell_product_mv_ms")
    assert difference == pytest.approx(0.6 * 90, abs=0.01)
    assert "adults" in of(ecg, age_years=9.0)["sokolow_lyon_mv"].note
    assert of(ecg, age_years=None)["sokolow_lyon_mv"].note == ""


def test_pacing_is_never_claimed_to_be_seen_or_not() -> None:
    assert of(synthetic_ecg())["paced_beats"].value is None
    assert "not assessable" in of(synthetic_ecg())["paced_beats"].reason


def test_leads_have_amplitudes_and_st_with_the_noise_of_the_median_beat() -> None:
    m = of(synthetic_ecg(noise_mv=0.03))
    items = {item.name: item for item in m.lead_items("V2")}
    assert items["r_mv"].value == pytest.approx(0.4, abs=0.05)
    assert items["st_j60_mv"].value == pytest.approx(0.0, abs=0.04)
    assert items["st_j60_mv"].uncertainty == pytest.approx(0.03 * 1.2533 / math.sqrt(12), rel=0.25)
    assert items["r_mv"].lead_set == "V2"
    with pytest.raises(ValueError, match="not in"):
        m.lead_items("V9")


def test_json_has_no_nan() -> None:
    ecg = synthetic_ecg(100.0)
    signal = ecg.signal_mv.copy()
    signal[4] = np.nan
    for m in (measured(signal, 100.0, ecg.delineation), of(synthetic_ecg(rr_s=()))):
        content = json.loads(json.dumps(m.to_dict(), allow_nan=False))
        assert len(content["leads"]) == 12
        assert content["band"] == BAND
        assert [item["name"] for item in content["measurements"]] == [item.name for item in m]
    assert json.loads(json.dumps(measured(signal, 100.0, ecg.delineation).to_dict()))["leads"]["aVL"]["r_mv"] is None


def test_the_table_for_a_person_is_aligned_and_has_every_reason() -> None:
    ecg = synthetic_ecg(has_p=False)
    lines = summary("x", of(ecg, sex=None)).splitlines()
    assert lines[0] == f"x: 12 of 12 beats; {BAND}; marks in time +-1 ms by the sampling rate"
    rates = next(line for line in lines if line.startswith("Heart rate"))
    assert "75 +- " in rates
    assert "bpm" in rates
    assert any(line.startswith("PR interval") and line.endswith("irregular rhythm") for line in lines)
    assert any(line.startswith("Cornell product") and line.endswith("sex unknown") for line in lines)
    table = lines[lines.index("Amplitudes and ST levels in mV") + 1 :]
    assert len(table) == 13
    assert len({len(line) for line in table}) == 1
    assert "-0.00" not in "".join(table)
    assert "5 minutes" in hrv_text({})
    assert hrv_text({"LF": None, "RMSSD": 12.0}).splitlines()[1:] == ["LF     -", "RMSSD  12"]


def test_no_beats_measure_nothing_and_say_why() -> None:
    beats = replace(beats_of([], 500.0, 5000), reason="all leads are flat")
    delineation = delineation_of(beats, ("I", "II"), np.zeros((2, 0, 9)))
    m = measured(np.zeros((2, 5000), np.float32), 500.0, delineation)
    assert all(item.value is None for item in m)
    assert all(item.reason == "all leads are flat" for item in m)
    assert m.to_dict()["leads"]["I"]["r_mv"] is None


def test_leads_outside_the_twelve_have_intervals_and_no_axis() -> None:
    waves = {name: synthetic_ecg().waves[other] for name, other in (("MLII", "II"), ("V", "V5"))}
    m = of(synthetic_ecg(waves=waves))
    assert value(m, "qrs_ms") == pytest.approx(90)
    assert m["qrs_axis_deg"].reason == "fewer than two limb leads"
    assert m["sokolow_lyon_mv"].reason == "lead V1 is missing"


def test_gain_level_and_start_do_not_change_times() -> None:
    ecg = synthetic_ecg(noise_mv=0.01)
    plain = of(ecg)
    other = measured(2 * ecg.signal_mv - 3, ecg.fs_hz, ecg.delineation)
    for name in ("hr_bpm", "pr_ms", "qrs_ms", "qt_ms", "qtc_fridericia_ms", "rmssd_ms"):
        assert value(other, name) == value(plain, name), name
    assert value(other, "qrs_axis_deg") == pytest.approx(value(plain, "qrs_axis_deg"), abs=0.1)
    assert value(other, "cornell_mv") == pytest.approx(2 * value(plain, "cornell_mv"), abs=1e-4)


def test_intervals_of_real_marks_are_those_of_single_beats(test_data: Callable[..., Path], tmp_path: Path) -> None:
    for number in range(1, 13):
        for path in test_data("ludb", "data").glob(f"{number}.*"):
            (tmp_path / path.name).symlink_to(path)
    difference_ms = []
    for record in load_ludb(tmp_path):
        delineation = delineation_of_marks(record)
        m = measured(record.signal_mv, record.fs_hz, delineation)
        assert all((item.value is None) == bool(item.reason) for item in m)
        single_ms = 1000 * (delineation.global_s[:, QRS_OFF] - delineation.global_s[:, QRS_ON])
        difference_ms.append(value(m, "qrs_ms") - np.nanmedian(single_ms))
    # One lead alone makes a single beat's interval longer, never shorter.
    assert -15 < np.median(difference_ms) <= 0
    assert max(difference_ms) < 5
