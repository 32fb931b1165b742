"""The viewer as a program: help without Qt, the snapshot end to end, bad input, first paint, clean exit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecgviewer.arguments import parse
from physioclr_core.paths import assets_dir

needs_model = pytest.mark.skipif(
    not (assets_dir() / "model" / "manifest.json").is_file(), reason="the default model is not installed"
)


def _run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ecgviewer", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen", **environment},
    )


def _png_size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def test_help_answers_without_qt() -> None:
    code = (
        "import sys\n"
        "from ecgviewer.__main__ import main\n"
        "try:\n    main(['--help'])\n"
        "except SystemExit as end:\n    assert end.code == 0\n"
        "assert not [name for name in sys.modules if name.startswith(('PySide6', 'pyqtgraph', 'numpy'))]\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "--snapshot" in result.stdout
    assert "not a medical device" in result.stdout


@pytest.mark.parametrize("arguments", [["--speed", "12"], ["--layout", "6x2"], ["--size", "big"], ["--gain", "7"]])
def test_impossible_settings_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(arguments)
    assert end.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_one_file_is_opened_and_a_folder_or_several_files_are_listed(tmp_path: Path) -> None:
    one, other = tmp_path / "a.hea", tmp_path / "b.hea"
    assert (parse([str(one)]).file, parse([str(one)]).listed) == (one, ())
    assert (parse([str(tmp_path)]).file, parse([str(tmp_path)]).listed) == (None, (tmp_path,))
    assert (parse([str(one), str(other)]).file, parse([str(one), str(other)]).listed) == (None, (one, other))


def test_a_folder_without_an_ecg_is_said_where_a_picture_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none", encoding="utf-8")
    result = _run(tmp_path, "--snapshot", tmp_path / "out.png")
    assert result.returncode == 2
    assert result.stderr.strip().endswith(f"{tmp_path.name}: 0 ECGs, 1 other file.")
    assert not (tmp_path / "out.png").exists()


@needs_model
def test_a_snapshot_of_a_folder_shows_its_list_and_its_first_ecg(demo_paths: list[Path], tmp_path: Path) -> None:
    result = _run(demo_paths[0].parent, "--snapshot", tmp_path / "out.png")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["record"] in {path.stem for path in demo_paths}
    assert _png_size(tmp_path / "out.png") == (1600, 1000)


@needs_model
def test_a_snapshot_shows_the_window_and_says_what_it_shows(demo_paths: list[Path], tmp_path: Path) -> None:
    picture = tmp_path / "out.png"
    result = _run(demo_paths[1], "--snapshot", picture, "--layout", "12x1", "--speed", "50", "--gain", "5")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert len(lines) == 1
    said = json.loads(lines[0])
    assert said["record"] == demo_paths[1].stem
    assert said["lead_names"][:3] == ["I", "II", "III"]
    assert (said["layout"], said["speed_mm_s"], said["gain_mm_mv"]) == ("12x1", 50.0, 5.0)
    assert said["device"] in ("CPU", "CUDA")
    assert len(said["predictions"]) == 71
    assert {"code", "probability", "threshold"} == set(said["predictions"][0])
    assert len(said["similar"]) == 10
    distances = [each["distance"] for each in said["similar"]]
    assert distances == sorted(distances)
    assert said["not_assessed"] == {}
    assert "AFIB" in said["prediction_set"]
    assert said["abstention"] == ""
    assert 0.0 < said["distance"] < said["distance_limit"]
    assert _png_size(picture) == (1600, 1000)
    assert [path.name for path in tmp_path.iterdir()] == ["out.png"]


@needs_model
def test_a_snapshot_can_show_what_speaks_for_a_statement(demo_paths: list[Path], tmp_path: Path) -> None:
    block = next(path for path in demo_paths if path.stem == "A0051")
    plain, why = tmp_path / "plain.png", tmp_path / "why.png"
    for picture, arguments in ((plain, ()), (why, ("--why", "CRBBB"))):
        result = _run(block, "--snapshot", picture, "--size", "1280x800", *arguments)
        assert (result.returncode, result.stderr) == (0, "")
    assert plain.read_bytes() != why.read_bytes()
    refused = _run(block, "--snapshot", tmp_path / "no.png", "--why", "NONSENSE")
    assert refused.returncode == 2
    assert refused.stderr == "--why NONSENSE: the model says nothing of such a statement for this ECG.\n"
    assert not (tmp_path / "no.png").exists()


def test_why_goes_with_a_snapshot_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["--why", "AFIB"])
    assert end.value.code == 2
    assert "press W" in capsys.readouterr().err


@needs_model
def test_without_a_file_the_first_demo_is_shown(demo_paths: list[Path], tmp_path: Path) -> None:
    picture = tmp_path / "out.png"
    result = _run("--snapshot", picture, "--size", "1280x800", "--theme", "dark")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["record"] == demo_paths[0].stem
    assert _png_size(picture) == (1280, 800)


@pytest.mark.parametrize("kind", ["missing", "empty", "folder", "text"])
def test_bad_input_is_one_sentence_and_no_picture(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bad.hea"
    if kind == "empty":
        path.touch()
    elif kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("this is no header\n")
    picture = tmp_path / "out.png"
    result = _run(path, "--snapshot", picture)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "bad.hea" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not picture.exists()


def test_a_picture_that_cannot_be_written_is_one_sentence(demo_paths: list[Path], tmp_path: Path) -> None:
    result = _run(demo_paths[0], "--snapshot", tmp_path / "missing" / "out.png")
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "missing").exists()


@needs_model
def test_a_record_that_cannot_be_assessed_is_shown_all_the_same(demo_paths: list[Path], tmp_path: Path) -> None:
    # Two leads of a real record: the model needs more.
    source = demo_paths[0]
    lines = source.read_text().splitlines()
    head = lines[0].split()
    signal = source.with_suffix(".dat").read_bytes()
    n_leads = int(head[1])
    import numpy as np

    samples = np.frombuffer(signal, dtype="<i2").reshape(-1, n_leads)[:, :2]
    (tmp_path / "two.dat").write_bytes(samples.tobytes())
    kept = [f"two 2 {' '.join(head[2:])}"] + [
        line.replace(source.with_suffix(".dat").name, "two.dat") for line in lines[1:3]
    ]
    (tmp_path / "two.hea").write_text("\n".join(kept) + "\n")
    result = _run(tmp_path / "two.hea", "--snapshot", tmp_path / "out.png")
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["lead_names"] == ["I", "II"]
    assert said["predictions"] == []
    assert said["not_assessed"]["predictions"]


def test_the_first_paint_needs_no_science_library(demo_paths: list[Path]) -> None:
    code = (
        "import sys\n"
        "from ecgviewer.__main__ import main\n"
        f"assert main([{str(demo_paths[0])!r}, '--time-to-first-paint']) == 0\n"
        "heavy = {'torch', 'onnxruntime', 'neurokit2', 'faiss', 'scipy', 'wfdb', 'pandas', 'matplotlib'}\n"
        "assert not heavy & {name.split('.')[0] for name in sys.modules}, heavy & set(sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert result.returncode == 0, result.stderr
    assert 0 < float(result.stdout) < 60
