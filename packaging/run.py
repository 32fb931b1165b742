#!/usr/bin/env python3
"""Open the app or run the tests from a checkout, and make the environment they need on the way.

    python3 packaging/run.py app  [ARGS]    open the desktop app:  python -m ecgviewer ARGS
    python3 packaging/run.py test [ARGS]    run the tests:         python -m pytest ARGS

The first run makes `.venv` in the project's folder, installs the pinned packages into it, and on Debian and Ubuntu the
system libraries that Qt needs. Later runs start at once. After a change of pyproject.toml or packaging/constraints.txt
the environment is brought up to date; after an interrupted set-up it is made anew. Deleting `.venv` is always safe.

`test --slow` also runs the slow tests. PHYSIOCLR_TEST_DATA names the folder of real ECG records that some tests read.
"""

# Standard library only, and no import that a start with a finished environment can do without: those cost time at
# every start. The syntax stays readable for older Pythons, so that they reach the sentence that says they are too old.
from __future__ import annotations

import os
import sys
from pathlib import Path

MINIMUM_PYTHON = (3, 11)
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CONSTRAINTS = ROOT / "packaging" / "constraints.txt"
DPKG_STATUS = Path("/var/lib/dpkg/status")

MODULES = {"app": "ecgviewer", "test": "pytest"}
# The app opens ECGs without PyTorch, which alone is several times the size of everything else.
EXTRAS = {"app": frozenset({"viewer"}), "test": frozenset({"viewer", "train", "dev"})}

# Debian package -> the file it is wanted for. PySide6 does not import without the first group.
QT_ESSENTIAL = {
    "libegl1": "libEGL.so.1",
    "libgl1": "libGL.so.1",
    "libxkbcommon0": "libxkbcommon.so.0",
    "libdbus-1-3": "libdbus-1.so.3",
    "libfontconfig1": "libfontconfig.so.1",
    "libglib2.0-0": "libglib-2.0.so.0",
}
# Qt's xcb plugin, for a window on an X display. Its own message blames libxcb-cursor0 whichever of them is missing.
QT_DISPLAY = {
    "libxcb-cursor0": "libxcb-cursor.so.0",
    "libxcb-icccm4": "libxcb-icccm.so.4",
    "libxcb-keysyms1": "libxcb-keysyms.so.1",
    "libxcb-image0": "libxcb-image.so.0",
    "libxcb-render-util0": "libxcb-render-util.so.0",
    "libxcb-shape0": "libxcb-shape.so.0",
    "libxcb-xkb1": "libxcb-xkb.so.1",
    "libxkbcommon-x11-0": "libxkbcommon-x11.so.0",
    "libx11-xcb1": "libX11-xcb.so.1",
    "libxcb-randr0": "libxcb-randr.so.0",
    "libxcb-xinerama0": "libxcb-xinerama.so.0",
}
# Programs, for tests that open a window on a virtual display.
TEST_PROGRAMS = {"xvfb": "Xvfb", "xauth": "xauth"}

# On POSIX the children that write into the environment hold its lock too.
CLOSE_FDS = sys.platform == "win32"

NETWORK_SIGNS = (
    "NewConnectionError",
    "ConnectTimeoutError",
    "NameResolutionError",
    "Temporary failure in name resolution",
    "Network is unreachable",
    "ProxyError",
    "ReadTimeoutError",
)


class SetupError(Exception):
    """One sentence for the person who started the command."""


def say(sentence: str) -> None:
    """Tell about the set-up on stderr, so that stdout carries only what the started program prints."""
    sys.stderr.write(sentence + "\n")
    sys.stderr.flush()


# --- the environment's stamp -----------------------------------------------------------------------------------------


def stamp_file() -> Path:
    """File that is written last, so that an environment without it is known to be unfinished."""
    return VENV / "setup-stamp.txt"


def venv_python() -> Path:
    """Interpreter inside the environment."""
    return VENV / "Scripts" / "python.exe" if sys.platform == "win32" else VENV / "bin" / "python"


def read_stamp() -> dict[str, str]:
    """Read the stamp; empty where the environment is missing, unfinished or has lost its interpreter."""
    try:
        text = stamp_file().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    if not venv_python().exists():
        return {}
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def write_stamp(stamp: dict[str, str]) -> None:
    """Replace the stamp in one step; half a stamp would be as bad as half an environment."""
    aside = stamp_file().with_suffix(".part")
    aside.write_text("".join(f"{key}={value}\n" for key, value in sorted(stamp.items())), encoding="utf-8")
    os.replace(aside, stamp_file())  # noqa: PTH105 - one call, and no detour on the fast path


def inputs_digest() -> str:
    """Hash of the two files that decide what is installed."""
    import hashlib

    digest = hashlib.sha256()
    for path in (ROOT / "pyproject.toml", CONSTRAINTS):
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()


