"""Lengths, sample formats, skews, rates and segments of WFDB records."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from reader_conformance import read_and_check
from wfdb_files import BITS, PTBXL_1, copy_record, edit, encode, real_adu, write_signals

from physioclr_core.readers import read_record


def test_a_longer_file_is_read_as_far_as_the_header_says_with_a_warning(tmp_path: Path) -> None:
    header = edit(copy_record(PTBXL_1, tmp_path), (" 1000\n", " 900\n"))
    record = read_and_check(header)
    np.testing.assert_array_equal(record.signal_mv, read_record(PTBXL_1).signal_mv[:, :900])
    assert any("holds 1000 samples" in text for text in record.report.warnings)


def test_a_header_that_states_half_the_length_is_told_from_another_format_by_its_checksums(tmp_path: Path) -> None:
    header = edit(copy_record(PTBXL_1, tmp_path), (" 1000\n", " 500\n"))
    assert read_and_check(header).n_samples == 500


def test_a_length_that_is_left_open_is_taken_from_the_file(tmp_path: Path) -> None:
    header = edit(copy_record(PTBXL_1, tmp_path), ("100 1000\n", "100\n"))
    record = read_and_check(header)
    np.testing.assert_array_equal(record.signal_mv, read_record(PTBXL_1).signal_mv)
    assert any("does not state the length" in text for text in record.report.warnings)


def test_a_long_record_is_read_in_parts_with_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adu = np.tile(real_adu(5, 1000), (1, 3))
    adu[2, 2500] = -32768
    header = write_signals(tmp_path, "x", adu, gain="1000(7)/mV", leads=["I", "ABP", "II", "III", "V1"])
    whole = read_and_check(header)
    # Small parts and a mapped file: what a record of many hours takes.
    monkeypatch.setattr("physioclr_core.readers.wfdb_samples._SAMPLES_AT_ONCE", 999)
    monkeypatch.setattr("physioclr_core.readers.wfdb_samples._MAP_ABOVE_BYTES", 0)
    monkeypatch.setattr("physioclr_core.signal.quality._MAX_SAMPLES_AT_ONCE", 999)
    parts = read_and_check(header)
    np.testing.assert_array_equal(parts.signal_mv, whole.signal_mv)
    assert parts.report == whole.report
    assert np.isnan(parts.lead_mv("II")).sum() == 1


@pytest.mark.parametrize("n_samples", [498, 499, 500])  # 310 and 311 pack three samples, 212 packs two
@pytest.mark.parametrize("n_leads", [1, 2, 3])
@pytest.mark.parametrize("fmt", [8, 16, 24, 32, 61, 80, 160, 212, 310, 311])
def test_every_sample_format_is_decoded(fmt: int, n_leads: int, n_samples: int, tmp_path: Path) -> None:
    adu = real_adu(n_leads, n_samples, BITS[fmt])
    if fmt == 8:
        adu = np.cumsum(np.clip(np.diff(real_adu(n_leads, n_samples), axis=1, prepend=0), -128, 127), axis=1)
    record = read_and_check(write_signals(tmp_path, "x", adu, fmt))
    np.testing.assert_array_equal(record.signal_mv, (adu / 1000).astype(np.float32))
    assert not any("checksum" in text for text in record.report.warnings)


@pytest.mark.parametrize("fmt", [16, 24, 32, 61, 80, 160, 212, 310, 311])
def test_every_formats_value_for_no_sample_is_a_gap(fmt: int, tmp_path: Path) -> None:
    adu = real_adu(2, 500, BITS[fmt])
    adu[0, 100:110] = -(2 ** (BITS[fmt] - 1))
    record = read_and_check(write_signals(tmp_path, "x", adu, fmt))
    assert np.flatnonzero(np.isnan(record.signal_mv[0])).tolist() == list(range(100, 110))
    assert not np.isnan(record.signal_mv[1]).any()


def test_format_8_has_no_value_for_no_sample(tmp_path: Path) -> None:
    adu = np.cumsum(np.tile([-64, -64, 64, 64], 100))[None].astype(np.int64)
    assert adu.min() == -128
    record = read_and_check(write_signals(tmp_path, "x", adu, 8))
    np.testing.assert_array_equal(record.signal_mv, (adu / 1000).astype(np.float32))


@pytest.mark.parametrize(("fmt", "subtype"), [(508, "PCM_S8"), (516, "PCM_16"), (524, "PCM_24")])
def test_flac_files_are_decoded(fmt: int, subtype: str, tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    adu = real_adu(2, 500, BITS[fmt])
    adu[1, 7] = -(2 ** (BITS[fmt] - 1))
    header = write_signals(tmp_path, "x", adu, {508: 80, 516: 16, 524: 24}[fmt])
    edit(header, (f"x.dat {({508: 80, 516: 16, 524: 24})[fmt]} ", f"x.dat {fmt} "))
    scaled = (adu << (32 - BITS[fmt])).astype(np.int32).T
    soundfile.write(tmp_path / "x.flac", scaled, 96000, subtype=subtype)
    (tmp_path / "x.flac").replace(tmp_path / "x.dat")
    record = read_and_check(header)
    expected = (adu / 1000).astype(np.float32)
    expected[1, 7] = np.nan
    np.testing.assert_array_equal(record.signal_mv, expected)


def test_two_skews_in_one_file_are_each_undone(tmp_path: Path) -> None:
    adu = real_adu(3)
    header = write_signals(tmp_path, "x", adu)
    lines = header.read_text(encoding="utf-8").splitlines()
    lines[2], lines[3] = lines[2].replace(" 16 ", " 16:3 ", 1), lines[3].replace(" 16 ", " 16:5 ", 1)
    header.write_text("\n".join(lines), encoding="utf-8")
    record = read_and_check(header)
    for row, skew in enumerate((0, 3, 5)):
        np.testing.assert_array_equal(record.signal_mv[row, : 500 - skew], (adu[row, skew:] / 1000).astype(np.float32))
        assert np.isnan(record.signal_mv[row, 500 - skew :]).all()


def frames_of(*signals: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Interleave signals with several samples a frame; the shortest has one."""
    n_frames = min(len(signal) for signal in signals)
    return np.concatenate([signal.reshape(n_frames, -1) for signal in signals], axis=1).ravel()


