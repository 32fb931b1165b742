"""The band's gain beside Butterworth filters applied forwards and backwards."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from real_records import real_signal_mv
from scipy import signal as sps

from physioclr_core.augment.bandwidth import band_limited

FloatArray = npt.NDArray[np.float32]


def filtered(signal_mv: FloatArray, fs_hz: float, high_pass_hz: float, low_pass_hz: float) -> FloatArray:
    limits = (high_pass_hz, high_pass_hz), (low_pass_hz, low_pass_hz)
    return band_limited(signal_mv[None], fs_hz, *limits, np.random.default_rng(0))[0]


@pytest.mark.parametrize(("high_pass_hz", "low_pass_hz"), [(0.05, 15.0), (0.5, 40.0), (0.5, 15.0)])
@pytest.mark.parametrize("fs_hz", [100.0, 250.0, 500.0])
def test_each_rate_is_passed_as_forwards_and_backwards(fs_hz: float, high_pass_hz: float, low_pass_hz: float) -> None:
    n = int(40 * fs_hz)
    impulse = np.zeros((1, n), np.float32)
    impulse[0, n // 2] = 1.0
    gain = np.abs(np.fft.rfft(filtered(impulse, fs_hz, high_pass_hz, low_pass_hz)[0]))
    rate_hz = np.fft.rfftfreq(n, 1.0 / fs_hz)
    low, high = (
        sps.butter(2, limit, kind, analog=True, output="ba")
        for limit, kind in ((low_pass_hz, "low"), (high_pass_hz, "high"))
    )
    expected = np.prod([np.abs(sps.freqs(*ba, worN=rate_hz)[1]) ** 2 for ba in (low, high)], axis=0)
    np.testing.assert_allclose(gain[1:], expected[1:], atol=0.01)


def test_a_record_comes_out_as_from_filtfilt() -> None:
    fs_hz = 1000.0  # where a digital filter does not differ from the analogue one
    signal = sps.resample(real_signal_mv(3), 10_000, axis=1).astype(np.float32)
    ours = filtered(signal, fs_hz, 0.5, 25.0)
    theirs = signal.astype(np.float64)
    for limit, kind in ((25.0, "low"), (0.5, "high")):
        theirs = sps.sosfiltfilt(sps.butter(2, limit, kind, fs=fs_hz, output="sos"), theirs, axis=1)
    inside = slice(2000, -2000)  # ends are continued in another way
    assert np.abs(ours[:, inside] - theirs[:, inside]).max() < 0.02
    assert np.abs(signal[:, inside] - theirs[:, inside]).max() > 0.1


@pytest.mark.parametrize("fs_hz", [100.0, 500.0])
def test_nothing_moves_in_time(fs_hz: float) -> None:
    n = int(10 * fs_hz) + 1
    at_s = (np.arange(n) - n // 2) / fs_hz
    pulse = np.exp(-0.5 * (at_s / 0.02) ** 2)[None].astype(np.float32)
    after = filtered(pulse, fs_hz, 0.3, 20.0)[0]
    assert int(after.argmax()) == n // 2
    np.testing.assert_allclose(after, after[::-1], atol=1e-5)


def test_limits_are_drawn_for_each_record_and_common_to_its_leads() -> None:
    impulse = np.zeros((300, 2, 801), np.float32)
    impulse[:, :, 400] = 1.0
    after = band_limited(impulse, 100.0, (1e-6, 1e-6), (15.0, 40.0), np.random.default_rng(0))
    np.testing.assert_allclose(after[:, 0], after[:, 1], atol=1e-6)
    height = after[:, 0, 400]
    lowest, highest = (filtered(impulse[0, :1], 100.0, 1e-6, limit)[0, 400] for limit in (15.0, 40.0))
    assert lowest - 1e-6 <= height.min() < lowest * 1.1
    assert highest + 1e-6 >= height.max() > highest * 0.95
