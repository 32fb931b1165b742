"""A recording on disk is drawn as the same record in memory; its pyramid keeps every peak and every gap."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from real_records import long_signal_mv, to_adu
from wfdb_files import write_signals

from ecgviewer.state.signals import LongSignals, MemorySignals, signals_of
from physioclr_core.readers import read_record
from physioclr_core.recordings.opening import open_long
from physioclr_core.recordings.pyramid import BASE, CHUNK, STEP, Layout, Pyramid, fill, level_for

N = 5 * CHUNK + 777
FS_HZ = 100.0


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[MemorySignals, LongSignals]:
    adu = np.tile(to_adu(long_signal_mv(20_000)[:3]).astype(np.int64), -(-N // 20_000))[:, :N]
    adu += np.random.default_rng(1).integers(-30, 30, adu.shape)
    adu[:, 100_000:150_000] = -(2**15)
    adu[1, 9000:9001] = -(2**15)
    header = write_signals(tmp_path_factory.mktemp("long"), "r", adu, 16, leads=["I", "II", "III"])
    recording = open_long(header, 0)
    assert recording is not None
    layout = Layout(recording.n_samples, 3, recording.samples.dtype.str)
    pyramid = Pyramid(io.BytesIO(bytes(layout.end)), layout, 0)
    assert fill(pyramid, recording.samples, lambda: False)
    long_signals = LongSignals(recording)
    long_signals.pyramid = pyramid
    return MemorySignals(read_record(header)), long_signals


@pytest.mark.parametrize("px_per_s", [400.0, 94.5, 37.0, 10.0, 2.0])
@pytest.mark.parametrize("start_s", [0.0, 83.27, 995.0, 3270.0])
def test_samples_are_drawn_as_from_memory(
    both: tuple[MemorySignals, LongSignals], px_per_s: float, start_s: float
) -> None:
    memory, long_signals = both
    end_s = start_s + 700 / px_per_s
    long_signals.prepare(px_per_s, start_s, end_s)
    for lead in range(3):
        expected = memory.polyline(lead, px_per_s, start_s, end_s)
        found = long_signals.polyline(lead, px_per_s, start_s, end_s)
        np.testing.assert_allclose(found.x_px, expected.x_px, rtol=1e-12)
        np.testing.assert_array_equal(found.y_mv, expected.y_mv)
        np.testing.assert_array_equal(found.is_joined, expected.is_joined)
        assert long_signals.peak_mv(lead, start_s, end_s) == memory.peak_mv(lead, start_s, end_s)


@pytest.mark.parametrize("columns", [200, 500, 1300])
def test_no_peak_is_lost_from_the_pyramid(both: tuple[MemorySignals, LongSignals], columns: int) -> None:
    _, long_signals = both
    recording = long_signals._recording
    duration_s = recording.duration_s
    px_per_s = columns / duration_s
    level = level_for(FS_HZ / px_per_s)
    assert level is not None
    signal_mv = recording.window_mv(0, N)
    long_signals.prepare(px_per_s, 0, duration_s)
    size = BASE * STEP**level
    for lead in range(3):
        line = long_signals.polyline(lead, px_per_s, 0, duration_s)
        assert np.isfinite(line.y_mv).all()
        assert line.y_mv.max() == np.nanmax(signal_mv[lead])
        assert line.y_mv.min() == np.nanmin(signal_mv[lead])
        # Each column holds the extremes of its samples, its edges moved to the nearest bin.
        for x_px, pair in zip(line.x_px[::2], line.y_mv.reshape(-1, 2), strict=True):
            column = int(x_px)
            first, stop = (round(c * FS_HZ / px_per_s / size) * size for c in (column, column + 1))
            part = signal_mv[lead, first:stop] if stop > first else signal_mv[lead, first : first + size]
            assert (pair.min(), pair.max()) == (np.nanmin(part), np.nanmax(part))


def test_no_line_crosses_a_gap_of_the_pyramid(both: tuple[MemorySignals, LongSignals]) -> None:
    _, long_signals = both
    px_per_s = 600 / (N / FS_HZ)
    long_signals.prepare(px_per_s, 0, N / FS_HZ)
    line = long_signals.polyline(0, px_per_s, 0, N / FS_HZ)
    crossing = (line.x_px[:-1] < 1000 * px_per_s + 1) & (line.x_px[1:] > 1500 * px_per_s - 1)
    assert crossing.any()
    assert not line.is_joined[:-1][crossing].any()
    gaps = long_signals.gaps_s(0, 0, N / FS_HZ)
    assert len(gaps) == 1
    # At the resolution of a bin, which is less than a column.
    assert gaps[0] == pytest.approx((1000.0, 1500.0), abs=1 / px_per_s)


def test_the_overview_shows_as_much_as_is_built(both: tuple[MemorySignals, LongSignals]) -> None:
    memory, long_signals = both
    pyramid = long_signals.pyramid
    assert pyramid is not None
    low, high, n_known = long_signals.envelope(1, 700)
    assert n_known == 700
    whole_low, whole_high, _ = memory.envelope(1, 700)
    assert np.nanmax(high) == np.nanmax(whole_high)
    assert np.nanmin(low) == np.nanmin(whole_low)
    pyramid.n_done, done = 3 * CHUNK, pyramid.n_done
    try:
        part_low, _, n_known = long_signals.envelope(1, 700)
        assert 400 < n_known < 440
        np.testing.assert_array_equal(part_low[:400], low[:400])
        assert np.isnan(part_low[n_known:]).all()
    finally:
        pyramid.n_done = done


def test_without_a_pyramid_nothing_is_drawn_and_nothing_fails(tmp_path: Path) -> None:
    adu = np.tile(to_adu(long_signal_mv(20_000)[:1]).astype(np.int64), 4)
    recording = open_long(write_signals(tmp_path, "r", adu, 16), 0)
    assert recording is not None
    signals = signals_of(recording)
    signals.prepare(0.5, 0, 800)
    assert signals.polyline(0, 0.5, 0, 800).x_px.size == 0
    assert signals.envelope(0, 100)[2] == 0
    assert signals.gaps_s(0, 0, 800) == []
    assert signals.peak_mv(0, 0, 800) is None
    assert np.isfinite(signals.baseline_mv(0, 0, 800))


def test_the_baseline_is_that_of_what_is_in_sight(both: tuple[MemorySignals, LongSignals]) -> None:
    memory, long_signals = both
    for start_s, end_s in ((0.0, 10.0), (1600.0, 1610.0), (2000.0, 2010.0), (3000.0, 3270.0)):
        long_signals.prepare(94.5, start_s, end_s)
        for lead in range(3):
            assert long_signals.baseline_mv(lead, start_s, end_s) == pytest.approx(
                memory.baseline_mv(lead, start_s, end_s), abs=0.51
            )