def test_skew_counts_frames_where_a_frame_has_several_samples(tmp_path: Path) -> None:
    fast, slow = real_adu(2, 400)[0], real_adu(2, 100)[1]
    (tmp_path / "x.dat").write_bytes(encode(frames_of(fast, slow), 16))
    header = tmp_path / "x.hea"
    header.write_text(
        "x 2 25 100\nx.dat 16x4:2 1000/mV 16 0 0 0 0 V1\nx.dat 16 1/NU 16 0 0 0 0 aux\n", encoding="utf-8"
    )
    record = read_and_check(header)
    assert (record.fs_hz, record.n_samples) == (100.0, 400)
    np.testing.assert_array_equal(record.signal_mv[0, :392], (fast[8:] / 1000).astype(np.float32))
    assert np.isnan(record.signal_mv[0, 392:]).all()


def test_a_slower_lead_is_brought_to_the_highest_rate_and_keeps_its_samples(tmp_path: Path) -> None:
    fast, slow = real_adu(2, 1000, 12)[0], real_adu(2, 250, 12)[1]
    header = tmp_path / "x.hea"
    header.write_text(
        "x 2 125 250\nx.dat 212x4 1000/mV 12 0 0 0 0 V1\nx.dat 212 1000/mV 12 0 0 0 0 V2\n", encoding="utf-8"
    )
    (tmp_path / "x.dat").write_bytes(encode(frames_of(fast, slow), 212))
    record = read_and_check(header)
    assert (record.fs_hz, record.n_samples) == (500.0, 1000)
    np.testing.assert_array_equal(record.lead_mv("V1"), (fast / 1000).astype(np.float32))
    np.testing.assert_allclose(record.lead_mv("V2")[::4], slow / 1000, rtol=1e-7)
    assert [lead.fs_hz for lead in record.report.leads] == [500.0, 125.0]
    assert any("V2 was interpolated from 125 Hz" in text for text in record.report.warnings)


