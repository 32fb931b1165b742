from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from real_records import long_signal_mv, real_signal_mv

from physioclr_core.readers import read_record
from physioclr_core.signal.lead_quality import LeadSignalQuality, assess_lead_quality, lead_off_spans_s
from physioclr_core.signal.resample import resample

FloatArray = npt.NDArray[np.float32]
N_LUDB = 12


@pytest.fixture
def ludb(test_data: Callable[..., Path]) -> FloatArray:
    """Return clean real leads: 12 records of 12 leads, 10 s at 500 Hz."""
    return _ludb(test_data("ludb", "data"))


@cache
def _ludb(folder: Path) -> FloatArray:
    return np.concatenate([read_record(folder / f"{number}.hea").signal_mv for number in range(1, 1 + N_LUDB)])


def band_noise(shape: tuple[int, int], fs_hz: float, low_hz: float, high_hz: float, rms_mv: float) -> FloatArray:
    """Return Gaussian noise of a band with a known root mean square in each lead."""
    spectrum = np.fft.rfft(np.random.default_rng(7).normal(size=shape), axis=1)
    f_hz = np.fft.rfftfreq(shape[1], 1 / fs_hz)
    noise = np.fft.irfft(spectrum * ((f_hz >= low_hz) & (f_hz <= high_hz)), shape[1], axis=1)
    return (rms_mv * noise / noise.std(axis=1, keepdims=True)).astype(np.float32)


def sine(shape: tuple[int, int], fs_hz: float, frequency_hz: float, rms_mv: float) -> FloatArray:
    phase = 2 * np.pi * frequency_hz * np.arange(shape[1]) / fs_hz
    return np.broadcast_to(np.sqrt(2) * rms_mv * np.sin(phase + 0.4), shape).astype(np.float32)


