"""Spans of a lead that are no ECG although they have values: frozen electrodes and numbers beyond any voltage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from physioclr_core.signal.lead_off import off_spans

FloatArray = npt.NDArray[np.float32]

# No body surface potential reaches this; a larger number is a fault, and would overflow what is computed from it.
ABSURD_MV = 1e6
# A lead that stands still this long while another moves this much is off. Shorter spans may be a pause.
FROZEN_S, OTHERS_MOVE_MV = 1.5, 0.05


def without_dead_spans(signal_mv: FloatArray, fs_hz: float) -> FloatArray:
    """Return the signal with NaN where a lead is frozen while another moves, and for infinite and absurd values.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap.
    fs_hz : float

    Returns
    -------
    ndarray of float32
        The same array where there is nothing to take out. A span in which all leads stand still stays: it may be a
        heart that stands still.
    """
    cleaned = signal_mv
    with np.errstate(invalid="ignore"):
        is_absurd = ~(np.abs(signal_mv) < ABSURD_MV)
    if is_absurd.any():
        cleaned = np.where(is_absurd, np.float32(np.nan), signal_mv)
    if len(signal_mv) < 2:
        return cleaned
    for row, spans in enumerate(off_spans(cleaned, fs_hz)):
        for start, end in spans:
            if end - start < FROZEN_S * fs_hz or not np.isfinite(cleaned[row, start:end]).all():
                continue
            others = np.delete(signal_mv[:, start:end], row, axis=0)
            moves_mv = np.fmax.reduce(others, axis=1) - np.fmin.reduce(others, axis=1)
            if np.nanmax(np.nan_to_num(moves_mv)) >= OTHERS_MOVE_MV:
                if cleaned is signal_mv:
                    cleaned = signal_mv.copy()
                cleaned[row, start:end] = np.nan
    return cleaned
