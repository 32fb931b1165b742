"""Features of morphology: size, form and direction of QRS, its progression over the chest, and how alike beats are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.features import references as ref
from physioclr_core.physiology.features.conduction import part_of_median
from physioclr_core.physiology.features.inputs import (
    AVF,
    AVL,
    AVR,
    II,
    III,
    NAN,
    V1,
    V2,
    V3,
    V4,
    V5,
    V6,
    AlignedBeats,
    FeatureInputs,
    I,
    known,
    ratio,
)
from physioclr_core.physiology.features.spec import specs
from physioclr_core.physiology.marks import QRS_OFF, QRS_ON
from physioclr_core.physiology.voltage import cornell_mv, sokolow_lyon_mv

Float64Array = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]

_R_LEADS = (I, II, III, AVR, AVL, V1, V2, V3, V4, V5, V6)
_S_LEADS = (I, III, V1, V2, V3, V5, V6)
_Q_LEADS = (AVL, AVF, V2, V3, V5)
_START_LEADS = (I, AVF, V2, V6)


def _in_leads(leads: Sequence[int], name: str, formula: str, reference: str) -> list[tuple[str, str, str, str]]:
    """Return one row for each lead; ``{}`` is the lead's name."""
    names = [STANDARD_LEADS[lead] for lead in leads]
    return [(name.format(lead.lower()), "mV", formula.format(lead), reference) for lead in names]


SPECS = specs(
    "morphology",
    (
        *_in_leads(_R_LEADS, "r_{}_mv", "R amplitude in {}.", ref.TECHNOLOGY),
        *_in_leads(_S_LEADS, "s_{}_mv", "S amplitude in {}.", ref.TECHNOLOGY),
        *_in_leads(_Q_LEADS, "q_{}_mv", "Amplitude of Q or QS in {}.", ref.INFARCTION),
        ("q_avf_ms", "ms", "Duration of Q in aVF.", ref.INFARCTION),
        *_in_leads(_START_LEADS, "qrs_start_{}_mv", "Mean of {} in the first 30 ms of QRS.", ref.INFARCTION),
        ("sokolow_lyon_mv", "mV", "Depth of S in V1 plus the larger R of V5 and V6.", ref.SOKOLOW_LYON),
        ("cornell_mv", "mV", "R in aVL plus the depth of S in V3.", ref.CORNELL),
        ("peguero_lo_presti_mv", "mV", "Depth of the deepest S or QS of any lead plus that in V4.", ref.PEGUERO),
        ("r_share_v1", "1", "R over R plus the depth of S in V1.", ref.HYPERTROPHY),
        ("r_share_v2", "1", "R over R plus the depth of S in V2.", ref.HYPERTROPHY),
        (
            "transition_lead",
            "1",
            "Chest lead, or part of the way, at which R comes to be as large as S.",
            ref.CONDUCTION,
        ),
        ("limb_highest_mv", "mV", "Largest QRS peak to peak of the limb leads.", ref.HYPERTROPHY),
        ("chest_highest_mv", "mV", "Largest QRS peak to peak of the chest leads.", ref.HYPERTROPHY),
        ("qrs_axis_sin", "1", "Sine of the frontal axis of QRS, by the net areas of the limb leads.", ref.CONDUCTION),
        ("qrs_axis_cos", "1", "Cosine of the same.", ref.CONDUCTION),
        (
            "qrs_azimuth_sin",
            "1",
            "Sine of the angle of QRS's area in space seen from above, back positive.",
            ref.VECTOR,
        ),
        ("qrs_azimuth_cos", "1", "Cosine of that angle, left positive.", ref.VECTOR),
        ("qrs_complexity", "1", "Second over first singular value of the leads within QRS.", ref.COMPLEXITY),
        ("qrs_alikeness", "1", "Median over the beats of the correlation of QRS with the mean QRS.", ref.OWN),
        ("qrs_alikeness_lowest", "1", "Lowest of the same.", ref.OWN),
        ("qrs_rms_cv", "1", "SD over the beats of the root mean square of QRS, over its mean.", ref.OWN),
    ),
)

# Rows X (left), Y (down), Z (back) from I, II, V1 ... V6: regression of Kors et al., table 3.
_KORS_LEADS = [I, II, V1, V2, V3, V4, V5, V6]
_KORS_MATRIX = np.array(
    [
        [0.38, -0.07, -0.13, 0.05, -0.01, 0.14, 0.06, 0.54],
        [-0.07, 0.93, 0.06, -0.02, -0.05, 0.06, -0.17, 0.13],
        [0.11, -0.23, -0.43, -0.06, -0.14, -0.20, -0.11, 0.31],
    ]
)
# A vector that is shorter points nowhere: a QRS complex of 0.1 mV has an area of some 3 uV s.
MIN_VECTOR_UVS = 1.0
_START_S = 0.03


