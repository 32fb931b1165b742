from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import physioclr_core
from physioclr_core.paths import assets_dir, physioclr_home

PACKAGE = Path(physioclr_core.__file__).parent


def assets_seen_by(root: Path, frozen: Path | None = None) -> str:
    """Return what a process finds whose package is in another place."""
    code = f"import sys; sys.path.insert(0, {str(root)!r})\n"
    if frozen is not None:
        code += f"sys._MEIPASS = {str(frozen)!r}\n"
    code += "from physioclr_core.paths import assets_dir\nprint(assets_dir())"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else done.stderr


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A copy of the package with nothing beside it."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "physioclr_core").mkdir()
    for name in ("__init__.py", "paths.py"):
        shutil.copy(PACKAGE / name, tmp_path / "site" / "physioclr_core")
    return tmp_path / "site"


def test_the_assets_are_beside_the_package_in_the_source_tree() -> None:
    assert (assets_dir() / "statements" / "scp_statements.csv").is_file()


def test_the_assets_are_in_the_package_of_a_wheel(elsewhere: Path) -> None:
    (elsewhere / "physioclr_core" / "_assets" / "model").mkdir(parents=True)
    assert assets_seen_by(elsewhere) == str(elsewhere / "physioclr_core" / "_assets")


def test_somebody_elses_assets_beside_a_wheel_are_not_taken_for_ours(elsewhere: Path) -> None:
    (elsewhere / "assets").mkdir()
    (elsewhere / "physioclr_core" / "_assets" / "model").mkdir(parents=True)
    assert assets_seen_by(elsewhere) == str(elsewhere / "physioclr_core" / "_assets")


def test_the_assets_of_a_frozen_application_come_first(elsewhere: Path, tmp_path: Path) -> None:
    (elsewhere / "physioclr_core" / "_assets" / "model").mkdir(parents=True)
    (tmp_path / "bundle" / "assets" / "model").mkdir(parents=True)
    assert assets_seen_by(elsewhere, tmp_path / "bundle") == str(tmp_path / "bundle" / "assets")


def test_missing_assets_are_an_error_that_names_the_places(elsewhere: Path) -> None:
    text = assets_seen_by(elsewhere)
    assert "the shipped assets are missing" in text
    assert "_assets" in text


def test_home_is_where_the_user_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHYSIOCLR_HOME", str(tmp_path / "mine"))
    assert physioclr_home() == tmp_path / "mine"
    assert not (tmp_path / "mine").exists()
    monkeypatch.setenv("PHYSIOCLR_HOME", "~/mine")
    assert physioclr_home() == Path.home() / "mine"


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="other places there")
def test_home_follows_the_platform_where_the_user_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PHYSIOCLR_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", "/somewhere/data")
    assert physioclr_home() == Path("/somewhere/data/physioclr")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert physioclr_home() == Path.home() / ".local" / "share" / "physioclr"
