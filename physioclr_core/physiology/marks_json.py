"""Marks as plain JSON values."""

from __future__ import annotations

from typing import Any

import numpy as np

from physioclr_core.physiology.marks import FIDUCIALS, Delineation


def as_samples(delineation: Delineation, fs_hz: float) -> dict[str, Any]:
    """Return the marks of every lead as sample indices, lead names in lower case; P waves without a beat included."""
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
    return {"fs_hz": fs_hz, "resolution_ms": delineation.resolution_ms, "leads": leads}
