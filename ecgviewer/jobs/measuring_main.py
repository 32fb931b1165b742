"""A process that measures one ECG for its export. No Qt.

On stdin one JSON line, then the samples as float32; on stdout one JSON line, the measurements and the median beat or
``{"error": sentence}``. The window's own process does without the libraries that measure.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from physioclr_core.physiology.exported import computed_reading
from physioclr_core.record import Acquisition, EcgRecord, Patient, Provenance


def main() -> int:
    """Answer one request; return the exit code."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else prints there must not look like an answer
    line = sys.stdin.buffer.readline()
    if not line.strip():
        return 0
    request = json.loads(line)
    signal_mv = np.frombuffer(sys.stdin.buffer.read(), np.float32).reshape(len(request["lead_names"]), -1)
    try:
        answer = measured(request, signal_mv)
    except Exception as error:  # noqa: BLE001  (whatever it is, the window has to know)
        answer = {"error": f"the ECG could not be measured ({type(error).__name__}: {error})."}
    output.write(json.dumps(answer).encode() + b"\n")
    output.flush()
    return 0


def measured(request: dict[str, Any], signal_mv: np.ndarray) -> dict[str, Any]:
    """Return the answer to a request."""
    record = EcgRecord(
        name="",
        signal_mv=signal_mv,
        fs_hz=request["fs_hz"],
        lead_names=tuple(request["lead_names"]),
        patient=Patient(age_years=request["age_years"], sex=request["sex"]),
        acquisition=Acquisition(),
        provenance=Provenance(path=Path(), format=""),
    )
    reading = computed_reading(record)
    median = reading.median
    return {
        "measurements": [[item.name, item.value, item.unit] for item in reading.measurements],
        "median": None
        if median is None
        else {
            "lead_names": median.lead_names,
            "fs_hz": median.fs_hz,
            "signal_mv": base64.b64encode(np.ascontiguousarray(median.signal_mv, np.float32).tobytes()).decode(),
        },
        "how": reading.how,
    }
