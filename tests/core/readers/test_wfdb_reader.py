from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from reader_conformance import read_and_check
from wfdb_files import (
    BITS,
    CHAPMAN,
    CINC_PTBXL,
    CPSC,
    DATA,
    GEORGIA,
    PTBXL,
    PTBXL_1,
    SPECIAL,
    copy_record,
    edit,
    encode,
    real_adu,
    write_signals,
)

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import FORMATS, read_record
from physioclr_core.readers.ptbxl_sidecar import find_sidecar
from physioclr_core.record import EcgRecord
from physioclr_core.units import mv_per_unit

SMALL_RECORDS = sorted(path for path in DATA.rglob("*.hea") if not path.stem.startswith("041s0"))


def by_wfdb_mv(header: Path) -> dict[str, npt.NDArray[np.float64]]:
    """Return the signals of a record as the wfdb package reads them, by the file's names, at their own rates."""
    import wfdb

    record = wfdb.rdrecord(str(header.with_suffix("")), smooth_frames=False)
    signals = zip(record.sig_name, record.e_p_signal, record.units, strict=True)
    return {name: np.asarray(signal) * (mv_per_unit(unit) or np.nan) for name, signal, unit in signals}


def assert_same_samples(record: EcgRecord, header: Path) -> None:
    """Bit-identical in float32, for leads at the record's own rate."""
    expected = by_wfdb_mv(header)
    for lead, lead_mv in zip(record.report.leads, record.signal_mv, strict=True):
        np.testing.assert_array_equal(lead_mv, expected[lead.source_name].astype(np.float32))


# --- real records ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", SMALL_RECORDS, ids=lambda path: path.stem)
def test_real_records_conform_and_have_the_samples_that_wfdb_reads(header: Path) -> None:
    record = read_and_check(header)
    assert record.provenance.format == "WFDB"
    assert record.name == header.stem
    assert_same_samples(record, header)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "folder",
    ["georgia", "chapman-ningbo", "cpsc2018", "cpsc-extra", "ludb", "mitdb", "ptb-xl-500hz", "ptb-xl-500hz-cinc"]
    + ["wfdb-special"],
)
def test_every_real_record_at_hand_conforms_and_has_the_samples_that_wfdb_reads(
    folder: str, test_data: Callable[..., Path]
) -> None:
    headers = sorted(path for path in test_data(folder).rglob("*.hea") if not path.stem.startswith("041s0"))
    assert headers
    for header in headers:
        assert_same_samples(read_and_check(header), header)


def test_a_plain_record_is_read_without_wfdb_scipy_or_pandas() -> None:
    code = (
        "import sys; from physioclr_core.readers import read_record; "
        f"read_record({str(PTBXL_1)!r}); read_record({str(GEORGIA)!r}); "
        "print(sorted({'wfdb', 'scipy', 'pandas', 'soundfile', 'torch', 'PySide6'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("suffix", ["", ".hea", ".dat"])
def test_a_record_may_be_named_by_any_of_its_files_or_its_stem(suffix: str) -> None:
    record = read_record(f"{PTBXL_1}{suffix}")
    assert record.provenance.path == PTBXL_1.with_suffix(".hea")
    assert record.lead_names == STANDARD_LEADS


def test_a_matlab_file_means_its_record_and_a_stem_may_have_dots(tmp_path: Path) -> None:
    assert read_record(GEORGIA.with_suffix(".mat")).name == "E00001"
    header = write_signals(tmp_path, "visit.2", real_adu())
    assert read_record(tmp_path / "visit.2").name == "visit.2"
    assert read_record(header).name == "visit.2"


def test_a_relative_path_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PTBXL_1.parent)
    record = read_record("00001_lr.hea")
    assert record.patient.patient_id == "ptbxl:15709"
    assert read_record(Path("..", "00000", "00001_lr")).patient.patient_id == "ptbxl:15709"


