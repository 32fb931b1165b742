"""Batches of segments and what networks are given of them, on real signals."""

from __future__ import annotations

import numpy as np
import pytest
from real_records import long_signal_mv, real_signal_mv

from physioclr_core.data.segments import Segments, network_input
from physioclr_core.infer.preprocess import model_input


def segments_of(signal_mv: np.ndarray) -> Segments:
    n = len(signal_mv)
    return Segments(
        signal_mv=signal_mv,
        mask=np.ones((n, signal_mv.shape[2]), np.bool_),
        has_lead=np.ones((n, signal_mv.shape[1]), np.bool_),
        fs_hz=100.0,
        row=np.arange(n),
        patient=np.arange(n),
        labels=np.empty((n, 0), np.float32),
    )


def test_networks_are_given_in_training_what_they_are_given_in_inference() -> None:
    signal_mv = np.stack([real_signal_mv(number) + np.float32(number - 2) for number in range(5)])
    given = network_input(signal_mv, np.ones((5, 1000), np.bool_))
    np.testing.assert_allclose(given, model_input(signal_mv), atol=2e-5)


def test_padding_changes_nothing_and_is_zero() -> None:
    signal_mv = np.zeros((1, 12, 1300), np.float32)
    signal_mv[0, :, :1000] = real_signal_mv(0) + np.float32(0.7)
    mask = np.arange(1300)[None] < 1000
    given = network_input(signal_mv, mask)
    np.testing.assert_allclose(given[:, :, :1000], model_input(signal_mv[:, :, :1000]), atol=2e-5)
    assert not given[:, :, 1000:].any()
    assert not network_input(signal_mv, np.zeros((1, 1300), np.bool_)).any()


def test_cuts_are_the_part_that_begins_at_each_segments_own_start() -> None:
    signal_mv = np.stack([long_signal_mv(1500, number) for number in (0, 5, 9)])
    start = np.array([0, 250, 500])
    part = segments_of(signal_mv).cut(start, 1000)
    for row in range(3):
        np.testing.assert_array_equal(part.signal_mv[row], signal_mv[row, :, start[row] : start[row] + 1000])
    with pytest.raises(ValueError, match="do not fit into 1500"):
        segments_of(signal_mv).cut(start + 1, 1000)


def test_random_cuts_reach_both_ends_and_follow_from_the_generator() -> None:
    ramp = np.broadcast_to(np.arange(5, dtype=np.float32), (200, 1, 5)).copy()
    first, second = (segments_of(ramp).random_cut(3, np.random.default_rng(1)).signal_mv for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert {*first[:, 0, 0].tolist()} == {0.0, 1.0, 2.0}


def test_random_parts_of_short_records_hold_signal() -> None:
    signal_mv = np.stack([real_signal_mv(entry) for entry in range(40)])
    mask = np.ones((40, 1000), np.bool_)
    mask[::2, 300:] = False
    segments = Segments(
        signal_mv=signal_mv * mask[:, None],
        mask=mask,
        has_lead=np.ones((40, 12), np.bool_),
        fs_hz=100.0,
        row=np.arange(40),
        patient=np.arange(40),
        labels=np.empty((40, 0), np.float32),
    )
    part = segments.random_cut(250, np.random.default_rng(0))
    assert part.mask.all()
    whole = segments.random_cut(400, np.random.default_rng(0))
    assert (whole.mask[::2].sum(axis=1) == 300).all()
