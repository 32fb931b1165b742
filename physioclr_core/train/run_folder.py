"""The folder of a training run: configuration, events, status, and a lock with a heartbeat."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from physioclr_core.errors import UserFacingError
from physioclr_core.files import replaced

CONFIG, EVENTS, STATUS, LOCK, PLACES = "config.json", "events.jsonl", "status.json", "lock.json", "places.json"
LAST, BEST = "last.safetensors", "best.safetensors"
HEARTBEAT_S = 5.0
# A lock that nobody has touched for this long belongs to a process that was killed.
STALE_S = 30.0


class RunBusyError(UserFacingError):
    """Another process is training in this folder."""


class RunFolder:
    """One run's folder, owned by one process at a time.

    Parameters
    ----------
    path : Path
        Made where it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserFacingError(f"{path}: the run's folder cannot be made ({error.strerror}).") from None

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """Open the folder of a run that was started before.

        Raises
        ------
        UserFacingError
            If there is none.
        """
        if not (path / CONFIG).is_file():
            raise UserFacingError(f"{path}: no {CONFIG} there; this is not the folder of a run.")
        return cls(path)

    @property
    def last(self) -> Path:
        """Checkpoint from which the run goes on."""
        return self.path / LAST

    @property
    def best(self) -> Path:
        """Averaged weights of the selected epoch."""
        return self.path / BEST

    def claim(
        self,
        recorded: dict[str, Any],
        must_agree: tuple[str, ...],
        completed: Callable[[dict[str, Any]], dict[str, Any]] = lambda before: before,
    ) -> None:
        """Write ``config.json``, or check that the folder holds the same run.

        Parameters
        ----------
        recorded : dict
            JSON values: configuration, data hash, code version.
        must_agree : tuple of str
            Keys that decide the result.
        completed : callable
            Gives what the folder holds with settings that did not exist when it was written.

        Raises
        ------
        UserFacingError
            If the folder holds another run.
        """
        recorded = json.loads(json.dumps(recorded))
        path = self.path / CONFIG
        if not path.exists():
            self._write(path, recorded)
            return
        before = completed(read_json(path))
        differing = [key for key in must_agree if before.get(key) != recorded.get(key)]
        if differing:
            what = ", ".join(f"{key} ({_first_difference(before.get(key), recorded.get(key))})" for key in differing)
            raise UserFacingError(f"{self.path}: this folder holds another run; it differs in {what}.")

    @contextlib.contextmanager
    def owned(
        self,
        recorded: dict[str, Any],
        must_agree: tuple[str, ...],
        places: dict[str, Any],
        is_first: bool = True,
        completed: Callable[[dict[str, Any]], dict[str, Any]] = lambda before: before,
    ) -> Iterator[None]:
        """Claim and lock the folder and keep its status while the block trains.

        Parameters
        ----------
        recorded, must_agree, completed
            As for ``claim``.
        places : dict
            Where data and other runs lie on this machine; kept apart from what the run is.
        is_first : bool
            False in the other processes of a run, which write nothing.

        Raises
        ------
        UserFacingError
            If the folder holds another run, or a living process owns it.
        """
        if not is_first:
            yield
            return
        self.claim(recorded, must_agree, completed)
        with self.locked():
            self._write(self.path / PLACES, places)
            self.status("running")
            try:
                yield
            except UserFacingError as error:
                with contextlib.suppress(OSError):
                    self.status("failed", reason=str(error))
                raise
            except KeyboardInterrupt:
                self.status("interrupted")
                raise
            except BaseException as error:
                with contextlib.suppress(OSError):
                    self.status("failed", reason=type(error).__name__)
                raise
            self.status("finished")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Own the folder while the block runs.

        Raises
        ------
        UserFacingError
            If another process that is alive owns it.
        """
        lock = self.path / LOCK
        if lock.exists():
            try:
                age_s = time.time() - lock.stat().st_mtime
                owner = read_json(lock)
            except (OSError, UserFacingError):
                age_s, owner = STALE_S, {}
            is_ours = owner.get("pid") == os.getpid() and owner.get("host") == socket.gethostname()
            if age_s < STALE_S and not is_ours and not _is_gone(owner):
                raise RunBusyError(f"{self.path}: process {owner.get('pid')} is already training here.")
        self._write(lock, {"pid": os.getpid(), "host": socket.gethostname()})
        done = threading.Event()

        def beat() -> None:
            while not done.wait(HEARTBEAT_S):
                with contextlib.suppress(OSError):
                    lock.touch()

        thread = threading.Thread(target=beat, name="run-heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            lock.unlink(missing_ok=True)

    def event(self, **values: Any) -> None:
        """Append a line to ``events.jsonl``."""
        line = json.dumps({"time": round(time.time(), 3), **values}) + "\n"
        try:
            with (self.path / EVENTS).open("a", encoding="utf-8") as log:
                log.write(line)
        except OSError as error:
            raise UserFacingError(
                f"{self.path}: cannot be written ({error.strerror}); the run can go on later."
            ) from None

    def forget_events_after(self, step: int) -> None:
        """Drop events of steps that will be done again, and half a line that a killed process left."""
        path = self.path / EVENTS
        if not path.exists():
            return
        kept = []
        for line in path.read_text(encoding="utf-8").splitlines():
            with contextlib.suppress(ValueError):
                if json.loads(line).get("step", 0) <= step:
                    kept.append(line + "\n")
        with replaced(path) as file:
            file.write("".join(kept).encode())

    def status(self, state: str, **values: Any) -> None:
        """Replace ``status.json``: running, finished, failed or interrupted."""
        self._write(self.path / STATUS, {"state": state, "time": round(time.time(), 3), **values})

    def _write(self, path: Path, values: dict[str, Any]) -> None:
        with replaced(path) as file:
            file.write((json.dumps(values, indent=2) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read one of a run's JSON files.

    Raises
    ------
    UserFacingError
        If it is missing or damaged.
    """
    try:
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserFacingError(f"{path}: cannot be read ({error.strerror}).") from None
    except ValueError:
        raise UserFacingError(f"{path}: is damaged, it holds no JSON.") from None
    return values


def _is_gone(owner: dict[str, Any]) -> bool:
    """Tell whether a lock's process of this machine has ended."""
    if owner.get("host") != socket.gethostname() or os.name == "nt":
        return False
    try:
        os.kill(int(owner["pid"]), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, KeyError, ValueError):
        return False
    return False


def _first_difference(before: Any, now: Any, name: str = "") -> str:
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            if before.get(key) != now.get(key):
                return _first_difference(before.get(key), now.get(key), f"{name}.{key}" if name else key)
    text = f"{_short(before)} there, {_short(now)} here"
    return f"{name}: {text}" if name else text


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."
