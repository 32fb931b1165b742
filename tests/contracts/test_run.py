"""The set-up command: what it decides, without installing anything."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

RUN_PY = Path(__file__).parents[2] / "packaging" / "run.py"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return run.py as a module, working on an empty project in a temporary folder."""
    spec = importlib.util.spec_from_file_location("run_under_test", RUN_PY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "run_under_test", module)
    spec.loader.exec_module(module)
    project = tmp_path / "project"
    (project / "packaging").mkdir(parents=True)
    monkeypatch.setattr(module, "ROOT", project)
    monkeypatch.setattr(module, "VENV", project / ".venv")
    monkeypatch.setattr(module, "CONSTRAINTS", project / "packaging" / "constraints.txt")
    (project / "pyproject.toml").write_text("[project]\n")
    (project / "packaging" / "constraints.txt").write_text("pyside6-essentials==6.11.3 ; sys_platform != 'x'\n")
    return module


@pytest.fixture
def installations(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for venv and pip; list what they were asked for."""
    asked: list[str] = []

    def make_venv() -> None:
        asked.append("new environment")
        run.venv_python().parent.mkdir(parents=True, exist_ok=True)
        run.venv_python().touch()

    monkeypatch.setattr(run, "make_venv", make_venv)
    monkeypatch.setattr(run, "pip_install", lambda extras: asked.append(",".join(sorted(extras))))
    return asked


def add_pyside(run: ModuleType, version: str) -> None:
    (run.VENV / "lib" / "python3.11" / "site-packages" / f"pyside6_essentials-{version}.dist-info").mkdir(parents=True)


# --- the environment and its stamp -----------------------------------------------------------------------------------


def test_second_run_installs_nothing(run: ModuleType, installations: list[str]) -> None:
    run.ensure_environment("test")
    run.ensure_environment("test")
    run.ensure_environment("app")
    assert installations == ["new environment", "dev,train,viewer"]


def test_app_needs_no_training_and_test_adds_to_it(run: ModuleType, installations: list[str]) -> None:
    run.ensure_environment("app")
    run.ensure_environment("test")
    assert installations == ["new environment", "viewer", "dev,train,viewer"]


@pytest.mark.parametrize("name", ["pyproject.toml", "packaging/constraints.txt"])
def test_changed_requirements_update_in_place_and_keep_extras(
    run: ModuleType, installations: list[str], name: str
) -> None:
    run.ensure_environment("test")
    add_pyside(run, "6.11.3")
    with (run.ROOT / name).open("a") as file:
        file.write("# changed\n")
    run.ensure_environment("app")
    assert installations == ["new environment", "dev,train,viewer", "dev,train,viewer"]


def test_another_pyside_makes_the_environment_anew(run: ModuleType, installations: list[str]) -> None:
    run.ensure_environment("app")
    add_pyside(run, "6.11.3")
    run.CONSTRAINTS.write_text("pyside6-essentials==6.12.1\n")
    run.ensure_environment("app")
    assert installations == ["new environment", "viewer", "new environment", "viewer"]


def test_another_python_makes_the_environment_anew(
    run: ModuleType, installations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run.ensure_environment("app")
    monkeypatch.setattr(sys, "version_info", (3, 99, 0, "final", 0))
    run.ensure_environment("app")
    assert installations.count("new environment") == 2


def test_moved_project_makes_the_environment_anew(
    run: ModuleType, installations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run.ensure_environment("app")
    moved = run.ROOT.with_name("moved")
    run.ROOT.rename(moved)
    monkeypatch.setattr(run, "ROOT", moved)
    monkeypatch.setattr(run, "VENV", moved / ".venv")
    monkeypatch.setattr(run, "CONSTRAINTS", moved / "packaging" / "constraints.txt")
    run.ensure_environment("app")
    assert installations.count("new environment") == 2


def test_lost_interpreter_makes_the_environment_anew(run: ModuleType, installations: list[str]) -> None:
    run.ensure_environment("app")
    run.venv_python().unlink()
    run.ensure_environment("app")
    assert installations.count("new environment") == 2


def test_interrupted_installation_is_repaired(
    run: ModuleType, installations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(extras: frozenset[str]) -> None:
        raise KeyboardInterrupt

    run.ensure_environment("app")
    with monkeypatch.context() as patch:
        patch.setattr(run, "pip_install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run.ensure_environment("test")
    assert run.read_stamp() == {}
    run.ensure_environment("test")
    assert installations == ["new environment", "viewer", "new environment", "dev,train,viewer"]


def test_refused_update_keeps_what_was_usable(
    run: ModuleType, installations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(extras: frozenset[str]) -> None:
        raise run.SetupError("no network")

    run.ensure_environment("app")
    monkeypatch.setattr(run, "pip_install", refused)
    with pytest.raises(run.SetupError):
        run.ensure_environment("test")
    run.ensure_environment("app")
    assert installations == ["new environment", "viewer"]


def test_unreadable_stamp_counts_as_none(run: ModuleType, installations: list[str]) -> None:
    run.ensure_environment("app")
    run.stamp_file().write_bytes(b"\xff\xfe\x00")
    assert run.read_stamp() == {}


def test_only_one_set_up_at_a_time(run: ModuleType) -> None:
    with run.SetupLock():
        second = run.SetupLock()
        second._file = (run.ROOT / ".venv.lock").open("a+b")
        assert not second._try()
        second._file.close()
    with run.SetupLock():
        pass


# --- making it -------------------------------------------------------------------------------------------------------


def test_missing_venv_module_names_the_package(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(run.SetupError, match="apt install python3-venv"):
        run.make_venv()


def fake_pip(run: ModuleType, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a small program stand in for the environment's interpreter."""
    program = run.ROOT / "fake.py"
    program.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(run, "venv_python", lambda: program)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a #! line")
@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        ("WARNING: ... broken by NewConnectionError: ...", "connect to a network"),
        ("ERROR: No matching distribution found for x", "its message is above"),
    ],
)
def test_failed_installation_is_summed_up(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], message: str, sentence: str
) -> None:
    fake_pip(run, monkeypatch, f"sys.exit({message!r})")
    with pytest.raises(run.SetupError, match=sentence):
        run.pip_install(frozenset({"viewer"}))
    assert (message in capfd.readouterr().err) == message.startswith("ERROR")


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a script with a #! line")
def test_installation_is_pinned_editable_and_silent_on_stdout(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fake_pip(run, monkeypatch, "print(*sys.argv[1:])")
    run.pip_install(frozenset({"viewer", "dev"}))
    said = capfd.readouterr()
    assert said.out == ""
    assert f"-c {run.CONSTRAINTS} -e .[dev,viewer]" in said.err


# --- system libraries ------------------------------------------------------------------------------------------------


def test_apt_line_is_complete(run: ModuleType) -> None:
    assert run.apt_line(["libegl1", "xvfb"]) == "sudo apt-get install -y --no-install-recommends libegl1 xvfb"


@pytest.fixture
def debian(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Return run.py on a Debian machine with an environment, where nothing may be installed."""
    status = run.ROOT / "dpkg-status"
    status.touch()
    run.VENV.mkdir()
    monkeypatch.setattr(run, "DPKG_STATUS", status)
    monkeypatch.setattr(run, "may_use_apt", lambda: False)
    monkeypatch.setattr(sys, "platform", "linux")
    return run


def test_missing_essential_library_stops_with_the_apt_line(debian: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "missing_packages", lambda job: ["libegl1", "libxcb-icccm4"])
    with pytest.raises(debian.SetupError, match=r"install .* libegl1 libxcb-icccm4"):
        debian.ensure_system_libraries("app", {})


def test_missing_display_library_is_named_and_does_not_stop(
    debian: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(debian, "missing_packages", lambda job: ["libxcb-icccm4"])
    debian.ensure_system_libraries("app", {})
    assert debian.apt_line(["libxcb-icccm4"]) in capsys.readouterr().err
    assert not debian.stamp_file().exists()


def test_missing_libraries_are_installed_where_that_is_allowed(
    debian: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = ["libegl1"]
    monkeypatch.setattr(debian, "missing_packages", lambda job: list(missing))
    monkeypatch.setattr(debian, "may_use_apt", lambda: True)
    monkeypatch.setattr(debian, "apt_install", lambda packages: missing.clear())
    debian.ensure_system_libraries("app", {})
    assert "system_app=" in debian.stamp_file().read_text()


def test_libraries_are_looked_for_again_only_after_a_change(
    debian: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr(debian, "missing_packages", lambda job: looked.append(job) or [])
    debian.venv_python().parent.mkdir(parents=True)
    debian.venv_python().touch()
    for _ in range(2):
        debian.ensure_system_libraries("app", debian.read_stamp())
    assert looked == ["app"]
    os.utime(debian.DPKG_STATUS, ns=(1, 1))
    debian.ensure_system_libraries("app", debian.read_stamp())
    assert looked == ["app", "app"]


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_bring_their_own_libraries(
    debian: ModuleType, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(debian, "missing_packages", lambda job: ["libegl1"])
    debian.ensure_system_libraries("app", {})


# --- the command line ------------------------------------------------------------------------------------------------


@pytest.fixture
def started(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Stand in for the set-up and for the programs that are started; list the latter."""
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(run, "ensure_environment", lambda job: {})
    monkeypatch.setattr(run, "ensure_system_libraries", lambda job, stamp: None)
    monkeypatch.setattr(run, "start", lambda job, args: calls.append((job, args)) or 7)
    return calls


def test_arguments_and_exit_code_are_passed_on(run: ModuleType, started: list[tuple[str, list[str]]]) -> None:
    assert run.main(["test", "-k", "a b", "--slow", "--help"]) == 7
    assert run.main(["app", "--help"]) == 7
    assert started == [("test", ["-k", "a b", "--slow", "--help"]), ("app", ["--help"])]


def test_help_explains_both_commands(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--help"]) == 0
    said = capsys.readouterr()
    assert "run.py app" in said.out
    assert "run.py test" in said.out
    assert said.err == ""


@pytest.mark.parametrize("argv", [[], ["build"]])
def test_unknown_job_is_explained(run: ModuleType, capsys: pytest.CaptureFixture[str], argv: list[str]) -> None:
    assert run.main(argv) == 2
    assert "`app`" in capsys.readouterr().err


def test_old_python_is_told_so(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    assert run.main(["app"]) == 2
    assert "Python 3.11 or newer is needed, and this is 3.9.2" in capsys.readouterr().err


def test_old_python_can_read_the_file() -> None:
    ast.parse(RUN_PY.read_text(encoding="utf-8"), feature_version=(3, 8))


def test_error_is_one_sentence_without_a_traceback(
    run: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(job: str) -> dict[str, str]:
        raise run.SetupError("One sentence.")

    monkeypatch.setattr(run, "ensure_environment", refuse)
    assert run.main(["test"]) == 1
    assert capsys.readouterr().err == "One sentence.\n"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
class TestDisplay:
    def test_snapshot_needs_none(self, run: ModuleType) -> None:
        assert run.platform_for_app(["--snapshot", "out.png", "record.hea"], {}) == "offscreen"
        assert run.platform_for_app(["--snapshot=out.png"], {}) == "offscreen"

    def test_window_needs_one(self, run: ModuleType) -> None:
        with pytest.raises(run.SetupError, match="There is no display"):
            run.platform_for_app(["record.hea"], {})

    @pytest.mark.parametrize("name", ["DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"])
    def test_choice_is_left_to_qt_where_there_is_one(self, run: ModuleType, name: str) -> None:
        assert run.platform_for_app(["record.hea"], {name: "something"}) is None
        assert run.platform_for_app(["--snapshot", "out.png"], {name: "something"}) is None

    def test_help_needs_none(self, run: ModuleType) -> None:
        assert run.platform_for_app(["--help"], {}) is None


def test_starts_from_a_plain_interpreter_without_site_packages() -> None:
    """Nothing but the standard library: -I -S hides everything that was installed."""
    command = [sys.executable, "-I", "-S", str(RUN_PY), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
