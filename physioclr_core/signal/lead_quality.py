"""How good each lead is for measuring: lead-off, wander, muscle noise, mains, and one index of them all.

Flat leads, gaps and clipping are those of the import check (``signal.quality``). What is added here comes from one
Fourier transform of each lead; parts of it go back to time at a low rate, which is all that their bandwidth needs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.signal.lead_off import Spans, off_spans
from physioclr_core.signal.quality import assess_leads, runs
from physioclr_core.signal.resample import bridge_gaps

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

WANDER_BELOW_HZ = 0.5
MUSCLE_BAND_HZ = (35.0, 150.0)
MAINS_HZ = (50.0, 60.0)
_AMPLITUDE_BAND_HZ = (0.5, 40.0)
_SHORTEST_S = 2.0
_WINDOW_S = 10.0
_MAX_WINDOWS = 30
_HIGHEST_SHARE_OF_RATE = 0.45
_LEAST_MUSCLE_BAND_HZ = 5.0
# QRS complexes fill up to a sixth of the time, which moves this quantile of the noise between them little.
_MUSCLE_QUANTILE = 0.35
_MAINS_OVER_FLOOR, _LEAST_MAINS_MV = 3.0, 0.002
# Rows of the arrays of noise.
_WANDER, _MUSCLE, _MAINS, _MAINS_HZ, _AMPLITUDE, _KURTOSIS = range(6)
_N_NOISE = 6

# Each kind of noise halves the index at this share of the lead's peak-to-peak amplitude.
HALF_AT_MUSCLE, HALF_AT_MAINS, HALF_AT_WANDER = 0.05, 0.1, 0.5
# Kurtosis is 3 for noise, and above 5 for an ECG whose QRS complexes stand out.
_KURTOSIS_NONE, _KURTOSIS_FULL, _LEAST_SHAPE = 2.5, 5.0, 0.6
USABLE_SQI = 0.3
USABLE_MISSING = 0.25
USABLE_CLIPPED = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class LeadSignalQuality:
    """What was found in each lead; arrays have shape (n_leads,).

    Attributes
    ----------
    flat : ndarray of bool
        Nothing moves in the whole lead.
    gap_fraction, clipped_fraction, lead_off_fraction : ndarray of float64
        Shares of the lead's samples: without a value; in clipped plateaus; in spans that ``lead_off_spans_s`` finds
        (which include gaps that last).
    baseline_wander_mv : ndarray of float64
        Root mean square below 0.5 Hz, without the level.
    muscle_noise_mv : ndarray of float64
        Root mean square from 35 to 150 Hz (or 0.45 of the rate) between QRS complexes, without mains: the typical, not
        the worst. A rate of 100 Hz shows 10 of these 115 Hz only, which of white noise is 0.3 of its amplitude.
    mains_mv : ndarray of float64
        Root mean square of mains; NaN where the rate is too low to see it.
    mains_hz : ndarray of float64
        50 or 60; NaN where neither stands out.
    amplitude_mv : ndarray of float64
        Typical peak-to-peak amplitude in 2 s, from 0.5 to 40 Hz.
    sqi : ndarray of float64
        Signal quality index from 0 to 1, NaN where the record is too short to say; see ``assess_lead_quality``.
    usable : ndarray of bool
        Whether measurements on the lead mean anything.
    reasons : tuple of str
        Why a lead is not usable, in plain words; empty for those that are.
    """

    flat: BoolArray
    gap_fraction: Float64Array
    clipped_fraction: Float64Array
    lead_off_fraction: Float64Array
    baseline_wander_mv: Float64Array
    muscle_noise_mv: Float64Array
    mains_mv: Float64Array
    mains_hz: Float64Array
    amplitude_mv: Float64Array
    sqi: Float64Array
    usable: BoolArray
    reasons: tuple[str, ...]


def assess_lead_quality(signal_mv: FloatArray, fs_hz: float) -> LeadSignalQuality:
    """Measure the noise of each lead and say whether the lead is fit for measuring.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        As recorded (a low cut would hide baseline wander); NaN is a gap.
    fs_hz : float

    Returns
    -------
    LeadSignalQuality

    Raises
    ------
    ValueError
        If ``signal_mv`` is not two-dimensional or ``fs_hz`` is not positive and finite.

    Notes
    -----
    The index is a product: ``present * h(muscle / 0.05) * h(mains / 0.1) * h(wander / 0.5) * shape`` with
    ``h(x) = 1 / (1 + x^2)`` of noise over the lead's peak-to-peak amplitude, ``present`` the share of samples that are
    neither missing, off nor clipped, and ``shape`` from 0.6 to 1 as the kurtosis goes from 2.5 to 5. Single indices
    for wander, high frequencies, power line and kurtosis are those of Li et al. [1]_ and Zhao and Zhang [2]_; the
    product lets each of them alone condemn a lead. A wide or chaotic rhythm has a low kurtosis, so this term alone
    cannot.

    A lead is usable where the index is at least 0.3, at most a quarter is missing and at most 5 % is clipped.

    Records of more than 15 s are measured in up to 30 windows of 10 s spread evenly, and the medians are given; gaps,
    clipping and lead-off are those of the whole record.

    References
    ----------
    .. [1] Li Q, Mark RG, Clifford GD. Physiol Meas 2008;29:15-32.
    .. [2] Zhao Z, Zhang Y. Front Physiol 2018;9:727.
    """
    if signal_mv.ndim != 2:
        raise ValueError(f"signal_mv must be (n_leads, n_samples), got shape {signal_mv.shape}")
    if not (math.isfinite(fs_hz) and fs_hz > 0):
        raise ValueError(f"fs_hz must be positive and finite, got {fs_hz}")
    if not signal_mv.shape[1]:
        signal_mv = np.full((len(signal_mv), 1), np.nan, np.float32)  # no samples are a gap
    n_leads, n_samples = signal_mv.shape
    imported = assess_leads(signal_mv, fs_hz)
    gap_fraction = imported.gap_samples / n_samples
    spans = off_spans(signal_mv, fs_hz)
    off_fraction = np.array([sum(end - start for start, end in found) / n_samples for found in spans], np.float64)
    missing = off_fraction.copy()
    for row in np.flatnonzero(imported.gap_samples).tolist():
        missing[row] += gap_fraction[row] - _gaps_within(signal_mv[row], spans[row]) / n_samples
    noise = _noise_in_windows(signal_mv, fs_hz, spans)
    is_short = n_samples < _SHORTEST_S * fs_hz
    flat: BoolArray = imported.is_flat | ((off_fraction > 0.999) & (gap_fraction < 0.999))
    factors = _factors(noise, missing, imported.clipped_fraction, fs_hz)
    sqi = np.where(missing > 0.999, 0.0, factors.prod(axis=0))
    sqi[flat] = 0.0
    sqi[is_short & (gap_fraction < 1.0)] = np.nan
    usable = (sqi >= USABLE_SQI) & (missing <= USABLE_MISSING) & (imported.clipped_fraction <= USABLE_CLIPPED)
    reasons: list[str] = []
    for row in range(n_leads):
        if usable[row]:
            reasons.append("")
        elif gap_fraction[row] >= 1.0:
            reasons.append("no signal")
        elif is_short:
            reasons.append(f"shorter than {_SHORTEST_S:g} s")
        elif flat[row]:
            reasons.append("flat")
        elif missing[row] > USABLE_MISSING:
            reasons.append(_missing_text(spans[row], missing[row], n_samples, fs_hz))
        elif imported.clipped_fraction[row] > USABLE_CLIPPED:
            reasons.append(f"clipped {100 * imported.clipped_fraction[row]:.0f} %")
        else:
            reasons.append(_noise_text(noise[:, row], factors[:, row]))
    return LeadSignalQuality(
        flat=flat,
        gap_fraction=gap_fraction,
        clipped_fraction=imported.clipped_fraction,
        lead_off_fraction=off_fraction,
        baseline_wander_mv=noise[_WANDER],
        muscle_noise_mv=noise[_MUSCLE],
        mains_mv=noise[_MAINS],
        mains_hz=noise[_MAINS_HZ],
        amplitude_mv=noise[_AMPLITUDE],
        sqi=sqi,
        usable=usable,
        reasons=tuple(reasons),
    )


def lead_off_spans_s(lead_mv: FloatArray, fs_hz: float) -> list[tuple[float, float]]:
    """Return the (start_s, end_s) spans in which a lead is off, in order of time; see ``lead_off.off_spans``.

    Parameters
    ----------
    lead_mv : ndarray of float32, shape (n_samples,)
    fs_hz : float
    """
    return [(start / fs_hz, end / fs_hz) for start, end in off_spans(lead_mv[None], fs_hz)[0]]


def _gaps_within(lead_mv: FloatArray, spans: Spans) -> int:
    return sum(int(np.count_nonzero(~np.isfinite(lead_mv[start:end]))) for start, end in spans)


def _missing_text(spans: Spans, missing: float, n_samples: int, fs_hz: float) -> str:
    if len(spans) == 1 and spans[0][1] == n_samples:
        return f"lead off from {spans[0][0] / fs_hz:.1f} s"
    if len(spans) == 1 and spans[0][0] == 0:
        return f"lead off until {spans[0][1] / fs_hz:.1f} s"
    return f"lead off or missing {100 * missing:.0f} %"


# --- noise -----------------------------------------------------------------------------------------------------------


def _noise_in_windows(signal_mv: FloatArray, fs_hz: float, spans: Sequence[Spans]) -> Float64Array:
    """Return the rows of ``_noise`` as medians over windows, shape (6, n_leads)."""
    n_leads, n_samples = signal_mv.shape
    length = round(_WINDOW_S * fs_hz)
    if n_samples < 1.5 * length:
        return _noise_where_on(signal_mv, fs_hz, spans, 0)
    n_windows = min(_MAX_WINDOWS, n_samples // length)
    starts = np.linspace(0, n_samples - length, n_windows).astype(np.int64).tolist()
    parts = [_noise_where_on(signal_mv[:, start : start + length], fs_hz, spans, start) for start in starts]
    every = np.stack(parts, axis=1)
    noise = np.full((_N_NOISE, n_leads), np.nan)
    for row in range(n_leads):
        is_measured = np.isfinite(every[_AMPLITUDE, :, row])
        if is_measured.any():
            noise[:, row] = np.median(every[:, is_measured, row], axis=1)
            noise[_MAINS_HZ, row] = _most_frequent(every[_MAINS_HZ, is_measured, row])
    return noise


def _most_frequent(mains_hz: Float64Array) -> float:
    """Return the frequency found in at least half of the windows."""
    shares = [np.count_nonzero(mains_hz == frequency_hz) / len(mains_hz) for frequency_hz in MAINS_HZ]
    best = int(np.argmax(shares))
    return MAINS_HZ[best] if shares[best] >= 0.5 else math.nan


def _noise_where_on(signal_mv: FloatArray, fs_hz: float, spans: Sequence[Spans], first: int) -> Float64Array:
    """Measure whole leads together, and a lead that is off for a while in its longest stretch that is not."""
    n_leads, n_samples = signal_mv.shape
    noise = np.full((_N_NOISE, n_leads), np.nan)
    whole = [row for row in range(n_leads) if not _overlapping(spans[row], first, first + n_samples)]
    if whole and n_samples >= _SHORTEST_S * fs_hz:
        noise[:, whole] = _noise(signal_mv[whole] if len(whole) < n_leads else signal_mv, fs_hz)
    for row in set(range(n_leads)) - set(whole):
        is_on = np.ones(n_samples, np.bool_)
        for start, end in _overlapping(spans[row], first, first + n_samples):
            is_on[max(start - first, 0) : max(end - first, 0)] = False
        starts, ends = runs(is_on)
        if len(starts):
            longest = int(np.argmax(ends - starts))
            if ends[longest] - starts[longest] >= _SHORTEST_S * fs_hz:
                noise[:, row] = _noise(signal_mv[row : row + 1, starts[longest] : ends[longest]], fs_hz)[:, 0]
    return noise


def _overlapping(spans: Spans, first: int, end: int) -> Spans:
    return [span for span in spans if span[0] < end and span[1] > first]


def _noise(signal_mv: FloatArray, fs_hz: float) -> Float64Array:
    """Return wander, muscle noise, mains, its frequency, amplitude and kurtosis of each lead, shape (6, n_leads)."""
    from scipy.fft import prev_fast_len, rfft

    n_samples = int(prev_fast_len(signal_mv.shape[1], real=True))
    used = signal_mv[:, :n_samples]
    if not np.isfinite(used).all():
        used = bridge_gaps(used)
    used = used - used.mean(axis=1, keepdims=True)
    # Scaled so that the squares of a band's bins add up to its mean square.
    spectrum = rfft(used, axis=1)
    spectrum *= np.float32(math.sqrt(2.0) / n_samples)
    bin_hz = fs_hz / n_samples
    noise = np.full((_N_NOISE, len(signal_mv)), np.nan)
    n_wander = math.ceil(WANDER_BELOW_HZ / bin_hz)
    noise[_WANDER] = np.sqrt(_power(spectrum[:, 1:n_wander]).sum(axis=1))
    noise[_MUSCLE] = _muscle_noise_mv(spectrum, bin_hz, fs_hz)
    noise[_MAINS], noise[_MAINS_HZ] = _mains(spectrum, bin_hz, fs_hz)
    noise[_AMPLITUDE], noise[_KURTOSIS] = _beat_band(spectrum, bin_hz, fs_hz, n_samples)
    return noise


def _power(spectrum: npt.NDArray[np.complex64]) -> FloatArray:
    power: FloatArray = np.square(spectrum.real) + np.square(spectrum.imag)
    return power


def _muscle_noise_mv(spectrum: npt.NDArray[np.complex64], bin_hz: float, fs_hz: float) -> Float64Array | float:
    from scipy.fft import ifft

    first = round(MUSCLE_BAND_HZ[0] / bin_hz)
    end = round(min(MUSCLE_BAND_HZ[1], _HIGHEST_SHARE_OF_RATE * fs_hz) / bin_hz)
    if end - first < _LEAST_MUSCLE_BAND_HZ / bin_hz:
        return math.nan
    band = spectrum[:, first:end].copy()
    n_left = n_bins = end - first
    for mains_hz in MAINS_HZ:
        for harmonic in (1, 2, 3):
            low, high = (round((harmonic * mains_hz + side) / bin_hz) - first for side in (-1.0, 1.0))
            if 0 <= low and high < n_bins:
                band[:, low : high + 1] = 0.0
                n_left -= high + 1 - low
    # The band moved to 0 Hz is a complex signal at the rate of its width, whose square is the band's power over time
    # (exponentially distributed for noise). A low quantile passes by the QRS complexes.
    envelope = _power(ifft(band, axis=1, norm="forward"))
    place = int(_MUSCLE_QUANTILE * n_bins)
    quantile = np.partition(envelope, place, axis=1)[:, place] / -math.log(1.0 - _MUSCLE_QUANTILE)
    noise_mv: Float64Array = np.sqrt(quantile.astype(np.float64) * (n_bins / n_left))
    return noise_mv


def _mains(
    spectrum: npt.NDArray[np.complex64], bin_hz: float, fs_hz: float
) -> tuple[Float64Array | float, Float64Array | float]:
    half, inner, outer = (max(1, round(width_hz / bin_hz)) for width_hz in (0.5, 1.5, 4.0))
    found = []
    for mains_hz in MAINS_HZ:
        centre = round(mains_hz / bin_hz)
        if mains_hz < _HIGHEST_SHARE_OF_RATE * fs_hz and centre + outer + 1 < spectrum.shape[1]:
            # A Hann window, as neighbours in frequency: QRS complexes and the ends leak less into the line.
            near = spectrum[:, centre - outer - 1 : centre + outer + 2]
            hann = 0.5 * near[:, 1:-1] - 0.25 * (near[:, :-2] + near[:, 2:])
            power = _power(hann) / 0.375
            line = power[:, outer - half : outer + half + 1].sum(axis=1)
            beside = np.concatenate([power[:, : outer - inner + 1], power[:, outer + inner :]], axis=1)
            floor = beside.mean(axis=1) * (2 * half + 1)
            found.append((mains_hz, line - floor, floor))
    if not found:
        return math.nan, math.nan
    excess = np.stack([line for _, line, _ in found])
    best = excess.argmax(axis=0)
    rows = np.arange(excess.shape[1])
    above, floor = excess[best, rows], np.stack([floor for _, _, floor in found])[best, rows]
    stands_out = (above > _MAINS_OVER_FLOOR * floor) & (above > _LEAST_MAINS_MV**2)
    mains_mv = np.sqrt(np.maximum(above, 0.0)).astype(np.float64)
    return mains_mv, np.where(stands_out, np.array([hz for hz, _, _ in found])[best], np.nan)


def _beat_band(
    spectrum: npt.NDArray[np.complex64], bin_hz: float, fs_hz: float, n_samples: int
) -> tuple[Float64Array, Float64Array]:
    """Return the peak-to-peak amplitude and the kurtosis in the band of the beats, at a rate just high enough."""
    from scipy.fft import irfft, next_fast_len

    first = math.ceil(_AMPLITUDE_BAND_HZ[0] / bin_hz)
    end = round(min(_AMPLITUDE_BAND_HZ[1], 0.5 * fs_hz) / bin_hz)
    band = spectrum[:, :end].copy()
    band[:, :first] = 0.0
    n_new = int(next_fast_len(5 * end // 2, real=True))
    beats = irfft(band, n_new, axis=1, norm="forward")
    beats *= np.float32(math.sqrt(0.5))
    n_chunks = max(1, int(1.0 / (bin_hz * _SHORTEST_S)))
    chunks = beats[:, : n_new // n_chunks * n_chunks].reshape(len(beats), n_chunks, -1)
    amplitude_mv = np.median(np.ptp(chunks, axis=2), axis=1).astype(np.float64)
    squares = np.square(beats)
    variance = squares.mean(axis=1, dtype=np.float64)
    fourth = np.square(squares).mean(axis=1, dtype=np.float64)
    kurtosis = np.divide(fourth, variance**2, out=np.zeros_like(fourth), where=variance > 0)
    return amplitude_mv, kurtosis


# --- the index -------------------------------------------------------------------------------------------------------


def _factors(noise: Float64Array, missing: Float64Array, clipped: Float64Array, fs_hz: float) -> Float64Array:
    """Return what each kind of noise leaves of the index: muscle, mains, wander, shape, present; shape (5, n_leads)."""
    amplitude_mv = np.maximum(noise[_AMPLITUDE], 1e-6)
    highest_hz = min(MUSCLE_BAND_HZ[1], _HIGHEST_SHARE_OF_RATE * fs_hz)
    # At a low rate the part of the band that is seen stands for the whole.
    width = (MUSCLE_BAND_HZ[1] - MUSCLE_BAND_HZ[0]) / max(highest_hz - MUSCLE_BAND_HZ[0], _LEAST_MUSCLE_BAND_HZ)
    shares = np.stack(
        [
            np.nan_to_num(noise[_MUSCLE]) * math.sqrt(width) / HALF_AT_MUSCLE,
            np.nan_to_num(noise[_MAINS]) / HALF_AT_MAINS,
            noise[_WANDER] / HALF_AT_WANDER,
        ]
    )
    halved = 1.0 / (1.0 + np.square(shares / amplitude_mv))
    stands_out = ((noise[_KURTOSIS] - _KURTOSIS_NONE) / (_KURTOSIS_FULL - _KURTOSIS_NONE)).clip(0.0, 1.0)
    shape = _LEAST_SHAPE + (1.0 - _LEAST_SHAPE) * stands_out
    return np.stack([*halved, shape, (1.0 - missing - clipped).clip(0.0, 1.0)])


def _noise_text(noise: Float64Array, factors: Float64Array) -> str:
    worst = int(np.argmin(factors))
    if worst == 0:
        return f"muscle noise {noise[_MUSCLE]:.2g} mV"
    if worst == 1:
        frequency = "" if np.isnan(noise[_MAINS_HZ]) else f" {noise[_MAINS_HZ]:g} Hz"
        return f"mains{frequency} {noise[_MAINS]:.2g} mV"
    if worst == 2:
        return f"baseline wander {noise[_WANDER]:.2g} mV"
    return "no beats stand out" if worst == 3 else "clipped or missing in part"