def home_of_environment() -> str:
    """Python version and place: an environment works with no other version and from no other place."""
    return "{}.{} {}".format(*sys.version_info[:2], VENV)


def installed_extras(stamp: dict[str, str]) -> frozenset[str]:
    """Extras that a finished environment holds."""
    return frozenset(filter(None, stamp.get("extras", "").split(",")))


def is_current(stamp: dict[str, str], job: str) -> bool:
    """Tell whether the environment needs no change for this job."""
    return (
        stamp.get("home") == home_of_environment()
        and EXTRAS[job] <= installed_extras(stamp)
        and stamp.get("inputs") == inputs_digest()
    )


# --- the Python environment ------------------------------------------------------------------------------------------


def ensure_environment(job: str) -> dict[str, str]:
    """Make, repair or update the environment, if it is not yet what the job needs, and return its stamp."""
    stamp = read_stamp()
    if is_current(stamp, job):
        return stamp
    with SetupLock():
        stamp = read_stamp()
        if is_current(stamp, job):  # another run has just finished it
            return stamp
        return set_up(stamp, job)


class SetupLock:
    """Let one set-up at a time touch the environment.

    The system frees the lock when its last holder ends. On POSIX the installing child inherits it, so that a new run
    does not start over while an orphaned child of a killed one still writes.
    """

    def __enter__(self) -> SetupLock:
        self._file = (ROOT / ".venv.lock").open("a+b")
        if not self._try():
            say("Waiting for another set-up of .venv to end.")
            import time

            while not self._try():
                time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _try(self) -> bool:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.set_inheritable(self._file.fileno(), True)
        except OSError:
            return False
        return True


def set_up(stamp: dict[str, str], job: str) -> dict[str, str]:
    """Bring the environment to what the job needs; called with the lock held."""
    extras = EXTRAS[job]
    if must_rebuild(stamp):
        make_venv()
        size = "up to 4 GB with PyTorch" if "train" in extras else "about 500 MB"
        say(f"Installing the packages into .venv: a download of {size}, unless pip has it cached.")
    else:
        extras |= installed_extras(stamp)
        say("Bringing .venv up to date.")
    # Taken before the installation: what changes meanwhile is for the next run.
    finished = {"home": home_of_environment(), "inputs": inputs_digest(), "extras": ",".join(sorted(extras))}
    previous = stamp_file().read_bytes() if stamp_file().exists() else None
    stamp_file().unlink(missing_ok=True)
    try:
        pip_install(extras)
    except SetupError:
        # pip said no before it changed anything, so what was usable before still is. A killed pip never gets here.
        if previous is not None:
            stamp_file().write_bytes(previous)
        raise
    write_stamp(finished)
    return finished


def must_rebuild(stamp: dict[str, str]) -> bool:
    """Tell whether an update in place would not do."""
    if stamp.get("home") != home_of_environment():
        return True
    # Replacing PySide6 in place leaves files of the old version behind, and the result does not start.
    name = "site-packages/pyside6_essentials-*.dist-info"
    found = [*VENV.glob(f"lib/python3*/{name}"), *VENV.glob(f"Lib/{name}")]
    installed = {path.name.split("-", 1)[1][: -len(".dist-info")] for path in found}
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    pinned = {line.split("==")[1].split(";")[0].strip() for line in lines if line.startswith("pyside6-essentials==")}
    return not installed <= pinned


