"""The curve of time and what it does to a record."""

from __future__ import annotations

import numpy as np
import pytest
from real_records import real_signal_mv

from physioclr_core.augment.time_warp import time_curves, warped
from physioclr_core.physiology.beats import detect_beats


@pytest.mark.parametrize("share", [0.02, 0.05, 0.2])
@pytest.mark.parametrize("n_samples", [400, 2500])
def test_time_runs_forwards_within_the_speeds_allowed_from_end_to_end(share: float, n_samples: int) -> None:
    curves = time_curves(500, n_samples, share, np.random.default_rng(0))
    speed = np.diff(curves, axis=1)
    assert speed.min() > 0.0
    assert np.abs(speed - 1.0).max() <= share + 1e-9
    assert np.abs(speed - 1.0).max() > 0.7 * share  # the range is used
    np.testing.assert_allclose(curves[:, 0], 0.0, atol=1e-9)
    np.testing.assert_allclose(curves[:, -1], n_samples - 1, atol=1e-6)


def test_no_change_of_speed_is_the_identity() -> None:
    signal = np.stack([real_signal_mv(entry) for entry in range(3)])
    mask = np.ones((3, 1000), bool)
    after, after_mask = warped(signal, mask, 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(after, signal, atol=1e-6)
    np.testing.assert_array_equal(after_mask, mask)


def test_a_line_becomes_the_curve_itself_in_all_leads() -> None:
    signal = np.tile(np.arange(400, dtype=np.float32), (5, 12, 1))
    after, _ = warped(signal, np.ones((5, 400), bool), 0.1, np.random.default_rng(3))  # cubic: exact for lines
    curves = time_curves(5, 400, 0.1, np.random.default_rng(3))
    np.testing.assert_allclose(
        after[:, :, 2:-2], np.broadcast_to(curves[:, None, :], after.shape)[:, :, 2:-2], atol=1e-3
    )


def test_nothing_hidden_reaches_what_is_visible() -> None:
    mask = np.ones((200, 400), bool)
    mask[:, 150:200] = False
    signal = np.where(mask[:, None, :], 1.0, 1000.0).astype(np.float32).repeat(2, axis=1)
    after, after_mask = warped(signal, mask, 0.2, np.random.default_rng(0))
    np.testing.assert_allclose(after[np.broadcast_to(after_mask[:, None, :], after.shape)], 1.0, rtol=1e-5)
    assert np.abs(after_mask.sum(axis=1) - 350).max() < 20


def test_r_waves_keep_their_height() -> None:
    heights = []
    for entry in range(40):
        signal = real_signal_mv(entry)
        peaks = detect_beats(signal, 100.0).r_samples[1:-1]
        after, _ = warped(signal[None], np.ones((1, 1000), bool), 0.05, np.random.default_rng(entry))
        curve = time_curves(1, 1000, 0.05, np.random.default_rng(entry))[0]
        for peak in peaks:
            at = int(np.searchsorted(curve, peak))
            around, around_after = signal[:, peak - 8 : peak + 9], after[0, :, max(at - 8, 0) : at + 9]
            heights.append(np.ptp(around_after, axis=1)[6:].max() / np.ptp(around, axis=1)[6:].max())
    assert np.median(heights) == pytest.approx(1.0, abs=0.03)
    assert np.quantile(heights, 0.05) > 0.87  # what a tip between two samples of 100 Hz loses in any recorder
