from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from real_records import long_signal_mv, real_signal_mv, to_adu, write_wfdb

from physioclr_core.errors import RecordError
from physioclr_core.physiology.beats import detect_beats, detect_beats_in
from physioclr_core.readers import read_record
from physioclr_core.readers.wfdb_pieces import open_pieces


@pytest.fixture
def header(tmp_path: Path) -> Path:
    return write_wfdb(tmp_path / "long", to_adu(long_signal_mv(7_300)))


def test_pieces_together_are_the_record(header: Path) -> None:
    reader = open_pieces(header, longer_than_s=10)
    record = read_record(header)
    assert reader is not None
    assert (reader.name, reader.fs_hz, reader.n_samples) == (record.name, record.fs_hz, record.n_samples)
    assert reader.lead_names == record.lead_names
    pieces = list(reader.pieces(list(range(12)), piece_s=7.0))
    assert len(pieces) == 11
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), record.signal_mv)
    np.testing.assert_array_equal(reader.read_mv(123, 456), record.signal_mv[:, 123:456])


def test_beats_of_the_pieces_are_the_beats_of_the_record(header: Path) -> None:
    reader = open_pieces(header, longer_than_s=10)
    assert reader is not None
    whole = detect_beats(read_record(header).signal_mv[[1, 6]], 100.0)
    again = detect_beats_in(reader.pieces([1, 6], piece_s=11.0), 2, 100.0, reader.n_samples)
    for name in ("r_samples", "confidence", "classes", "follows"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))


def test_short_records_and_other_files_are_read_whole(header: Path, tmp_path: Path) -> None:
    assert open_pieces(header) is None
    assert open_pieces(write_wfdb(tmp_path / "short", to_adu(real_signal_mv(0)))) is None
    assert open_pieces(tmp_path / "notes.txt") is None


@pytest.mark.parametrize("record", ["041s/041s.hea", "s0010_re.hea"])
def test_records_in_segments_or_in_other_formats_are_read_whole_or_in_equal_pieces(
    test_data: Callable[..., Path], record: str
) -> None:
    path = test_data("wfdb-special", *record.split("/"))
    reader = open_pieces(path, longer_than_s=0)
    if reader is not None:
        whole = read_record(path)
        np.testing.assert_array_equal(reader.read_mv(0, reader.n_samples), whole.signal_mv)


def test_a_file_that_is_too_short_is_named(header: Path) -> None:
    samples = header.with_suffix(".dat")
    reader = open_pieces(header, longer_than_s=10)
    assert reader is not None
    samples.write_bytes(samples.read_bytes()[:1000])
    with pytest.raises(RecordError, match="became shorter"):
        reader.read_mv(5_000, 6_000)
    with pytest.raises(RecordError, match="truncated"):
        open_pieces(header, longer_than_s=10)
