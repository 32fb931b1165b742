"""What this program measures of an ECG that is exported, asked of a process of its own. Waits: not for Qt's thread."""

from __future__ import annotations

import base64
import contextlib
import json
import subprocess
from collections.abc import Callable

import numpy as np

from ecgviewer.jobs.own_command import own_command
from physioclr_core.errors import UserFacingError
from physioclr_core.record import DeviceMeasurement, MedianBeat, SignalSource
from physioclr_core.writers.computed import LONGEST_S, NOT_MEASURED, ComputedReading

_ASK_EVERY_S = 0.1


class NotMeasuredError(UserFacingError):
    """The process that measures ended without an answer, or with a fault."""


def measure(record: SignalSource, is_cancelled: Callable[[], bool] = lambda: False) -> ComputedReading | None:
    """Return this program's measurements and median beat; None once cancelled.

    Parameters
    ----------
    record : SignalSource
        Of one above ``LONGEST_S`` nothing is read.
    is_cancelled : callable
        Asked ten times a second.

    Raises
    ------
    NotMeasuredError
        If there is no answer.
    """
    if record.duration_s > LONGEST_S:
        return NOT_MEASURED
    patient = record.patient
    head = {
        "fs_hz": record.fs_hz,
        "lead_names": record.lead_names,
        "age_years": patient.age_years,
        "sex": patient.sex,
    }
    samples = np.ascontiguousarray(record.window_mv(0, record.n_samples), np.float32)
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    with subprocess.Popen(
        own_command("--measure"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, creationflags=hidden
    ) as process:
        _give(process, json.dumps(head).encode() + b"\n" + samples.tobytes())
        while True:
            try:
                output, _ = process.communicate(timeout=_ASK_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                if is_cancelled():
                    process.kill()
                    return None
    try:
        answer = json.loads(output)
    except ValueError:
        raise NotMeasuredError("The ECG could not be measured: the process that measures ended unexpectedly.") from None
    if "error" in answer:
        raise NotMeasuredError(f"Nothing was written: {answer['error']}")
    median = answer["median"]
    beat = None
    if median is not None:
        names = tuple(median["lead_names"])
        samples_mv = np.frombuffer(base64.b64decode(median["signal_mv"]), np.float32).reshape(len(names), -1)
        beat = MedianBeat(samples_mv, median["fs_hz"], names)
    return ComputedReading(tuple(DeviceMeasurement(*item) for item in answer["measurements"]), beat, answer["how"])


def _give(process: subprocess.Popen[bytes], data: bytes) -> None:
    """Write all of a request: ``communicate`` loses what is not written when it is first interrupted."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as stdin:
        stdin.write(data)
    process.stdin = None
