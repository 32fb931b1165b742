"""``physioclr explain`` as a user runs it: in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from real_records import entries_with, long_signal_mv, real_signal_mv, to_adu, write_wfdb

from physioclr_core.infer.model import default_model_dir


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "physioclr_core.cli", "explain", *map(str, arguments), "--cpu"]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real record with left bundle branch block."""
    entry = entries_with("CLBBB", [9])[1].entry
    return write_wfdb(tmp_path_factory.mktemp("records") / "block", to_adu(real_signal_mv(entry)))


def test_json_ranks_every_wave_in_every_lead(block: Path) -> None:
    done = run(block, "--label", "CLBBB", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    manifest = json.loads((default_model_dir() / "manifest.json").read_text("utf-8"))
    assert found["fingerprint"] == manifest["fingerprint"]
    assert found["use"] == "research use only"
    assert found["not_explained"] is None
    assert found["window_s"] == [0.0, 10.0]
    effects = [span["effect"] for span in found["spans"]]
    assert effects == sorted(effects, reverse=True)
    assert len(effects) % 12 == 0
    assert {span["lead"] for span in found["spans"]} == {lead["lead"] for lead in found["leads"]}
    groups = {group["what"]: group for group in found["all_leads"]}
    assert groups["all QRS complexes"]["effect"] == max(group["effect"] for group in found["all_leads"])
    assert groups["all QRS complexes"]["probability_without"] < found["probability"]
    assert found["beats"][0]["what"].startswith("beat ")


def test_text_names_label_model_use_and_what_the_figures_are(block: Path) -> None:
    done = run(block, "--label", "CLBBB")
    assert done.returncode == 0
    first, second, third = done.stdout.splitlines()[:3]
    assert "why CLBBB" in first
    assert "research use only" in first
    assert "probability 0." in second
    assert "logit as recorded minus logit without it" in third
    assert "all QRS complexes" in done.stdout


def test_of_a_long_record_one_window_is_explained(tmp_path: Path) -> None:
    path = write_wfdb(tmp_path / "long", to_adu(long_signal_mv(3000)))
    found = json.loads(run(path, "--label", "SR", "--at", "17", "--json").stdout)
    assert (found["window_s"], found["n_windows"]) == ([10.0, 20.0], 5)
    done = run(path, "--label", "SR", "--at", "31")
    assert done.returncode == 2
    assert "is 30 s long" in done.stderr


def test_an_unknown_label_is_one_sentence_and_a_record_of_two_leads_a_reason(block: Path, tmp_path: Path) -> None:
    done = run(block, "--label", "XYZ")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("physioclr: XYZ: ")
    assert "CLBBB" in line
    two = write_wfdb(tmp_path / "two", to_adu(real_signal_mv(0)[:2]), lead_names=("II", "V5"))
    done = run(two, "--label", "AFIB", "--json")
    assert done.returncode == 0
    assert "not recorded" in json.loads(done.stdout)["not_explained"]
