from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from reader_conformance import JSON_KEYS
from wfdb_files import DATA, GEORGIA, PTBXL_1, SPECIAL, copy_record, edit, real_adu, write_signals

from physioclr_core import __version__, commands
from physioclr_core.cli import COMMANDS, main
from physioclr_core.readers import read_record


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, as a user does."""
    command = [sys.executable, "-m", "physioclr_core.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_json_has_exactly_the_agreed_keys_and_says_what_the_record_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", str(PTBXL_1), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert tuple(described) == JSON_KEYS
    record = read_record(PTBXL_1)
    assert described["record"] == "00001_lr"
    assert described["format"] == "WFDB"
    assert tuple(described["lead_names"]) == record.lead_names
    assert (described["fs_hz"], described["n_samples"], described["duration_s"]) == (100.0, 1000, 10.0)
    assert described["patient"] == {
        "patient_id": "ptbxl:15709",
        "name": None,
        "age_years": 56.0,
        "over_89": False,
        "sex": "female",
    }
    assert described["acquisition"]["statements"] == ["SR", "NORM", "LVOLT"]
    assert len(described["report"]["leads"]) == 12


@pytest.mark.parametrize("stem", [GEORGIA, DATA / "ludb" / "1", SPECIAL / "041s" / "041s", SPECIAL / "s0010_re"])
def test_json_is_valid_for_unknown_ages_gaps_and_other_channels(stem: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    assert main(["read", str(stem), "--json"]) == 0
    described = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert described["n_samples"] == read_record(stem).n_samples


def test_summary_names_what_a_reader_should_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    adu = real_adu(4)
    adu[:, 200:300] = -32768
    header = write_signals(tmp_path, "x", adu, gain="0/mV", leads=["II", "RESP", "V1", "chan"])
    with header.open("a", encoding="utf-8") as file:
        file.write("# Age: 300\n# Sex: F\n# Dx: 426783006,STD\n")
    assert main(["read", str(header)]) == 0
    shown = capsys.readouterr().out
    for text in (
        "x (WFDB): 3 leads, 100 Hz, 5 s (500 samples)",
        "Leads: II, V1, chan",
        "Patient: over 89 years, female",
        "Recorded: unknown",
        "Statements: STD",
        "SNOMED CT: 426783006",
        "Gain: 200 ADU/mV (format default)",
        "I + III - II: not checkable",
        "Left out of prediction: chan",
        "Ignored: RESP",
        "Gap: 2 to 3 s",
        "Warning: The header states no gain",
    ):
        assert text in shown


def test_summary_of_a_plain_record_has_no_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", str(PTBXL_1)]) == 0
    shown = capsys.readouterr().out
    assert "Patient: ptbxl:15709, 56 years, female" in shown
    assert "Gain: 1000 ADU/mV (stated)" in shown
    assert "Warning" not in shown


def test_a_sum_of_derived_leads_is_said_to_be_0_by_construction(
    test_data: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = test_data("clinical-formats")
    assert main(["read", str(folder / "ge-muse-xml" / "ecg2dcm_guangxi_teaching_sinus_rhythm.xml")]) == 0
    assert "I + III - II: 0.000 mV rms (by construction: derived leads)" in capsys.readouterr().out
    assert main(["read", str(folder / "dicom-ecg" / "pydicom_waveform_ecg.dcm")]) == 0
    assert "by construction" not in capsys.readouterr().out


def test_a_bad_record_is_one_line_on_stderr_and_exit_code_2(tmp_path: Path) -> None:
    header = edit(copy_record(PTBXL_1, tmp_path), (" 12 100 ", " 12 0 "))
    done = run("read", header, "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("physioclr: 00001_lr.hea: line 1 of the header: the sampling rate is 0 Hz")
    assert done.stderr.count("\n") == 1


def test_a_name_with_a_line_break_is_still_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read", str(tmp_path / "a\nb.hea")]) == 2
    assert capsys.readouterr().err == "physioclr: a b.hea: does not exist.\n"


def test_letters_that_the_terminal_lacks_are_escaped(tmp_path: Path) -> None:
    header = write_signals(tmp_path, "x", real_adu(1), gain="1/\u00b5V", leads=["\u0394V"])
    command = [sys.executable, "-m", "physioclr_core.cli", "read", str(header)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60)
    assert "Leads: \\u0394V" in done.stdout


def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["read"], ["no-such-command"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    assert "usage: physioclr" in capsys.readouterr().err


def test_version_and_help_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, text in (
        (["--version"], __version__),
        (["--help"], "not a medical device"),
        (["read", "-h"], "FILE"),
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert text in capsys.readouterr().out.replace("\n", " ").replace("  ", " ")


def test_every_command_is_listed_and_every_listed_command_is_one() -> None:
    modules = {
        info.name: importlib.import_module(f"{commands.__name__}.{info.name}")
        for info in pkgutil.iter_modules(commands.__path__)
    }
    assert set(COMMANDS) == {name for name, module in modules.items() if hasattr(module, "add_parser")}
    assert all(callable(modules[name].run) for name in COMMANDS)


def test_help_needs_neither_numpy_nor_anything_slower() -> None:
    code = (
        "import sys; from physioclr_core.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "slow = {'numpy', 'scipy', 'wfdb', 'pandas', 'torch', 'onnxruntime', 'faiss', 'PySide6'}\n"
        "print(sorted(slow & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_reading_imports_numpy_alone() -> None:
    code = (
        "import sys; from physioclr_core.cli import main\n"
        f"main(['read', {str(PTBXL_1)!r}])\n"
        "slow = {'scipy', 'wfdb', 'pandas', 'torch', 'onnxruntime', 'faiss', 'PySide6'}\n"
        "print(sorted(slow & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.skipif(os.name == "nt", reason="POSIX pipes")
def test_an_output_that_nobody_reads_ends_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "physioclr_core.cli", "read", str(PTBXL_1)]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_ctrl_c_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("physioclr_core.readers.read_record", interrupted)
    assert main(["read", str(PTBXL_1)]) == 130


def test_samples_are_never_part_of_the_description() -> None:
    assert len(json.dumps(read_record(PTBXL_1).to_dict())) < 10_000
    assert not any(isinstance(value, np.ndarray) for value in read_record(PTBXL_1).to_dict().values())


def test_what_the_device_stored_is_told_apart_in_text_and_json(
    test_data: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    path = test_data("clinical-formats", "philips-sierra-xml", "1_04_01__2020-5-18_15-48-11.xml")
    assert main(["read", str(path)]) == 0
    before, _, after = capsys.readouterr().out.partition("Stored by the device, not by this program:\n")
    assert "Device: Philips Medical Products PageWriter TC" in before
    assert "Padding: The last 0.4 s" in before
    assert "Sinus rhythm" not in before
    for text in ("Reading status: Unconfirmed Diagnosis", "Statement: Sinus rhythm", "QT: 399 ms", "P axis: 27°"):
        assert text in after
    assert main(["read", str(path), "--json"]) == 0
    reading = json.loads(capsys.readouterr().out)["device_reading"]
    assert reading["status"] == "Unconfirmed Diagnosis"
    assert {"name": "QT", "value": 399.0, "unit": "ms", "lead": None} in reading["measurements"]


def test_derived_leads_and_an_unknown_reading_status_are_said(
    test_data: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["read", str(test_data("clinical-formats", "ge-muse-xml", "braveheart_example1.xml"))]) == 0
    shown = capsys.readouterr().out
    assert "Derived from other leads: III, aVR, aVL, aVF" in shown
    assert "Reading status: the file does not say whether anyone has confirmed it" in shown
