"""Any window of a long recording holds the numbers that reading the whole file gives, for every seekable format."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from constructed_files import Edf, EdfChannel, ishne_content, real_uv
from real_records import long_signal_mv, to_adu, write_wfdb
from wfdb_files import PTBXL_1, SPECIAL, edit, real_adu, write_signals

from physioclr_core.errors import RecordError
from physioclr_core.readers import read_record
from physioclr_core.record import Acquisition, DeviceReading, EcgRecord
from physioclr_core.recordings.opening import NOTE, open_long, open_record
from physioclr_core.recordings.source import LongRecording
from physioclr_core.recordings.stretch import stretch_of

BITS = {16: 16, 61: 16, 80: 8, 160: 16, 212: 12, 24: 24, 32: 32}


def assert_same(path: Path, n_windows: int = 40) -> LongRecording:
    """Compare a recording read in windows with the same file read at once, bit by bit."""
    whole = read_record(path)
    long_recording = open_long(path, 0)
    assert long_recording is not None, "is not seekable"
    assert long_recording.n_samples == whole.n_samples
    assert long_recording.lead_names == whole.lead_names
    assert long_recording.fs_hz == whole.fs_hz
    assert long_recording.patient == whole.patient
    assert long_recording.acquisition == whole.acquisition
    rng = np.random.default_rng(0)
    windows = [(0, whole.n_samples), (-5, 3), (whole.n_samples - 3, whole.n_samples + 9), (7, 7)]
    windows += [tuple(sorted(rng.integers(0, whole.n_samples, 2))) for _ in range(n_windows)]
    for start, stop in windows:
        expected = whole.window_mv(start, stop)
        found = long_recording.window_mv(int(start), int(stop))
        np.testing.assert_array_equal(found, expected, err_msg=f"{start} to {stop}")
        assert found.dtype == np.float32
    rows = [whole.n_leads - 1]
    np.testing.assert_array_equal(long_recording.window_mv(3, 33, rows), whole.window_mv(3, 33)[rows])
    return long_recording


@pytest.mark.parametrize("fmt", sorted(BITS))
@pytest.mark.parametrize("n_leads", [1, 2, 3])
def test_every_seekable_wfdb_format_is_read_in_windows(tmp_path: Path, fmt: int, n_leads: int) -> None:
    samples = real_adu(n_leads, 499, BITS[fmt])
    samples[0, 100:130] = -(2 ** (BITS[fmt] - 1))  # the format's "no sample"
    header = write_signals(tmp_path, "r", samples, fmt, gain="97(3)/mV")
    assert np.isnan(assert_same(header).window_mv(0, 200)).any()


@pytest.mark.parametrize("fmt", [8, 310, 311])
def test_formats_that_cannot_be_entered_in_the_middle_are_read_into_memory(tmp_path: Path, fmt: int) -> None:
    header = write_signals(tmp_path, "r", real_adu(2, 400, 8 if fmt == 8 else 10) // (8 if fmt == 8 else 1), fmt)
    assert isinstance(open_record(header, 0), EcgRecord)


def test_several_files_of_one_header_and_an_inverted_lead_are_read_in_windows(tmp_path: Path) -> None:
    first = write_signals(tmp_path, "a", real_adu(2, 400), 16, leads=["I", "II"])
    write_signals(tmp_path, "b", real_adu(1, 400, 12), 212, gain="-200/mV", leads=["V1"])
    lines = first.read_text().splitlines() + (tmp_path / "b.hea").read_text().splitlines()[1:]
    first.write_text("\n".join(["a 3 100 400", *lines[1:]]) + "\n")
    assert_same(first)


def test_a_skew_moves_a_lead_and_leaves_a_gap_at_its_end(tmp_path: Path) -> None:
    header = write_signals(tmp_path, "r", real_adu(3, 400), 16, leads=["I", "II", "V1"])
    lines = header.read_text().splitlines()
    lines[2] = lines[2].replace("r.dat 16 ", "r.dat 16:7 ")
    header.write_text("\n".join(lines) + "\n")
    assert np.isnan(assert_same(header).window_mv(395, 400)[1]).all()


def test_several_samples_a_frame_are_read_in_windows(tmp_path: Path) -> None:
    header = write_signals(tmp_path, "r", real_adu(2, 400), 16)
    text = header.read_text().replace("r 2 100 400", "r 2 50 200").replace(" 16 1000", " 16x2 1000")
    header.write_text(text)
    samples = real_adu(2, 400).reshape(2, 200, 2).transpose(1, 0, 2)
    (tmp_path / "r.dat").write_bytes(samples.astype("<i2").tobytes())
    assert_same(header)


def test_a_record_in_segments_of_which_each_has_other_leads_is_read_in_windows() -> None:
    assert_same(SPECIAL / "041s" / "041s.hea")


def test_segments_of_one_layout_with_gains_of_their_own_and_a_gap_are_read_in_windows(tmp_path: Path) -> None:
    write_signals(tmp_path, "a", real_adu(2, 300), 16, gain="1000/mV")
    write_signals(tmp_path, "b", real_adu(2, 301, 12), 212, gain="-500(4)/mV")
    master = tmp_path / "m.hea"
    master.write_text("m/3 2 100 701\na 300\n~ 100\nb 301\n")
    assert np.isnan(assert_same(master).window_mv(300, 400)).all()


def test_edf_with_a_gap_is_read_in_windows(tmp_path: Path) -> None:
    uv = real_uv(2)
    channels = [EdfChannel(name, row, n_per_record=100) for name, row in zip(("ECG I", "ECG II"), uv, strict=True)]
    starts = [0.0, 1, 2, 3, 14.5, 15.5, 16.5, 17.5, 18.5, 19.5]
    path = Edf(channels, starts_s=starts, reserved="EDF+D").write(tmp_path / "gap.edf")
    long_recording = assert_same(path)
    assert np.isnan(long_recording.window_mv(400, 1450)).all()
    assert np.isfinite(long_recording.window_mv(1450, 1500)).all()


def test_bdf_and_ishne_are_read_in_windows(tmp_path: Path) -> None:
    uv = real_uv(3)
    channels = [EdfChannel(name, row) for name, row in zip(("I", "II", "V1"), uv, strict=True)]
    assert_same(Edf(channels, is_bdf=True).write(tmp_path / "a.bdf"))
    path = tmp_path / "a.ecg"
    path.write_bytes(ishne_content(uv, ["I", "II", "V1"]))
    assert_same(path)


def test_only_long_records_stay_on_disk_and_say_what_was_not_checked(tmp_path: Path) -> None:
    header = write_wfdb(tmp_path / "r", to_adu(long_signal_mv(3000)))
    assert isinstance(open_record(header), EcgRecord)
    long_recording = open_record(header, 20_000)
    assert isinstance(long_recording, LongRecording)
    assert long_recording.report.warnings[0] == NOTE
    whole = read_record(header)
    for source in (long_recording, whole):
        part = stretch_of(source, 100, 400)
        np.testing.assert_array_equal(part.signal_mv, whole.signal_mv[:, 100:400])
        assert [lead.gain for lead in part.report.leads] == [lead.gain for lead in whole.report.leads]
        assert part.report.warnings == ()


def test_a_stretch_starts_later_and_has_its_own_gaps_and_no_reading_of_the_whole() -> None:
    record = replace(
        read_record(PTBXL_1),
        device_reading=DeviceReading(statements=("normal",)),
        acquisition=Acquisition(start=datetime(2024, 3, 1, 23, 59, 58)),
    )
    part = stretch_of(record, 300, 2000)
    assert part.acquisition.start == datetime(2024, 3, 2, 0, 0, 1)
    assert part.duration_s == 7.0
    assert part.device_reading == DeviceReading()
    with_gap_mv = np.array(record.signal_mv)
    with_gap_mv[:, 400:450] = np.nan
    gapped = stretch_of(replace(record, signal_mv=with_gap_mv), 300, 900)
    assert gapped.report.gaps == ((1.0, 1.5),)


def test_a_file_that_becomes_shorter_is_one_sentence(tmp_path: Path) -> None:
    header = write_wfdb(tmp_path / "r", to_adu(long_signal_mv(3000)))
    long_recording = open_long(header, 0)
    assert long_recording is not None
    (tmp_path / "r.dat").write_bytes(b"\0" * 100)
    with pytest.raises(RecordError, match=r"r\.dat.*became shorter"):
        long_recording.window_mv(2000, 2500)


def test_a_truncated_long_file_is_refused_when_it_is_opened(tmp_path: Path) -> None:
    header = write_wfdb(tmp_path / "r", to_adu(long_signal_mv(3000)))
    edit(header, ("12 100 3000", "12 100 3000000"))
    with pytest.raises(RecordError, match="truncated"):
        open_record(header)
