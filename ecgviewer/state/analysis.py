"""What the analysis worker has said about the ECG in sight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from ecgviewer.jobs.protocol import HeartRate, Predictions, Ready, Similar

WorkerKind = Literal["not started", "starting", "ready", "restarting", "stopped"]


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """How the worker is; ``message`` is for a person and empty while all is well."""

    kind: WorkerKind = "not started"
    message: str = ""
    ready: Ready | None = None

    @property
    def device_text(self) -> str:
        """Device, short reason, and model, for the status bar."""
        if self.ready is None:
            return {
                "not started": "model not loaded yet",
                "starting": "loading the model",
                "restarting": "analysis stopped, starting it again",
                "stopped": "no model running",
                "ready": "",
            }[self.kind]
        reason = short_reason(self.ready.device_reason)
        device = f"{self.ready.device} ({reason})" if reason else self.ready.device
        return f"{device}, model {self.ready.fingerprint[:8]} (research use only)"

    @property
    def tooltip(self) -> str:
        """The whole reason, for the status bar's tooltip."""
        if self.ready is None:
            return self.message
        lines = [self.ready.model, f"fingerprint {self.ready.fingerprint}", self.ready.device_reason]
        return "\n".join(line for line in lines if line)


@dataclass(slots=True)
class Analysis:
    """Answers of one job; what is None is still on its way unless ``failure`` says that it will not come.

    ``is_on_demand``: of a long recording, where nothing is asked until the person does; ``window_text`` says of what.
    """

    job: int | None = None
    heart_rate: HeartRate | None = None
    predictions: Predictions | None = None
    similar: Similar | None = None
    thumbnails_uv: npt.NDArray[np.int16] | None = field(default=None, repr=False)
    failure: str | None = None
    is_on_demand: bool = False
    window_text: str = ""

    @property
    def is_complete(self) -> bool:
        """Whether nothing more will come."""
        if self.is_on_demand and self.job is None:
            return True
        answers = (self.heart_rate, self.predictions, self.similar)
        return self.failure is not None or all(answer is not None for answer in answers)

    @property
    def heart_rate_bpm(self) -> float | None:
        """The rate, None where it is unknown or not measurable."""
        return self.heart_rate.bpm if self.heart_rate is not None else None


def short_reason(reason: str, longest: int = 44) -> str:
    """Return the first clause of a reason, cut at a word where it is long."""
    clause = reason
    for stop in (";", ". ", ": ", ", "):
        clause = clause.split(stop)[0]
    clause = clause.strip().rstrip(".")
    if len(clause) <= longest:
        return clause
    return clause[:longest].rsplit(" ", 1)[0] + "…"