def morphology_features(inputs: FeatureInputs) -> dict[str, float]:
    """Return the block's features by name; NaN where not measurable."""
    leads = inputs.leads
    r, s = leads["r_mv"], leads["s_mv"]
    features: dict[str, float] = {}
    for lead in _R_LEADS:
        features[f"r_{STANDARD_LEADS[lead].lower()}_mv"] = r[lead]
    for lead in _S_LEADS:
        features[f"s_{STANDARD_LEADS[lead].lower()}_mv"] = s[lead]
    for lead in _Q_LEADS:
        features[f"q_{STANDARD_LEADS[lead].lower()}_mv"] = min(
            known([leads["q_mv"][lead], leads["qs_mv"][lead]]), default=NAN
        )
    shares = [ratio(r[lead], r[lead] - s[lead]) for lead in (V1, V2, V3, V4, V5, V6)]
    features |= {
        "q_avf_ms": leads["q_ms"][AVF],
        "sokolow_lyon_mv": sokolow_lyon_mv(inputs.measures),
        "cornell_mv": cornell_mv(inputs.measures),
        "peguero_lo_presti_mv": -s[V4] - min(known(s), default=NAN),
        "r_share_v1": shares[0],
        "r_share_v2": shares[1],
        "transition_lead": transition_lead(shares),
        "limb_highest_mv": max(known(leads["qrs_pp_mv"][:6]), default=NAN),
        "chest_highest_mv": max(known(leads["qrs_pp_mv"][6:]), default=NAN),
    }
    axis_rad = math.radians(inputs.axes["qrs"].deg)
    features["qrs_axis_sin"], features["qrs_axis_cos"] = math.sin(axis_rad), math.cos(axis_rad)
    x, _, z = kors_vector(leads["qrs_area_uvs"]).tolist()
    features["qrs_azimuth_sin"], features["qrs_azimuth_cos"] = _direction(x, z)
    features["qrs_alikeness"], features["qrs_alikeness_lowest"] = alikeness(inputs.qrs)
    if inputs.qrs is not None and inputs.qrs.n_beats >= 3:
        rms_mv = np.sqrt(np.square(inputs.qrs.parts_mv).mean(axis=(0, 2)))
        features["qrs_rms_cv"] = ratio(float(rms_mv.std(ddof=1)), float(rms_mv.mean()))
    on_s, off_s = float(inputs.median.global_s[QRS_ON]), float(inputs.median.global_s[QRS_OFF])
    qrs = part_of_median(inputs, on_s, off_s)
    if qrs.shape[1] > 2:
        start = qrs[:, : round(_START_S * inputs.median.fs_hz) + 1].mean(axis=1).tolist()
        for lead in _START_LEADS:
            features[f"qrs_start_{STANDARD_LEADS[lead].lower()}_mv"] = start[lead]
        features["qrs_complexity"] = spread_over_axes(qrs[np.isfinite(qrs).all(axis=1)])
    return features


def transition_lead(r_shares: Sequence[float]) -> float:
    """Return where R comes to be as large as S on the way from V1 to V6.

    Parameters
    ----------
    r_shares : sequence of float
        R / (R + |S|) of V1 ... V6.

    Returns
    -------
    float
        1 to 6, linear between two leads; 0.5 where R is larger in V1 already, 6.5 where it never is; NaN where a lead
        before the transition is not known.
    """
    before = NAN
    for number, r_share in enumerate(r_shares, start=1):
        if r_share != r_share:
            return NAN
        if r_share >= 0.5:
            return number - (r_share - 0.5) / (r_share - before) if number > 1 else 0.5
        before = r_share
    return 6.5


def _direction(x: float, y: float) -> tuple[float, float]:
    """Return sine and cosine of a vector's angle."""
    length = math.hypot(x, y)
    return (y / length, x / length) if length >= MIN_VECTOR_UVS else (NAN, NAN)


def kors_vector(area_uvs: Sequence[float]) -> Float64Array:
    """Return the vector in space (left, down, back) of an area in each of the twelve leads; NaN where a lead is."""
    vector: Float64Array = _KORS_MATRIX @ np.array([area_uvs[lead] for lead in _KORS_LEADS])
    return vector


def alikeness(beats: AlignedBeats | None) -> tuple[float, float]:
    """Return the median and the lowest correlation of the beats with their mean, all leads together.

    R peaks are on samples, so that beats lie up to half a sample beside their mean, and at 100 Hz that would be most of
    the difference. Each beat is compared with the mean moved by up to one sample: m + d m', with d by least squares.
    """
    if beats is None or beats.n_beats < 3:
        return NAN, NAN
    parts = beats.parts_mv
    mean = parts.mean(axis=1)
    slope = np.gradient(mean, axis=1)
    slope -= slope.mean(axis=1, keepdims=True)
    mean_energy = float(np.square(mean).sum())
    beat_energy = np.einsum("lbs,lbs->b", parts, parts)
    if mean_energy == 0.0 or not (beat_energy > 0.0).all():
        return NAN, NAN
    slope -= mean * (float((slope * mean).sum()) / mean_energy)
    slope_energy = float(np.square(slope).sum())
    along_mean = np.einsum("lbs,ls->b", parts, mean) / mean_energy
    along_slope = np.einsum("lbs,ls->b", parts, slope) / (slope_energy or 1.0)
    limit = np.abs(along_mean)
    moved = along_slope.clip(-limit, limit)
    product = np.square(along_mean) * mean_energy + along_slope * moved * slope_energy
    length = np.sqrt((np.square(along_mean) * mean_energy + np.square(moved) * slope_energy) * beat_energy)
    correlation = np.sign(along_mean) * product / np.maximum(length, np.finfo(np.float32).tiny)
    return float(np.median(correlation)), float(correlation.min())


def spread_over_axes(part_mv: FloatArray) -> float:
    """Return the second over the first singular value of some samples of at least three leads, shape (n_leads, n)."""
    if len(part_mv) < 3 or part_mv.shape[1] < 3:
        return NAN
    part = part_mv.astype(np.float64)
    variance = np.linalg.eigvalsh(part @ part.T)
    return float(np.sqrt(max(variance[-2], 0.0) / variance[-1])) if variance[-1] > 0.0 else NAN
