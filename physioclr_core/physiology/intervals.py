"""The heart-rate correction of the QT interval, and how uncertain intervals are.

Each correction takes the QT interval in milliseconds and the RR interval in seconds, and returns milliseconds; NaN
where either is not a positive number. They agree at a rate of 60 and part as the rate leaves it: Bazett's overcorrects
fast rates and undercorrects slow ones, which makes it unfit away from 60 to 100 bpm.
"""

from __future__ import annotations

from collections.abc import Callable
from math import hypot, isfinite, nan, sqrt

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]

_NORMAL_MAD = 1.4826
# Standard deviation of two boundaries that each lie anywhere within half a sample: sqrt(2) half widths over sqrt(3).
_TWO_BOUNDARIES = sqrt(2.0 / 3.0)
_MIN_BEATS = 3


def qtc_bazett_ms(qt_ms: float, rr_s: float) -> float:
    """Return QT / RR^(1/2) (Bazett HC. Heart 1920;7:353-370)."""
    return qt_ms / rr_s**0.5 if _is_measured(qt_ms, rr_s) else nan


def qtc_fridericia_ms(qt_ms: float, rr_s: float) -> float:
    """Return QT / RR^(1/3) (Fridericia LS. Acta Med Scand 1920;53:469-486)."""
    return float(qt_ms / rr_s ** (1 / 3)) if _is_measured(qt_ms, rr_s) else nan


def qtc_framingham_ms(qt_ms: float, rr_s: float) -> float:
    """Return QT + 154 (1 - RR) (Sagie A et al. Am J Cardiol 1992;70:797-801)."""
    return qt_ms + 154.0 * (1.0 - rr_s) if _is_measured(qt_ms, rr_s) else nan


def qtc_hodges_ms(qt_ms: float, rr_s: float) -> float:
    """Return QT + 1.75 (60 / RR - 60) (Hodges M et al. J Am Coll Cardiol 1983;1:694)."""
    return qt_ms + 1.75 * (60.0 / rr_s - 60.0) if _is_measured(qt_ms, rr_s) else nan


# By the name of the formula; the first is the one to read where one is wanted.
QTC_FORMULAS: dict[str, Callable[[float, float], float]] = {
    "fridericia": qtc_fridericia_ms,
    "bazett": qtc_bazett_ms,
    "framingham": qtc_framingham_ms,
    "hodges": qtc_hodges_ms,
}


def _is_measured(qt_ms: float, rr_s: float) -> bool:
    return isfinite(qt_ms) and isfinite(rr_s) and qt_ms > 0 and rr_s > 0


def interval_uncertainty_ms(each_ms: Float64Array, resolution_ms: float) -> float:
    """Return the standard uncertainty of the median of an interval over beats.

    The standard error by the median absolute deviation, 1.4826 MAD / sqrt(n), and the sampling of both boundaries,
    sqrt(2 / 3) times half a sample, in quadrature. What marks are systematically off by is not in it.

    Parameters
    ----------
    each_ms : ndarray of float64, shape (n_beats,)
        The interval of every beat; NaN is left out.
    resolution_ms : float
        Half the interval between samples.

    Returns
    -------
    float
        NaN for fewer than three beats.
    """
    each_ms = each_ms[np.isfinite(each_ms)]
    if len(each_ms) < _MIN_BEATS:
        return nan
    spread_ms = _NORMAL_MAD * float(np.median(np.abs(each_ms - np.median(each_ms))))
    return hypot(spread_ms / sqrt(len(each_ms)), sampling_uncertainty_ms(resolution_ms))


def sampling_uncertainty_ms(resolution_ms: float) -> float:
    """Return the standard uncertainty of one interval for the sampling of both its boundaries."""
    return resolution_ms * _TWO_BOUNDARIES


def qtc_uncertainty_ms(formula: str, qt_ms: float, qt_error_ms: float, rr_s: float, rr_error_s: float) -> float:
    """Return the standard uncertainty of a corrected QT for those of QT and RR, in quadrature."""
    correct = QTC_FORMULAS[formula]
    value = correct(qt_ms, rr_s)
    return hypot(correct(qt_ms + qt_error_ms, rr_s) - value, correct(qt_ms, rr_s + rr_error_s) - value)
