"""MIMIC-IV-ECG's layout, written of real records as its version 1.0 has it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from real_records import real_signal_mv

from physioclr_core.data.prepare import prepare
from physioclr_core.data.prepared import open_prepared
from physioclr_core.data.sources.mimic import N_REPORT_LINES, mimic_source
from physioclr_core.errors import UserFacingError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.signal.resample import resample

# aVF comes before aVL there.
LEADS = ("I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6")
STUDIES = (("10000032", "40689238"), ("10000032", "44458630"), ("10000117", "48446569"))
REPORTS = (
    ("Sinus rhythm", "Possible inferior infarct - age undetermined", "Abnormal ECG"),
    ("Sinus rhythm  with PAC(s)", "", "Abnormal ECG"),
    ("Normal ECG",),
)


def path_of(patient: str, study: str) -> str:
    return f"files/p{patient[:4]}/p{patient}/s{study}/{study}"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "mimic-iv-ecg"
    for number, (patient, study) in enumerate(STUDIES):
        stem = root / path_of(patient, study)
        stem.parent.mkdir(parents=True)
        signal_mv = resample(real_signal_mv(number), 100.0, 500.0)[[STANDARD_LEADS.index(lead) for lead in LEADS]]
        adu = np.round(signal_mv * 200.0).astype(np.int16)
        lines = [f"{study} 12 500 {adu.shape[1]} 08:44:00 23/07/2180"]
        for lead, samples in zip(LEADS, adu, strict=True):
            checksum = int(samples.astype(np.int64).sum()) & 0xFFFF
            lines.append(f"{study}.dat 16 200.0(0)/mV 16 0 {samples[0]} {checksum} 0 {lead}")
        (stem.parent / f"{study}.hea").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (stem.parent / f"{study}.dat").write_bytes(np.ascontiguousarray(adu.T).astype("<i2").tobytes())
    with (root / "record_list.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["subject_id", "study_id", "file_name", "ecg_time", "path"])
        for patient, study in STUDIES:
            table.writerow([patient, study, study, "2180-07-23 08:44:00", path_of(patient, study)])
    with (root / "machine_measurements.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        lines_of = [f"report_{line}" for line in range(N_REPORT_LINES)]
        table.writerow(
            ["subject_id", "study_id", "cart_id", "ecg_time", *lines_of, "bandwidth", "filtering", "qrs_axis"]
        )
        for (patient, study), report in zip(STUDIES, REPORTS, strict=True):
            padded = [*report, *[""] * (N_REPORT_LINES - len(report))]
            table.writerow(
                [patient, study, "6848296", "2180-07-23 08:44:00", *padded, "0.005-150 Hz", "60 Hz notch", 30]
            )
    return root


def test_patients_reports_and_samples_are_those_of_the_tables_and_files(tree: Path, tmp_path: Path) -> None:
    manifest = prepare(mimic_source(tree), tmp_path / "out", 100.0)
    assert (manifest["n_records"], manifest["n_patients"], manifest["label_names"]) == (3, 2, [])
    dataset = open_prepared(tmp_path / "out")
    assert dataset.index["record_id"].to_pylist() == [f"mimic:{study}" for _, study in STUDIES]
    assert dataset.patient_id.tolist() == [f"mimic:{patient}" for patient, _ in STUDIES]
    assert dataset.texts("report") == [REPORTS[0], ("Sinus rhythm with PAC(s)", "Abnormal ECG"), REPORTS[2]]
    assert dataset.texts("labels") == dataset.texts("statements") == [(), (), ()]
    segments = dataset.segments(np.arange(3), 1000)
    for number in range(3):
        # Not to the end, where resampling there and back has less to go by.
        np.testing.assert_allclose(
            segments.signal_mv[number][:, 20:-20], real_signal_mv(number)[:, 20:-20], atol=0.06, rtol=0.05
        )


def test_records_that_are_listed_but_not_there_are_counted(tree: Path) -> None:
    (tree / f"{path_of(*STUDIES[1])}.hea").unlink()
    source = mimic_source(tree)
    assert [record.record_id for record in source.records] == ["mimic:40689238", "mimic:48446569"]
    assert source.remarks == ("1 records that record_list.csv lists are not there.",)


def test_either_table_alone_is_enough(tree: Path) -> None:
    whole = mimic_source(tree).records
    (tree / "record_list.csv").rename(tree / "kept.csv")
    assert mimic_source(tree).records == whole
    (tree / "kept.csv").rename(tree / "record_list.csv")
    (tree / "machine_measurements.csv").unlink()
    assert [record.report for record in mimic_source(tree).records] == [(), (), ()]


def test_what_is_wrong_is_one_sentence(tree: Path) -> None:
    with pytest.raises(UserFacingError, match="this is not MIMIC-IV-ECG's"):
        mimic_source(tree / "files")
    table = tree / "record_list.csv"
    content = table.read_text(encoding="utf-8")
    for damaged, said in (
        (content.replace("path", "where"), "the column path is missing"),
        (content.replace("10000117,48446569", ",48446569"), "line 4 has no subject_id or no study_id"),
        (content.replace("files/", "elsewhere/"), "none of the 3 records that it lists is there"),
    ):
        table.write_text(damaged, encoding="utf-8")
        with pytest.raises(UserFacingError, match=said):
            mimic_source(tree)
    table.write_bytes(b"subject_id,study_id,path\n\xff,1,2\n")
    with pytest.raises(UserFacingError, match=r"record_list\.csv: cannot be read"):
        mimic_source(tree)
