"""Features of conduction: P, the PR interval, and how long and in which order the ventricles are activated."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.features import references as ref
from physioclr_core.physiology.features.inputs import (
    AVF,
    AVL,
    II,
    INTERVALS,
    NAN,
    V1,
    V6,
    FeatureInputs,
    I,
    known,
    ratio,
    share,
)
from physioclr_core.physiology.features.spec import specs
from physioclr_core.physiology.marks import QRS_OFF, QRS_ON

FloatArray = npt.NDArray[np.float32]


SPECS = specs(
    "conduction",
    (
        ("p_ms", "ms", "Median over the dominant beats of the global P duration.", ref.TECHNOLOGY),
        ("p_iqr_ms", "ms", "Interquartile range of the same.", ref.OWN),
        ("p_dispersion_ms", "ms", "Longest minus shortest P duration of single leads.", ref.P_DISPERSION),
        ("p_axis_sin", "1", "Sine of the frontal axis of P, by the net areas of the limb leads.", ref.CONDUCTION),
        ("p_i_mv", "mV", "P amplitude in I.", ref.TECHNOLOGY),
        ("p_ii_mv", "mV", "P amplitude in II.", ref.HYPERTROPHY),
        ("p_v1_mv", "mV", "P amplitude in V1.", ref.HYPERTROPHY),
        (
            "p_terminal_force_v1_uvs",
            "uV s",
            "Depth times duration of the negative part of P in V1.",
            ref.P_TERMINAL_FORCE,
        ),
        (
            "other_p_per_beat",
            "1",
            "P waves that lead to no beat, mean over the leads, over the number of beats.",
            ref.OWN,
        ),
        ("pr_ms", "ms", "Median over the dominant beats of the global PR interval.", ref.TECHNOLOGY),
        ("pr_iqr_ms", "ms", "Interquartile range of the same.", ref.OWN),
        ("pq_segment_ms", "ms", "Median over the dominant beats from the end of P to the QRS onset.", ref.TECHNOLOGY),
        ("short_pr_share", "1", "Share of beats with a PR interval under 120 ms.", ref.CONDUCTION),
        ("long_pr_share", "1", "Share of beats with a PR interval over 200 ms.", ref.CONDUCTION),
        ("qrs_ms", "ms", "Median over the dominant beats of the global QRS duration.", ref.TECHNOLOGY),
        ("qrs_iqr_ms", "ms", "Interquartile range of the same.", ref.OWN),
        ("qrs_max_over_median", "1", "Longest QRS of all beats over the median of the dominant ones.", ref.OWN),
        ("wide_qrs_share", "1", "Share of beats with a QRS of 120 ms or more.", ref.CONDUCTION),
        ("qrs_dispersion_ms", "ms", "Longest minus shortest QRS duration of single leads.", ref.OWN),
        ("vat_v1_ms", "ms", "QRS onset to the peak of the last R wave in V1.", ref.CONDUCTION),
        ("vat_v6_ms", "ms", "QRS onset to the peak of the last R wave in V6.", ref.CONDUCTION),
        ("vat_avl_ms", "ms", "QRS onset to the peak of the last R wave in aVL.", ref.CONDUCTION),
        ("s_i_ms", "ms", "Duration of S in I.", ref.CONDUCTION),
        ("s_v6_ms", "ms", "Duration of S in V6.", ref.CONDUCTION),
        ("r_prime_v1_mv", "mV", "Amplitude of R' in V1.", ref.CONDUCTION),
        ("qrs_end_i_mv", "mV", "Mean of I in the last 40 ms of QRS.", ref.CONDUCTION),
        ("qrs_end_avf_mv", "mV", "Mean of aVF in the last 40 ms of QRS.", ref.CONDUCTION),
        ("qrs_end_v1_mv", "mV", "Mean of V1 in the last 40 ms of QRS.", ref.CONDUCTION),
        ("qrs_end_v6_mv", "mV", "Mean of V6 in the last 40 ms of QRS.", ref.CONDUCTION),
        ("qrs_net_share_i", "1", "Net over absolute area of QRS in I.", ref.OWN),
        ("qrs_net_share_v1", "1", "Net over absolute area of QRS in V1.", ref.OWN),
        ("qrs_slope_max_mv_per_s", "mV/s", "Steepest rise within QRS of any lead.", ref.OWN),
        (
            "qrs_early_path_share",
            "1",
            "Share of QRS's path (absolute steps of all leads) in its first 30 ms.",
            ref.QRS_ENDS,
        ),
        (
            "qrs_late_path_share",
            "1",
            "Share of QRS's path (absolute steps of all leads) in its last 40 ms.",
            ref.QRS_ENDS,
        ),
        ("qrs_fragments", "1", "Mean over the leads of the notches within QRS.", ref.FRAGMENTS),
    ),
)

_EARLY_S = 0.03
_LATE_S = 0.04


def conduction_features(inputs: FeatureInputs) -> dict[str, float]:
    """Return the block's features by name; NaN where not measurable."""
    quartiles, leads = inputs.quartiles, inputs.leads
    features: dict[str, float] = {}
    for name in ("p", "pr", "qrs"):
        low, features[f"{name}_ms"], high = quartiles[f"{name}_ms"]
        features[f"{name}_iqr_ms"] = high - low
    features["pq_segment_ms"] = quartiles["pq_segment_ms"][1]
    pr_ms, qrs_ms = (inputs.intervals[:, INTERVALS.index(name)] for name in ("pr_ms", "qrs_ms"))
    features["short_pr_share"] = share(pr_ms < 120.0, pr_ms)
    features["long_pr_share"] = share(pr_ms > 200.0, pr_ms)
    features["wide_qrs_share"] = share(qrs_ms >= 120.0, qrs_ms)
    features["qrs_max_over_median"] = ratio(max(known(qrs_ms.tolist()), default=NAN), features["qrs_ms"])
    for name in ("p", "qrs"):
        by_lead = known(leads[f"{name}_ms"])
        features[f"{name}_dispersion_ms"] = max(by_lead) - min(by_lead) if len(by_lead) >= 3 else NAN

    features["p_axis_sin"] = math.sin(math.radians(inputs.axes["p"].deg))
    features |= {
        "p_i_mv": leads["p_mv"][I],
        "p_ii_mv": leads["p_mv"][II],
        "p_v1_mv": leads["p_mv"][V1],
        "p_terminal_force_v1_uvs": leads["p_negative_mv"][V1] * leads["p_negative_ms"][V1],
        "vat_v1_ms": leads["vat_ms"][V1],
        "vat_v6_ms": leads["vat_ms"][V6],
        "vat_avl_ms": leads["vat_ms"][AVL],
        "s_i_ms": leads["s_ms"][I],
        "s_v6_ms": leads["s_ms"][V6],
        "r_prime_v1_mv": leads["r_prime_mv"][V1],
        "qrs_slope_max_mv_per_s": max(known(leads["max_upslope_mv_per_s"]), default=NAN),
    }
    delineation = inputs.delineation
    n_looked_at = len(delineation.beats) * sum(not reason for reason in delineation.lead_reasons)
    if not delineation.p_reason:
        features["other_p_per_beat"] = ratio(len(delineation.other_p_s), n_looked_at)
    fragments = known(leads["n_fragments"])
    features["qrs_fragments"] = ratio(sum(fragments), len(fragments))
    for name, lead in (("i", I), ("v1", V1)):
        features[f"qrs_net_share_{name}"] = ratio(leads["qrs_area_uvs"][lead], leads["qrs_abs_area_uvs"][lead])
    return features | _within_qrs(inputs)


