"""Mean ventricular rate from the QRS energy of all leads together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.signal.resample import bridge_gaps

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

MIN_BEATS = 3
# Rates found with a low and a high threshold that differ by more than this share are not one answer.
MAX_SPREAD = 0.15
_LOW_THRESHOLD, _THRESHOLD, _HIGH_THRESHOLD = 0.22, 0.3, 0.42
_BAND_HZ = (8.0, 25.0)
_MIN_FS_HZ = 60.0
_MIN_DURATION_S = 1.0
_QRS_S = 0.1
_REFRACTORY_S = 0.25
_BLOCK_S = 2.0
_FLAT_MV = 0.02


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
    if fs_hz <= _MIN_FS_HZ:
        return HeartRateResult(None, f"{fs_hz:g} Hz is too slow to find beats")
    if signal_mv.shape[1] < _MIN_DURATION_S * fs_hz:
        return HeartRateResult(None, "the record is shorter than 1 s")
    bridged = bridge_gaps(signal_mv)
    has_signal = np.ptp(bridged, axis=1) >= _FLAT_MV
    bridged = bridged[has_signal]
    if not len(bridged):
        return HeartRateResult(None, "all leads are flat")
    energy = qrs_energy(bridged, fs_hz)
    n_gap_samples = np.cumsum(~np.isfinite(signal_mv[has_signal]).all(axis=0))
    rates = []
    for threshold in (_THRESHOLD, _LOW_THRESHOLD, _HIGH_THRESHOLD):
        peaks = _energy_peaks(energy, fs_hz, threshold)
        rr_samples = np.diff(peaks)[np.diff(n_gap_samples[peaks]) == 0]
        rates.append(60.0 * fs_hz / float(rr_samples.mean()) if len(rr_samples) >= MIN_BEATS - 1 else np.nan)
    bpm = rates[0]
    if np.isnan(bpm):
        return HeartRateResult(None, f"fewer than {MIN_BEATS} beats found")
    if not (max(rates) - min(rates) <= MAX_SPREAD * bpm):
        low, high = np.nanmin(rates), np.nanmax(rates)
        return HeartRateResult(None, f"beats are not clear ({low:.0f}-{high:.0f} bpm)")
    return HeartRateResult(bpm, "")


def qrs_energy(signal_mv: FloatArray, fs_hz: float) -> npt.NDArray[np.float64]:
    """Return the moving root of the summed squares of all leads in the band of the QRS complex (8-25 Hz).

    All leads together are more than the best of them: a QRS complex that is small in one is large in another, noise
    in one lead does not move the others.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        Without gaps.
    fs_hz : float

    Returns
    -------
    ndarray of float64, shape (n_samples,)
    """
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import butter, sosfiltfilt

    band = (_BAND_HZ[0], min(_BAND_HZ[1], 0.45 * fs_hz))
    sections = butter(2, band, "bandpass", fs=fs_hz, output="sos")
    n_pad = min(round(fs_hz), signal_mv.shape[1] - 1)
    filtered = sosfiltfilt(sections, signal_mv.astype(np.float64), axis=-1, padlen=n_pad)
    width = max(1, round(_QRS_S * fs_hz))
    energy: npt.NDArray[np.float64] = np.sqrt(uniform_filter1d(np.square(filtered).sum(axis=0), width).clip(0.0))
    return energy


def _energy_peaks(energy: npt.NDArray[np.float64], fs_hz: float, threshold: float) -> IntArray:
    """Return the peaks over a share of the typical largest energy in two seconds."""
    from scipy.signal import find_peaks

    block = round(_BLOCK_S * fs_hz)
    n_blocks = max(1, len(energy) // block)
    typical = float(np.median([part.max() for part in np.array_split(energy, n_blocks)]))
    peaks, _ = find_peaks(
        energy,
        height=threshold * typical,
        prominence=2 / 3 * threshold * typical,
        distance=max(1, round(_REFRACTORY_S * fs_hz)),
    )
    return np.asarray(peaks, np.int64)
