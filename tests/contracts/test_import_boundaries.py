"""What a process loads: import-linter reads the code, this looks at running interpreters.

The GUI paints early and survives a crash of any model because it loads so little; the core and its command work on
machines without Qt.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

QT = {"PySide6", "shiboken6", "pyqtgraph"}
COMPUTING = {"torch", "onnxruntime", "neurokit2", "faiss", "scipy", "wfdb", "pandas", "sklearn", "sleepecg"}


def loaded_by(code: str) -> set[str]:
    """Run code in a fresh interpreter and return the top-level packages it has loaded."""
    report = "import sys, json; print('loaded:' + json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.rpartition("loaded:")[2]))


@pytest.mark.parametrize("module", ["physioclr_core", "physioclr_core.cli"])
def test_core_loads_neither_qt_nor_torch(module: str) -> None:
    assert not loaded_by(f"import {module}") & (QT | {"torch", "ecgviewer"})


def test_core_alone_loads_no_heavy_library() -> None:
    assert not loaded_by("import physioclr_core") & COMPUTING


@pytest.mark.parametrize("module", ["ecgviewer.app", "ecgviewer.main_window"])
def test_gui_process_loads_no_computing_library(module: str) -> None:
    loaded = loaded_by(f"import {module}")
    assert "PySide6" in loaded
    assert not loaded & COMPUTING


def test_starting_the_viewer_loads_qt_only_once_it_knows_that_it_is_no_worker() -> None:
    assert not loaded_by("import ecgviewer.__main__") & (QT | COMPUTING)


@pytest.mark.parametrize("module", ["ecgviewer.jobs.worker_main", "ecgviewer.jobs.listing_main"])
def test_worker_and_listing_process_load_no_qt(module: str) -> None:
    assert not loaded_by(f"import {module}") & QT


def test_a_listing_process_starts_without_parsers_and_computing_libraries() -> None:
    assert not loaded_by("import ecgviewer.jobs.listing_main") & (COMPUTING | {"pydicom", "ecgdatakit"})


def test_worker_is_dispatched_without_qt() -> None:
    """Start a worker the way the viewer does; it ends when its input does."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "ecgviewer", "--worker"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = done.stderr.splitlines()
    assert done.returncode == 0, "\n".join(line for line in lines if not line.startswith("import time:"))
    imported = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert "ecgviewer.jobs.worker_main" in imported
    assert not {name.partition(".")[0] for name in imported} & QT
