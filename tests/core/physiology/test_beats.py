from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from real_records import entries_with, long_signal_mv, real_signal_mv
from synthetic_ecg import Timing, synthetic_ecg

from physioclr_core.data.mitdb import BeatRecord, load_mitdb
from physioclr_core.library.reference import LibraryEntry
from physioclr_core.physiology.beats import detect_beats
from physioclr_core.physiology.marks import BeatClass


@pytest.mark.parametrize("fs_hz", [100.0, 250.0, 360.0, 500.0, 1000.0])
@pytest.mark.parametrize("bpm", [20, 40, 75, 150, 200])
def test_every_beat_of_a_regular_rhythm_is_found(bpm: int, fs_hz: float) -> None:
    timing = Timing() if bpm < 100 else Timing(pr_s=0.11, p_s=0.08, qt_s=0.22, t_s=0.12)
    ecg = synthetic_ecg(fs_hz, [60 / bpm] * (20 * bpm // 60), timing=timing, noise_mv=0.01)
    beats = detect_beats(ecg.signal_mv, fs_hz)
    np.testing.assert_allclose(beats.r_s, ecg.delineation.beats.r_s, atol=0.03)


def test_rr_intervals_over_a_gap_are_unknown() -> None:
    signal = np.concatenate([real_signal_mv(5), np.full((12, 300), np.nan, np.float32), real_signal_mv(5)], axis=1)
    beats = detect_beats(signal, 100.0)
    over = np.flatnonzero(~beats.follows)
    assert len(over) == 2
    assert over[0] == 0
    assert beats.r_samples[over[1] - 1] < 1_000 <= 1_300 <= beats.r_samples[over[1]]
    assert np.isnan(beats.rr_s[over]).all()


@pytest.mark.parametrize(
    ("signal", "fs_hz", "reason"),
    [
        (np.full((12, 1000), 0.4, np.float32), 100.0, "all leads are flat"),
        (np.full((12, 1000), np.nan, np.float32), 100.0, "no lead has a signal"),
        (np.ones((2, 60), np.float32), 100.0, "the record is shorter than 1 s"),
        (np.ones((2, 0), np.float32), 500.0, "the record is shorter than 1 s"),
        (np.ones((0, 500), np.float32), 500.0, "there is no lead"),
        (np.ones((2, 500), np.float32), 50.0, "50 Hz is too slow to find beats"),
    ],
    ids=["flat", "only gaps", "short", "no sample", "no lead", "slow rate"],
)
def test_without_beats_there_is_a_reason(signal: np.ndarray, fs_hz: float, reason: str) -> None:
    beats = detect_beats(signal, fs_hz)
    assert (len(beats), beats.reason) == (0, reason)


def test_asystole_with_noise_has_no_beats() -> None:
    rng = np.random.default_rng(0)
    signal = (0.03 * rng.standard_normal((12, 5000)) + 0.2 * np.sin(np.arange(5000) / 400.0)).astype(np.float32)
    beats = detect_beats(signal, 500.0)
    assert (len(beats), beats.reason) == (0, "no beat found")


@pytest.mark.parametrize("gain", [0.05, 0.2, 1.0, 5.0])
def test_an_ecg_of_fifty_microvolts_has_the_beats_of_one_of_a_millivolt(gain: float) -> None:
    signal = real_signal_mv(5)
    np.testing.assert_array_equal(detect_beats(signal * gain, 100.0).r_samples, detect_beats(signal, 100.0).r_samples)


def test_saturated_qrs_complexes_are_beats() -> None:
    signal = real_signal_mv(5)
    cut = np.clip(signal, -0.3, 0.3)
    np.testing.assert_allclose(detect_beats(cut, 100.0).r_samples, detect_beats(signal, 100.0).r_samples, atol=4)


def test_leads_off_half_way_leave_the_first_half() -> None:
    signal = real_signal_mv(5).copy()
    whole = detect_beats(signal, 100.0).r_samples
    signal[:, 500:] = 0.0
    np.testing.assert_array_equal(detect_beats(signal, 100.0).r_samples[:4], whole[:4])
    assert detect_beats(signal, 100.0).r_samples.max() < 520


def test_a_flat_lead_does_not_hide_a_gap_of_the_only_other() -> None:
    signal = long_signal_mv(2_000)[[1, 2]].copy()
    signal[1] = 0.0
    signal[0, 900:1_140] = np.nan
    for gap in (np.nan, np.inf, 0.3):
        signal[0, 900:1_140] = gap
        beats = detect_beats(signal, 100.0)
        over = np.flatnonzero(beats.r_samples > 1_140)[0]
        assert not beats.follows[over]
        assert np.nanmax(beats.rr_s) < 2.0


def test_flutter_is_no_rr_interval() -> None:
    t_s = np.arange(1_500) / 100.0
    flutter = np.outer(np.linspace(0.6, 1.2, 12), np.sin(2 * np.pi * 5.0 * t_s)).astype(np.float32)
    signal = np.concatenate([long_signal_mv(2_000), flutter, long_signal_mv(2_000)], axis=1)
    beats = detect_beats(signal, 100.0)
    assert np.nanmax(beats.rr_s) < 3.0
    assert (beats.r_samples < 2_000).sum() > 15
    alone = detect_beats(flutter, 100.0)
    assert len(alone) == 0
    assert alone.reason == "the rhythm is too fast or too chaotic to tell beats apart"


@pytest.mark.parametrize("rr_s", [0.26, 0.3, 0.35])
def test_a_ventricular_tachycardia_has_its_rate(rr_s: float) -> None:
    t_s = np.arange(5_000) / 500.0
    phase = (t_s % rr_s) / rr_s
    wave = np.where(phase < 0.55, np.sin(np.pi * phase / 0.55), -0.45 * np.sin(np.pi * (phase - 0.55) / 0.45))
    signal = np.outer(np.linspace(-1.0, 1.5, 12), wave).astype(np.float32)
    signal += np.random.default_rng(0).normal(0.0, 0.01, signal.shape).astype(np.float32)
    beats = detect_beats(signal, 500.0)
    assert np.median(np.diff(beats.r_s)) == pytest.approx(rr_s, rel=0.05)


# --- classes ---------------------------------------------------------------------------------------------------------


def test_wide_early_beats_are_ventricular() -> None:
    rr_s = [0.8] * 3 + [0.5, 1.1] + [0.8] * 4 + [0.5, 1.1] + [0.8] * 2
    ecg = synthetic_ecg(500.0, rr_s, ventricular=[4, 10], noise_mv=0.01)
    beats = detect_beats(ecg.signal_mv, 500.0)
    np.testing.assert_array_equal(beats.classes, ecg.delineation.beats.classes)


def test_narrow_early_beats_are_supraventricular() -> None:
    rr_s = [0.8] * 4 + [0.5, 0.9] + [0.8] * 8
    beats = detect_beats(synthetic_ecg(500.0, rr_s, noise_mv=0.01).signal_mv, 500.0)
    early = np.flatnonzero(beats.rr_s < 0.6)
    assert (beats.classes[early] == BeatClass.SUPRAVENTRICULAR).all()
    assert (np.delete(beats.classes, early) == BeatClass.DOMINANT).all()


def test_an_irregular_rhythm_has_no_premature_beats() -> None:
    classes = [detect_beats(real_signal_mv(entry.entry), 100.0).classes for entry in entries_with("AFIB")[:40]]
    shares = [np.mean(c == BeatClass.SUPRAVENTRICULAR) for c in classes]
    assert np.mean(shares) < 0.06


def test_records_with_ventricular_beats_have_ventricular_beats() -> None:
    with_pvc = entries_with("PVC")[:60]
    normal = [entry for entry in entries_with("NORM") if set(entry.statements) <= {"NORM", "SR"}][:60]

    def has_ventricular(entry: LibraryEntry) -> bool:
        return bool((detect_beats(real_signal_mv(entry.entry), 100.0).classes == BeatClass.VENTRICULAR).any())

    assert np.mean([has_ventricular(entry) for entry in with_pvc]) >= 0.75
    assert np.mean([has_ventricular(entry) for entry in normal]) <= 0.05


GROUPS = {**dict.fromkeys("NLRBej", 1), **dict.fromkeys("VE!", 2)}


@pytest.mark.slow
def test_ventricular_beats_of_mit_bih_are_found_in_two_leads(test_data: Callable[..., Path]) -> None:
    """Measured on DS1: sensitivity 0.97, positive predictivity 0.80 on all leads (0.91 and 0.79 on the first)."""
    found = np.zeros((3, 4), int)
    for record in load_mitdb(test_data("mitdb")):
        found += _confusion(record)
    assert found[2, BeatClass.VENTRICULAR] / found[2].sum() >= 0.95
    assert found[2, BeatClass.VENTRICULAR] / found[:, BeatClass.VENTRICULAR].sum() >= 0.65
    assert found[1, BeatClass.VENTRICULAR] / found[1].sum() <= 0.03


def _confusion(record: BeatRecord) -> np.ndarray:
    beats = detect_beats(record.signal_mv, record.fs_hz)
    found = np.zeros((3, 4), int)
    for time_s, code in zip(record.beats_s, record.codes, strict=True):
        nearest = int(np.abs(beats.r_s - time_s).argmin())
        if abs(beats.r_s[nearest] - time_s) < 0.075:
            found[GROUPS.get(code, 0), beats.classes[nearest]] += 1
    return found