def test_plain_record_is_in_millivolts_with_standard_names_and_a_clean_report() -> None:
    record = read_and_check(PTBXL_1.with_suffix(".hea"))
    stored = np.fromfile(PTBXL_1.with_suffix(".dat"), "<i2").reshape(1000, 12).T
    np.testing.assert_array_equal(record.signal_mv, (stored / 1000).astype(np.float32))
    assert (record.fs_hz, record.n_samples, record.duration_s) == (100.0, 1000, 10.0)
    assert record.lead_names == STANDARD_LEADS
    assert [lead.source_name for lead in record.report.leads][3:6] == ["AVR", "AVL", "AVF"]
    lead = record.report.leads[0]
    assert (lead.gain, lead.unit, lead.baseline, lead.gain_source, lead.fs_hz) == (1000.0, "mV", 0.0, "stated", 100.0)
    assert record.report.warnings == ()
    assert record.report.ignored == ()
    assert record.report.derived_leads == ()


def test_fifteen_leads_in_two_files_are_read_with_frank_leads_under_their_own_names() -> None:
    record = read_and_check(SPECIAL / "s0010_re.hea")
    assert record.lead_names == (*STANDARD_LEADS, "vx", "vy", "vz")
    assert record.report.unknown_leads == ("vx", "vy", "vz")
    assert [file.suffix for file in record.provenance.files] == [".hea", ".dat", ".xyz"]
    assert (record.patient.age_years, record.patient.sex) == (81.0, "female")
    assert record.acquisition.start == date(1990, 10, 1)


def test_segments_are_joined_at_the_rate_of_their_ecg_leads() -> None:
    record = read_and_check(SPECIAL / "041s" / "041s.hea")
    assert (record.fs_hz, record.n_samples) == (500.0, 8000)
    assert record.lead_names == ("III", "I", "V")
    assert [text.split(":")[0] for text in record.report.ignored] == ["ABP", "PAP", "PLETH", "RESP"]
    assert record.acquisition.start == datetime(1994, 10, 26, 8, 26, 4)
    for begin, segment in ((0, "041s01"), (4000, "041s02")):
        expected = by_wfdb_mv(SPECIAL / "041s" / f"{segment}.hea")
        for name in record.lead_names:
            np.testing.assert_array_equal(record.lead_mv(name)[begin : begin + 4000], expected[name].astype(np.float32))


def test_skew_is_undone_and_its_end_is_a_gap() -> None:
    aligned, skewed = read_record(SPECIAL / "100.hea"), read_and_check(SPECIAL / "100skew.hea")
    assert aligned.lead_names == ("MLII", "V5")
    np.testing.assert_array_equal(skewed.lead_mv("MLII"), aligned.lead_mv("MLII"))
    np.testing.assert_array_equal(skewed.lead_mv("V5")[:-3], aligned.lead_mv("V5")[3:])
    assert np.isnan(skewed.lead_mv("V5")[-3:]).all()
    assert any("V5 was shifted" in text for text in skewed.report.warnings)


def test_gain_and_checksum_warnings_do_not_come_from_sound_files() -> None:
    for header in SMALL_RECORDS:
        warnings = " ".join(read_record(header).report.warnings)
        assert "checksum" not in warnings
        assert "gain" not in warnings


def test_normalised_amplitudes_are_told_from_recorded_ones() -> None:
    ludb = read_record(DATA / "ludb" / "1")
    assert any("normalised" in text for text in ludb.report.warnings)
    assert (ludb.patient.age_years, ludb.patient.sex) == (51.0, "female")


# --- patient and acquisition -----------------------------------------------------------------------------------------


