"""Mean ventricular rate of a record, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.beats import detect_beats

FloatArray = npt.NDArray[np.float32]

MIN_BEATS = 3
# Half of the beats less certain than this are not one answer.
MIN_CONFIDENCE = 0.8
# Beats that keep time are believed with less. Of 658 windows of MIT-BIH six more have a rate with this, all right.
MIN_CONFIDENCE_REGULAR = 0.6
MAX_RR_CV = 0.1
MIN_REGULAR = 5


@dataclass(frozen=True, slots=True)
class HeartRateResult:
    """Beats per minute, or None with the reason why it is not measurable."""

    bpm: float | None
    reason: str


def mean_heart_rate(signal_mv: FloatArray, fs_hz: float) -> HeartRateResult:
    """Measure the mean ventricular rate: 60 over the mean RR interval in seconds.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap: an RR interval over it may lack beats and is left out.
    fs_hz : float
    """
    beats = detect_beats(signal_mv, fs_hz)
    if beats.reason:
        return HeartRateResult(None, beats.reason)
    rr_s = beats.rr_s[np.isfinite(beats.rr_s)]
    if len(rr_s) < MIN_BEATS - 1:
        return HeartRateResult(None, f"fewer than {MIN_BEATS} beats found")
    is_regular = len(rr_s) >= MIN_REGULAR and rr_s.std(ddof=1) < MAX_RR_CV * rr_s.mean()
    if np.median(beats.confidence) < (MIN_CONFIDENCE_REGULAR if is_regular else MIN_CONFIDENCE):
        return HeartRateResult(None, "beats are not clear")
    return HeartRateResult(60.0 / float(rr_s.mean()), "")
