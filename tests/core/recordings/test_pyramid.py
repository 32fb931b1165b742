"""Extremes at every level are those that looking at every sample gives, whatever the window and the gaps."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from constructed_files import Edf, EdfChannel, real_uv
from real_records import long_signal_mv, to_adu, write_wfdb
from wfdb_files import write_signals

from physioclr_core.errors import RecordError
from physioclr_core.recordings import cache
from physioclr_core.recordings.opening import open_long
from physioclr_core.recordings.pyramid import (
    ALL_GAP,
    BASE,
    CHUNK,
    N_LEVELS,
    PARTLY_GAP,
    STEP,
    Layout,
    Pyramid,
    fill,
    level_for,
    to_mv,
)
from physioclr_core.recordings.source import LongRecording

N = 3 * CHUNK + 1234


def never() -> bool:
    return False


def opened(header: Path) -> LongRecording:
    long_recording = open_long(header, 0)
    assert long_recording is not None
    return long_recording


@pytest.fixture(scope="module")
def with_gaps(tmp_path_factory: pytest.TempPathFactory) -> LongRecording:
    """A long real recording with gaps of all lengths, one lead inverted and one 24 bits wide."""
    folder = tmp_path_factory.mktemp("gaps")
    adu = to_adu(long_signal_mv(20_000)[:2]).astype(np.int64)
    adu = np.tile(adu, -(-N // 20_000))[:, :N] + np.random.default_rng(1).integers(-30, 30, (2, N))
    for start, length in ((10, 1), (5000, 63), (70_000, 3000), (100_000, 70_000), (N - 90, 90)):
        adu[0, start : start + length] = -(2**15)
    adu[1, 150_000:150_500] = -(2**15)
    write_signals(folder, "r", adu, 16, gain="-1000/mV")
    return opened(folder / "r.hea")


def pyramid_of(recording: LongRecording) -> Pyramid:
    layout = Layout(recording.n_samples, recording.n_leads, recording.samples.dtype.str)
    pyramid = Pyramid(io.BytesIO(bytes(layout.end)), layout, 0)
    assert fill(pyramid, recording.samples, never)
    assert pyramid.is_complete
    return pyramid


def assert_brute_force(recording: LongRecording, pyramid: Pyramid, n_windows: int) -> None:
    signal_mv = recording.window_mv(0, recording.n_samples)
    rng = np.random.default_rng(2)
    for level in range(N_LEVELS):
        size = BASE * STEP**level
        n_bins = -(-recording.n_samples // size)
        windows = [(0, n_bins)] + [tuple(sorted(rng.integers(0, n_bins + 1, 2))) for _ in range(n_windows)]
        for first, stop in windows:
            extremes, flags = pyramid.read(level, int(first), int(stop))
            assert len(extremes) == stop - first
            low_mv, high_mv = to_mv(recording.samples, extremes, flags)
            for place, number in enumerate(range(first, stop)):
                part = signal_mv[:, number * size : (number + 1) * size]
                is_finite = np.isfinite(part)
                for row in range(len(part)):
                    found = part[row][is_finite[row]]
                    expected = (found.min(), found.max()) if found.size else (np.nan, np.nan)
                    np.testing.assert_array_equal((low_mv[row, place], high_mv[row, place]), expected)
                    missing = ALL_GAP if not found.size else PARTLY_GAP if found.size < part.shape[1] else 0
                    assert flags[place, row] == missing


def test_extremes_are_those_of_every_sample_at_every_level(with_gaps: LongRecording) -> None:
    assert_brute_force(with_gaps, pyramid_of(with_gaps), 2)


@pytest.mark.parametrize("fmt", [24, 212, 80])
def test_extremes_are_exact_in_other_formats(tmp_path: Path, fmt: int) -> None:
    bits = {24: 24, 212: 12, 80: 8}[fmt]
    samples = np.random.default_rng(3).integers(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1), (2, CHUNK + 77))
    recording = opened(write_signals(tmp_path, "r", samples, fmt))
    assert_brute_force(recording, pyramid_of(recording), 1)


def test_gaps_between_data_records_are_gaps_in_the_pyramid(tmp_path: Path) -> None:
    channels = [EdfChannel(name, row) for name, row in zip(("I", "II"), real_uv(2), strict=True)]
    starts = [0.0, 1, 2, 3, 900.5, 901.5, 902.5, 903.5, 904.5, 905.5]
    recording = opened(Edf(channels, starts_s=starts, reserved="EDF+D").write(tmp_path / "gap.edf"))
    pyramid = pyramid_of(recording)
    assert_brute_force(recording, pyramid, 1)
    assert (pyramid.read(1, 2, 300)[1] == ALL_GAP).all()


def test_a_pyramid_that_is_being_built_gives_what_it_has(with_gaps: LongRecording) -> None:
    pyramid = pyramid_of(with_gaps)
    whole = pyramid.read(0, 0, 10**9)[0]
    pyramid.n_done = CHUNK
    part = pyramid.read(0, 0, 10**9)[0]
    assert len(part) == CHUNK // BASE
    np.testing.assert_array_equal(part, whole[: len(part)])


@pytest.mark.parametrize(("samples", "level"), [(2, None), (63.9, None), (64, 0), (255, 0), (1024, 1), (30_857, 3)])
def test_columns_have_four_bins_where_they_can(samples: float, level: int | None) -> None:
    assert level_for(samples) == level


# --- what is kept ----------------------------------------------------------------------------------------------------


def build(recording: LongRecording, folder: Path) -> list[int]:
    """Build or open; return how much was there when it could first be read."""
    seen: list[int] = []
    pyramid = cache.build(recording.samples, recording.provenance.files, lambda p: seen.append(p.n_done), never, folder)
    assert pyramid is not None
    assert pyramid.is_complete
    expected = pyramid_of(recording)
    for level in range(N_LEVELS):
        for found, wanted in zip(pyramid.read(level, 0, 10**9), expected.read(level, 0, 10**9), strict=True):
            np.testing.assert_array_equal(found, wanted)
    pyramid.close()
    return seen


@pytest.fixture
def recording(tmp_path: Path) -> LongRecording:
    return opened(write_wfdb(tmp_path / "ecg" / "r", np.tile(to_adu(long_signal_mv(20_000)[:2]), 4), lead_names="ab"))


def test_a_pyramid_is_built_once_and_then_found(recording: LongRecording, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    assert build(recording, folder) == [0]
    assert build(recording, folder) == [recording.n_samples]
    assert [path.suffix for path in folder.iterdir()] == [".pyramid"]


@pytest.mark.parametrize("at", [3, 60, 5000, -1])
def test_a_damaged_pyramid_is_refused_and_built_anew(recording: LongRecording, tmp_path: Path, at: int) -> None:
    folder = tmp_path / "cache"
    build(recording, folder)
    path = next(folder.iterdir())
    content = bytearray(path.read_bytes())
    content[at] ^= 0x55
    path.write_bytes(content)
    assert build(recording, folder) == [0]
    path.write_bytes(path.read_bytes()[:-1])
    assert build(recording, folder) == [0]


def test_a_changed_recording_has_another_pyramid(recording: LongRecording, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    build(recording, folder)
    signal_file = recording.samples.files[0]
    content = bytearray(signal_file.read_bytes())
    content[40_000:40_002] = b"\x00\x30"
    signal_file.write_bytes(content)
    assert build(recording, folder) == [0]


def test_a_build_that_is_given_up_leaves_nothing_behind(recording: LongRecording, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    files = recording.provenance.files
    assert cache.build(recording.samples, files, lambda pyramid: None, lambda: True, folder) is None
    assert list(folder.iterdir()) == []


def test_a_recording_that_changes_meanwhile_is_not_kept(recording: LongRecording, tmp_path: Path) -> None:
    folder = tmp_path / "cache"

    def write(pyramid: Pyramid) -> None:
        with recording.samples.files[0].open("r+b") as file:
            file.write(b"\x01\x02\x03\x04")

    with pytest.raises(RecordError, match="changes while it is read"):
        cache.build(recording.samples, recording.provenance.files, write, never, folder)
    assert list(folder.iterdir()) == []


def test_the_longest_unused_go_first_and_the_newest_stays(tmp_path: Path) -> None:
    import os

    for age, name in enumerate(("new", "old", "oldest")):
        path = tmp_path / f"{name}.pyramid"
        path.write_bytes(bytes(1000))
        os.utime(path, (1e9 - age, 1e9 - age))
    (tmp_path / ".gone.building").write_bytes(bytes(10))
    os.utime(tmp_path / ".gone.building", (1e9, 1e9))
    cache.make_room(tmp_path, spare=tmp_path / "oldest.pyramid", max_bytes=2500)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.pyramid", "oldest.pyramid"]
