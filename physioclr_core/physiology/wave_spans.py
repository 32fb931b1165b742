"""The stretches of time that an explanation speaks of: the waves of every beat, by name and number of the beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.marks import (
    P_OFF,
    P_ON,
    QRS,
    QRS_OFF,
    QRS_ON,
    T_OFF,
    Delineation,
    P,
    T,
    WaveState,
)

# In the order of a beat. "TQ" is the stretch before a beat without a P wave, from the end of T to the QRS complex: in
# atrial fibrillation the fibrillatory waves are there. "ST-T" reaches from the J point to the end of T. "beat" stands
# for a beat whose QRS complex could not be delineated.
WAVE_NAMES = ("P", "TQ", "QRS", "ST-T", "beat")
WAVE_WORDS = {"P": "P waves", "TQ": "T-Q stretches", "QRS": "QRS complexes", "ST-T": "ST-T", "beat": "whole beats"}

# A whole beat begins this share of the RR interval before its R peak, where the T wave before is over.
_BEFORE_R_SHARE = 0.35
_LONGEST_BEFORE_R_S = 0.35
_LONGEST_AFTER_R_S = 0.65
# Where no T wave is known, the stretch before a QRS complex begins after this share of the RR interval.
_T_SHARE = 0.6
_LONGEST_TQ_S = 1.5
_SHORTEST_S = 0.03
# P waves of several leads this near to each other are one; one that a single lead alone has is none.
_SAME_P_S = 0.06
_FEWEST_LEADS = 2


@dataclass(frozen=True, slots=True)
class WaveSpan:
    """One wave, over all leads.

    Attributes
    ----------
    wave : str
        One of ``WAVE_NAMES``.
    beat : int or None
        Number of the beat within the stretch that was asked for, from 1; None for a P wave that leads to no beat.
    start_s, end_s : float
        In seconds from the record's start.
    """

    wave: str
    beat: int | None
    start_s: float
    end_s: float

    @property
    def text(self) -> str:
        """The span in words."""
        if self.beat is None:
            return f"{self.wave} without a beat at {self.start_s:.2f} s"
        return f"beat {self.beat}" if self.wave == "beat" else f"{self.wave} of beat {self.beat}"


def wave_spans(
    delineation: Delineation, start_s: float = 0.0, end_s: float = float("inf")
) -> tuple[tuple[WaveSpan, ...], str]:
    """Return the waves within a stretch of time, in order of time, and why there are none.

    Parameters
    ----------
    delineation : Delineation
        The global marks are used: a wave has one place in all leads.
    start_s, end_s : float
        Spans are cut to this stretch.

    Returns
    -------
    tuple of tuple of WaveSpan, and str
        The reason is empty where there are spans.
    """
    beats = delineation.beats
    found = _other_p(delineation)
    for index in range(len(beats)):
        found += _spans_of_beat(delineation, index)
    cut = [WaveSpan(s.wave, s.beat, max(s.start_s, start_s), min(s.end_s, end_s)) for s in found]
    spans = sorted((s for s in cut if s.end_s - s.start_s >= _SHORTEST_S), key=lambda s: (s.start_s, s.end_s))
    if spans:
        numbers = {beat: k for k, beat in enumerate(sorted({s.beat for s in spans if s.beat is not None}), start=1)}
        return tuple(replace(s, beat=numbers.get(s.beat) if s.beat is not None else None) for s in spans), ""
    return (), beats.reason or "no beat was found in this stretch"


def span_times_s(spans: Sequence[WaveSpan]) -> npt.NDArray[np.float64]:
    """Return start and end of spans in seconds, shape (n_spans, 2)."""
    return np.array([(span.start_s, span.end_s) for span in spans], np.float64).reshape(-1, 2)


def span_groups(spans: Sequence[WaveSpan]) -> dict[str, tuple[int, ...]]:
    """Return spans that are of interest together: all of a wave's name, and all of a beat.

    Returns
    -------
    dict of str to tuple of int
        "all P waves", "beat 3" -> places in ``spans``; in the order of ``WAVE_NAMES``, then of beats.
    """
    groups: dict[str, tuple[int, ...]] = {}
    for name in WAVE_NAMES:
        members = tuple(index for index, span in enumerate(spans) if span.wave == name)
        if members:
            groups[f"all {WAVE_WORDS[name]}"] = members
    for beat in sorted({span.beat for span in spans if span.beat is not None}):
        groups[f"beat {beat}"] = tuple(index for index, span in enumerate(spans) if span.beat == beat)
    return groups


def _spans_of_beat(delineation: Delineation, index: int) -> list[WaveSpan]:
    marks, state = delineation.global_s[index], delineation.global_state[index]
    number = index + 1
    if state[QRS] != WaveState.PRESENT or not np.isfinite(marks[[QRS_ON, QRS_OFF]]).all():
        return [_whole_beat(delineation, index)]
    spans = [WaveSpan("QRS", number, float(marks[QRS_ON]), float(marks[QRS_OFF]))]
    if state[P] == WaveState.PRESENT and np.isfinite(marks[[P_ON, P_OFF]]).all():
        # Marks of different leads may overlap by a sample or two.
        spans.append(WaveSpan("P", number, float(marks[P_ON]), float(min(marks[P_OFF], marks[QRS_ON]))))
    elif state[P] == WaveState.ABSENT:
        start_s = _end_of_t_before(delineation, index)
        if start_s is not None:
            spans.append(WaveSpan("TQ", number, start_s, float(marks[QRS_ON])))
    if state[T] == WaveState.PRESENT and np.isfinite(marks[T_OFF]) and marks[T_OFF] > marks[QRS_OFF]:
        spans.append(WaveSpan("ST-T", number, float(marks[QRS_OFF]), float(marks[T_OFF])))
    return spans


def _end_of_t_before(delineation: Delineation, index: int) -> float | None:
    """Return where the stretch without a P wave before a beat begins; None where the beat before is not known."""
    beats = delineation.beats
    qrs_on_s = float(delineation.global_s[index, QRS_ON])
    if index == 0 or not beats.follows[index]:
        return None
    before, r_s = delineation.global_s[index - 1], beats.r_s
    end_s = float(before[T_OFF])
    if not np.isfinite(end_s) or end_s >= qrs_on_s:
        end_s = float(r_s[index - 1] + _T_SHARE * (r_s[index] - r_s[index - 1]))
    return max(end_s, qrs_on_s - _LONGEST_TQ_S)


def _whole_beat(delineation: Delineation, index: int) -> WaveSpan:
    """Return a beat as a whole, by its distance from the beats beside it."""
    beats = delineation.beats
    r_s, rr_s = beats.r_s, beats.rr_s
    before_s = _BEFORE_R_SHARE * rr_s[index] if np.isfinite(rr_s[index]) else _LONGEST_BEFORE_R_S
    after_s = _LONGEST_AFTER_R_S
    if index + 1 < len(beats) and beats.follows[index + 1]:
        after_s = min(after_s, (1.0 - _BEFORE_R_SHARE) * float(rr_s[index + 1]))
    start_s = max(0.0, float(r_s[index]) - min(float(before_s), _LONGEST_BEFORE_R_S))
    return WaveSpan("beat", index + 1, start_s, min(float(r_s[index]) + after_s, beats.n_samples / beats.fs_hz))


def _other_p(delineation: Delineation) -> list[WaveSpan]:
    """Return P waves that lead to no beat, each of at least two leads (of one where there is but one)."""
    others = delineation.other_p_s
    if not len(others):
        return []
    needed = min(_FEWEST_LEADS, len(delineation.lead_names))
    others = others[np.argsort(others[:, 2], kind="stable")]
    starts = np.flatnonzero(np.diff(others[:, 2], prepend=-np.inf) > _SAME_P_S)
    spans = []
    for cluster in np.split(others, starts[1:]):
        if len(np.unique(cluster[:, 0])) >= needed:
            spans.append(WaveSpan("P", None, float(np.median(cluster[:, 1])), float(np.median(cluster[:, 3]))))
    return spans
