"""Features of repolarisation: QT, the ST segment, and size, shape and direction of T."""

from __future__ import annotations

import math

import numpy as np

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.features import references as ref
from physioclr_core.physiology.features.conduction import part_of_median
from physioclr_core.physiology.features.inputs import (
    AVF,
    AVL,
    AVR,
    II,
    III,
    INTERVALS,
    NAN,
    V1,
    V2,
    V3,
    V4,
    V5,
    V6,
    FeatureInputs,
    I,
    known,
    ratio,
    share,
)
from physioclr_core.physiology.features.morphology import MIN_VECTOR_UVS, alikeness, kors_vector, spread_over_axes
from physioclr_core.physiology.features.spec import specs
from physioclr_core.physiology.marks import QRS_OFF, T_OFF, T_PEAK

_CHEST = (V1, V2, V3, V4, V5, V6)
# ST in III is nearly that of aVL upside down; T is not, as it is more often large in I or II.
_ST_LEADS, _T_LEADS = (I, II, AVR, AVL, *_CHEST), (I, II, III, AVL, *_CHEST)
_ST_NAMES, _T_NAMES = ([STANDARD_LEADS[lead] for lead in leads] for leads in (_ST_LEADS, _T_LEADS))

SPECS = specs(
    "repolarisation",
    (
        ("qtc_ms", "ms", "Median over the dominant beats of QT, by Fridericia for the RR before it.", ref.FRIDERICIA),
        ("qtc_iqr_ms", "ms", "Interquartile range of the same.", ref.OWN),
        ("long_qtc_share", "1", "Share of beats with QTc from 450 ms in men, 460 ms otherwise.", ref.REPOLARISATION),
        ("short_qtc_share", "1", "Share of beats with QTc up to 390 ms.", ref.REPOLARISATION),
        ("t_ms", "ms", "Median over the dominant beats of the global T duration.", ref.REPOLARISATION),
        ("t_iqr_ms", "ms", "Interquartile range of the same.", ref.OWN),
        ("st_segment_ms", "ms", "Median over the dominant beats from J to the T onset.", ref.REPOLARISATION),
        ("t_peak_end_ms", "ms", "Median over the leads from the peak of T to its end.", ref.REPOLARISATION),
        (
            "jt_peak_corrected_ms",
            "ms",
            "Median over the leads from J to T's peak over (RR / 1 s) ** 0.58.",
            ref.JT_PEAK,
        ),
        ("qt_lead_sd_ms", "ms", "SD over the leads of QT by each lead's own boundaries.", ref.QT_DISPERSION),
        *((f"st_j60_{name.lower()}_mv", "mV", f"Level of {name} 60 ms after J.", ref.ISCHAEMIA) for name in _ST_NAMES),
        ("st_slope_ii_mv_per_s", "mV/s", "Slope from J to J + 80 ms in II.", ref.ISCHAEMIA),
        ("st_slope_v2_mv_per_s", "mV/s", "Slope from J to J + 80 ms in V2.", ref.ISCHAEMIA),
        ("st_slope_v5_mv_per_s", "mV/s", "Slope from J to J + 80 ms in V5.", ref.ISCHAEMIA),
        ("st_j_highest_mv", "mV", "Highest level at J of any lead but aVR.", ref.ISCHAEMIA),
        ("st_j_lowest_mv", "mV", "Lowest level at J of any lead but aVR.", ref.ISCHAEMIA),
        *((f"t_{name.lower()}_mv", "mV", f"T amplitude in {name}.", ref.REPOLARISATION) for name in _T_NAMES),
        ("t_axis_sin", "1", "Sine of the frontal axis of T, by the net areas of the limb leads.", ref.REPOLARISATION),
        ("t_axis_cos", "1", "Cosine of the same.", ref.REPOLARISATION),
        ("t_negative_share", "1", "Share of I, II and V3 to V6 whose T amplitude is negative.", ref.REPOLARISATION),
        ("t_negative_deepest_mv", "mV", "Deepest negative part of T in I, II, aVL, aVF, V2 to V6.", ref.REPOLARISATION),
        ("t_over_qrs", "1", "Length of T's area over that of QRS's, both as vectors in space.", ref.VECTOR),
        ("qrs_t_frontal_deg", "deg", "Angle between the frontal axes of QRS and T, 0 to 180.", ref.REPOLARISATION),
        ("qrs_t_spatial_deg", "deg", "Angle between the areas of QRS and T as vectors in space.", ref.QRS_T_ANGLE),
        ("ventricular_gradient_uvs", "uV s", "Length of the sum of those two vectors.", ref.VECTOR),
        ("t_asymmetry", "1", "Share before T's peak of the leads' root mean square from J to T's end.", ref.OWN),
        ("t_complexity", "1", "Second over first singular value of the leads from J to T's end.", ref.COMPLEXITY),
        ("t_alikeness", "1", "Median over the beats of the correlation of ST and T with their mean.", ref.OWN),
    ),
)


