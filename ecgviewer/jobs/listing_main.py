"""A process that fills a worklist: searches folders, reads records and sends a summary of each. No Qt.

One JSON object a line on stdin, one or more a line on stdout:

``{"find": [path, ...]}`` is answered by ``{"found": [path, ...]}`` as records are found, and at the end by
``{"searched": true, "n_ignored": n, "faults": [sentence, ...]}``.

``{"read": path, "files": [...], "stamp": text}`` is answered by ``{"read": path, ...}`` with ``summary`` and
``stamp``, or ``error``, or ``unchanged`` where the named files still have that stamp, or ``no_ecg`` where the file
turns out to be of something else.

It ends when stdin closes, so it cannot outlive the window. A file that takes it down takes nothing else with it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from physioclr_core.errors import NoEcgError, UserFacingError
from physioclr_core.readers.search import search_dropped
from physioclr_core.readers.summary import summarise
from physioclr_core.record import SignalSource
from physioclr_core.recordings.opening import open_record

FOUND_AT_ONCE = 200
FOUND_AFTER_S = 0.1
# The window's process comes first.
NICENESS = 5


def main() -> int:
    """Answer until stdin closes; return the exit code."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints there must not look like an answer
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        _say(output, {"ready": True})
        for line in sys.stdin.buffer:
            request = json.loads(line)
            if "find" in request:
                _find([Path(path) for path in request["find"]], output)
            else:
                _say(output, _read(request))
    except BrokenPipeError:
        return 0  # the window is gone
    return 0


def _say(output: BinaryIO, answer: dict[str, Any]) -> None:
    output.write(json.dumps(answer).encode() + b"\n")
    output.flush()


def _find(paths: list[Path], output: BinaryIO) -> None:
    n_ignored = 0
    faults: list[str] = []
    batch: list[str] = []
    said_s = time.monotonic()

    def ignore(path: Path) -> None:
        nonlocal n_ignored
        n_ignored += 1

    def refuse(path: Path, error: OSError) -> None:
        faults.append(f"{path.name}: cannot be searched ({error.strerror}).")

    for path in search_dropped(paths, ignore, refuse):
        batch.append(str(path))
        now_s = time.monotonic()
        if len(batch) >= FOUND_AT_ONCE or now_s - said_s > FOUND_AFTER_S:
            _say(output, {"found": batch})
            batch, said_s = [], now_s
    _say(output, {"found": batch})
    _say(output, {"searched": True, "n_ignored": n_ignored, "faults": faults})


def _read(request: dict[str, Any]) -> dict[str, Any]:
    path = Path(request["read"])
    stamp = request.get("stamp")
    if stamp and stamp_of(request["files"]) == stamp:
        return {"read": str(path), "unchanged": True}
    first = _read_once(path)
    if not first.pop("is_in_doubt"):
        return first
    # A file that was written to while it was read is read once more.
    second = _read_once(path)
    if second.pop("is_in_doubt") and second.get("stamp") != first.get("stamp"):
        return {"read": str(path), "error": f"{path.name}: changes while it is read; rescan once it is complete."}
    return second


def _read_once(path: Path) -> dict[str, Any]:
    began_ns = time.time_ns()
    before = stamp_of([str(path)])
    result = read_or_error(path)
    if isinstance(result, NoEcgError):
        return {"read": str(path), "no_ecg": True, "is_in_doubt": False}
    if isinstance(result, UserFacingError):
        return {"read": str(path), "error": str(result), "is_in_doubt": stamp_of([str(path)]) != before}
    summary = summarise(result)
    is_in_doubt = stamp_of([str(path)]) != before or any(_changed_ns(file) > began_ns for file in summary.files)
    return {
        "read": str(path),
        "summary": summary.to_dict(),
        "stamp": stamp_of(list(summary.files)),
        "is_in_doubt": is_in_doubt,
    }


def read_or_error(path: Path) -> SignalSource | UserFacingError:
    """Read a record, of a long one what its headers say; return the error, one sentence, where it fails."""
    try:
        return open_record(path)
    except UserFacingError as error:
        return error
    except Exception as error:  # noqa: BLE001 (a fault in a reader is the error of one file)
        return UserFacingError(f"{path.name}: reading failed unexpectedly ({type(error).__name__}: {error}).")


def stamp_of(files: list[str]) -> str:
    """Return sizes and times of files as a text that changes when one of them does; empty where one is missing."""
    try:
        states = [Path(file).stat() for file in files]
    except OSError:
        return ""
    return " ".join(f"{state.st_size}:{state.st_mtime_ns}" for state in states)


def _changed_ns(file: str) -> int:
    try:
        return Path(file).stat().st_mtime_ns
    except OSError:
        return 0
