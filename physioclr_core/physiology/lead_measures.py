"""Amplitudes, durations and areas of the median beat, lead by lead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.median_beat import MedianBeat

Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class LeadMeasures:
    """What is measured in each lead of a median beat; every array has shape (n_leads,).

    NaN is not measurable. A wave of the QRS complex that a measurable lead does not have is 0 mV and 0 ms.
    Amplitudes are signed, against the PQ level; those of P against the line from its onset to its offset.

    Attributes
    ----------
    lead_names : tuple of str
    p_mv : largest deflection of P, either sign
    p_negative_mv : deepest negative part of P after its positive part (or all of a negative P); 0 without one
    p_negative_ms : its duration
    q_mv, r_mv, s_mv, r_prime_mv, s_prime_mv : waves of the QRS complex; q only before an R
    qs_mv : depth of a QRS complex without a positive wave, which is ``s_mv`` as well; 0 otherwise
    qrs_pp_mv : highest minus lowest value within QRS
    t_mv : largest deflection of T, either sign
    t_negative_mv, t_positive_mv : its deepest negative and highest positive value; 0 without one
    st_j_mv, st_j40_mv, st_j60_mv, st_j80_mv : level at the global QRS offset J and 40, 60, 80 ms after it
    st_slope_mv_per_s : from J to J + 80 ms
    p_area_uvs, qrs_area_uvs, t_area_uvs : net signed areas in uV s
    qrs_abs_area_uvs : area of QRS without regard to its sign
    q_ms, r_ms, s_ms, r_prime_ms : durations of the waves of QRS
    p_ms, pr_ms, qrs_ms, t_ms, qt_ms : durations by the lead's own boundaries
    vat_ms : ventricular activation time, global QRS onset to the peak of the last R wave
    max_upslope_mv_per_s : steepest rise within QRS
    n_fragments : notches within QRS beyond one peak for each of its waves
    """

    lead_names: tuple[str, ...]
    p_mv: Float64Array
    p_negative_mv: Float64Array
    p_negative_ms: Float64Array
    q_mv: Float64Array
    r_mv: Float64Array
    s_mv: Float64Array
    r_prime_mv: Float64Array
    s_prime_mv: Float64Array
    qs_mv: Float64Array
    qrs_pp_mv: Float64Array
    t_mv: Float64Array
    t_negative_mv: Float64Array
    t_positive_mv: Float64Array
    st_j_mv: Float64Array
    st_j40_mv: Float64Array
    st_j60_mv: Float64Array
    st_j80_mv: Float64Array
    st_slope_mv_per_s: Float64Array
    p_area_uvs: Float64Array
    qrs_area_uvs: Float64Array
    qrs_abs_area_uvs: Float64Array
    t_area_uvs: Float64Array
    q_ms: Float64Array
    r_ms: Float64Array
    s_ms: Float64Array
    r_prime_ms: Float64Array
    p_ms: Float64Array
    pr_ms: Float64Array
    qrs_ms: Float64Array
    t_ms: Float64Array
    qt_ms: Float64Array
    vat_ms: Float64Array
    max_upslope_mv_per_s: Float64Array
    n_fragments: Float64Array


def lead_measures(median: MedianBeat) -> LeadMeasures:
    """Measure every lead of a median beat."""
    raise NotImplementedError
