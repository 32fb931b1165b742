"""``physioclr prepare`` on real records in the layouts of its sources."""

from __future__ import annotations

from pathlib import Path

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


def test_a_dry_run_says_how_much_there_is_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", str(DATA / "cinc"), "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    assert "4 records (cinc)" in capsys.readouterr().out
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing"], "there is no such folder"),
        ([str(DATA / "cinc"), "--kind", "ptbxl"], "not PTB-XL's folder"),
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
