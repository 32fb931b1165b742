from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from real_records import real_signal_mv

from physioclr_core.readers import read_record
from physioclr_core.signal.filters import BASELINE_FREE, DIAGNOSTIC, MONITOR, ST, Band, zero_phase
from physioclr_core.signal.resample import resample

BANDS = [DIAGNOSTIC, BASELINE_FREE, MONITOR, ST]


def sine(frequency_hz: float, fs_hz: float, duration_s: float, amplitude_mv: float = 1.0) -> npt.NDArray[np.float32]:
    t_s = np.arange(round(duration_s * fs_hz)) / fs_hz
    return (amplitude_mv * np.sin(2 * np.pi * frequency_hz * t_s + 0.7)).astype(np.float32)[None]


def gain_at(band: Band, frequency_hz: float, fs_hz: float = 500.0) -> float:
    wave = sine(frequency_hz, fs_hz, 120.0)
    inside = slice(round(40 * fs_hz), -round(40 * fs_hz))
    return float(np.std(zero_phase(wave, fs_hz, band)[0, inside]) / np.std(wave[0, inside]))


def forward_backward(signal_mv: npt.NDArray[np.float32], fs_hz: float, band: Band) -> npt.NDArray[np.float64]:
    """Filter with sections in time; twice order 2 is 3 dB down where each pass is 1.5 dB down."""
    from scipy.signal import butter, sosfiltfilt

    x = (np.sqrt(2.0) - 1.0) ** 0.25
    y = signal_mv.astype(np.float64)
    for cut_hz, factor, kind in ((band.low_hz, x, "highpass"), (band.high_hz, 1 / x, "lowpass")):
        if cut_hz is not None:
            single_hz = np.arctan(np.tan(np.pi * cut_hz / fs_hz) * factor) * fs_hz / np.pi
            sections = butter(2, single_hz, kind, fs=fs_hz, output="sos")
            y = sosfiltfilt(sections, y, axis=1, padtype="even", padlen=y.shape[1] - 1)
    return y


@pytest.mark.parametrize("band", BANDS, ids=lambda band: band.text)
def test_it_is_the_forward_backward_butterworth_filter(band: Band, test_data: Callable[..., Path]) -> None:
    signal = read_record(test_data("mitdb", "101.hea")).signal_mv[:, : 60 * 360]
    error = np.abs(zero_phase(signal, 360.0, band) - forward_backward(signal, 360.0, band))
    assert error.max() < 0.006
    assert error[:, 5 * 360 : -5 * 360].max() < 1e-4


@pytest.mark.parametrize("band", BANDS, ids=lambda band: band.text)
def test_the_cuts_are_three_decibels_down_and_the_band_is_flat(band: Band) -> None:
    assert band.low_hz is not None
    assert band.high_hz is not None
    assert gain_at(band, band.low_hz) == pytest.approx(np.sqrt(0.5), abs=0.02)
    assert gain_at(band, band.high_hz) == pytest.approx(np.sqrt(0.5), abs=0.005)
    assert gain_at(band, 10.0) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("frequency_hz", "lowest", "highest"),
    [(0.67, 0.9, 1.1), (1.0, 0.9, 1.1), (10.0, 0.98, 1.02), (40.0, 0.9, 1.1), (100.0, 0.7, 1.1), (149.0, 0.7, 1.1)],
)
def test_the_diagnostic_band_keeps_the_standards_limits(frequency_hz: float, lowest: float, highest: float) -> None:
    assert lowest <= gain_at(DIAGNOSTIC, frequency_hz) <= highest


@pytest.mark.parametrize("band", [DIAGNOSTIC, ST], ids=lambda band: band.text)
def test_an_impulse_of_300_microvolt_seconds_leaves_neither_offset_nor_slope(band: Band) -> None:
    signal = np.zeros((1, 30000), np.float32)
    signal[0, 15000:15050] = 3.0
    filtered = zero_phase(signal, 500.0, band)[0]
    slope = np.abs(np.gradient(filtered) * 500.0)
    outside = np.r_[0:14980, 15070:30000]
    assert np.abs(filtered[outside]).max() <= 0.1
    assert slope[outside].max() <= 0.3


