"""The five commands of the researcher's page, as they stand there, on a folder of real ECGs."""

from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest
from real_records import entries_with, real_signal_mv, to_adu, write_wfdb
from small_training import SMALL_ENCODER

from physioclr_core import cli
from physioclr_core.infer.manifest import load_manifest

PAGE = Path(__file__).parents[3] / "assets" / "docs" / "training.md"
# Minutes become seconds: a smaller network, and as many steps as are needed to see it work.
SMALLER = {
    "pretrain": [f"encoder={SMALL_ENCODER}", "loop.batch_size=32", "loop.n_epochs=1"],
    "finetune": ["loop.batch_size=32", "loop.n_epochs=4"],
    "evaluate": ["--resamples", "20"],
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with ECGS and labels.csv: normal ECGs and atrial fibrillation, two records of each patient."""
    normal, atrial = entries_with("NORM")[:50], entries_with("AFIB")[:30]
    with (tmp_path / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["record", "patient", "atrial fibrillation", "normal"])
        for number, entry in enumerate([*normal, *atrial]):
            place = tmp_path / "ECGS" / ("clinic" if number % 2 else "ward") / f"{number:04d}"
            write_wfdb(place, to_adu(real_signal_mv(entry.entry)))
            is_atrial = number >= len(normal)
            unknown = number % 10 == 9
            row = [f"{number:04d}", f"P{number // 2}", int(is_atrial), "" if unknown else int(not is_atrial)]
            table.writerow(row)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands() -> list[list[str]]:
    block = re.search(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    lines = [shlex.split(line) for line in block[1].splitlines()]
    assert [line[1] for line in lines] == ["prepare", "pretrain", "finetune", "evaluate", "export"]
    return [line[1:] for line in lines]


@pytest.mark.slow
def test_a_folder_of_ecgs_becomes_a_model_in_five_commands(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands():
        extra = SMALLER.get(command[0], [])
        assert cli.main([command[0], *command[1:2], *extra, *command[2:]]) == 0, capsys.readouterr().err
    manifest = load_manifest(folder / "MODEL")
    assert manifest.codes == ("atrial fibrillation", "normal")
    assert manifest.training["n_train"] + manifest.training["n_select"] == 80
    assert (folder / "TUNED" / "report" / "report.md").is_file()
    assert cli.main(["predict", "ECGS", "--model", "MODEL", "--csv", "out.csv", "--cpu"]) == 0
    with (folder / "out.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 80
    # Fewer than twenty ECGs selected: prediction sets are unknown, and nothing is said in their place.
    assert manifest.training["n_select"] < 20
    assert manifest.metrics["conformal"] is None
    assert set(rows[0]) == {"record", "atrial fibrillation", "normal"}
    assert all(0.0 <= float(row["normal"]) <= 1.0 for row in rows)


@pytest.mark.slow
def test_a_dry_run_of_each_command_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands()[:3]:
        if command[0] == "finetune":
            assert cli.main(["pretrain", commands()[1][1], *SMALLER["pretrain"], "--run", "PRETRAINED"]) == 0
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        extra = SMALLER.get(command[0], [])
        assert cli.main([command[0], *command[1:2], *extra, *command[2:], "--dry-run"]) == 0
        assert "othing was written" in capsys.readouterr().out
        assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        if command[0] == "prepare":
            assert cli.main(command) == 0


def test_the_page_names_only_what_there_is() -> None:
    from physioclr_core.augment.presets import AUGMENT_PRESETS
    from physioclr_core.data.tasks import TASKS
    from physioclr_core.models.presets import ENCODER_PRESETS

    text = PAGE.read_text(encoding="utf-8")
    for name in (*AUGMENT_PRESETS, *ENCODER_PRESETS):
        assert f"`{name}`" in text
    for task in TASKS:
        assert task in text or task.removeprefix("ptbxl") in text
