from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from real_records import real_signal_mv, unpacked_fold

from physioclr_core.readers import read_record
from physioclr_core.signal.resample import bridge_gaps, resample

RATE_PAIRS = [(500, 100), (360, 100), (257, 100), (1000, 100), (250, 100), (128, 100), (100, 500), (240, 257)]


@pytest.mark.parametrize(("fs_hz", "new_fs_hz"), RATE_PAIRS)
def test_a_sine_stays_that_sine(fs_hz: int, new_fs_hz: int) -> None:
    t_s, new_t_s = np.arange(10 * fs_hz) / fs_hz, np.arange(10 * new_fs_hz) / new_fs_hz
    wave = np.sin(2 * np.pi * 7.0 * t_s).astype(np.float32)
    new = resample(np.stack([wave, -2.0 * wave]), fs_hz, new_fs_hz)
    expected = np.sin(2 * np.pi * 7.0 * new_t_s)
    inside = slice(new_fs_hz // 4, -new_fs_hz // 4)
    assert new.shape == (2, 10 * new_fs_hz)
    assert new.dtype == np.float32
    np.testing.assert_allclose(new[0, inside], expected[inside], atol=0.004)
    np.testing.assert_allclose(new[1, inside], -2.0 * expected[inside], atol=0.008)


def test_what_the_new_rate_cannot_hold_is_filtered_and_not_folded_back() -> None:
    wave = np.sin(2 * np.pi * 130.0 * np.arange(5000) / 500).astype(np.float32)
    assert np.abs(resample(wave[None], 500, 100)[0, 20:-20]).max() < 0.002


@pytest.mark.parametrize(("fs_hz", "new_fs_hz"), RATE_PAIRS)
def test_an_offset_makes_no_ringing_at_the_ends(fs_hz: int, new_fs_hz: int) -> None:
    ramp = np.linspace(-4.0, 6.0, 10 * fs_hz)
    new = resample(np.stack([np.full(10 * fs_hz, 5.0), ramp]).astype(np.float32), fs_hz, new_fs_hz)
    np.testing.assert_allclose(new[0], 5.0, atol=1e-4)
    # The line goes on beyond its last sample where the new rate samples later than that.
    np.testing.assert_allclose(new[1], -4.0 + 10.0 * np.arange(new.shape[1]) / new_fs_hz / (10 - 1 / fs_hz), atol=2e-3)


@pytest.mark.parametrize("fs_hz", [257, 360, 1000, 999.9, 256.41])
def test_ten_seconds_stay_ten_seconds_at_odd_rates(fs_hz: float) -> None:
    signal = np.zeros((12, round(10 * fs_hz)), np.float32)
    assert abs(resample(signal, fs_hz, 100.0).shape[1] - 1000) <= 1


def test_gaps_stay_gaps_and_only_there() -> None:
    signal = resample(real_signal_mv(3), 100, 500)
    gapped = signal.copy()
    gapped[1, 1000:1500] = np.nan
    gapped[2, :] = np.nan
    gapped[3, 4990:] = np.nan
    new, whole = resample(gapped, 500, 100), resample(signal, 500, 100)
    is_gap = np.isnan(new)
    assert np.flatnonzero(is_gap[1]).tolist() == list(range(200, 300))
    assert is_gap[2].all()
    assert np.flatnonzero(is_gap[3]).tolist() == [998, 999]
    assert not is_gap[[0, 4, 5]].any()
    away = np.r_[0:185, 315:1000]
    np.testing.assert_allclose(new[1, away], whole[1, away], atol=0.003)
    np.testing.assert_array_equal(new[0], whole[0])


def test_the_same_rate_changes_nothing_and_no_input_is_modified() -> None:
    signal = real_signal_mv(0).copy()
    signal[4, 100:120] = np.nan
    before = signal.copy()
    np.testing.assert_array_equal(resample(signal, 100, 100), before)
    resample(signal, 100, 250)
    np.testing.assert_array_equal(signal, before)


def test_gaps_are_bridged_by_lines_held_at_the_ends() -> None:
    nan = np.nan
    gapped = np.array([[nan, 1.0, nan, nan, 4.0, nan], [nan] * 6, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]], np.float32)
    expected = [[1.0, 1.0, 2.0, 3.0, 4.0, 4.0], [0.0] * 6, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]]
    np.testing.assert_allclose(bridge_gaps(gapped), expected, rtol=1e-6)
    assert np.isnan(gapped[0, 0])


@pytest.mark.parametrize("fold", [3, *(pytest.param(fold, marks=pytest.mark.slow) for fold in (1, 2, 5, 6, 7, 8, 9))])
def test_500_hz_records_become_their_official_100_hz_twins(test_data: Callable[..., Path], fold: int) -> None:
    twins = unpacked_fold(test_data("ptbxl100"), fold)
    headers = [h for h in sorted(test_data("ptb-xl-500hz").glob("*_hr.hea")) if int(h.name[:5]) in twins]
    assert headers
    for header in headers:
        record = read_record(header)
        # The twins come from another resampler: 1.25 ms later, another filter over 40 Hz, ends of their own.
        a = resample(record.signal_mv, 500, 100)[:, 20:-20]
        b = twins[int(record.name[:5])][:, 20:-20]
        a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
        assert (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()) > 0.99
        assert np.sqrt(((a - b) ** 2).mean()) < 0.04
