"""From a long recording to everything that is known of it: beats, rates, events; in pieces, with little memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import RecordError
from physioclr_core.physiology.beat_context import follow_without_break
from physioclr_core.physiology.beat_stream import BeatStream, FoundBeats, joined
from physioclr_core.physiology.beats import MIN_FS_HZ, classified, no_beats
from physioclr_core.physiology.events import minute_rates_bpm, rhythm_events
from physioclr_core.physiology.marks import Beats
from physioclr_core.readers.wfdb_annotations import SUFFIXES, read_notes
from physioclr_core.recordings.day import Day, RhythmEvent
from physioclr_core.recordings.source import LongRecording

# Beats are found as well in these as in twelve, in a quarter of the time.
MAX_LEADS = 3
_PREFERRED = ("II", "V5", "V1", "MLII", "I", "V2", "V4", "III", "V3", "V6", "aVF")
PIECE_S = 60.0
REPORT_EVERY_S = 3600.0
# Shorter ones are left to the tracing.
LEAST_GAP_S, LEAST_FLAT_S = 0.5, 5.0
_TIMED = re.compile(r"([+-]?\d+(?:\.\d+)?) s: (.+)", re.DOTALL)

FloatArray = npt.NDArray[np.float32]


class SearchCancelledError(Exception):
    """Nobody waits for the result any more."""


@dataclass(slots=True)
class Spans:
    """Stretches of samples with a property, over the seams of pieces."""

    kind: str
    least: float
    found: list[tuple[int, int, str]] = field(default_factory=list)
    _open: tuple[int, str] | None = None

    def add(self, mask: npt.NDArray[np.bool_], start: int, detail: str = "") -> None:
        """Take the next samples."""
        if not mask.any():
            self.close(start)
            return
        edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0)).reshape(-1, 2).tolist()
        if edges[0][0] > 0:
            self.close(start)
        for first, stop in edges:
            if self._open is None:
                self._open = (start + first, detail)
            if stop < len(mask):
                self.close(start + stop)

    def close(self, at: int) -> None:
        """End the open stretch."""
        if self._open is not None:
            if at - self._open[0] >= self.least:
                self.found.append((self._open[0], at, self._open[1]))
            self._open = None

    def events(self, fs_hz: float) -> list[RhythmEvent]:
        """Return the stretches as events."""
        return [
            RhythmEvent(self.kind, first / fs_hz, (stop - first) / fs_hz, detail) for first, stop, detail in self.found
        ]


def chosen_leads(lead_names: tuple[str, ...]) -> list[int]:
    """Return the rows of the leads that beats are looked for in."""
    known = [lead_names.index(name) for name in _PREFERRED if name in lead_names]
    rest = [row for row in range(len(lead_names)) if row not in known]
    return sorted([*known, *rest][:MAX_LEADS])


def search_day(
    recording: LongRecording,
    on_progress: Callable[[float, FloatArray], object] = lambda done_s, rates_bpm: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Day:
    """Look through a whole recording.

    Parameters
    ----------
    recording : LongRecording
    on_progress : callable
        Gets, about once an hour of the recording, the seconds that are done and the rates of their minutes.
    is_cancelled : callable
        Asked for each minute.

    Returns
    -------
    Day

    Raises
    ------
    RecordError
        If the recording cannot be read to its end.
    SearchCancelledError
        If it was cancelled.
    """
    fs_hz, n_samples = recording.fs_hz, recording.n_samples
    rows = chosen_leads(recording.lead_names)
    gaps = Spans("gap", LEAST_GAP_S * fs_hz)
    lead_gaps = [Spans("lead without signal", LEAST_GAP_S * fs_hz) for _ in recording.lead_names]
    flat = Spans("no signal", LEAST_FLAT_S * fs_hz)
    stream = BeatStream(len(rows), fs_hz) if fs_hz >= MIN_FS_HZ else None
    found: list[FoundBeats] = []
    step, told = round(PIECE_S * fs_hz), 0.0
    for start in range(0, n_samples, step):
        if is_cancelled():
            raise SearchCancelledError
        piece_mv = recording.window_mv(start, min(start + step, n_samples))
        _look_for_signal(piece_mv, start, recording.lead_names, gaps, lead_gaps, flat)
        done_s = (start + piece_mv.shape[1]) / fs_hz
        if stream is not None:
            found.append(stream.push(piece_mv[rows]))
            if done_s - told >= REPORT_EVERY_S:
                told = done_s
                found = [joined(found, len(rows))]
                on_progress(done_s, _rates_so_far(found[0], stream, fs_hz, int(done_s * fs_hz)))
    if stream is None:
        beats = no_beats(fs_hz, n_samples, f"{fs_hz:g} Hz is too slow to find beats")
        confidence = None
    else:
        found.append(stream.finish())
        beats = classified(joined(found, len(rows)), stream.context, fs_hz, n_samples)
        confidence = beats.confidence
    for spans in (gaps, flat, *lead_gaps):
        spans.close(n_samples)
    return Day(
        fs_hz=fs_hz,
        n_samples=n_samples,
        lead_names=tuple(recording.lead_names[row] for row in rows),
        r_samples=beats.r_samples,
        classes=beats.classes,
        follows=beats.follows,
        rate_bpm=minute_rates_bpm(beats.r_samples, beats.follows, fs_hz, n_samples, confidence),
        events=tuple(_all_events(recording, beats, [gaps, flat, *lead_gaps])),
        reason=beats.reason,
    )


def _rates_so_far(found: FoundBeats, stream: BeatStream, fs_hz: float, n_done: int) -> FloatArray:
    follows = follow_without_break(stream.context, found.r_samples, fs_hz)
    return minute_rates_bpm(found.r_samples, follows, fs_hz, n_done, found.confidence)


def _look_for_signal(
    piece_mv: FloatArray, start: int, lead_names: tuple[str, ...], gaps: Spans, lead_gaps: list[Spans], flat: Spans
) -> None:
    """Note where no lead has a sample, where one lead alone has none, and where no lead moves."""
    is_missing = np.isnan(piece_mv)
    none = np.zeros(piece_mv.shape[1], np.bool_)
    if is_missing.any():
        everywhere = np.asarray(is_missing.all(axis=0))
        gaps.add(everywhere, start)
        for row, spans in enumerate(lead_gaps):
            spans.add(is_missing[row] & ~everywhere, start, lead_names[row])
    else:
        gaps.add(none, start)
        for spans in lead_gaps:
            spans.add(none, start)
    moves = np.ones(piece_mv.shape[1], np.bool_)
    # A gap does not compare equal, so it counts as moving here and is a gap there.
    moves[1:] = (piece_mv[:, 1:] != piece_mv[:, :-1]).any(axis=0)
    if piece_mv.shape[1] > 1:
        moves[0] = moves[1]
    flat.add(~moves, start, "no lead moves")


def _all_events(recording: LongRecording, beats: Beats, spans: list[Spans]) -> list[RhythmEvent]:
    found = rhythm_events(beats)
    for each in spans:
        found += each.events(recording.fs_hz)
    found += file_events(recording)
    return sorted(found, key=lambda event: (event.start_s, event.kind))


def file_events(recording: LongRecording) -> list[RhythmEvent]:
    """Return what the recording's files say of times: WFDB annotation files beside it, EDF+ annotations."""
    duration_s, path = recording.duration_s, recording.provenance.path
    found: list[RhythmEvent] = []
    for comment in recording.acquisition.comments:
        timed = _TIMED.fullmatch(comment)
        if timed and 0 <= float(timed[1]) <= duration_s and recording.provenance.format != "WFDB":
            found.append(RhythmEvent("annotation", float(timed[1]), 0.0, timed[2].strip(), is_of_file=True))
    if recording.provenance.format == "WFDB":
        for suffix in SUFFIXES:
            found += _notes(path.with_suffix(suffix), recording.fs_hz, duration_s)
    return found


def _notes(path: Path, fs_hz: float, duration_s: float) -> list[RhythmEvent]:
    if not path.is_file():
        return []
    try:
        notes = read_notes(path)
    except RecordError as error:
        return [RhythmEvent("annotation", 0.0, 0.0, f"not read: {error}", is_of_file=True)]
    found = []
    rhythms = [note for note in notes if note.is_rhythm]
    ends_s = [*(note.sample / fs_hz for note in rhythms[1:]), duration_s][: len(rhythms)]
    for note, end_s in zip(rhythms, ends_s, strict=True):
        start_s = note.sample / fs_hz
        found.append(RhythmEvent("annotation", start_s, end_s - start_s, f"rhythm {note.text}", is_of_file=True))
    found += [
        RhythmEvent("annotation", note.sample / fs_hz, 0.0, note.text, is_of_file=True)
        for note in notes
        if not note.is_rhythm
    ]
    return [event for event in found if 0 <= event.start_s <= duration_s and event.duration_s >= 0]
