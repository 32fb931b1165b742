"""The one door to NeuroKit2: heart rate variability of long recordings.

NeuroKit2 takes seconds to import and warns about what it cannot compute; both stay in here.
"""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# Frequency bands down to 0.04 Hz need five minutes (Task Force 1996).
MIN_DURATION_S = 300.0
MIN_INTERVALS = 150


def hrv_indices(r_s: Float64Array, is_nn: BoolArray | None = None) -> dict[str, float | None]:
    """Return NeuroKit2's time, frequency and nonlinear indices of heart rate variability.

    Parameters
    ----------
    r_s : ndarray of float64, shape (n_beats,)
        R peaks in seconds, in order.
    is_nn : ndarray of bool, shape (n_beats,), optional
        Whether the interval that ends at each beat is one between two normal beats; all but the first by default.

    Returns
    -------
    dict of str to float or None
        By NeuroKit2's names without their prefix ("RMSSD", "LF", "SD1"), intervals in ms; None where NeuroKit2 gives
        no finite value. Empty for less than five minutes or 150 intervals.

    Notes
    -----
    Makowski D et al. Behav Res Methods 2021;53:1689-1696. Differences over a left-out interval are not taken.
    """
    if len(r_s) < 2:
        return {}
    usable = np.ones(len(r_s), np.bool_) if is_nn is None else is_nn.copy()
    usable[0] = False
    if r_s[-1] - r_s[0] < MIN_DURATION_S or np.count_nonzero(usable) < MIN_INTERVALS:
        return {}
    intervals = {"RRI": 1000.0 * np.diff(r_s)[usable[1:]], "RRI_Time": r_s[usable]}
    indices: dict[str, float | None] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import neurokit2

        for compute in (neurokit2.hrv_time, neurokit2.hrv_frequency, neurokit2.hrv_nonlinear):
            try:
                table = compute(intervals, sampling_rate=1000)
            except (ValueError, IndexError, ZeroDivisionError, FloatingPointError, np.linalg.LinAlgError):
                continue  # as of equal intervals throughout; the other groups stand
            for name, value in table.iloc[0].items():
                number = float(value)
                indices[str(name).removeprefix("HRV_")] = number if np.isfinite(number) else None
    return indices
