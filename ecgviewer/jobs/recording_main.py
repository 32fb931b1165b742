"""A process that looks through a long recording: beats, rates, events. No Qt.

One JSON object on stdin, ``{"path": ..., "long_samples": n}``; one or more on stdout:
``{"done_s": seconds, "rates": [bpm or null, ...]}`` about once an hour of the recording, then ``{"day": path}``
of what is kept, or ``{"error": sentence}``. It ends when stdin closes, so it cannot outlive the window.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from physioclr_core.errors import UserFacingError
from physioclr_core.physiology.fingerprint import measurement_fingerprint
from physioclr_core.physiology.search_day import SearchCancelledError, search_day
from physioclr_core.recordings.cache import cache_folder, key_of, make_room
from physioclr_core.recordings.day import load_day
from physioclr_core.recordings.opening import open_long

NICENESS = 5


def main() -> int:
    """Answer one request; return the exit code."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints there must not look like an answer
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    line = sys.stdin.buffer.readline()
    if not line.strip():
        return 0
    request = json.loads(line)
    closed = threading.Event()
    threading.Thread(target=_wait_for_end, args=(closed,), daemon=True).start()
    try:
        _say(output, _answer(Path(request["path"]), int(request["long_samples"]), output, closed))
    except (BrokenPipeError, SearchCancelledError):
        return 0  # the window is gone
    except UserFacingError as error:
        _say(output, {"error": str(error)})
    except (OSError, MemoryError) as error:
        _say(output, {"error": f"{Path(request['path']).name}: beats were not looked for ({error})."})
    return 0


def _answer(path: Path, long_samples: int, output: BinaryIO, closed: threading.Event) -> dict[str, Any]:
    recording = open_long(path, long_samples)
    if recording is None:
        return {"error": f"{path.name}: is no long recording any more."}
    beside = [file for suffix in (".atr", ".ari", ".ecg", ".qrs") if (file := path.with_suffix(suffix)).is_file()]
    files = [*recording.provenance.files, *(file for file in beside if file not in recording.provenance.files)]
    folder, what = cache_folder(), measurement_fingerprint("readers", "recordings", "signal")
    kept = folder / f"{key_of(files, what)}.day.npz"
    if load_day(kept) is None:
        day = search_day(
            recording,
            lambda done_s, rates_bpm: _say(output, {"done_s": done_s, "rates": _rates(rates_bpm)}),
            closed.is_set,
        )
        folder.mkdir(parents=True, exist_ok=True)
        day.save(kept)
        make_room(folder, spare=kept)
    return {"day": str(kept)}


def _rates(rates_bpm: np.ndarray) -> list[float | None]:
    return [None if np.isnan(rate) else round(float(rate), 1) for rate in rates_bpm]


def _say(output: BinaryIO, answer: dict[str, Any]) -> None:
    output.write(json.dumps(answer).encode() + b"\n")
    output.flush()


def _wait_for_end(closed: threading.Event) -> None:
    descriptor = os.dup(0)
    while os.read(descriptor, 4096):
        pass
    closed.set()
