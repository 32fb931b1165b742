"""The leak check names each kind of leak, and leaves tidy and failing tests alone."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def report() -> str:
    """Run the leaky examples as a person would, and return what pytest says."""
    examples = TESTS / "support" / "leaky_examples.py"
    code = (
        "import sys, pytest, leak_check\n"
        "leak_check.GRACE_S = 0.1\n"
        "sys.exit(pytest.main(['-p', 'no:cacheprovider', '-rA', '--no-header', *sys.argv[1:]]))\n"
    )
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, 'tests/support')\n{code}", str(examples)]
    done = subprocess.run(command, cwd=TESTS.parent, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("test", "named"),
    [
        ("test_timer", r"active QTimer 'blinking', started at leaky_examples\.py:\d+"),
        ("test_qthread", r"QThread 'reading', started at leaky_examples\.py:\d+"),
        ("test_pool_task", r"1 QThreadPool task\(s\), last started at leaky_examples\.py:\d+"),
        ("test_python_thread", r"Python thread 'waiting'"),
        ("test_child_process", r"child process \d+: .*time\.sleep"),
        ("test_window", r"top-level widget QWidget 'forgotten'"),
    ],
)
def test_names_the_leak(report: str, test: str, named: str) -> None:
    section = re.search(rf"ERROR at teardown of {test} _+\n(.*?)\n_", report, re.DOTALL)
    assert section is not None, report
    assert re.search(named, section.group(1)), section.group(1)


@pytest.mark.parametrize("test", ["test_tidy", "test_window_in_a_cycle", "test_failing_for_its_own_reason"])
def test_does_not_blame_others(report: str, test: str) -> None:
    assert f"ERROR at teardown of {test} " not in report


def test_each_leak_is_reported_once(report: str) -> None:
    assert report.count("ERROR at teardown of") == 6