def test_cinc_comments_give_age_sex_and_codes() -> None:
    chapman, cpsc = read_record(CHAPMAN), read_record(CPSC)
    assert (chapman.patient.age_years, chapman.patient.sex) == (85.0, "male")
    assert chapman.acquisition.snomed_codes == ("164889003", "59118001", "164934002")
    assert chapman.acquisition.statements == ()
    assert chapman.acquisition.start == datetime(2021, 3, 23, 20, 20, 47)
    assert cpsc.acquisition.statements == ("PAC",)
    assert cpsc.acquisition.snomed_codes == ()
    assert "Rx: Unknown" in cpsc.acquisition.comments
    assert read_record(CINC_PTBXL).acquisition.snomed_codes == ("426783006",)


def test_unknown_age_stays_unknown() -> None:
    georgia = read_record(GEORGIA)
    assert georgia.acquisition.comments[0] == "Age: NaN"
    assert georgia.patient.age_years is None
    assert georgia.report.warnings == ()


def test_start_is_read_day_first() -> None:
    assert read_record(DATA / "ptbxl500" / "01032_hr").acquisition.start == datetime(1987, 8, 2, 8, 38, 14)


def test_ptbxl_table_gives_patient_and_statements() -> None:
    record = read_record(PTBXL_1)
    assert record.patient.patient_id == "ptbxl:15709"
    assert (record.patient.age_years, record.patient.over_89, record.patient.sex) == (56.0, False, "female")
    assert record.acquisition.statements == ("SR", "NORM", "LVOLT")
    assert PTBXL / "ptbxl_database.csv" in record.provenance.files


def test_withheld_age_in_the_ptbxl_table_is_over_89() -> None:
    patient = read_record(PTBXL_1.with_name("00108_lr")).patient
    assert (patient.age_years, patient.over_89) == (None, True)


def test_ptbxl_table_counts_only_for_the_path_it_names(tmp_path: Path) -> None:
    table = (PTBXL / "ptbxl_database.csv").read_bytes()
    (tmp_path / "ptbxl_database.csv").write_bytes(table)
    named = copy_record(PTBXL_1, tmp_path / "records100" / "00000")
    other = copy_record(PTBXL_1, tmp_path / "mine" / "00000")
    deeper = copy_record(PTBXL_1, tmp_path / "a" / "records100" / "00000" / "b")
    assert read_record(named).patient.patient_id == "ptbxl:15709"
    assert read_record(other).patient.patient_id is None
    assert read_record(deeper).patient.patient_id is None


def test_official_ptbxl_table_with_reports_over_several_lines_is_read(tmp_path: Path) -> None:
    header = copy_record(PTBXL_1, tmp_path / "records100" / "00000")
    table = tmp_path / "ptbxl_database.csv"
    table.write_text(
        "ecg_id,patient_id,age,sex,device,recording_date,report,scp_codes,strat_fold,filename_lr,filename_hr\n"
        '1,15709.0,56.0,1,CS-12   E,1984-11-09 09:17:34,"sinus, ""normal""\nsecond line\nthird","{\'NORM\': 100.0, '
        "'SR': 0.0}\",3,records100/00000/00001_lr,records500/00000/00001_hr\n",
        encoding="utf-8",
    )
    record = read_record(header)
    assert record.patient.patient_id == "ptbxl:15709"
    assert record.acquisition.statements == ("NORM", "SR")
    assert record.acquisition.device == "CS-12   E"
    assert record.acquisition.start == datetime(1984, 11, 9, 9, 17, 34)


def test_a_changed_ptbxl_table_is_read_anew(tmp_path: Path) -> None:
    table = tmp_path / "ptbxl_database.csv"
    text = (PTBXL / "ptbxl_database.csv").read_text(encoding="utf-8")
    stem = tmp_path / "records100" / "00000" / "00001_lr"
    for patient in ("15709", "99"):
        table.write_text(text.replace("15709", patient), encoding="utf-8")
        facts = find_sidecar(stem)
        assert facts is not None
        assert facts.patient_id == f"ptbxl:{patient}"


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe\x00nonsense", b"a,b\n1,2\n", b"filename_lr\nrecords100/00000/00001_lr"]
)
def test_a_table_that_is_no_ptbxl_table_is_passed_over(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "ptbxl_database.csv").write_bytes(content)
    header = copy_record(PTBXL_1, tmp_path / "records100" / "00000")
    assert read_record(header).patient.patient_id is None