def added_mv(with_noise: npt.NDArray[np.float64], without: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.sqrt(np.maximum(with_noise**2 - without**2, 0.0))


def test_clean_leads_have_a_high_index_and_are_usable(ludb: FloatArray) -> None:
    quality = assess_lead_quality(ludb, 500.0)
    assert np.median(quality.sqi) > 0.95
    assert quality.usable.mean() > 0.98
    assert np.median(quality.muscle_noise_mv) < 0.008
    assert np.median(quality.mains_mv) < 0.002
    assert (quality.mains_hz[~np.isnan(quality.mains_hz)].size / quality.mains_hz.size) < 0.2


def test_clean_leads_at_100_hz_are_usable_too() -> None:
    quality = assess_lead_quality(np.concatenate([real_signal_mv(entry) for entry in range(40)]), 100.0)
    assert np.median(quality.sqi) > 0.8
    assert quality.usable.mean() > 0.95
    assert np.isnan(quality.mains_mv).all()


@pytest.mark.parametrize("rms_mv", [0.03, 0.1, 0.3])
def test_muscle_noise_is_measured_between_the_beats(ludb: FloatArray, rms_mv: float) -> None:
    noisy = ludb + band_noise(ludb.shape, 500.0, 35.0, 150.0, rms_mv)
    measured = assess_lead_quality(noisy, 500.0).muscle_noise_mv
    np.testing.assert_allclose(measured, rms_mv, rtol=0.25)
    assert np.median(measured) == pytest.approx(rms_mv, rel=0.1)


def test_large_qrs_complexes_are_no_muscle_noise(ludb: FloatArray) -> None:
    before = assess_lead_quality(ludb, 500.0)
    assert np.quantile(before.muscle_noise_mv / before.amplitude_mv, 0.95) < 0.02


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
@pytest.mark.parametrize("rms_mv", [0.01, 0.1])
def test_mains_is_measured_and_its_frequency_named(ludb: FloatArray, mains_hz: float, rms_mv: float) -> None:
    for off_hz in (0.0, 0.07):
        quality = assess_lead_quality(ludb + sine(ludb.shape, 500.0, mains_hz + off_hz, rms_mv), 500.0)
        assert (quality.mains_hz == mains_hz).mean() > 0.97
        # The largest QRS complexes hide mains of 10 uV.
        assert (np.abs(quality.mains_mv - rms_mv) < 0.15 * rms_mv + 0.005).mean() > 0.98
        # Mains is no muscle noise.
        clean = assess_lead_quality(ludb, 500.0).muscle_noise_mv
        np.testing.assert_allclose(quality.muscle_noise_mv, clean, rtol=0.1, atol=0.03 * rms_mv)


@pytest.mark.parametrize("rms_mv", [0.1, 0.5])
def test_wander_is_measured_whatever_the_level(ludb: FloatArray, rms_mv: float) -> None:
    before = assess_lead_quality(ludb, 500.0).baseline_wander_mv
    after = assess_lead_quality(ludb + sine(ludb.shape, 500.0, 0.3, rms_mv) + np.float32(7.0), 500.0).baseline_wander_mv
    assert np.median(added_mv(after, before)) == pytest.approx(rms_mv, rel=0.05)
    np.testing.assert_allclose(after, rms_mv, rtol=0.1, atol=1.5 * before.max() if rms_mv < 0.2 else 0.1)


@pytest.mark.parametrize("kind", ["muscle", "white", "mains", "wander", "off", "clipped"])
def test_the_index_falls_as_noise_grows(ludb: FloatArray, kind: str) -> None:
    leads = ludb[::3]
    white = np.random.default_rng(1).normal(size=leads.shape).astype(np.float32)
    indices = []
    for level in (0.0, 0.05, 0.1, 0.2, 0.4, 0.8):
        noisy = leads.copy()
        if kind == "muscle":
            noisy += band_noise(leads.shape, 500.0, 35.0, 150.0, max(level, 1e-6))
        elif kind == "white":
            noisy += level * white
        elif kind == "mains":
            noisy += sine(leads.shape, 500.0, 50.0, level)
        elif kind == "wander":
            noisy += sine(leads.shape, 500.0, 0.3, 4 * level)
        elif kind == "off" and level:
            noisy[:, 5000 - round(5000 * level) :] = 3.2
        elif kind == "clipped" and level:
            low, high = np.quantile(noisy, [level / 4, 1 - level / 4], axis=1, keepdims=True)
            noisy = noisy.clip(low, high)
        indices.append(assess_lead_quality(noisy, 500.0).sqi)
    steps = np.diff(np.stack(indices), axis=0)
    assert (np.median(steps, axis=1) < 0).all()
    assert (steps < 0.03).mean() > 0.97
    assert np.median(indices[-1]) < (0.8 if kind == "clipped" else 0.3)


def test_a_lead_that_comes_off_half_way_is_named_with_its_time(ludb: FloatArray) -> None:
    leads = ludb[:12].copy()
    leads[1, 2400:] = 5.0
    leads[2, :1500] = np.nan
    leads[3, 2400:] = 5.0 + np.random.default_rng(0).uniform(-0.004, 0.004, 2600)
    quality = assess_lead_quality(leads, 500.0)
    assert quality.reasons[1] == "lead off from 4.8 s"
    assert quality.reasons[2] == "lead off until 3.0 s"
    assert quality.reasons[3] == "lead off from 4.8 s"
    np.testing.assert_allclose(quality.lead_off_fraction[:5], [0.0, 0.52, 0.3, 0.52, 0.0], atol=0.005)
    assert quality.gap_fraction[2] == pytest.approx(0.3)
    assert not quality.usable[1:4].any()
    # What is there is measured as if nothing else were.
    clean = assess_lead_quality(ludb[:12], 500.0)
    np.testing.assert_allclose(quality.muscle_noise_mv, clean.muscle_noise_mv, rtol=0.3, atol=0.001)
    np.testing.assert_allclose(quality.amplitude_mv, clean.amplitude_mv, rtol=0.2)


@pytest.mark.parametrize("start_s", [0.0, 3.33, 7.0])
@pytest.mark.parametrize("duration_s", [0.62, 1.7, 3.0])
def test_lead_off_spans_have_their_times(start_s: float, duration_s: float) -> None:
    lead = resample(real_signal_mv(2), 100, 500)[1].copy()
    first, last = round(start_s * 500), round((start_s + duration_s) * 500)
    lead[first:last] = -4.0
    assert lead_off_spans_s(lead, 500.0) == [pytest.approx((start_s, start_s + duration_s), abs=0.003)]
    lead[first:last] = np.nan
    assert lead_off_spans_s(lead, 500.0) == [pytest.approx((start_s, start_s + duration_s), abs=0.003)]


def test_no_real_lead_is_off(ludb: FloatArray) -> None:
    assert not any(lead_off_spans_s(lead, 500.0) for lead in ludb)
    assert not any(lead_off_spans_s(lead, 100.0) for entry in range(20) for lead in real_signal_mv(entry))


def test_reasons_are_plain_words() -> None:
    leads = resample(real_signal_mv(2), 100, 500).copy()
    leads[0] = 0.0
    leads[1] = np.nan
    leads[2] += band_noise((1, 5000), 500.0, 35.0, 150.0, 0.31)[0]
    leads[3] += sine((1, 5000), 500.0, 60.0, 0.5)[0]
    leads[4] += sine((1, 5000), 500.0, 0.2, 3.0)[0]
    leads[5] = leads[5].clip(np.quantile(leads[5], 0.06), np.quantile(leads[5], 0.94))
    quality = assess_lead_quality(leads, 500.0)
    assert quality.reasons[:2] == ("flat", "no signal")
    assert quality.reasons[2].startswith("muscle noise 0.3")
    assert quality.reasons[3] == "mains 60 Hz 0.5 mV"
    assert quality.reasons[4] == "baseline wander 3 mV"
    assert quality.reasons[5] == f"clipped {100 * quality.clipped_fraction[5]:.0f} %"
    assert quality.usable.tolist() == [reason == "" for reason in quality.reasons]
    np.testing.assert_array_equal(quality.sqi[:2], 0.0)
    assert quality.flat.tolist() == [True] + 11 * [False]


def test_noise_alone_is_not_usable() -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.3, (12, 5000)).astype(np.float32)
    for fs_hz in (100.0, 250.0, 500.0):
        quality = assess_lead_quality(noise, fs_hz)
        assert not quality.usable.any()
        assert quality.sqi.max() < 0.3


