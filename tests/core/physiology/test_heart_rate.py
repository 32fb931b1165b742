from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from real_records import entries_with, long_signal_mv, real_signal_mv

from physioclr_core.paths import assets_dir
from physioclr_core.physiology.heart_rate import mean_heart_rate
from physioclr_core.readers import read_record
from physioclr_core.signal.resample import resample


def beats_mv(at_s: np.ndarray, duration_s: float, fs_hz: float, n_leads: int = 12) -> np.ndarray:
    """Return synthetic leads: P, QRS and T as Gaussians at given times of the R peak, another gain in each lead."""
    t_s = np.arange(round(duration_s * fs_hz)) / fs_hz
    lead = np.zeros_like(t_s)
    for offset_s, width_s, height_mv in (
        (-0.16, 0.025, 0.12),
        (0.0, 0.012, 1.2),
        (0.03, 0.012, -0.3),
        (0.28, 0.05, 0.3),
    ):
        for r_s in at_s:
            lead += height_mv * np.exp(-0.5 * ((t_s - r_s - offset_s) / width_s) ** 2)
    noise = np.random.default_rng(0).normal(0.0, 0.01, (n_leads, len(t_s)))
    return (np.linspace(-1.0, 1.5, n_leads)[:, None] * lead + noise).astype(np.float32)


@pytest.mark.parametrize("fs_hz", [100.0, 257.0, 360.0, 500.0, 1000.0])
@pytest.mark.parametrize("bpm", [35, 60, 95, 150, 200])
def test_a_regular_rhythm_has_its_rate(bpm: int, fs_hz: float) -> None:
    signal = beats_mv(np.arange(0.3, 9.8, 60 / bpm), 10.0, fs_hz)
    assert mean_heart_rate(signal, fs_hz).bpm == pytest.approx(bpm, rel=0.01)


def test_an_irregular_rhythm_has_the_rate_of_its_mean_interval() -> None:
    rr_s = np.random.default_rng(3).uniform(0.45, 1.1, 40)
    at_s = 0.5 + np.cumsum(rr_s)
    at_s = at_s[at_s < 19.5]
    result = mean_heart_rate(beats_mv(at_s, 20.0, 250.0), 250.0)
    assert result.bpm == pytest.approx(60.0 / np.diff(at_s).mean(), rel=0.02)
    assert result.reason == ""


@pytest.mark.parametrize(("code", "is_right"), [("STACH", lambda bpm: bpm > 90), ("SBRAD", lambda bpm: bpm < 65)])
def test_real_fast_and_slow_rhythms_are_fast_and_slow(code: str, is_right: Callable[[float], bool]) -> None:
    rates = [mean_heart_rate(real_signal_mv(entry.entry), 100.0).bpm for entry in entries_with(code)[:60]]
    measured = [bpm for bpm in rates if bpm is not None]
    assert len(measured) >= 0.9 * len(rates)
    assert np.mean([is_right(bpm) for bpm in measured]) >= 0.95


def test_real_rates_do_not_depend_on_the_sampling_rate() -> None:
    for entry in range(0, 400, 40):
        signal = real_signal_mv(entry)
        a, b = mean_heart_rate(signal, 100.0).bpm, mean_heart_rate(resample(signal, 100, 500), 500.0).bpm
        if a is not None and b is not None:
            assert a == pytest.approx(b, rel=0.03)


@pytest.mark.slow
def test_a_rate_on_ludb_is_that_of_the_cardiologists_beats(test_data: Callable[..., Path]) -> None:
    wfdb = pytest.importorskip("wfdb")
    n_right = 0
    for number in range(1, 41, 2):
        record = read_record(test_data("ludb", "data", f"{number}.hea"))
        marks = wfdb.rdann(str(test_data("ludb", "data") / str(number)), "ii")
        r_s = np.array([s for s, symbol in zip(marks.sample, marks.symbol, strict=True) if symbol == "N"]) / 500.0
        bpm = mean_heart_rate(record.signal_mv, record.fs_hz).bpm
        n_right += bpm is not None and abs(bpm * np.diff(r_s).mean() / 60.0 - 1.0) < 0.05
    assert n_right >= 19


