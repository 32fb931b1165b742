"""The fixtures and options that all tests rely on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_without_real_records_a_test_is_skipped_and_says_so(
    test_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PHYSIOCLR_TEST_DATA", raising=False)
    with pytest.raises(pytest.skip.Exception, match="set PHYSIOCLR_TEST_DATA"):
        test_data("ludb")


def test_missing_real_records_fail_a_test(
    test_data: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PHYSIOCLR_TEST_DATA", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="ludb/data is missing there"):
        test_data("ludb", "data")
    (tmp_path / "ludb").mkdir()
    assert test_data("ludb") == tmp_path / "ludb"


def test_home_is_empty_and_not_the_users_own(qapp: object, tmp_path_factory: pytest.TempPathFactory) -> None:
    from PySide6.QtCore import QSettings

    base = tmp_path_factory.getbasetemp()
    home = Path(os.environ["PHYSIOCLR_HOME"])
    assert base in home.parents
    assert not home.exists()
    assert base in Path(QSettings("ecgviewer", "ecgviewer").fileName()).parents


def test_marked_tests_say_why_they_do_not_run() -> None:
    example = ROOT / "tests" / "support" / "marked_examples.py"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", str(example)]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    without = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False).stdout
    assert "3 skipped" in without
    assert "slow: runs with --slow" in without
    assert "not run: no CUDA device" in without
    slow = subprocess.run(
        [*command, "--slow"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    ).stdout
    assert "2 passed, 1 skipped" in slow