@pytest.mark.parametrize(
    ("comments", "age_years", "over_89", "sex", "n_warnings"),
    [
        (["Age: 56", "Sex: Female"], 56.0, False, "female", 0),
        (["age: 81", "sex: male"], 81.0, False, "male", 0),
        (["<age>: 25  <sex>: M  <diagnoses>: (none)"], 25.0, False, "male", 0),
        (["<age>: >89", "<sex>: F"], None, True, "female", 0),
        (["69 M 1085 1629 x1", "Aldomet, Inderal"], 69.0, False, "male", 0),
        (["-1 ? 1085 1629 x1"], None, False, None, 0),
        (["Age: 300", "Gender: F"], None, True, "female", 0),
        (["Age: 90+"], None, True, None, 0),
        (["Age: 6 months"], 0.5, False, None, 0),
        (["Age: 0"], 0.0, False, None, 0),
        (["Age: NaN", "Sex: Unknown"], None, False, None, 0),
        (["Age: 171", "Sex: unclear"], None, False, None, 2),
        (["Age: fifty"], None, False, None, 1),
        (["Age: 56M"], None, False, None, 1),
        (["Age: -3"], None, False, None, 1),
        (["50 Mg Aspirin", "12 M"], 12.0, False, "male", 0),
        ([], None, False, None, 0),
    ],
)
def test_age_and_sex_in_every_form_that_occurs(
    comments: list[str], age_years: float | None, over_89: bool, sex: str | None, n_warnings: int, tmp_path: Path
) -> None:
    header = write_signals(tmp_path, "x", real_adu())
    with header.open("a", encoding="utf-8") as file:
        file.writelines(f"# {comment}\n" for comment in comments)
    record = read_and_check(header)
    assert (record.patient.age_years, record.patient.over_89, record.patient.sex) == (age_years, over_89, sex)
    assert len(record.report.warnings) == n_warnings
    assert record.acquisition.comments == tuple(comments)


def test_own_comment_lines_give_patient_and_statements(tmp_path: Path) -> None:
    header = write_signals(tmp_path, "x", real_adu())
    with header.open("a", encoding="utf-8") as file:
        file.write("# patient_id: ptbxl:7\n# SCP: AFIB, LVH\n# Dx: 426783006,STD,426783006\n")
    record = read_record(header)
    assert record.patient.patient_id == "ptbxl:7"
    assert record.acquisition.statements == ("STD", "AFIB", "LVH")
    assert record.acquisition.snomed_codes == ("426783006",)


# --- gains, units, names, channels -----------------------------------------------------------------------------------


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


# --- length ----------------------------------------------------------------------------------------------------------


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


# --- sample formats --------------------------------------------------------------------------------------------------


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


# --- segments --------------------------------------------------------------------------------------------------------


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


# --- the table of formats --------------------------------------------------------------------------------------------


def test_formats_have_unique_names_and_lower_case_suffixes() -> None:
    assert len({entry.name for entry in FORMATS}) == len(FORMATS)
    for entry in FORMATS:
        assert set(entry.listed_suffixes) <= set(entry.suffixes)
        assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in entry.suffixes)


def test_nothing_is_fetched_from_the_network(tmp_path: Path) -> None:
    # A fresh process without sockets: also the formats that go through wfdb are read.
    header = write_signals(tmp_path, "x", real_adu(2, 500, 12), fmt=212)
    code = (
        "import socket\n"
        "def refuse(*args, **kwargs): raise AssertionError('network')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse\n"
        "from physioclr_core.readers import read_record\n"
        f"print(read_record({str(header)!r}).n_samples)\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert shown.stdout.strip() == "500"
