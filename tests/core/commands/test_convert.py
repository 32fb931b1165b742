from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from real_records import long_signal_mv, real_signal_mv, to_adu, write_wfdb

from physioclr_core.cli import main
from physioclr_core.readers import read_record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, entry in (("a", 5), ("b", 9)):
        write_wfdb(tmp_path / "records" / name, to_adu(real_signal_mv(entry)), 250.0)
    return tmp_path / "records"


def run(*args: object) -> int:
    return main(["convert", *map(str, args)])


@pytest.mark.parametrize(("key", "suffix"), [("wfdb", ".hea"), ("edf", ".edf"), ("dicom", ".dcm"), ("csv", ".csv")])
def test_a_folder_becomes_a_folder_in_another_format(folder: Path, tmp_path: Path, key: str, suffix: str) -> None:
    assert run(folder, "--to", key, "--out", tmp_path / "out") == 0
    for name in ("a", "b"):
        again = read_record(tmp_path / "out" / f"{name}{suffix}")
        np.testing.assert_array_equal(again.signal_mv, read_record(folder / f"{name}.hea").signal_mv)


def test_one_record_becomes_the_file_that_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder / "a.hea", "--to", "dicom", "--out", tmp_path / "one.dcm") == 0
    assert "12-lead ECG: the twelve leads" in capsys.readouterr().out
    assert [path.name for path in tmp_path.glob("*.dcm")] == ["one.dcm"]


def test_a_stretch_is_written_from_its_place(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "part.hea"
    assert run(folder / "a.hea", "--to", "wfdb", "--out", out, "--from", 1.2, "--length", 2) == 0
    whole = read_record(folder / "a.hea")
    np.testing.assert_array_equal(read_record(out).signal_mv, whole.signal_mv[:, 300:800])
    for wrong in (("--length", 1e-9), ("--from", -1), ("--from", "nan"), ("--length", "nan")):
        assert run(folder / "a.hea", "--to", "wfdb", "--out", tmp_path / "none.hea", *wrong) == 2
        assert "has no stretch" in capsys.readouterr().err
    assert run(folder / "a.hea", "--to", "wfdb", "--out", tmp_path / "rest.hea", "--from", 1, "--length", "inf") == 0
    assert read_record(tmp_path / "rest.hea").n_samples == whole.n_samples - 250
    assert run(folder / "a.hea", "--to", "wfdb", "--out", out, "--from", 1000) == 2
    assert "a.hea: lasts 4 s and has no stretch from 1000 s on." in capsys.readouterr().err


def test_a_record_that_cannot_be_read_is_named_and_the_others_are_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "b.dat").write_bytes(b"12")
    assert run(folder, "--to", "csv", "--out", tmp_path / "out") == 1
    assert "physioclr: b: b" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.csv"]


def test_the_folder_of_the_records_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(path.name for path in folder.iterdir())
    assert run(folder, "--to", "wfdb", "--out", folder, "--force") == 2
    assert "the records are in this folder" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == before


def test_existing_files_are_replaced_only_by_force(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = (folder / "a.hea", "--to", "csv", "--out", tmp_path / "a.csv")
    (tmp_path / "a.csv").write_text("mine")
    assert run(*args) == 2
    assert "--force replaces it" in capsys.readouterr().err
    assert (tmp_path / "a.csv").read_text() == "mine"
    assert run(*args, "--force") == 0
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 1001


def test_deidentified_files_have_new_names_and_a_telling_name_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (folder / "a.hea").open("a") as file:
        file.write("#patient_id: 4711-22\n#Age: 93\n")
    assert run(folder / "a.hea", "--to", "edf", "--out", tmp_path / "x4711-22.edf", "--deidentify") == 2
    assert "the name shows '4711-22'" in capsys.readouterr().err
    assert run(folder, "--to", "wfdb", "--out", tmp_path / "out", "--deidentify") == 0
    names = {path.stem for path in (tmp_path / "out").iterdir()}
    assert len(names) == 2
    assert all(name.startswith("anon-") for name in names)
    assert all(b"4711" not in path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert any(read_record(path).patient.over_89 for path in (tmp_path / "out").glob("*.hea"))


def test_a_dry_run_shows_what_goes_and_writes_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--to", "dicom", "--out", tmp_path / "out", "--deidentify", "--dry-run") == 0
    shown = capsys.readouterr().out
    assert "replaced  Patient ID" in shown
    assert "kept      Samples" in shown
    assert not (tmp_path / "out").exists()
    assert run(folder, "--to", "dicom", "--out", tmp_path / "out", "--dry-run") == 2


def test_measured_values_are_added_under_this_programs_name(folder: Path, tmp_path: Path) -> None:
    assert run(folder / "a.hea", "--to", "wfdb", "--out", tmp_path / "m", "--measure") == 0
    text = (tmp_path / "m.hea").read_text()
    assert "#computed by physioclr" in text
    assert "QRS duration" in text
    assert read_record(tmp_path / "m.hea").device_reading.measurements == ()


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is sent otherwise there")
def test_ctrl_c_leaves_nothing_half_written(tmp_path: Path) -> None:
    signal_mv = np.tile(long_signal_mv(100_000), (1, 20))
    write_wfdb(tmp_path / "in" / "long", to_adu(signal_mv), 250.0)
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, "-m", "physioclr_core.cli", "convert", str(tmp_path / "in" / "long.hea")]
    process = subprocess.Popen(
        [*command, "--to", "csv", "--out", str(out / "long.csv")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not any(out.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [path.suffix for path in out.iterdir()] == [".part"]
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert list(out.iterdir()) == []