def test_a_faster_channel_that_is_no_ecg_does_not_set_the_rate(tmp_path: Path) -> None:
    fast, slow = real_adu(2, 1000)[0], real_adu(2, 250)[1]
    (tmp_path / "x.dat").write_bytes(encode(frames_of(fast, slow), 16))
    header = tmp_path / "x.hea"
    header.write_text("x 2 250 250\nx.dat 16x4 1/NU 16 0 0 0 0 PCG\nx.dat 16 1000/mV 16 0 0 0 0 V2\n", encoding="utf-8")
    record = read_and_check(header)
    assert (record.fs_hz, record.lead_names) == (250.0, ("V2",))
    np.testing.assert_array_equal(record.signal_mv[0], (slow / 1000).astype(np.float32))


def test_variable_layout_puts_each_segments_leads_in_their_place(tmp_path: Path) -> None:
    first, second = real_adu(2, 300), real_adu(3, 200, 12)
    write_signals(tmp_path, "m_1", first, leads=["V1", "II"])
    write_signals(tmp_path, "m_2", second, fmt=212, gain="50(3)/mV", leads=["II", "I", "ABP"])
    (tmp_path / "m_layout.hea").write_text(
        "m_layout 4 100 0\n"
        + "".join(f"~ 0 1000/mV 16 0 0 0 0 {lead}\n" for lead in ("I", "II", "V1"))
        + "~ 0 1/mmHg 16 0 0 0 0 ABP\n",
        encoding="utf-8",
    )
    master = tmp_path / "m.hea"
    master.write_text("m/5 4 100 640\nm_layout 0\nm_1 300\n~ 60\nm_2 200\n~ 80\n", encoding="utf-8")
    record = read_and_check(master)
    assert record.lead_names == ("I", "II", "V1")
    assert record.n_samples == 640
    expected = np.full((3, 640), np.nan)
    expected[1, :300], expected[2, :300] = first[1] / 1000, first[0] / 1000
    expected[0, 360:560], expected[1, 360:560] = (second[1] - 3) / 50, (second[0] - 3) / 50
    np.testing.assert_array_equal(record.signal_mv, expected.astype(np.float32))
    assert record.report.gaps == ((3.0, 3.6), (5.6, 6.4))
    assert any("gain changes between segments" in text and "II" in text for text in record.report.warnings)
    assert record.report.leads[0].gain == 50.0


def test_a_segment_may_come_twice_and_rates_may_differ_between_segments(tmp_path: Path) -> None:
    slow = real_adu(1, 200)
    write_signals(tmp_path, "m_1", slow, leads=["II"])
    fast = real_adu(1, 400)[0]
    (tmp_path / "m_2.dat").write_bytes(encode(fast, 16))
    (tmp_path / "m_2.hea").write_text("m_2 1 100 200\nm_2.dat 16x2 1000/mV 16 0 0 0 0 II\n", encoding="utf-8")
    master = tmp_path / "m.hea"
    master.write_text("m/3 1 100 600\nm_1 200\nm_2 200\nm_1 200\n", encoding="utf-8")
    record = read_and_check(master)
    assert (record.fs_hz, record.n_samples) == (200.0, 1200)
    np.testing.assert_array_equal(record.signal_mv[0, 400:800], (fast / 1000).astype(np.float32))
    for begin in (0, 800):
        np.testing.assert_allclose(record.signal_mv[0, begin : begin + 400 : 2], slow[0] / 1000, rtol=1e-7)
