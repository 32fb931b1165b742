"""The mean electrical axes of P, QRS and T in the frontal plane."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, degrees, hypot, isfinite, nan, sqrt

import numpy as np
import numpy.typing as npt

from physioclr_core.leads import LIMB_LEADS, derive_limb_leads
from physioclr_core.physiology.lead_measures import LeadMeasures
from physioclr_core.physiology.marks import P_OFF, P_ON, QRS_OFF, QRS_ON, T_OFF, T_ON
from physioclr_core.physiology.median_beat import MedianBeat

Float64Array = npt.NDArray[np.float64]

# An axis that may point a third of a right angle elsewhere is none.
MAX_UNCERTAINTY_DEG = 30.0
# A net area this small beside the area without regard to sign: the deflections cancel in every limb lead.
MIN_NET_SHARE = 0.1
# How far the level before QRS may be off whatever the noise: one digit of most recorders.
_LEVEL_MV = 0.005
_UVS = 1000.0
_SPANS = {"p": (P_ON, P_OFF), "qrs": (QRS_ON, QRS_OFF), "t": (T_ON, T_OFF)}


@dataclass(frozen=True, slots=True)
class Axis:
    """A direction in the frontal plane.

    Attributes
    ----------
    deg : float
        0 to the left of the patient, 90 downwards, above -180 up to 180; NaN where undetermined.
    uncertainty_deg : float
        Standard uncertainty from the noise of the median beat and its level; NaN where there is no vector.
    length_uvs : float
        Length of the vector of net areas in uV s.
    reason : str
        Why ``deg`` is NaN; empty otherwise.
    """

    deg: float
    uncertainty_deg: float
    length_uvs: float
    reason: str = ""


def frontal_axis_deg(lead_i: float, lead_avf: float) -> float:
    """Return the direction of a vector by its projections on leads I and aVF.

    An augmented lead is shorter than a bipolar one by sqrt(3) / 2, so the axis is atan2(2 aVF / sqrt(3), I)
    (Surawicz B et al., AHA/ACCF/HRS part III. Circulation 2009;119:e235-e240, for the convention).

    Parameters
    ----------
    lead_i, lead_avf : float
        Net areas, in the same unit.

    Returns
    -------
    float
        Degrees, above -180 up to 180; NaN where either is NaN or both are 0.
    """
    if not (isfinite(lead_i) and isfinite(lead_avf)) or lead_i == lead_avf == 0:
        return nan
    angle = degrees(atan2(2.0 * lead_avf / sqrt(3.0), lead_i))
    return 180.0 if angle == -180.0 else angle


def frontal_axes(median: MedianBeat, measures: LeadMeasures) -> dict[str, Axis]:
    """Return the axes of P, QRS and T from the net areas of the median beat.

    Parameters
    ----------
    median : MedianBeat
    measures : LeadMeasures
        Of the same beat.

    Returns
    -------
    dict of str to Axis
        "p", "qrs", "t".

    Notes
    -----
    Any two limb leads do. The uncertainty takes the noise of the median beat and a level that is off by 5 uV as the
    same over the whole wave, the worst case for an area, and propagates it: for (x, y) of length r,
    sqrt((y u(x))^2 + (x u(y))^2) / r^2.
    """
    error_mv = np.hypot(np.nan_to_num(median.standard_error_mv), _LEVEL_MV)
    axes = {}
    for wave, area in (("p", measures.p_area_uvs), ("qrs", measures.qrs_area_uvs), ("t", measures.t_area_uvs)):
        start, end = _SPANS[wave]
        duration_s = float(median.global_s[end] - median.global_s[start])
        if not isfinite(duration_s) and wave == "t":
            duration_s = float(median.global_s[T_OFF] - median.global_s[QRS_OFF])
        total = measures.qrs_abs_area_uvs if wave == "qrs" else None
        axes[wave] = _axis(measures.lead_names, area, error_mv * duration_s * _UVS, total)
    return axes


def _axis(
    lead_names: tuple[str, ...],
    area_uvs: Float64Array,
    uncertainty_uvs: Float64Array,
    total_uvs: Float64Array | None,
) -> Axis:
    rows = [row for row, name in enumerate(lead_names) if name in LIMB_LEADS]
    if len(rows) < 2:
        return Axis(nan, nan, nan, "fewer than two limb leads")
    rows = [row for row in rows if isfinite(area_uvs[row])]
    if len(rows) < 2:
        return Axis(nan, nan, nan, "not measurable in two limb leads")
    areas = {lead_names[row]: area_uvs[row : row + 1].astype(np.float32) for row in rows}
    areas |= derive_limb_leads(areas)
    x, y = float(areas["I"][0]), 2.0 * float(areas["aVF"][0]) / sqrt(3.0)
    length = hypot(x, y)
    if length == 0:
        return Axis(nan, nan, 0.0, "no net deflection")
    spread = float(np.mean(uncertainty_uvs[rows]))
    ux, uy = spread, 2.0 * spread / sqrt(3.0)
    uncertainty_deg = degrees(hypot(y * ux, x * uy) / length**2)
    if total_uvs is not None and length < MIN_NET_SHARE * float(np.mean(total_uvs[rows])):
        return Axis(nan, uncertainty_deg, length, "undetermined: the deflections cancel in the limb leads")
    if not uncertainty_deg <= MAX_UNCERTAINTY_DEG:
        return Axis(nan, uncertainty_deg, length, "undetermined: the deflection is too small")
    return Axis(frontal_axis_deg(x, float(areas["aVF"][0])), uncertainty_deg, length)
