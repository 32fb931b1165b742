"""A stand-in for the analysis worker that speaks its protocol and misbehaves on request.

``python fake_worker.py MODE FOLDER``: every start leaves a line in FOLDER/starts, every job one in FOLDER/jobs.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
from viewer_doubles import READY, heart_rate, neighbours, predictions, similar

from ecgviewer.jobs.protocol import Analyse, Failed, LibraryRecord, OpenLibraryRecord, decode, encode


def _note(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text + "\n")


def _send(message: object) -> None:
    sys.stdout.buffer.write(encode(message))  # type: ignore[arg-type]
    sys.stdout.buffer.flush()


def main() -> int:
    mode, folder = sys.argv[1], Path(sys.argv[2])
    _note(folder / "starts", str(os.getpid()))
    n_starts = len((folder / "starts").read_text().splitlines())
    if mode == "refuses":
        _send(Failed(message="the model is missing: install it"))
        return 1
    if mode == "ignores the end":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _send(READY)
    for line in sys.stdin.buffer:
        request = decode(line)
        _note(folder / "jobs", f"{n_starts} {getattr(request, 'job', '')}")
        if mode == "crashes" or (mode == "crashes once" and n_starts == 1):
            sys.stderr.write("about to crash\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGSEGV)
        if mode == "prints" and n_starts == 1:
            sys.stdout.write("not a message\n")
            sys.stdout.flush()
        if mode == "hangs" or (mode == "hangs once" and n_starts == 1):
            time.sleep(600)
        if mode == "slow":
            time.sleep(0.3)
        if isinstance(request, Analyse):
            assert np.load(request.signal).shape[0] == len(request.lead_names)
            thumbnails = Path(request.signal).with_suffix(".thumbnails.npy")
            np.save(thumbnails, np.zeros((10, 100), dtype=np.int16))
            _send(heart_rate(request.job))
            _send(predictions(request.job))
            _send(similar(request.job, thumbnails))
        elif isinstance(request, OpenLibraryRecord):
            np.save(request.signal, np.zeros((12, 1000), dtype=np.float32))
            names = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
            _send(LibraryRecord(request.job, request.signal, 100.0, names, neighbours()[request.entry]))
    if mode == "ignores the end":
        time.sleep(600)
    return 0


if __name__ == "__main__":
    sys.exit(main())
