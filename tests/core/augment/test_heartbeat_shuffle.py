"""Heartbeat shuffling: what moves, what stays, and what the published code fabricates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from real_records import real_signal_mv

from physioclr_core.augment.heartbeat_shuffle import cuts_of, official_reordering, reordering, reorderings

FS_HZ = 100.0


def peaks(*r_samples: int, n_samples: int = 500) -> npt.NDArray[np.bool_]:
    marks = np.zeros((1, n_samples), np.bool_)
    marks[0, list(r_samples)] = True
    return marks


def shuffled_peaks(r_samples: tuple[int, ...], seed: int, **options: object) -> npt.NDArray[np.int64]:
    """Return where the R peaks are after a shuffle."""
    marks = peaks(*r_samples)
    made = reorderings(marks, np.ones(1, np.bool_), FS_HZ, np.random.default_rng(seed), **options)  # type: ignore[arg-type]
    return np.flatnonzero(made.of_track(marks)[0])


@pytest.mark.parametrize("place", ["before-p", "r-peak"])
def test_complete_beats_change_places_and_head_and_tail_stay(place: str) -> None:
    r_samples = (40, 120, 190, 280, 365, 440)
    signal_mv = np.arange(500, dtype=np.float32)[None, None]
    cuts = cuts_of(np.array(r_samples), place, FS_HZ)  # type: ignore[arg-type]
    for seed in range(20):
        made = reorderings(
            peaks(*r_samples),
            np.ones(1, np.bool_),
            FS_HZ,
            np.random.default_rng(seed),
            place=place,
            fade_ms=0.0,  # type: ignore[arg-type]
        )
        moved = made.of_signal(signal_mv)[0, 0]
        assert (moved[: cuts[0]] == signal_mv[0, 0, : cuts[0]]).all()
        assert (moved[cuts[-1] :] == signal_mv[0, 0, cuts[-1] :]).all()
        # Every sample is there once, and the order is another.
        assert sorted(moved) == list(range(500))
        assert made.is_changed[0]


def test_the_intervals_are_the_same_ones_in_another_order_where_cuts_are_at_r() -> None:
    r_samples = (40, 120, 190, 280, 365, 440)
    for seed in range(20):
        moved = shuffled_peaks(r_samples, seed, place="r-peak")
        assert sorted(np.diff(moved)) == sorted(np.diff(r_samples))
        assert (moved[0], moved[-1]) == (40, 440)


def test_a_regular_rhythm_stays_regular_and_the_published_shuffle_makes_premature_beats_of_it() -> None:
    rng = np.random.default_rng(0)
    n_false = n_ours = 0
    for _ in range(400):
        first = int(rng.integers(0, 80))
        r_samples = np.arange(first, 500, 80)
        order = official_reordering(500, r_samples, rng)
        moved = np.flatnonzero(np.isin(order.index, r_samples))
        n_false += bool((np.diff(moved) < 0.9 * 80).any())
        ours = shuffled_peaks(tuple(r_samples.tolist()), int(rng.integers(1 << 30)))
        n_ours += bool((np.diff(ours) != 80).any())
    assert n_ours == 0
    # method.md measured 82 % for a head of 360 ms; here the first beat is anywhere.
    assert 0.6 < n_false / 400 < 0.95


def test_the_published_shuffle_drops_the_head_and_pads_the_tail_with_zeros() -> None:
    order = official_reordering(500, np.array([36, 116, 196, 276, 356, 436]), np.random.default_rng(0))
    assert (order.index[-36:] == -1).all()
    assert set(order.index[:-36].tolist()) == set(range(36, 500))
    signal_mv = np.ones((1, 1, 500), np.float32)
    made = reorderings(
        peaks(36, 116, 196, 276, 356, 436), np.ones(1, np.bool_), FS_HZ, np.random.default_rng(0), kind="official"
    )
    assert made.of_signal(signal_mv)[0, 0, -36:].tolist() == [0.0] * 36


def test_a_seam_is_a_mixture_that_goes_evenly_from_one_piece_to_the_next() -> None:
    # The seam of 4 samples climbs from one level to the other.
    cuts = np.array([100, 200, 300])
    level = np.zeros((1, 1, 400), np.float32)
    level[0, 0, 150:] = 1.0
    made = reordering(400, cuts, 4, np.random.default_rng(0))
    row = made.index[None], made.other[None], made.share[None]
    moved = type(made)(*row).of_signal(level)[0, 0]
    # Around 100 the head is 0; around 200, where the second piece begins, all is 1.
    np.testing.assert_allclose(moved[96:104], [0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1], atol=1e-6)


def test_jumps_at_seams_of_real_ecgs_are_smaller_before_p_than_at_r_peaks() -> None:
    from toy_objective import RealRecords

    records = RealRecords(16)
    segments = records.measured(np.arange(16))
    is_r = (segments.tracks["waves"] & 1) > 0
    jump = {}
    for place in ("before-p", "r-peak"):
        made = reorderings(is_r, np.ones(16, np.bool_), FS_HZ, np.random.default_rng(0), place=place)  # type: ignore[arg-type]
        moved = made.of_signal(segments.signal_mv)
        is_seam = np.diff(made.index, axis=1) != 1
        jump[place] = np.abs(np.diff(moved, axis=2)).max(axis=1)[is_seam].mean()
    assert jump["before-p"] < 0.5 * jump["r-peak"]


@pytest.mark.parametrize("r_samples", [(), (250,), (100, 400)])
def test_fewer_than_two_complete_beats_stay_as_they_are(r_samples: tuple[int, ...]) -> None:
    marks = peaks(*r_samples)
    made = reorderings(marks, np.ones(1, np.bool_), FS_HZ, np.random.default_rng(0), place="r-peak")
    assert not made.is_changed.any()
    signal_mv = real_signal_mv()[None, :, :500]
    assert (made.of_signal(signal_mv) == signal_mv).all()


def test_only_chosen_segments_are_shuffled_and_the_seed_repeats_it() -> None:
    marks = np.concatenate([peaks(40, 120, 190, 280, 365, 440)] * 2)
    first, again = (
        reorderings(marks, np.array([True, False]), FS_HZ, np.random.default_rng(3)).index for _ in range(2)
    )
    assert (first == again).all()
    assert (first[1] == np.arange(500)).all()
    assert (first[0] != np.arange(500)).any()
