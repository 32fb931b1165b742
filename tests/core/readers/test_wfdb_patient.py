"""What WFDB headers and PTB-XL's table say of patient and acquisition."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from reader_conformance import read_and_check
from wfdb_files import CHAPMAN, CINC_PTBXL, CPSC, DATA, GEORGIA, PTBXL, PTBXL_1, copy_record, real_adu, write_signals

from physioclr_core.readers import read_record
from physioclr_core.readers.ptbxl_sidecar import find_sidecar


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
