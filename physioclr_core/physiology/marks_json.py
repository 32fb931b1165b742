"""Marks as plain JSON values."""

from __future__ import annotations

from typing import Any

import numpy as np

from physioclr_core.physiology.marks import FIDUCIALS, WAVES, Delineation, WaveState


def as_samples(delineation: Delineation, fs_hz: float) -> dict[str, Any]:
    """Return the marks of every lead as sample indices, lead names in lower case; P waves without a beat included.

    Beside them the global marks and states, one entry a beat and ``None`` where there is no mark; which leads were not
    looked at, and why P is not reported.
    """
    leads: dict[str, dict[str, list[float]]] = {}
    for row, name in enumerate(delineation.lead_names):
        marks = {}
        for column, fiducial in enumerate(FIDUCIALS):
            times_s = delineation.lead_s[row, :, column]
            if column < 3:
                others = delineation.other_p_s
                times_s = np.concatenate([times_s, others[others[:, 0] == row, 1 + column]])
            times_s = np.sort(times_s[np.isfinite(times_s)])
            marks[fiducial] = np.round(times_s * fs_hz, 2).tolist()
        leads[name.lower()] = marks
    beats: list[dict[str, Any]] = []
    for marks_s, states, confidence in zip(
        delineation.global_s, delineation.global_state, delineation.global_confidence, strict=True
    ):
        beats.append(
            {
                "marks": {name: _known(value * fs_hz) for name, value in zip(FIDUCIALS, marks_s, strict=True)},
                "confidence": {name: _known(value) for name, value in zip(FIDUCIALS, confidence, strict=True)},
                "states": {
                    name: WaveState(state).name.lower().replace("_", " ")
                    for name, state in zip(WAVES, states, strict=True)
                },
            }
        )
    return {
        "fs_hz": fs_hz,
        "resolution_ms": delineation.resolution_ms,
        "leads": leads,
        "global": beats,
        "not_measurable_leads": {
            name: reason
            for name, reason in zip(delineation.lead_names, delineation.lead_reasons, strict=True)
            if reason
        },
        "p_reason": delineation.p_reason,
    }


def _known(value: float) -> float | None:
    return round(float(value), 2) if np.isfinite(value) else None