def make_venv() -> None:
    """Make an empty environment, in place of whatever is there."""
    import importlib.util
    import shutil
    import subprocess

    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise SetupError("This Python cannot make environments: run `apt install python3-venv`, then try again.")
    if VENV.exists() or VENV.is_symlink():
        say("Making .venv anew: it is unfinished, or belongs to another Python or another place.")
        try:
            stamp_file().unlink(missing_ok=True)  # first: half an environment must not look whole
            shutil.rmtree(VENV)
        except OSError as error:
            raise SetupError(f"The old .venv cannot be removed ({error}): close the app, then delete it.") from error
    # From inside an environment, its own interpreter may just have been removed; the one it came from has not.
    python = getattr(sys, "_base_executable", None) or sys.executable
    made = subprocess.run(
        [python, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False, close_fds=CLOSE_FDS
    )
    if made.returncode != 0:
        reason = " ".join((made.stdout + made.stderr).split())
        raise SetupError(f"Python could not make the environment .venv: {reason}")


def pip_install(extras: frozenset[str]) -> None:
    """Install the project, editable, with pinned packages; show pip's messages and sum up a failure."""
    import subprocess

    command = [str(venv_python()), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    if not sys.stderr.isatty():
        command += ["--quiet", "--progress-bar", "off"]
    command += ["-c", str(CONSTRAINTS), "-e", ".[{}]".format(",".join(sorted(extras)))]
    said = []
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        close_fds=CLOSE_FDS,
    ) as pip:
        for line in pip.stderr or ():
            said.append(line)
            if not line.startswith("WARNING:"):  # retries and the like; what comes of them is said in the end
                sys.stderr.write(line)
    if pip.returncode == 0:
        return
    if any(sign in line for line in said for sign in NETWORK_SIGNS):
        raise SetupError("The packages could not be downloaded: connect to a network, then run the same command again.")
    raise SetupError("pip could not install the packages: its message is above.")


# --- the system's libraries ------------------------------------------------------------------------------------------


def ensure_system_libraries(job: str, stamp: dict[str, str]) -> None:
    """On Debian and its relatives, install what Qt needs or name it; elsewhere Qt finds it or says so itself."""
    if sys.platform != "linux" or not DPKG_STATUS.exists():
        return
    # The package database's date stands for "nothing was installed or removed since everything was found".
    key = "system_" + job
    if stamp.get(key) == str(DPKG_STATUS.stat().st_mtime_ns):
        return
    missing = missing_packages(job)
    if missing and may_use_apt():
        say("Installing system libraries for Qt: " + " ".join(missing))
        apt_install(missing)
        missing = missing_packages(job)
    if missing:
        if any(package in QT_ESSENTIAL for package in missing):
            raise SetupError(f"Qt cannot start without libraries that are missing: run `{apt_line(missing)}`.")
        say(f"Libraries for a window on an X display are missing: run `{apt_line(missing)}`.")
        return
    write_stamp({**stamp, key: str(DPKG_STATUS.stat().st_mtime_ns)})


def missing_packages(job: str) -> list[str]:
    """List the packages whose file cannot be found.

    The files are asked for rather than the package names: names differ between releases (libglib2.0-0t64), and a
    library from elsewhere is as good.
    """
    import ctypes
    import shutil

    missing = []
    for package, library in {**QT_ESSENTIAL, **QT_DISPLAY}.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            missing.append(package)
    if job == "test":
        missing += [package for package, program in TEST_PROGRAMS.items() if shutil.which(program) is None]
    return missing


def may_use_apt() -> bool:
    """Tell whether packages can be installed without asking."""
    import shutil

    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_line(packages: list[str]) -> str:
    """Command for a person to install the packages."""
    return "sudo apt-get install -y --no-install-recommends " + " ".join(packages)


def apt_install(packages: list[str]) -> None:
    """Install the packages; fetch the package lists only if that fails without. What is still missing is seen later."""
    import subprocess

    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=300"]
    install = [*apt, "install", "-y", "-qq", "--no-install-recommends", *packages]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (install, [*apt, "update", "-qq"], install):
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode == 0 and command is install:
            return
    say(" ".join(done.stderr.split()))


# --- the two commands ------------------------------------------------------------------------------------------------


def platform_for_app(args: list[str], environment: dict[str, str]) -> str | None:
    """Qt platform to set for the app, None to leave the choice to Qt.

    A snapshot needs no display; a window does, and Qt would abort without one.
    """
    if sys.platform != "linux" or any(environment.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")):
        return None
    if environment.get("QT_QPA_PLATFORM") or any(arg in ("-h", "--help", "--version", "-platform") for arg in args):
        return None
    if any(arg == "--snapshot" or arg.startswith("--snapshot=") for arg in args):
        return "offscreen"
    raise SetupError("There is no display to open a window on: DISPLAY and WAYLAND_DISPLAY are not set.")


def start(job: str, args: list[str]) -> int:
    """Become the program on POSIX, or run it and pass on its exit code."""
    if job == "test":
        os.chdir(ROOT)
    # -P: a stray numpy.py in the folder of someone's ECGs must not be imported.
    command = [str(venv_python()), "-P", "-m", MODULES[job], *args]
    if os.name == "posix":
        sys.stderr.flush()
        os.execv(command[0], command)
    import subprocess

    return subprocess.call(command)


def main(argv: list[str]) -> int:
    """Run the command line; return the exit code."""
    if sys.version_info < MINIMUM_PYTHON:
        wanted, found = (".".join(map(str, version)) for version in (MINIMUM_PYTHON, sys.version_info[:3]))
        say(f"Python {wanted} or newer is needed, and this is {found}: start run.py with a newer one.")
        return 2
    if argv and argv[0] in ("-h", "--help"):
        sys.stdout.write(__doc__ or "")
        return 0
    if not argv or argv[0] not in MODULES:
        say("Say what to run: `app` opens the app, `test` runs the tests, `--help` explains.")
        return 2
    job, args = argv[0], argv[1:]
    try:
        if job == "app":
            platform = platform_for_app(args, dict(os.environ))
            if platform is not None:
                os.environ["QT_QPA_PLATFORM"] = platform
        ensure_system_libraries(job, ensure_environment(job))
        return start(job, args)
    except SetupError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Interrupted: the next run carries on from here.")
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