def test_gain_sign_level_and_lead_order_do_not_matter(ludb: FloatArray) -> None:
    leads = ludb[:12]
    quality = assess_lead_quality(leads, 500.0)
    other = assess_lead_quality((-2.0 * leads[::-1] + 3.0).astype(np.float32), 500.0)
    np.testing.assert_allclose(other.sqi[::-1], quality.sqi, atol=0.003)
    np.testing.assert_allclose(other.muscle_noise_mv[::-1], 2.0 * quality.muscle_noise_mv, rtol=0.01)
    np.testing.assert_allclose(other.baseline_wander_mv[::-1], 2.0 * quality.baseline_wander_mv, rtol=0.01)


@pytest.mark.parametrize("new_fs_hz", [250.0, 360.0, 1000.0])
def test_the_rate_matters_little(ludb: FloatArray, new_fs_hz: float) -> None:
    leads = ludb[:24] + band_noise((24, 5000), 500.0, 35.0, 100.0, 0.03)
    quality, other = (assess_lead_quality(resample(leads, 500.0, fs_hz), fs_hz) for fs_hz in (500.0, new_fs_hz))
    np.testing.assert_allclose(other.muscle_noise_mv, quality.muscle_noise_mv, rtol=0.15)
    np.testing.assert_allclose(other.amplitude_mv, quality.amplitude_mv, rtol=0.1)
    np.testing.assert_allclose(other.sqi, quality.sqi, atol=0.15)


def test_a_long_record_is_measured_in_windows_and_its_faults_in_full() -> None:
    signal = long_signal_mv(60_000)[:3].copy()
    signal[1, 20_000:40_000] = 1.0
    signal[2, 100:130] = np.nan
    quality = assess_lead_quality(signal, 100.0)
    windows = [assess_lead_quality(signal[:1, start : start + 1000], 100.0) for start in range(0, 60_000, 2000)]
    assert quality.muscle_noise_mv[0] == pytest.approx(
        float(np.median([window.muscle_noise_mv[0] for window in windows])), rel=0.2
    )
    assert quality.usable.tolist() == [True, False, True]
    assert quality.lead_off_fraction[1] == pytest.approx(1 / 3, abs=1e-3)
    assert quality.gap_fraction[2] == pytest.approx(30 / 60_000)
    assert np.isfinite(quality.sqi).all()


@pytest.mark.parametrize("n_samples", [0, 1, 5, 100, 999])
def test_what_is_too_short_is_not_judged(n_samples: int) -> None:
    signal = np.random.default_rng(0).normal(size=(2, n_samples)).astype(np.float32)
    quality: LeadSignalQuality = assess_lead_quality(signal, 500.0)
    reason = "shorter than 2 s" if n_samples else "no signal"
    assert quality.reasons == (reason, reason)
    assert not quality.usable.any()
    assert np.isnan(quality.muscle_noise_mv).all()


def test_no_leads_make_no_entries_and_bad_input_is_refused() -> None:
    assert assess_lead_quality(np.empty((0, 5000), np.float32), 500.0).reasons == ()
    with pytest.raises(ValueError, match="fs_hz"):
        assess_lead_quality(np.zeros((1, 10), np.float32), 0.0)
    with pytest.raises(ValueError, match="signal_mv"):
        assess_lead_quality(np.zeros(10, np.float32), 500.0)
