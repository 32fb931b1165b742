"""PTB-XL's tree and folders of the CinC Challenges, and how a folder's layout is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_records import real_signal_mv, shipped_library, to_adu, write_ptbxl_tree, write_wfdb

from physioclr_core.data.sources.cinc import cinc_source
from physioclr_core.data.sources.detect import detect, open_source
from physioclr_core.data.sources.ptbxl import DATABASE, ptbxl_source
from physioclr_core.errors import UserFacingError

DATA = Path(__file__).parents[3] / "data"
ENTRIES = shipped_library().entries[:3]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return write_ptbxl_tree(tmp_path / "ptbxl", ENTRIES)


def test_a_table_without_its_records_or_its_columns_is_refused(tree: Path) -> None:
    database = tree / DATABASE
    content = database.read_text(encoding="utf-8")
    missing = next(tree.rglob(f"{ENTRIES[1].ecg_id:05d}_lr.hea"))
    header = missing.read_bytes()
    missing.unlink()
    with pytest.raises(UserFacingError, match=f"{ENTRIES[1].ecg_id:05d}_lr is listed but not there"):
        ptbxl_source(tree, 100.0)
    missing.write_bytes(header)
    database.write_text(content.replace(f",{ENTRIES[0].fold},", ",none,"), encoding="utf-8")
    with pytest.raises(UserFacingError, match="has the fold 'none', which is no number"):
        ptbxl_source(tree, 100.0)
    database.write_text("ecg_id,strat_fold,filename_lr\n1,1,x\n", encoding="utf-8")
    with pytest.raises(UserFacingError, match="column patient_id is missing"):
        ptbxl_source(tree, 100.0)
    with pytest.raises(UserFacingError, match=DATABASE):
        ptbxl_source(tree.parent, 100.0)


def test_a_record_of_an_unknown_patient_is_its_own(tree: Path) -> None:
    database = tree / DATABASE
    patient = f"{float(ENTRIES[0].patient_id)}"
    database.write_text(database.read_text(encoding="utf-8").replace(patient, ""), encoding="utf-8")
    patients = {record.record_id: record.patient_id for record in ptbxl_source(tree, 100.0).records}
    record_id = f"ptbxl:{ENTRIES[0].ecg_id}"
    assert patients[record_id] == f"record:{record_id}"


def test_challenge_records_are_of_the_data_set_that_their_name_says(tmp_path: Path) -> None:
    folder = tmp_path / "challenge"
    for name in ("A0001", "E00002", "HR00003", "JS00004", "Q0005"):
        write_wfdb(folder / name, to_adu(real_signal_mv(0)))
    source = cinc_source(folder)
    datasets = ["cpsc2018", "georgia", "ptbxl", "chapman-ningbo", "cpsc-extra"]
    assert [record.dataset for record in source.records] == datasets
    # Its number is that of the record; it says nothing of the patient.
    assert (source.records[2].record_id, source.records[2].patient_id) == ("ptbxl:3", "record:ptbxl:3")
    write_wfdb(folder / "patient7", to_adu(real_signal_mv(0)))
    with pytest.raises(UserFacingError, match="patient7 is no record name"):
        cinc_source(folder)


def test_layouts_are_found_by_their_tables_and_names(tree: Path, tmp_path: Path) -> None:
    assert detect(tree) == "ptbxl"
    assert detect(DATA / "cinc") == "cinc"
    assert detect(DATA / "ludb") == "folder"
    write_wfdb(tmp_path / "mixed" / "A0001", to_adu(real_signal_mv(0)))
    write_wfdb(tmp_path / "mixed" / "B0001", to_adu(real_signal_mv(0)))
    assert detect(tmp_path / "mixed") == "folder"
    (tmp_path / "mixed" / "machine_measurements.csv").touch()
    assert detect(tmp_path / "mixed") == "mimic"
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserFacingError, match="without records"):
        detect(tmp_path / "empty")


def test_a_table_of_labels_makes_a_plain_folder_and_goes_with_no_other_layout(tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("record,x\nA0049,1\n", encoding="utf-8")
    source = open_source(DATA / "cinc", "auto", 100.0, table)
    assert (source.kind, source.records[0].labels) == ("folder", ("x",))
    with pytest.raises(UserFacingError, match="goes with --kind folder, not with cinc"):
        open_source(DATA / "cinc", "cinc", 100.0, table)
    with pytest.raises(UserFacingError, match="there is no such folder"):
        open_source(tmp_path / "none", "auto", 100.0)
