"""Voltage sums for left ventricular hypertrophy."""

from __future__ import annotations

from math import nan

from physioclr_core.physiology.lead_measures import LeadMeasures
from physioclr_core.record import Sex

CORNELL_WOMEN_MV = 0.6


def sokolow_lyon_mv(measures: LeadMeasures) -> float:
    """Return the depth of S in V1 and the larger R of V5 and V6, summed, in mV.

    The depth is that of the deepest negative wave, whatever its letter: a QS complex, or a Q where the first R is too
    small to be a wave. NaN where one of the three leads is missing or not measurable.

    Sokolow M, Lyon TP. Am Heart J 1949;37:161-186: 3.5 mV and more.
    """
    r_mv = [_amplitude(measures, lead, "r") for lead in ("V5", "V6")]
    return _amplitude(measures, "V1", "s") + (max(r_mv) if r_mv[0] == r_mv[0] and r_mv[1] == r_mv[1] else nan)


def cornell_mv(measures: LeadMeasures) -> float:
    """Return the R of aVL and the depth of S in V3, summed, in mV; NaN where either is missing or not measurable.

    Casale PN et al. Circulation 1987;75:565-572: more than 2.8 mV in men, 2.0 mV in women.
    """
    return _amplitude(measures, "aVL", "r") + _amplitude(measures, "V3", "s")


def cornell_product_mv_ms(measures: LeadMeasures, qrs_ms: float, sex: Sex | None) -> float:
    """Return Cornell voltage times QRS duration, with 0.6 mV added for women.

    Okin PM et al. J Am Coll Cardiol 1995;25:417-423; Dahlof B et al. (LIFE) Am J Hypertens 1997;10:705-713: more than
    244 mV ms.

    Parameters
    ----------
    measures : LeadMeasures
    qrs_ms : float
        Global QRS duration.
    sex : "male", "female" or None

    Returns
    -------
    float
        NaN where the sex is unknown or anything else is missing.
    """
    if sex is None:
        return nan
    return (cornell_mv(measures) + (CORNELL_WOMEN_MV if sex == "female" else 0.0)) * qrs_ms


def _amplitude(measures: LeadMeasures, lead: str, wave: str) -> float:
    """Return the largest R (or R') or the deepest negative wave, without its sign."""
    if lead not in measures.lead_names:
        return nan
    row = measures.lead_names.index(lead)
    waves = [measures.r_mv, measures.r_prime_mv]
    if wave == "s":
        waves = [measures.q_mv, measures.s_mv, measures.s_prime_mv]
    sizes = [abs(float(values[row])) for values in waves]
    return nan if any(size != size for size in sizes) else max(sizes)
