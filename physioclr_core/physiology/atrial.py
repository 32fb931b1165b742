"""Whether a record's P waves can be believed as a whole."""

from __future__ import annotations

import numpy as np

from physioclr_core.physiology.beat_classes import IRREGULAR
from physioclr_core.physiology.marks import Delineation, P, WaveState

# Fewer beats than this say nothing about a rhythm.
MIN_BEATS = 4
# In an irregular rhythm P waves are believed from this share of beats on; in a regular one from that.
SHARE_IRREGULAR = 0.6
SHARE_REGULAR = 0.2


def p_wave_objection(delineation: Delineation) -> str:
    """Return why the P waves found are not to be reported, empty where they are.

    In atrial fibrillation single fibrillatory waves look like P waves. A rhythm without pattern in which most beats
    have no P wave has none at all; nor has a regular rhythm in which hardly a beat has one.

    Parameters
    ----------
    delineation : Delineation
        As found.
    """
    known = delineation.global_state[:, P] != WaveState.NOT_MEASURABLE
    present = delineation.global_state[:, P] == WaveState.PRESENT
    if known.sum() < MIN_BEATS or not (delineation.lead_state[:, :, P] == WaveState.PRESENT).any():
        return ""
    share = present.sum() / known.sum()
    if is_irregular(delineation) and share < SHARE_IRREGULAR:
        return f"irregular rhythm with P-like waves before {present.sum()} of {known.sum()} beats only"
    if share < SHARE_REGULAR:
        return f"P-like waves before {present.sum()} of {known.sum()} beats only"
    return ""


def fibrillates(delineation: Delineation) -> bool:
    """Return whether the rhythm is irregular and most beats have no P wave: no beat in it is premature."""
    known = delineation.global_state[:, P] != WaveState.NOT_MEASURABLE
    present = delineation.global_state[:, P] == WaveState.PRESENT
    few_p = known.sum() >= MIN_BEATS and present.sum() < SHARE_IRREGULAR * known.sum()
    return bool(few_p) and is_irregular(delineation)


def is_irregular(delineation: Delineation) -> bool:
    """Return whether RR intervals vary from beat to beat throughout."""
    rr_s = delineation.beats.rr_s
    rr_s = rr_s[np.isfinite(rr_s)]
    return len(rr_s) > 2 and bool(np.median(np.abs(np.diff(rr_s))) > IRREGULAR * np.median(rr_s))
