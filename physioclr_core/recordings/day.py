"""What is known of a whole long recording: beats, heart rate by the minute, events. Plain data that is kept on disk."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.files import replaced

MINUTE_S = 60.0
_ARRAYS = ("r_samples", "classes", "follows", "rate_bpm")


@dataclass(frozen=True, slots=True)
class RhythmEvent:
    """Something that a reader may want to look at; a candidate, not a diagnosis.

    Attributes
    ----------
    kind : str
        In words, the same for all of its kind: "pause", "wide run", "gap", ...
    start_s, duration_s : float
        From the recording's first sample; a duration of 0 is a point in time.
    detail : str
        What was measured, or the file's own words.
    is_of_file : bool
        Whether the file says so, rather than this program.
    """

    kind: str
    start_s: float
    duration_s: float
    detail: str = ""
    is_of_file: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Day:
    """What was found in a long recording.

    Attributes
    ----------
    fs_hz : float
    n_samples : int
        Length of the recording.
    lead_names : tuple of str
        The leads that beats were looked for in.
    r_samples, classes, follows : ndarray
        As in ``Beats``.
    rate_bpm : ndarray of float32, shape (n_minutes,)
        Mean ventricular rate of each minute, NaN where it is not measurable.
    events : tuple of RhythmEvent
        In order of time.
    reason : str
        Why there are no beats; empty otherwise.
    """

    fs_hz: float
    n_samples: int
    lead_names: tuple[str, ...]
    r_samples: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int8]
    follows: npt.NDArray[np.bool_]
    rate_bpm: npt.NDArray[np.float32]
    events: tuple[RhythmEvent, ...]
    reason: str = ""

    def save(self, path: Path) -> None:
        """Keep it in a file, whole or not at all."""
        facts = {
            "fs_hz": self.fs_hz,
            "n_samples": self.n_samples,
            "lead_names": self.lead_names,
            "reason": self.reason,
            "events": [asdict(event) for event in self.events],
        }
        text = np.frombuffer(json.dumps(facts).encode(), np.uint8)
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, facts=text, **{name: getattr(self, name) for name in _ARRAYS})
        with replaced(path) as file:
            file.write(content.getvalue())


def load_day(path: Path) -> Day | None:
    """Return what is kept in a file; None where there is none or it is damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in _ARRAYS}
            facts = json.loads(kept["facts"].tobytes())
        n_beats = len(arrays["r_samples"])
        if any(len(arrays[name]) != n_beats for name in ("classes", "follows")):
            return None
        return Day(
            fs_hz=float(facts["fs_hz"]),
            n_samples=int(facts["n_samples"]),
            lead_names=tuple(facts["lead_names"]),
            events=tuple(RhythmEvent(**event) for event in facts["events"]),
            reason=str(facts["reason"]),
            **arrays,
        )
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile):
        return None
