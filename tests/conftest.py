"""Settings and fixtures for all tests: no display, no trace of the user's own settings, real records, leak checks."""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Both are read once, when Qt and PyTorch start: tests need no display, and a second process on the same cores must not
# make every thread spin at its barriers.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from leak_check import LeakCheck  # noqa: E402

QT_FIXTURES = {"qapp", "qtbot", "qtmodeltester", "qtlog"}
QT_FOLDERS = {"viewer", "e2e"}
_numbers = itertools.count()
_outcome = pytest.StashKey[dict[str, bool]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow or benchmark too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skip_slow = pytest.mark.skip(reason="slow: runs with --slow")
    skip_gpu = pytest.mark.skip(reason="not run: no CUDA device")
    gpu_items = [item for item in items if item.get_closest_marker("gpu")]
    if gpu_items and not _has_cuda_device():
        for item in gpu_items:
            item.add_marker(skip_gpu)
    if config.getoption("--slow"):
        return
    for item in items:
        if item.get_closest_marker("slow") or item.get_closest_marker("benchmark"):
            item.add_marker(skip_slow)


def _has_cuda_device() -> bool:
    try:  # without a driver there is none, and PyTorch need not be loaded to find out
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    try:
        import torch
    except ImportError:
        return False
    return torch.cuda.is_available()


# --- data ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def test_data() -> Callable[..., Path]:
    """Return a function that finds a file or folder of real records: ``test_data("ludb", "ludb.csv")``.

    Without PHYSIOCLR_TEST_DATA the test is skipped. With it, what is missing fails the test: data that has moved must
    not look like data that was never there.
    """

    def find(*parts: str) -> Path:
        root = os.environ.get("PHYSIOCLR_TEST_DATA")
        if not root:
            pytest.skip("needs real records: set PHYSIOCLR_TEST_DATA to their folder")
        path = Path(root).joinpath(*parts)
        if not path.exists():
            pytest.fail(f"PHYSIOCLR_TEST_DATA is set, but {'/'.join(parts) or 'the folder itself'} is missing there")
        return path

    return find


@pytest.fixture(scope="session")
def exported_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a bundle with prediction sets and a distance to known ECGs, made once, in about 20 s."""
    from exported_model import export_small_model

    return export_small_model(tmp_path_factory.mktemp("exported"))


# --- isolation -------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _own_home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give each test, and the processes it starts, an empty home for data and settings."""
    home = tmp_path_factory.getbasetemp() / "homes" / str(next(_numbers))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHYSIOCLR_HOME", str(home / "physioclr"))
        for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(home / name.lower()))
        if _uses_qt(request):
            from PySide6.QtCore import QSettings

            for kind in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
                QSettings.setPath(kind, QSettings.Scope.UserScope, str(home / "settings"))
        yield


# --- leaks -----------------------------------------------------------------------------------------------------------


def _uses_qt(request: pytest.FixtureRequest) -> bool:
    # pytest-qt imports PySide6 in every run, so whether it is loaded tells nothing about the test.
    folder = request.path.relative_to(Path(__file__).parent).parts[0]
    return folder in QT_FOLDERS or bool(QT_FIXTURES & set(request.fixturenames))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Any:
    report = yield
    item.stash.setdefault(_outcome, {})[report.when] = report.passed
    return report


@pytest.fixture(autouse=True)
def _no_leaks(request: pytest.FixtureRequest, _own_home: None) -> Iterator[None]:
    """Fail a test that uses Qt and leaves a thread, task, timer, child process or window behind."""
    if not _uses_qt(request):
        yield
        return
    check = LeakCheck()
    yield
    leaks = check.leaks()
    names = "\n".join(f"  {leak.what}" for leak in leaks)
    for leak in leaks:
        leak.end()
    # A test that failed half way has a good excuse, and its own message is the one to read.
    if leaks and request.node.stash.get(_outcome, {}).get("call", False):
        pytest.fail(f"left alive after the test:\n{names}", pytrace=False)
