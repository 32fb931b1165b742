"""``physioclr prepare`` on real records in the layouts of its sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from real_records import real_signal_mv, to_adu, write_wfdb

from physioclr_core.cli import main
from physioclr_core.data.prepared import open_prepared

DATA = Path(__file__).parents[2] / "data"


def test_ptbxl_and_challenge_folders_are_known_by_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", str(DATA / "cinc"), "--out", str(tmp_path / "cinc"), "--fs-hz", "250"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("4 records of 4 patients (cpsc2018 1, georgia 1, ptbxl 1, chapman-ningbo 1), 0 left out")
    dataset = open_prepared(tmp_path / "cinc")
    assert dataset.fs_hz == 250.0
    # CPSC's own header has a text code, the others SNOMED codes.
    assert [bool(codes) for codes in dataset.texts("snomed")] == [False, True, True, True]
    assert dataset.texts("statements")[0]
    assert main(["prepare", str(DATA / "ptbxl"), "--out", str(tmp_path / "ptbxl")]) == 0
    assert "(ptbxl " in capsys.readouterr().out


def test_a_folder_with_a_table_of_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, name in enumerate("abc"):
        write_wfdb(tmp_path / "ecgs" / name, to_adu(real_signal_mv(number)))
    table = tmp_path / "labels.csv"
    table.write_text("record,patient,split,AFIB,LVH\na,1,train,1,\nb,1,train,0,1\n", encoding="utf-8")
    command = ["prepare", str(tmp_path / "ecgs"), "--kind", "folder", "--labels", str(table)]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    captured = capsys.readouterr()
    assert captured.err == "physioclr: 1 records have no row in labels.csv; their labels are unknown.\n"
    assert captured.out.startswith("3 records of 2 patients (ecgs 3), 0 left out; 2 labels; provenance ")
    nan = np.nan
    expected = np.array([[1, nan], [0, 1], [nan, nan]], np.float32)
    np.testing.assert_array_equal(open_prepared(tmp_path / "out").label_values, expected)


def test_a_dry_run_says_how_much_there_is_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_wfdb(tmp_path / "in" / "A0001", to_adu(real_signal_mv(0)))
    write_wfdb(tmp_path / "in" / "A0002", to_adu(real_signal_mv(0)))
    (tmp_path / "in" / "A0002.dat").write_bytes(b"")
    for out in (["--out", str(tmp_path / "out")], []):
        assert main(["prepare", str(tmp_path / "in"), *out, "--dry-run", "--jobs", "1"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "2 records (cinc)."
        assert lines[1].startswith("1 of 2 that were tried cannot be read; the first: A0002")
        assert lines[2].startswith("On disk about 0 MB at 100 Hz")
        assert ("are free" in lines[2]) == bool(out)
        assert lines[3].startswith("Memory about ")
        assert lines[4].startswith("Time about ")
        assert lines[5:] == ["Nothing was written."]
    assert not (tmp_path / "out").exists()


def test_records_that_are_left_out_are_named_and_the_exit_code_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("A0001", "A0002"):
        write_wfdb(tmp_path / "in" / name, to_adu(real_signal_mv(0)))
    (tmp_path / "in" / "A0002.dat").write_bytes(b"")
    assert main(["prepare", str(tmp_path / "in"), "--out", str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    assert "A0002" in captured.err
    assert "1 records of 1 patients" in captured.out


def test_a_finished_set_is_said_to_be_finished_and_can_be_verified_and_restarted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["prepare", str(DATA / "cinc"), "--out", str(out)]
    assert main(command) == 0
    capsys.readouterr()
    assert main([*command, "--verify"]) == 0
    said = capsys.readouterr().out
    assert f"{out}: is already prepared, nothing to do. 4 records" in said
    assert f"{out}: all 2 files are what was written." in said
    shard = out / "shard-00000.i16"
    shard.write_bytes(shard.read_bytes()[::-1])
    assert main(["prepare", str(out), "--verify"]) == 2
    assert "shard-00000.i16: is not what was written" in capsys.readouterr().err
    assert main([*command, "--restart", "--verify"]) == 0
    said = capsys.readouterr().out
    assert "nothing to do" not in said
    assert "all 2 files are what was written" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing"], "there is no such folder"),
        ([str(DATA / "cinc"), "--kind", "ptbxl"], "not PTB-XL's folder"),
        ([str(DATA / "cinc"), "--kind", "mimic"], "this is not MIMIC-IV-ECG's"),
        ([str(DATA / "cinc"), "--labels", "none.csv"], "none.csv: cannot be read"),
        ([str(DATA / "cinc"), "--fs-hz", "5"], "between 25 and 2000"),
        ([str(DATA / "cinc"), "--jobs", "0"], "at least 1"),
    ],
)
def test_a_mistake_is_one_sentence(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_a_folder_to_write_there_is_only_verifying(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", str(DATA / "cinc")]) == 2
    assert "--out is missing" in capsys.readouterr().err
    assert main(["prepare", str(DATA / "cinc"), "--verify"]) == 2
    assert "this is no prepared data set" in capsys.readouterr().err
