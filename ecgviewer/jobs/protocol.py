"""The messages between the window and the analysis worker.

One JSON object a line; the worker's stdout carries nothing else. Arrays go through ``.npy`` files in a folder that the
window makes and removes, loaded with ``allow_pickle=False``. Every request has a job number; an answer whose job the
window no longer waits for is dropped.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, get_args


@dataclass(frozen=True, slots=True)
class Analyse:
    """Ask for predictions, neighbours and heart rate of one ECG.

    ``signal`` names a ``.npy`` file: float32, mV, shape (n_leads, n_samples).
    """

    kind: ClassVar[str] = "analyse"
    job: int
    signal: str
    fs_hz: float
    lead_names: list[str]
    record: str
    patient_id: str | None = None
    k: int = 10


@dataclass(frozen=True, slots=True)
class OpenLibraryRecord:
    """Ask for the waveform of one entry of the reference library; it is written to ``signal``."""

    kind: ClassVar[str] = "open_library_record"
    job: int
    entry: int
    signal: str


@dataclass(frozen=True, slots=True)
class Explain:
    """Ask what in one ECG speaks for a statement.

    ``signal`` as in ``Analyse``. Of several windows the one that shares most with ``in_sight_s`` is explained.
    """

    kind: ClassVar[str] = "explain"
    job: int
    code: str
    signal: str
    fs_hz: float
    lead_names: list[str]
    record: str
    in_sight_s: list[float]


@dataclass(frozen=True, slots=True)
class Cancel:
    """A job is no longer waited for; one that can stop half way does."""

    kind: ClassVar[str] = "cancel"
    job: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The worker has loaded model and library.

    ``device`` is read from the running session ("CUDA" or "CPU"); ``device_reason`` says why it is not the GPU and
    what would help, empty on a GPU. ``model`` is the name and version, ``fingerprint`` the manifest's.
    """

    kind: ClassVar[str] = "ready"
    device: str
    device_reason: str
    model: str
    fingerprint: str
    n_library: int
    attribution: str
    model_card: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A job (or, without a job, the start) ended in an error; ``message`` is for a person."""

    kind: ClassVar[str] = "failed"
    message: str
    job: int | None = None


@dataclass(frozen=True, slots=True)
class HeartRate:
    """Mean ventricular rate; None where it could not be measured, with the reason."""

    kind: ClassVar[str] = "heart_rate"
    job: int
    bpm: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One statement as the model sees it.

    ``threshold`` is None where fewer than ten positives were there to set it (``n_positive``).
    ``group`` is one of Rhythm, Conduction, Infarction, ST/T, Hypertrophy, Normal, Form, or, for a label that is none of
    the 71 statements, Other. ``is_in_set`` is None where the model has no prediction sets.
    """

    code: str
    description: str
    group: str
    probability: float
    threshold: float | None
    n_positive: int
    is_urgent: bool
    is_in_set: bool | None = None


@dataclass(frozen=True, slots=True)
class Predictions:
    """Calibrated probabilities, or why there are none ("not assessed": ``reason``).

    ``findings`` holds all statements in the order of the panel. ``n_windows`` ten-second windows were averaged;
    ``most_abnormal_window_s`` is (start, end) of the most abnormal of them where there are several.

    What the model's bundle does not ship is None: ``set_level``, the share of an ECG's statements that prediction sets
    hold in the mean; ``set_right``, the share of the statements in sets of about this size that apply; ``abstention``,
    why the model abstains (its set is "empty" or "too large", or the ECG is "unlike" those it learnt from), empty where
    it does not; ``distance`` to the ECGs that the model learnt from, and the ``distance_limit`` beyond which an ECG is
    unlike them.
    """

    kind: ClassVar[str] = "predictions"
    job: int
    reason: str | None
    findings: list[Finding]
    n_windows: int
    most_abnormal_window_s: list[float] | None
    set_level: float | None = None
    set_right: float | None = None
    abstention: str | None = None
    distance: float | None = None
    distance_limit: float | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a neighbour and the record measure alike: the cosine of each block of features, None where not known.

    ``alike`` and ``unlike`` name the features that speak most for and against it.
    """

    blocks: dict[str, float | None]
    alike: list[str]
    unlike: list[str]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One ECG of the reference library; ``likeness`` is None where it was not compared."""

    entry: int
    record: str
    distance: float
    statements: list[str]
    age_years: float | None
    over_89: bool
    sex: str | None
    likeness: Likeness | None = None


