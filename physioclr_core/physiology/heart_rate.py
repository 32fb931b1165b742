"""Mean ventricular rate over all leads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.signal.resample import bridge_gaps

FloatArray = npt.NDArray[np.float32]

MIN_BEATS = 3
# Leads whose rates differ by more than this share of their median do not measure one rhythm.
MAX_SPREAD = 0.2
_FLAT_MV = 0.02
_MIN_FS_HZ = 50.0


@dataclass(frozen=True, slots=True)
class HeartRateResult:
    """Beats per minute, or None with the reason why it is not measurable; ``n_leads`` leads were used."""

    bpm: float | None
    reason: str
    n_leads: int


def mean_heart_rate(signal_mv: FloatArray, fs_hz: float) -> HeartRateResult:
    """Measure the mean ventricular rate: the median over leads of 60 (n - 1) / (last - first R peak).

    R peaks by the modified Pan-Tompkins detector of SleepECG (Brunner and Hofer, JOSS 8(86):5411, 2023) in each lead
    on its own; the median over leads survives leads in which P or T waves are counted or beats are missed.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap and is bridged.
    fs_hz : float
    """
    if fs_hz < _MIN_FS_HZ:
        return HeartRateResult(None, f"{fs_hz:g} Hz is too slow to find beats", 0)
    from sleepecg import detect_heartbeats

    rates = []
    for lead in bridge_gaps(signal_mv):
        if np.ptp(lead) < _FLAT_MV:
            continue
        peaks = detect_heartbeats(lead.astype(np.float64), fs_hz)
        if len(peaks) >= MIN_BEATS:
            rates.append(60.0 * fs_hz * (len(peaks) - 1) / float(peaks[-1] - peaks[0]))
    if not rates:
        return HeartRateResult(None, f"fewer than {MIN_BEATS} beats found", 0)
    bpm = float(np.median(rates))
    low, high = np.percentile(rates, [25, 75])
    if high - low > MAX_SPREAD * bpm:
        return HeartRateResult(None, f"leads disagree ({low:.0f}-{high:.0f} bpm)", len(rates))
    return HeartRateResult(bpm, "", len(rates))
