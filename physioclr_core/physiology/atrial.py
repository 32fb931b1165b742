"""Whether a record's P waves can be believed as a whole."""

from __future__ import annotations

import numpy as np

from physioclr_core.physiology.marks import Delineation, P, WaveState

# Fewer beats than this say nothing about a rhythm.
MIN_BEATS = 4
# Irregular: half of the RR intervals differ from the one before by more than this share of the median.
IRREGULAR = 0.06
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
    if known.sum() < MIN_BEATS or not (present.any() or (delineation.lead_state[:, :, P] == WaveState.PRESENT).any()):
        return ""
    share = present.sum() / known.sum()
    rr_s = delineation.beats.rr_s
    rr_s = rr_s[np.isfinite(rr_s)]
    steps = np.abs(np.diff(rr_s)) / np.median(rr_s) if len(rr_s) > 2 else np.zeros(1)
    if np.median(steps) > IRREGULAR and share < SHARE_IRREGULAR:
        return f"irregular rhythm with P-like waves before {present.sum()} of {known.sum()} beats only"
    if share < SHARE_REGULAR:
        return f"P-like waves before {present.sum()} of {known.sum()} beats only"
    return ""