@dataclass(frozen=True, slots=True)
class Similar:
    """The nearest ECGs, or why there are none.

    ``thumbnails`` names a ``.npy`` file: int16, microvolts, lead II, shape (n_neighbours, n_samples) at
    ``thumbnail_fs_hz``. ``left_out`` says in words what was excluded. ``is_close`` is False where the nearest is
    farther than ``limit_distance``, the library's own 99th percentile of nearest distances.
    """

    kind: ClassVar[str] = "similar"
    job: int
    reason: str | None
    neighbours: list[Neighbour]
    left_out: list[str]
    is_close: bool
    limit_distance: float
    thumbnails: str | None
    thumbnail_fs_hz: float


@dataclass(frozen=True, slots=True)
class LibraryRecord:
    """The waveform that was asked for is in ``signal``: float32, mV, shape (n_leads, n_samples)."""

    kind: ClassVar[str] = "library_record"
    job: int
    signal: str
    fs_hz: float
    lead_names: list[str]
    neighbour: Neighbour


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is."""

    kind: ClassVar[str] = "progress"
    job: int
    n_done: int
    n_all: int


@dataclass(frozen=True, slots=True)
class Wave:
    """A wave's place in all leads; ``wave`` is one of P, TQ, QRS, ST-T, beat. ``beat`` counts within the window."""

    wave: str
    beat: int | None
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Without:
    """The probability that is left when all waves of a kind are taken out of all leads."""

    waves: str
    probability: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """What each wave in each lead adds to a statement's logit, or why that is not known (``reason``).

    ``effects`` names a ``.npy`` file: float32, shape (n_leads, n_waves); positive speaks for the statement, NaN is not
    known. ``probability`` is that of the window ``window_s``, one of ``n_windows``; ``without_strongest`` is what the
    one wave in the one lead that speaks most for the statement leaves of it when it is taken out.
    """

    kind: ClassVar[str] = "explanation"
    job: int
    code: str
    reason: str | None
    effects: str | None
    lead_names: list[str]
    waves: list[Wave]
    without: list[Without]
    probability: float | None
    without_strongest: float | None
    window_s: list[float] | None
    n_windows: int


Message = (
    Analyse
    | OpenLibraryRecord
    | Explain
    | Cancel
    | Ready
    | Failed
    | HeartRate
    | Predictions
    | Similar
    | LibraryRecord
    | Progress
    | Explanation
)
Request = Analyse | OpenLibraryRecord | Explain
_KINDS: dict[str, type[Any]] = {kind.kind: kind for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    """Return the message as one line of JSON (NaN is refused)."""
    return json.dumps({"kind": message.kind, **asdict(message)}, allow_nan=False).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message of one line.

    Raises
    ------
    ValueError
        If the line is not JSON, names no known kind, or its fields are not exactly those of the kind.
    """
    values = json.loads(line)
    kind = _KINDS.get(str(values.pop("kind", ""))) if isinstance(values, dict) else None
    if kind is None or set(values) != {field.name for field in fields(kind)}:
        raise ValueError(f"not a message of this protocol: {line[:80]!r}")
    try:
        if kind is Predictions:
            values["findings"] = [Finding(**finding) for finding in values["findings"]]
        if kind is Similar:
            values["neighbours"] = [_neighbour(neighbour) for neighbour in values["neighbours"]]
        if kind is LibraryRecord:
            values["neighbour"] = _neighbour(values["neighbour"])
        if kind is Explanation:
            values["waves"] = [Wave(**wave) for wave in values["waves"]]
            values["without"] = [Without(**without) for without in values["without"]]
    except TypeError as error:
        raise ValueError(f"not a message of this protocol: {error}") from None
    message: Message = kind(**values)
    return message


def _neighbour(values: Any) -> Neighbour:
    if not isinstance(values, dict):
        raise TypeError("a neighbour has named fields")
    likeness = values.get("likeness")
    return Neighbour(**{**values, "likeness": Likeness(**likeness) if likeness is not None else None})
