"""Gains, units, names and channels of WFDB records, and what the import report says of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reader_conformance import read_and_check
from wfdb_files import PTBXL_1, copy_record, edit, real_adu, write_signals

from physioclr_core.readers import read_record


def test_every_lead_has_its_own_gain_baseline_and_unit(tmp_path: Path) -> None:
    adu = real_adu(4)
    header = write_signals(tmp_path, "x", adu)
    lines = header.read_text(encoding="utf-8").splitlines()
    for number, gain in enumerate(["1000/mv", "0.5(100)/uV", "250000(-7)/V", "973.2217573221757(279)/mV"], start=1):
        lines[number] = lines[number].replace("1000/mV", gain)
    header.write_text("\n".join(lines), encoding="utf-8")
    record = read_and_check(header)
    expected = [
        adu[0] / 1000,
        (adu[1] - 100) / 0.5 / 1000,
        (adu[2] + 7) / 250000 * 1000,
        (adu[3] - 279) / 973.2217573221757,
    ]
    np.testing.assert_allclose(record.signal_mv, np.array(expected), rtol=2e-7)
    assert [lead.unit for lead in record.report.leads] == ["mv", "uV", "V", "mV"]


@pytest.mark.parametrize("gain", ["0/mV", "0", ""])
def test_a_missing_gain_is_the_formats_default_and_said(gain: str, tmp_path: Path) -> None:
    adu = real_adu(1)
    header = write_signals(tmp_path, "x", adu)
    line = header.read_text(encoding="utf-8").splitlines()
    line[1] = line[1].replace("1000/mV", gain) if gain else "x.dat 16"
    header.write_text("\n".join(line), encoding="utf-8")
    record = read_and_check(header)
    np.testing.assert_array_equal(record.signal_mv[0], (adu[0] / 200).astype(np.float32))
    assert record.report.leads[0].gain_source == "format default"
    assert any("no gain" in text for text in record.report.warnings)


def test_a_negative_gain_inverts_and_is_said(tmp_path: Path) -> None:
    adu = real_adu(1)
    record = read_and_check(write_signals(tmp_path, "x", adu, gain="-1000/mV"))
    np.testing.assert_array_equal(record.signal_mv[0], (adu[0] / -1000).astype(np.float32))
    assert any("negative" in text for text in record.report.warnings)


def test_an_implausible_amplitude_puts_the_gain_in_doubt(tmp_path: Path) -> None:
    record = read_and_check(write_signals(tmp_path, "x", real_adu(2), gain="200/mV"))
    assert any("gain is in doubt" in text for text in record.report.warnings)


def test_absurd_amplitudes_stay_finite_numbers(tmp_path: Path) -> None:
    # Their squares are beyond float32.
    header = write_signals(tmp_path, "x", real_adu(3, bits=32), 32, "0.000000001/V", ["I", "III", "II"])
    record = read_and_check(header)
    assert (record.report.einthoven_residual_mv or 0) > 2e19


def test_leads_keep_the_files_order_and_unknown_ones_their_names(tmp_path: Path) -> None:
    names = ["V5", "chan 2", "Lead II", "aVF", "MLII"]
    record = read_and_check(write_signals(tmp_path, "x", real_adu(5), leads=names))
    assert record.lead_names == ("V5", "chan 2", "II", "aVF", "MLII")
    assert record.report.unknown_leads == ("chan 2", "MLII")
    assert [lead.source_name for lead in record.report.leads] == names
    assert record.report.einthoven_residual_mv is None


def test_a_second_lead_of_the_same_name_is_kept_apart_and_said(tmp_path: Path) -> None:
    record = read_and_check(write_signals(tmp_path, "x", real_adu(3), leads=["II", "ii", "II (2)"]))
    assert record.lead_names == ("II", "II (2)", "II (2) (2)")
    assert sum("More than one lead" in text for text in record.report.warnings) == 2


def test_a_lead_without_a_name_gets_one_and_is_said(tmp_path: Path) -> None:
    header = write_signals(tmp_path, "x", real_adu(2), leads=["II", ""])
    record = read_and_check(header)
    assert record.lead_names == ("II", "signal 2")
    assert any("no name" in text for text in record.report.warnings)


def test_channels_that_are_no_ecg_are_left_out_and_named(tmp_path: Path) -> None:
    header = write_signals(tmp_path, "x", real_adu(4), leads=["ABP", "II", "RESP", "V1"])
    lines = header.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace("/mV", "/mmHg")
    header.write_text("\n".join(lines), encoding="utf-8")
    record = read_and_check(header)
    assert record.lead_names == ("II", "V1")
    np.testing.assert_array_equal(record.signal_mv, (real_adu(4)[[1, 3]] / 1000).astype(np.float32))
    assert [text.split(":")[0] for text in record.report.ignored] == ["ABP", "RESP"]


def test_inverted_and_swapped_limb_leads_are_said(tmp_path: Path) -> None:
    header = copy_record(PTBXL_1, tmp_path)
    lines = header.read_text(encoding="utf-8").splitlines()
    lines[1], lines[2] = lines[1].replace(" I", " II"), lines[2].replace(" II", " I")
    header.write_text("\n".join(lines), encoding="utf-8")
    record = read_and_check(header)
    assert record.lead_names[:3] == ("II", "I", "III")
    assert any("I + III - II" in text for text in record.report.warnings)


def test_flat_and_empty_leads_are_said(tmp_path: Path) -> None:
    adu = real_adu(3)
    adu[0] = 77
    adu[1] = -32768
    record = read_and_check(write_signals(tmp_path, "x", adu))
    assert [lead.is_flat for lead in record.report.leads] == [True, False, False]
    assert record.report.leads[1].gap_s == 5.0
    assert "Flat: V1." in record.report.warnings
    assert "Without a valid sample: V2." in record.report.warnings


def test_a_gap_in_all_leads_is_given_in_seconds(tmp_path: Path) -> None:
    adu = real_adu(3)
    adu[:, 100:150] = -32768
    adu[0, 400:] = -32768
    record = read_and_check(write_signals(tmp_path, "x", adu))
    assert record.report.gaps == ((1.0, 1.5),)
    assert [lead.gap_s for lead in record.report.leads] == [1.5, 0.5, 0.5]


def test_a_checksum_that_does_not_match_is_a_warning_naming_the_lead(tmp_path: Path) -> None:
    header = copy_record(PTBXL_1, tmp_path)
    data = header.with_suffix(".dat")
    content = bytearray(data.read_bytes())
    content[24 * 500 + 2 * 7] ^= 1  # V2
    data.write_bytes(content)
    record = read_and_check(header)
    assert [text for text in record.report.warnings if "checksum" in text] == [
        "The samples do not match the header's checksum, so they may have changed: V2."
    ]


def test_checksums_are_compared_as_16_bit_numbers_of_either_sign(tmp_path: Path) -> None:
    adu = real_adu(1)
    header = write_signals(tmp_path, "x", adu)
    unsigned = int(adu.sum()) % 65536
    edit(header, (f" {unsigned} 0 V1", f" {unsigned - 65536} 0 V1"))
    assert read_record(header).report.warnings == ()


def test_a_renamed_record_is_said(tmp_path: Path) -> None:
    header = copy_record(PTBXL_1, tmp_path)
    renamed = header.rename(tmp_path / "patient7.hea")
    record = read_and_check(renamed)
    assert record.name == "patient7"
    assert any("calls the record '00001_lr'" in text for text in record.report.warnings)
