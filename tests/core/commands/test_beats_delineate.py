from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_records import real_signal_mv, to_adu, write_wfdb
from scoring_scripts import LEADS, scoring_script, wave_f1

from physioclr_core.cli import main
from physioclr_core.physiology.analysis import waves_of_record
from physioclr_core.physiology.marks import FIDUCIALS, QRS_ON
from physioclr_core.readers import read_record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, entry in (("a", 5), ("b", 9)):
        write_wfdb(tmp_path / "records" / name, to_adu(real_signal_mv(entry)))
    return tmp_path / "records"


def test_beats_are_sample_indices_by_record(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "beats.json"
    assert main(["beats", str(folder), "--json", str(out)]) == 0
    found = json.loads(out.read_text())
    assert list(found) == ["a", "b"]
    assert all(isinstance(sample, int) and 0 <= sample < 1000 for sample in found["a"])
    assert len(found["a"]) > 5


@pytest.mark.parametrize("leads", ["first", "all", "II", "ii, v5"])
def test_beats_of_chosen_leads(folder: Path, tmp_path: Path, leads: str) -> None:
    out = tmp_path / "beats.json"
    assert main(["beats", str(folder / "a.hea"), "--leads", leads, "--json", str(out)]) == 0
    assert len(json.loads(out.read_text())["a"]) > 5


def test_a_lead_that_is_not_there_is_named(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "beats.json"
    assert main(["beats", str(folder / "a.hea"), "--leads", "V9", "--json", str(out)]) == 2
    assert "a: there is no lead V9; it has I, II" in capsys.readouterr().err
    assert not out.exists()


def test_a_record_without_beats_has_an_empty_list_and_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat = write_wfdb(tmp_path / "flat", np.zeros((12, 1000), np.int16))
    out = tmp_path / "beats.json"
    assert main(["beats", str(flat), "--json", str(out)]) == 0
    assert json.loads(out.read_text()) == {"flat": []}
    assert "flat: all leads are flat" in capsys.readouterr().err


def test_marks_are_those_of_the_analysis(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "marks.json"
    assert main(["delineate", str(folder / "a.hea"), "--json", str(out)]) == 0
    entry = json.loads(out.read_text())["a"]
    assert entry["fs_hz"] == 100.0
    assert entry["resolution_ms"] == 5.0
    assert set(entry["leads"]) == {"i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6"}
    assert set(entry["leads"]["ii"]) == set(FIDUCIALS)
    expected = waves_of_record(read_record(folder / "a.hea")).lead_s[1, :, QRS_ON] * 100.0
    np.testing.assert_allclose(entry["leads"]["ii"]["qrs_on"], expected[np.isfinite(expected)], atol=0.01)
    beat = entry["global"][2]
    assert beat["states"] == {"P": "present", "QRS": "present", "T": "present"}
    assert beat["marks"]["p_on"] < beat["marks"]["qrs_on"] < beat["marks"]["t_off"]
    assert 0 <= beat["confidence"]["qrs_on"] <= 1
    assert entry["p_reason"] == ""


@pytest.mark.parametrize("command", ["beats", "delineate"])
def test_a_record_that_cannot_be_read_is_named_and_the_others_are_done(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (folder / "b.dat").write_bytes(b"12")
    out = tmp_path / "out.json"
    assert main([command, str(folder), "--json", str(out)]) == 1
    assert list(json.loads(out.read_text())) == ["a"]
    assert "b" in capsys.readouterr().err
    assert main([command, str(folder / "b.hea"), "--json", str(tmp_path / "none.json")]) == 2
    assert not (tmp_path / "none.json").exists()


@pytest.mark.parametrize("command", ["beats", "delineate"])
def test_a_folder_that_does_not_exist_is_refused_before_any_work(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, str(folder), "--json", str(tmp_path / "nowhere" / "out.json")]) == 2
    assert "its folder does not exist" in capsys.readouterr().err


# --- agreement with the annotators -----------------------------------------------------------------------------------


def _predicted(command: list[str], out: Path) -> dict[str, Any]:
    assert main([*command, "--json", str(out)]) == 0
    predictions: dict[str, Any] = json.loads(out.read_text())
    return predictions


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("leads", "floor"), [("first", 0.998), ("all", 0.997)])
def test_beats_of_mit_bih_score_above_the_floor(
    test_data: Callable[..., Path], tmp_path: Path, leads: str, floor: float
) -> None:
    """The shipped network was trained on these records; its figures out of fold are in the documentation."""
    records = test_data("mitdb")
    predictions = _predicted(["beats", str(records), "--leads", leads], tmp_path / "beats.json")
    result = scoring_script(test_data, "score_beats").score_directory(records, predictions, set())
    assert result["75 ms"]["f1"] >= floor
    assert result["75 ms"]["worst_f1"] >= 0.97


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_waves_of_ludb_score_above_the_floor(test_data: Callable[..., Path], tmp_path: Path) -> None:
    """The shipped network was trained on these records; its figures out of fold are in the documentation."""
    records = test_data("ludb", "data")
    predictions = _predicted(["delineate", str(records)], tmp_path / "marks.json")
    result = scoring_script(test_data, "score_delineation").score_directory(records, predictions, LEADS)
    fiducials, intervals = result["fiducials"], result["intervals"]
    for wave, floor in (("P", 0.985), ("QRS", 0.998), ("T", 0.985)):
        assert wave_f1(result, wave) >= floor, wave
    assert abs(fiducials["qrs_on"]["mean_ms"]) <= 4
    assert fiducials["qrs_on"]["sd_ms"] <= 12
    assert fiducials["t_off"]["sd_ms"] <= 25
    assert intervals["PR"]["invented"] == 0
    for name, floor in (("PR", 0.85), ("QRS", 0.8), ("QT", 0.9)):
        assert intervals[name]["within"] >= floor, name