def part_of_median(inputs: FeatureInputs, start_s: float, end_s: float) -> FloatArray:
    """Return the median beat's samples from one time after R to another, shape (12, n); n is 0 where not known."""
    if not (np.isfinite(start_s) and np.isfinite(end_s)):
        return inputs.median_mv[:, :0]
    r_index, fs_hz = inputs.median.r_index, inputs.median.fs_hz
    first, last = r_index + round(start_s * fs_hz), r_index + round(end_s * fs_hz)
    return inputs.median_mv[:, max(first, 0) : max(last + 1, 0)]


def _within_qrs(inputs: FeatureInputs) -> dict[str, float]:
    on_s, off_s = float(inputs.median.global_s[QRS_ON]), float(inputs.median.global_s[QRS_OFF])
    qrs = part_of_median(inputs, on_s, off_s)
    n = qrs.shape[1]
    n_early, n_late = (max(1, round(length_s * inputs.median.fs_hz)) for length_s in (_EARLY_S, _LATE_S))
    if n <= n_late + 1:
        return {}
    end = qrs[:, -n_late - 1 :].mean(axis=1).tolist()
    path = np.abs(np.diff(qrs, axis=1))
    steps = path[np.isfinite(path[:, 0])].sum(axis=0)
    total = float(steps.sum())
    return {
        "qrs_end_i_mv": end[I],
        "qrs_end_avf_mv": end[AVF],
        "qrs_end_v1_mv": end[V1],
        "qrs_end_v6_mv": end[V6],
        "qrs_early_path_share": ratio(float(steps[:n_early].sum()), total),
        "qrs_late_path_share": ratio(float(steps[-n_late:].sum()), total),
    }
