from __future__ import annotations

import numpy as np
import pytest
from real_records import long_signal_mv, real_signal_mv

from physioclr_core.physiology.beat_stream import BeatStream, FoundBeats, search_beats, search_beats_in
from physioclr_core.signal.resample import resample


def find_beats(signal_mv: np.ndarray, fs_hz: float) -> FoundBeats:
    return search_beats(signal_mv, fs_hz)[0]


def find_beats_in(pieces: list[np.ndarray], n_leads: int, fs_hz: float) -> FoundBeats:
    return search_beats_in(pieces, n_leads, fs_hz)[0]


def assert_equal(a: FoundBeats, b: FoundBeats) -> None:
    np.testing.assert_array_equal(a.r_samples, b.r_samples)
    np.testing.assert_array_equal(a.confidence, b.confidence)
    np.testing.assert_array_equal(a.snippets_mv, b.snippets_mv)


@pytest.mark.parametrize("n_leads", [1, 3, 12])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_stream_in_pieces_gives_exactly_what_the_whole_gives(n_leads: int, seed: int) -> None:
    signal = long_signal_mv(14_000)[:n_leads].copy()
    signal[:, 5_000:5_700] = np.nan
    cuts = np.sort(np.random.default_rng(seed).integers(0, 14_000, 30))
    pieces = np.split(signal, cuts, axis=1)
    whole = find_beats(signal, 100.0)
    assert len(whole) > 100
    assert_equal(find_beats_in(pieces, n_leads, 100.0), whole)


def test_a_stream_of_single_samples_gives_what_the_whole_gives() -> None:
    signal = real_signal_mv(5)
    assert_equal(find_beats_in(np.split(signal, 1000, axis=1), 12, 100.0), find_beats(signal, 100.0))


def test_a_stream_says_beats_as_soon_as_they_are_certain() -> None:
    stream = BeatStream(12, 100.0)
    signal = long_signal_mv(12_000)
    early = stream.push(signal[:, :8_000])
    assert early.r_samples.max() < 8_000
    assert len(early) > 50
    late = stream.finish()
    assert late.r_samples.min() > early.r_samples.max()
    with pytest.raises(ValueError, match="finished"):
        stream.push(signal[:, :10])


def test_beats_are_in_order_and_not_too_close() -> None:
    found = find_beats(long_signal_mv(20_000, first_entry=30), 100.0)
    assert (np.diff(found.r_samples) >= 18).all()


def test_a_gap_has_no_beats() -> None:
    signal = long_signal_mv(3_000).copy()
    signal[:, 1_000:2_000] = np.nan
    found = find_beats(signal, 100.0)
    assert not ((found.r_samples >= 1_000) & (found.r_samples < 2_000)).any()
    assert (found.r_samples < 1_000).sum() >= 5
    assert (found.r_samples >= 2_000).sum() >= 5


@pytest.mark.parametrize("fs_hz", [125.0, 250.0, 360.0, 500.0, 1000.0])
def test_beats_do_not_depend_on_the_rate(fs_hz: float) -> None:
    signal = real_signal_mv(5)
    at_100 = find_beats(signal, 100.0).r_samples / 100.0
    again = find_beats(resample(signal, 100.0, fs_hz), fs_hz).r_samples / fs_hz
    np.testing.assert_allclose(again, at_100, atol=0.012)


def test_beats_do_not_depend_on_gain_offset_or_order_of_leads() -> None:
    signal = real_signal_mv(5)
    r_samples = find_beats(signal, 100.0).r_samples
    gain = np.linspace(0.4, 3.0, 12, dtype=np.float32)[:, None]
    for changed in (signal * 5, signal * gain, signal + 3, signal[::-1]):
        np.testing.assert_allclose(find_beats(np.ascontiguousarray(changed), 100.0).r_samples, r_samples, atol=1)


def test_beats_move_with_the_signal() -> None:
    signal = long_signal_mv(1_500)
    early, late = find_beats(signal[:, 100:1_100], 100.0), find_beats(signal[:, 130:1_130], 100.0)
    shared = [r for r in early.r_samples if 60 < r < 940]
    assert np.isin(np.array(shared) - 30, late.r_samples).mean() >= 0.9


def test_leads_without_signal_do_not_count() -> None:
    signal = real_signal_mv(5).copy()
    expected = find_beats(signal[[1, 6, 10]], 100.0)
    dead = np.zeros((6, 1000), np.float32)
    dead[1] = np.nan
    dead[2, :900] = np.nan
    dead[[0, 3, 5]] = signal[[1, 6, 10]]
    np.testing.assert_array_equal(find_beats(dead, 100.0).r_samples, expected.r_samples)


def test_wrong_pieces_are_refused() -> None:
    with pytest.raises(ValueError, match="n_leads"):
        BeatStream(0, 100.0)
    with pytest.raises(ValueError, match="fs_hz"):
        BeatStream(1, 0.0)
    with pytest.raises(ValueError, match=r"\(2, n_samples\)"):
        BeatStream(2, 100.0).push(np.zeros((3, 10), np.float32))


def test_the_callers_buffer_may_be_used_again() -> None:
    signal = long_signal_mv(6_000)
    buffer = np.empty((12, 100), np.float32)
    stream, found = BeatStream(12, 100.0), []
    for start in range(0, 6_000, 100):
        buffer[:] = signal[:, start : start + 100]
        found.append(stream.push(buffer).r_samples)
    found.append(stream.finish().r_samples)
    np.testing.assert_array_equal(np.concatenate(found), find_beats(signal, 100.0).r_samples)


def test_silence_after_the_beats_has_none() -> None:
    rng = np.random.default_rng(0)
    for entry in range(0, 40, 4):
        signal = real_signal_mv(entry).copy()
        signal[:, 300:] = signal[:, 299:300] + rng.normal(0.0, 0.004, (12, 700))
        found = find_beats(signal, 100.0)
        assert (found.r_samples > 320).sum() <= 1


def test_context_is_the_same_in_pieces_as_whole() -> None:
    signal = long_signal_mv(10_000).copy()
    signal[:, 4_000:4_400] = np.nan
    signal[:, 7_000:7_100] = signal[:, 6_999:7_000]
    whole = search_beats(signal, 100.0)[1]
    again = search_beats_in(np.split(signal, [37, 3_200, 4_111, 7_050], axis=1), 12, 100.0)[1]
    for name in ("gap_starts", "second_starts", "activity"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    assert 4_000 in whole.gap_starts
    assert any(abs(start - 7_000) <= 1 for start in whole.gap_starts)
