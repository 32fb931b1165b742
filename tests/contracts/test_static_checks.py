"""The static checks, each as a test, so that one command says whether a change is fit to land."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = sys.executable
LINT_IMPORTS = str(Path(sys.executable).with_name("lint-imports"))


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([PYTHON, "-m", "ruff", "check", "."], id="ruff-check"),
        pytest.param([PYTHON, "-m", "ruff", "format", "--check", "."], id="ruff-format"),
        # Without its cache mypy reads all of PyTorch's and NumPy's types first.
        pytest.param([PYTHON, "-m", "mypy"], id="mypy", marks=pytest.mark.timeout(400)),
        pytest.param([LINT_IMPORTS], id="lint-imports"),
    ],
)
def test_finds_nothing(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