@pytest.mark.parametrize("band", [*BANDS, Band(0.05, 150.0, 50.0)], ids=lambda band: band.text)
def test_an_impulse_stays_symmetric_about_its_place(band: Band) -> None:
    signal = np.zeros((1, 10001), np.float32)
    signal[0, 5000] = 1.0
    filtered = zero_phase(signal, 500.0, band)[0]
    assert int(np.argmax(filtered)) == 5000
    np.testing.assert_allclose(filtered, filtered[::-1], atol=2e-6)


@pytest.mark.parametrize("band", [*BANDS, Band(None, 40.0)], ids=lambda band: band.text)
def test_an_offset_of_a_volt_does_not_ring(band: Band) -> None:
    signal = resample(real_signal_mv(2), 100, 500)
    filtered = zero_phase(signal + np.float32(1000.0), 500.0, band)
    expected = zero_phase(signal, 500.0, band) + (0.0 if band.low_hz else 1000.0)
    # 1 V in float32 has steps of 0.06 uV.
    np.testing.assert_allclose(filtered, expected, atol=4e-4)


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_mains_is_gone_up_to_the_ends_and_30_db_down_where_its_frequency_is_off(mains_hz: float) -> None:
    notch = Band(None, None, mains_hz)
    clean = resample(real_signal_mv(1), 100, 500)
    for off_hz, edge, limit_db in ((0.0, 0, -60.0), (0.2, 500, -30.0), (-0.2, 500, -30.0)):
        hum = sine(mains_hz + off_hz, 500.0, 10.0, 0.3)
        left = (zero_phase(clean + hum, 500.0, notch) - zero_phase(clean, 500.0, notch))[:, edge : 5000 - edge]
        assert 20 * np.log10(np.abs(left).max() / 0.3) < limit_db


def test_the_harmonic_is_taken_out_only_on_demand() -> None:
    hum = sine(100.0, 500.0, 10.0)
    assert np.abs(zero_phase(hum, 500.0, Band(None, None, 50.0))).max() > 0.97
    assert np.abs(zero_phase(hum, 500.0, Band(None, None, 50.0, notch_harmonic=True))).max() < 1e-3


@pytest.mark.parametrize("band", [DIAGNOSTIC, Band(0.05, 150.0, 50.0)], ids=lambda band: band.text)
def test_qrs_amplitudes_stay(band: Band, test_data: Callable[..., Path]) -> None:
    for name in ("1.hea", "7.hea", "40.hea"):
        signal = read_record(test_data("ludb", "data", name)).signal_mv
        filtered = zero_phase(signal, 500.0, band)
        before, after = (np.median(np.ptp(x.reshape(12, 5, 1000), axis=2), axis=1) for x in (signal, filtered))
        assert np.abs(after / before - 1).max() < 0.03


def test_gaps_stay_gaps_and_do_not_spread() -> None:
    signal = real_signal_mv(3).copy()
    whole = zero_phase(signal, 100.0, MONITOR)
    signal[0, 400:420] = np.nan
    signal[1] = np.nan
    signal[2, :50] = np.inf
    filtered = zero_phase(signal, 100.0, MONITOR)
    assert np.flatnonzero(np.isnan(filtered[0])).tolist() == list(range(400, 420))
    assert np.isnan(filtered[1]).all()
    assert np.flatnonzero(np.isnan(filtered[2])).tolist() == list(range(50))
    np.testing.assert_array_equal(filtered[3:], whole[3:])
    np.testing.assert_allclose(filtered[0, :200], whole[0, :200], atol=0.005)


def test_gain_time_and_lead_order_change_nothing_else() -> None:
    signal = real_signal_mv(4)
    filtered = zero_phase(signal, 100.0, DIAGNOSTIC)
    np.testing.assert_allclose(zero_phase(-3.0 * signal, 100.0, DIAGNOSTIC), -3.0 * filtered, atol=1e-5)
    np.testing.assert_allclose(zero_phase(signal[:, ::-1], 100.0, DIAGNOSTIC), filtered[:, ::-1], atol=1e-5)
    np.testing.assert_allclose(zero_phase(signal[::-1], 100.0, DIAGNOSTIC), filtered[::-1], atol=1e-6)