def repolarisation_features(inputs: FeatureInputs) -> dict[str, float]:
    """Return the block's features by name; NaN where not measurable."""
    quartiles, leads = inputs.quartiles, inputs.leads
    features: dict[str, float] = {}
    for name in ("qtc", "t"):
        low, features[f"{name}_ms"], high = quartiles[f"{name}_ms"]
        features[f"{name}_iqr_ms"] = high - low
    features["st_segment_ms"] = quartiles["st_segment_ms"][1]
    qtc_ms = inputs.intervals[:, INTERVALS.index("qtc_ms")]
    features["long_qtc_share"] = share(qtc_ms >= (450.0 if inputs.sex == "male" else 460.0), qtc_ms)
    features["short_qtc_share"] = share(qtc_ms <= 390.0, qtc_ms)
    qt_ms = known(leads["qt_ms"])
    features["qt_lead_sd_ms"] = float(np.std(qt_ms, ddof=1)) if len(qt_ms) >= 3 else NAN
    features |= {f"st_j60_{STANDARD_LEADS[lead].lower()}_mv": leads["st_j60_mv"][lead] for lead in _ST_LEADS}
    features |= {f"t_{STANDARD_LEADS[lead].lower()}_mv": leads["t_mv"][lead] for lead in _T_LEADS}
    for name, lead in (("ii", II), ("v2", V2), ("v5", V5)):
        features[f"st_slope_{name}_mv_per_s"] = leads["st_slope_mv_per_s"][lead]
    at_j = known([mv for lead, mv in enumerate(leads["st_j_mv"]) if lead != AVR])
    features["st_j_highest_mv"], features["st_j_lowest_mv"] = max(at_j, default=NAN), min(at_j, default=NAN)
    t_mv = known([leads["t_mv"][lead] for lead in (I, II, V3, V4, V5, V6)])
    features["t_negative_share"] = ratio(sum(mv < 0.0 for mv in t_mv), len(t_mv)) if len(t_mv) >= 3 else NAN
    negative = known([leads["t_negative_mv"][lead] for lead in (I, II, AVL, AVF, V2, V3, V4, V5, V6)])
    features["t_negative_deepest_mv"] = min(negative, default=NAN)
    features["t_alikeness"] = alikeness(inputs.st_t)[0]
    return features | _directions(inputs) | _shape(inputs)


def _directions(inputs: FeatureInputs) -> dict[str, float]:
    t_rad, qrs_rad = (math.radians(inputs.axes[wave].deg) for wave in ("t", "qrs"))
    qrs, t = kors_vector(inputs.leads["qrs_area_uvs"]), kors_vector(inputs.leads["t_area_uvs"])
    qrs_uvs, t_uvs = float(np.linalg.norm(qrs)), float(np.linalg.norm(t))
    is_long = qrs_uvs >= MIN_VECTOR_UVS and t_uvs >= MIN_VECTOR_UVS
    return {
        "t_axis_sin": math.sin(t_rad),
        "t_axis_cos": math.cos(t_rad),
        "t_over_qrs": ratio(t_uvs, qrs_uvs),
        "qrs_t_frontal_deg": _angle_deg(math.cos(t_rad - qrs_rad)),
        "qrs_t_spatial_deg": _angle_deg(float(qrs @ t) / (qrs_uvs * t_uvs)) if is_long else NAN,
        "ventricular_gradient_uvs": float(np.linalg.norm(qrs + t)),
    }


def _angle_deg(cosine: float) -> float:
    return math.degrees(math.acos(min(max(cosine, -1.0), 1.0))) if cosine == cosine else NAN


def _shape(inputs: FeatureInputs) -> dict[str, float]:
    median = inputs.median
    j_s, t_off_s = float(median.global_s[QRS_OFF]), float(median.global_s[T_OFF])
    peak_s, off_s = median.lead_s[:, T_PEAK], median.lead_s[:, T_OFF]
    to_end_s, to_peak_s = known((off_s - peak_s).tolist()), known((peak_s - j_s).tolist())
    features: dict[str, float] = {}
    if to_end_s:
        features["t_peak_end_ms"] = 1000.0 * float(np.median(to_end_s))
    if to_peak_s:
        rr_s = inputs.quartiles["rr_ms"][1] / 1000.0
        features["jt_peak_corrected_ms"] = 1000.0 * float(np.median(to_peak_s)) / rr_s**0.58
        part = part_of_median(inputs, j_s, t_off_s)
        part = part[np.isfinite(part).all(axis=1)] if part.shape[1] else part[:0]
        if len(part):
            size = np.sqrt(np.square(part).mean(axis=0))
            area = np.concatenate([[0.0], np.cumsum(0.5 * (size[1:] + size[:-1]))])
            at_peak = float(np.median(to_peak_s)) * median.fs_hz
            features["t_asymmetry"] = ratio(float(np.interp(at_peak, np.arange(len(area)), area)), float(area[-1]))
        features["t_complexity"] = spread_over_axes(part)
    return features
