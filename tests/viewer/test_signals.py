"""A recording on disk is drawn as the same record in memory; its pyramid keeps every peak and every gap."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from real_records import long_signal_mv, real_signal_mv, record_of, to_adu
from wfdb_files import write_signals

from ecgviewer.state.signals import LongSignals, MemorySignals, signals_of
from physioclr_core.readers import read_record
from physioclr_core.recordings.opening import open_long
from physioclr_core.recordings.pyramid import BASE, CHUNK, STEP, Layout, Pyramid, fill, level_for

N = 5 * CHUNK + 777
FS_HZ = 100.0


def in_memory_and_on_disk(header: Path) -> tuple[MemorySignals, LongSignals]:
    """Return the same recording as it is read whole, and as it is drawn out of its pyramid."""
    recording = open_long(header, 0)
    assert recording is not None
    layout = Layout(recording.n_samples, recording.n_leads, recording.samples.dtype.str)
    pyramid = Pyramid(io.BytesIO(bytes(layout.end)), layout, 0)
    assert fill(pyramid, recording.samples, lambda: False)
    long_signals = LongSignals(recording)
    long_signals.pyramid = pyramid
    return MemorySignals(read_record(header)), long_signals


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[MemorySignals, LongSignals]:
    adu = np.tile(to_adu(long_signal_mv(20_000)[:3]).astype(np.int64), -(-N // 20_000))[:, :N]
    adu += np.random.default_rng(1).integers(-30, 30, adu.shape)
    adu[:, 100_000:150_000] = -(2**15)
    adu[1, 9000:9001] = -(2**15)
    header = write_signals(tmp_path_factory.mktemp("long"), "r", adu, 16, leads=["I", "II", "III"])
    return in_memory_and_on_disk(header)


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


# --- leads that were off ---------------------------------------------------------------------------------------------

OFF_S, ALL_OFF_S = (300.0, 420.0), (600.0, 900.0)


@pytest.fixture(scope="module")
def with_leads_off(tmp_path_factory: pytest.TempPathFactory) -> tuple[MemorySignals, LongSignals]:
    """Return both kinds of an ECG whose second lead is off for two minutes at a rail, and all leads later for five."""
    adu = np.tile(to_adu(long_signal_mv(20_000)[:2]).astype(np.int64), 6)
    adu[1, 30_000:42_000] = 20_020
    adu[:, 60_000:90_000] = 0
    header = write_signals(tmp_path_factory.mktemp("off"), "r", adu, 16, leads=["I", "II"])
    return in_memory_and_on_disk(header)


@pytest.mark.parametrize("px_per_s", [94.5, 10.0, 1.0, 0.4])
def test_a_lead_that_was_off_has_no_line_in_memory_or_on_disk(
    with_leads_off: tuple[MemorySignals, LongSignals], px_per_s: float
) -> None:
    for signals in with_leads_off:
        for start_s, end_s in ((290.0, 430.0), (590.0, 910.0)):
            signals.prepare(px_per_s, start_s, end_s)
            for lead in (0, 1):
                is_off = lead == 1 or start_s == 590.0
                found = [span for span in signals.no_signal_s(lead, start_s, end_s) if span[1] > start_s]
                found = [span for span in found if span[0] < end_s]
                line = signals.polyline(lead, px_per_s, start_s, end_s)
                if not is_off:
                    assert found == []
                    continue
                expected = OFF_S if start_s == 290.0 else ALL_OFF_S
                ((off_s, on_s),) = found
                assert (off_s, on_s) == pytest.approx(expected, abs=max(0.1, 1 / px_per_s))
                inside = (line.x_px > expected[0] * px_per_s + 2) & (line.x_px < expected[1] * px_per_s - 2)
                assert not inside.any()
                # The rail is nowhere drawn, but where a bin of the pyramid holds the jump to it too.
                assert np.count_nonzero(line.y_mv > 5) <= (0 if px_per_s > 5 or signals is with_leads_off[0] else 2)
                assert signals.gaps_s(lead, start_s, end_s) == []


def test_a_page_within_a_stretch_without_signal_knows_it(with_leads_off: tuple[MemorySignals, LongSignals]) -> None:
    _, long_signals = with_leads_off
    long_signals.prepare(94.5, 700.0, 700.5)
    for lead in (0, 1):
        ((start_s, end_s),) = long_signals.no_signal_s(lead, 700.0, 700.5)
        assert start_s < 700.0
        assert end_s > 700.5
        assert long_signals.polyline(lead, 94.5, 700.0, 700.5).x_px.size == 0


def test_the_level_of_a_lead_that_was_off_is_no_baseline_and_no_reach(
    with_leads_off: tuple[MemorySignals, LongSignals],
) -> None:
    memory, long_signals = with_leads_off
    assert max(memory.reach_mv[1]) < 5
    for signals in (memory, long_signals):
        for px_per_s, span_s in ((94.5, (302.0, 312.0)), (2.0, (305.0, 425.0))):
            signals.prepare(px_per_s, *span_s)
            assert abs(signals.baseline_mv(1, *span_s)) < 2
    low_mv, high_mv, _ = long_signals.envelope(1, 600)
    assert np.isnan(low_mv[155:205]).all()
    assert np.count_nonzero(high_mv > 5) <= 2  # a part of it at either end


def test_a_lead_off_in_a_short_record_is_off_whether_its_report_says_so_or_not() -> None:
    signal_mv = real_signal_mv(3).copy()
    signal_mv[11, 58:] = -20.02  # as V6 of PTB-XL 20045
    signals = MemorySignals(record_of(signal_mv))
    assert signals.no_signal_s(11, 0.0, 10.0) == [pytest.approx((0.58, 10.0), abs=0.02)]
    assert signals.lost_share[11] == pytest.approx(0.942, abs=0.002)
    assert signals.lost_share[:11] == [0.0] * 11
    assert signals.polyline(11, 94.5, 0.0, 10.0).x_px.max() < 60
    assert max(signals.reach_mv[11]) < 5