# --- gaps and leads that are off -------------------------------------------------------------------------------------


@pytest.mark.parametrize("gap_s", [0.5, 2.0, 4.0])
def test_a_gap_costs_beats_and_not_the_rate(gap_s: float) -> None:
    for entry in entries_with("STACH")[:5]:
        signal = real_signal_mv(entry.entry).copy()
        whole = mean_heart_rate(signal, 100.0).bpm
        assert whole is not None
        signal[:, 200 : 200 + int(100 * gap_s)] = np.nan
        assert mean_heart_rate(signal, 100.0).bpm == pytest.approx(whole, rel=0.06)


def test_leads_that_are_off_do_not_count() -> None:
    signal = beats_mv(np.arange(0.4, 9.8, 0.8), 10.0, 250.0)
    signal[1] = np.nan
    signal[2] = 0.3
    signal[3] = -1.0
    signal[3, ::7] = np.nan
    assert mean_heart_rate(signal, 250.0).bpm == pytest.approx(75.0, rel=0.01)


def test_noise_in_one_lead_does_not_move_the_rate() -> None:
    signal = beats_mv(np.arange(0.4, 9.8, 0.8), 10.0, 250.0)
    signal[0] += np.random.default_rng(0).normal(0.0, 0.15, signal.shape[1]).astype(np.float32)
    assert mean_heart_rate(signal, 250.0).bpm == pytest.approx(75.0, rel=0.02)


def test_one_lead_is_enough() -> None:
    signal = beats_mv(np.arange(0.4, 9.8, 0.8), 10.0, 250.0, n_leads=1)
    assert mean_heart_rate(signal, 250.0).bpm == pytest.approx(75.0, rel=0.01)


# --- no rate, with the reason ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("signal", "fs_hz", "reason"),
    [
        (np.full((12, 1000), 0.4, np.float32), 100.0, "all leads are flat"),
        (np.full((12, 1000), np.nan, np.float32), 100.0, "no lead has a signal"),
        (beats_mv(np.array([0.6, 1.4]), 2.0, 100.0), 100.0, "fewer than 3 beats found"),
        (np.ones((2, 60), np.float32), 100.0, "the record is shorter than 1 s"),
        (np.ones((2, 1), np.float32), 500.0, "the record is shorter than 1 s"),
        (np.ones((2, 0), np.float32), 500.0, "the record is shorter than 1 s"),
        (np.ones((2, 500), np.float32), 50.0, "50 Hz is too slow to find beats"),
    ],
    ids=["flat", "only gaps", "two beats", "short", "one sample", "no sample", "slow rate"],
)
def test_without_beats_there_is_no_rate_but_a_reason(signal: np.ndarray, fs_hz: float, reason: str) -> None:
    result = mean_heart_rate(signal, fs_hz)
    assert (result.bpm, result.reason) == (None, reason)


@pytest.mark.parametrize("at_s", [[], [5.0], [4.0, 6.0]], ids=["no beat", "one beat", "two beats"])
def test_a_beat_or_two_in_ten_seconds_make_no_rate(at_s: list[float]) -> None:
    result = mean_heart_rate(beats_mv(np.array(at_s), 10.0, 250.0), 250.0)
    assert result.bpm is None
    assert result.reason


@pytest.mark.parametrize("fs_hz", [80.5, 90.0, 128.0, 2000.0])
def test_any_rate_over_eighty_hertz_and_any_length_over_a_second_has_an_answer(fs_hz: float) -> None:
    for duration_s in (1.0, 1.3, 2.0, 3.7):
        signal = resample(long_signal_mv(1000), 100.0, fs_hz)[:, : int(np.ceil(duration_s * fs_hz))]
        result = mean_heart_rate(signal, fs_hz)
        assert (result.bpm is None) == bool(result.reason)


def test_wide_beats_that_keep_time_have_a_rate() -> None:
    # The demo's left bundle branch block: thirteen plain beats, 756 ms apart, that the network is 76 % sure of.
    record = read_record(assets_dir() / "demo" / "06240_lr.hea")
    assert mean_heart_rate(record.signal_mv, record.fs_hz).bpm == pytest.approx(79.4, abs=0.5)
