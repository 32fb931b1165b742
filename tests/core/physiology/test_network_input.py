from __future__ import annotations

import numpy as np
import pytest
from real_records import real_signal_mv

from physioclr_core.physiology.network_input import network_signal, range_scaled, rms_scaled
from physioclr_core.signal.resample import resample


@pytest.mark.parametrize("fs_hz", [100.0, 128.0, 250.0, 257.0, 360.0, 500.0, 1000.0])
def test_samples_lie_at_multiples_of_four_milliseconds_at_any_rate(fs_hz: float) -> None:
    t_s = np.arange(round(10 * fs_hz)) / fs_hz
    wave = np.exp(-0.5 * ((t_s - 4.7) / 0.03) ** 2).astype(np.float32)
    at_250 = network_signal(wave[None], fs_hz)[0]
    assert len(at_250) == 2500
    assert np.argmax(at_250) / 250.0 == pytest.approx(4.7, abs=0.0021)


def test_the_band_is_that_of_butterworth_filters_run_forwards_and_backwards() -> None:
    from scipy.signal import butter, sosfiltfilt

    signal = np.random.default_rng(0).standard_normal((3, 5000)).astype(np.float32)
    high = butter(2, 0.5, "highpass", fs=250.0, output="sos")
    low = butter(4, 100.0, "lowpass", fs=2500.0, output="sos")
    fine = resample(signal, 250.0, 2500.0)
    slow = resample(sosfiltfilt(low, fine.astype(np.float64)).astype(np.float32), 2500.0, 250.0)
    expected = sosfiltfilt(high, slow.astype(np.float64))
    error = network_signal(signal, 250.0) - expected
    assert np.abs(error[:, 600:-600]).max() < 0.06 * np.abs(expected).max()


def test_a_large_offset_leaves_no_trace() -> None:
    signal = real_signal_mv(3)
    np.testing.assert_allclose(network_signal(signal + 100.0, 100.0), network_signal(signal, 100.0), atol=2e-3)


def test_a_gap_is_bridged_and_leaves_the_rest_alone() -> None:
    signal = real_signal_mv(3).copy()
    whole = network_signal(signal, 100.0)
    signal[:, 400:420] = np.nan
    bridged = network_signal(signal, 100.0)
    assert np.isfinite(bridged).all()
    assert np.abs(bridged - whole)[:, 1500:].max() < 0.05


@pytest.mark.parametrize("n_samples", [0, 1, 2, 3, 40])
def test_short_signals_give_short_results(n_samples: int) -> None:
    signal = np.ones((2, n_samples), np.float32)
    assert network_signal(signal, 500.0).shape == (2, -(-n_samples // 2))
    assert network_signal(np.zeros((0, n_samples), np.float32), 500.0).shape[0] == 0


def test_scaling_takes_out_the_gain_of_each_lead() -> None:
    signal = network_signal(real_signal_mv(3), 100.0)
    gain = np.geomspace(0.5, 20.0, 12, dtype=np.float32)[:, None]
    for scaled in (rms_scaled, range_scaled):
        np.testing.assert_allclose(scaled(signal * gain), scaled(signal), rtol=1e-4, atol=1e-5)


def test_a_burst_does_not_change_the_scale_of_the_beats() -> None:
    signal = network_signal(real_signal_mv(3), 100.0)
    loud = signal.copy()
    loud[:, 1000:1300] += 20.0
    quiet = np.r_[0:1000, 1300:2500]
    np.testing.assert_allclose(range_scaled(loud)[:, quiet], range_scaled(signal)[:, quiet], rtol=0.35, atol=0.1)


def test_rounding_noise_is_not_blown_up_into_an_ecg() -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.001, (1, 2500)).astype(np.float32)
    assert np.ptp(rms_scaled(noise)) < 2.0
    assert np.ptp(range_scaled(noise)) < 1.0
