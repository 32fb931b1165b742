"""A run's folder: one owner, one configuration, events that survive an interruption."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from physioclr_core.errors import UserFacingError
from physioclr_core.train.run_folder import LOCK, STALE_S, RunFolder, read_json


def test_a_folder_of_another_configuration_is_refused_and_the_difference_named(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.claim({"config": {"loop": {"seed": 0, "n_epochs": 3}}, "data_sha256": "a"}, ("config", "data_sha256"))
    run.claim({"config": {"loop": {"seed": 0, "n_epochs": 3}}, "data_sha256": "a"}, ("config", "data_sha256"))
    with pytest.raises(UserFacingError, match=r"loop\.n_epochs: 3 there, 4 here"):
        run.claim({"config": {"loop": {"seed": 0, "n_epochs": 4}}, "data_sha256": "a"}, ("config", "data_sha256"))
    with pytest.raises(UserFacingError, match="data_sha256"):
        run.claim({"config": {"loop": {"seed": 0, "n_epochs": 3}}, "data_sha256": "b"}, ("config", "data_sha256"))


def test_a_second_process_may_not_train_in_the_same_folder(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    code = (
        "import sys; from pathlib import Path\n"
        "from physioclr_core.train.run_folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked(): pass\n"
    )
    with run.locked():
        other = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "is already training here" in other.stderr
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0


def test_the_lock_of_a_killed_process_is_taken_over(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    lock = tmp_path / LOCK
    lock.write_text(json.dumps({"pid": gone.pid, "host": os.uname().nodename}), encoding="utf-8")
    with RunFolder(tmp_path).locked():
        assert read_json(lock)["pid"] == os.getpid()
    assert not lock.exists()
    lock.write_text(json.dumps({"pid": 1, "host": "elsewhere"}), encoding="utf-8")
    old = time.time() - 2 * STALE_S
    os.utime(lock, (old, old))
    with RunFolder(tmp_path).locked():
        pass


def test_events_of_steps_that_are_done_again_and_half_lines_are_dropped(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    for step in (1, 2, 3):
        run.event(event="epoch", step=step)
    with (tmp_path / "events.jsonl").open("a", encoding="utf-8") as log:
        log.write('{"event": "epo')
    run.forget_events_after(2)
    assert [json.loads(line)["step"] for line in (tmp_path / "events.jsonl").read_text().splitlines()] == [1, 2]


def test_a_damaged_configuration_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserFacingError, match="is damaged"):
        RunFolder(tmp_path).claim({}, ())
