"""Baseline wander: how slow, how large."""

from __future__ import annotations

import numpy as np
import pytest

from physioclr_core.augment.wander import wander_mv


@pytest.mark.parametrize("fs_hz", [100.0, 500.0])
def test_all_of_its_energy_lies_under_the_band_that_an_ecg_needs(fs_hz: float) -> None:
    n_samples = int(60 * fs_hz)
    wander = wander_mv(20, n_samples, fs_hz, 0.15, np.random.default_rng(0)).astype(np.float64)
    power = np.abs(np.fft.rfft(wander * np.hanning(n_samples), axis=2)) ** 2
    rate_hz = np.fft.rfftfreq(n_samples, 1.0 / fs_hz)
    share = power[:, :, rate_hz <= 0.6 + 2.0 / 60.0].sum(axis=2) / power.sum(axis=2)
    assert share.min() > 0.9999


def test_its_amplitude_at_an_electrode_is_uniform_up_to_the_largest() -> None:
    wander = wander_mv(2000, 600, 10.0, 0.2, np.random.default_rng(0))
    # V1 - V2 is the difference of two independent electrodes; a sine of amplitude a has the mean square a^2 / 2.
    mean_square = ((wander[:, 6] - wander[:, 7]) ** 2).mean() / 2.0
    assert mean_square == pytest.approx(0.2**2 / 3.0 / 2.0, rel=0.1)


def test_the_same_seed_gives_the_same_curve_at_every_sampling_rate() -> None:
    slow, fast = (wander_mv(3, n, fs, 0.15, np.random.default_rng(5)) for n, fs in ((400, 100.0), (2000, 500.0)))
    np.testing.assert_allclose(fast[:, :, ::5], slow, atol=1e-6)