def test_a_long_record_has_no_seams_and_gaps_over_them_are_bridged_the_same_way() -> None:
    rng = np.random.default_rng(0)
    n_samples = 1_300_000
    steps = rng.normal(0.0, 0.004, n_samples).astype(np.float32)
    lead = np.cumsum(steps, dtype=np.float32) + np.tile(real_signal_mv(0)[1], n_samples // 1000)
    lead[255_000:256_000] = np.nan
    lead[400_000:700_000] = np.nan
    lead[-100:] = np.nan
    band = Band(0.05, 100.0, 50.0)
    filtered = zero_phase(lead[None], 250.0, band)[0]
    assert (np.isnan(filtered) == np.isnan(lead)).all()
    for start, end in ((0, 1_000_000), (200_000, 1_200_000), (300_000, n_samples)):
        part = zero_phase(lead[None, start:end], 250.0, band)[0]
        inside = slice(0 if start == 0 else 30_000, end - start if end == n_samples else end - start - 30_000)
        assert np.nanmax(np.abs(part[inside] - filtered[start:end][inside])) < 0.001


@pytest.mark.parametrize("n_samples", [0, 1, 2, 7, 50])
def test_very_short_signals_are_filtered_too(n_samples: int) -> None:
    signal = np.full((2, n_samples), 1.5, np.float32)
    filtered = zero_phase(signal, 500.0, Band(0.05, 150.0, 50.0))
    assert filtered.shape == signal.shape
    np.testing.assert_allclose(filtered, 0.0, atol=1e-6)
    assert zero_phase(np.empty((0, 100), np.float32), 500.0, DIAGNOSTIC).shape == (0, 100)


def test_cuts_that_the_rate_cannot_hold_are_not_applied() -> None:
    signal = real_signal_mv(5)
    assert Band(0.05, 150.0, 60.0).at(100.0) == Band(0.05)
    assert Band(0.5, 40.0, 50.0, notch_harmonic=True).at(200.0) == Band(0.5, 40.0, 50.0)
    np.testing.assert_array_equal(zero_phase(signal, 100.0, DIAGNOSTIC), zero_phase(signal, 100.0, Band(0.05)))
    unfiltered = zero_phase(signal, 100.0, Band(None, 150.0))
    np.testing.assert_array_equal(unfiltered, signal)
    assert not np.shares_memory(unfiltered, signal)


@pytest.mark.parametrize(
    ("band", "text"),
    [
        (Band(0.05, 150.0, 50.0), "0.05-150 Hz, notch 50 Hz"),
        (BASELINE_FREE, "0.67-150 Hz"),
        (Band(0.5), "from 0.5 Hz"),
        (Band(None, 40.0, 60.0, notch_harmonic=True), "up to 40 Hz, notch 60 and 120 Hz"),
        (Band(), "unfiltered"),
    ],
)
def test_a_band_reads_as_it_is_printed_on_a_trace(band: Band, text: str) -> None:
    assert band.text == text


@pytest.mark.parametrize(
    "cuts_hz",
    [(40.0, 40.0), (50.0, 40.0), (0.0, 40.0), (-1.0,), (None, np.nan), (None, None, np.inf), (None, None, 0.0)],
)
def test_a_band_that_makes_no_sense_is_refused(cuts_hz: tuple[float | None, ...]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Band(*cuts_hz)


@pytest.mark.parametrize("fs_hz", [0.0, -500.0, np.nan, np.inf])
def test_a_rate_that_makes_no_sense_is_refused(fs_hz: float) -> None:
    with pytest.raises(ValueError, match="fs_hz must be positive"):
        zero_phase(np.zeros((1, 10), np.float32), fs_hz, DIAGNOSTIC)
    with pytest.raises(ValueError, match="must be below half the rate"):
        zero_phase(np.zeros((1, 10), np.float32), 1.0, BASELINE_FREE)
    with pytest.raises(ValueError, match="signal_mv must be"):
        zero_phase(np.zeros(10, np.float32), 500.0, DIAGNOSTIC)
