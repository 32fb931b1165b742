"""Zero-phase filters: waves stay where they are, and the low cut may be as high as the standards allow.

All are magnitude filters in the frequency domain: Butterworth filters of order 2 run forwards and backwards, and a
narrow notch. The cosine transform (DCT-II) is that of the signal mirrored at both ends without end, so no padding is
needed. Mirroring was chosen on real records: near the ends it errs half as much as turning the signal about its end
points, which takes whatever wave is cut there for the baseline.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from physioclr_core.signal.quality import runs
from physioclr_core.signal.resample import bridge_gaps

FloatArray = npt.NDArray[np.float32]

# Cuts at or above this share of the rate are not applied: there is (nearly) nothing above them.
HIGHEST_CUT = 0.45
# A cut is where the amplitude is 3 dB down, as the standards state a band. Twice a Butterworth filter of order 2 is
# 1 / (1 + x^4), which is there at this x.
_CUT_X = math.sqrt(math.sqrt(math.sqrt(2.0) - 1.0))
# The notch is x^4 / (1 + x^4) in x = (f - notch) / 0.8 Hz: 3 dB down 1 Hz to either side, more than 30 dB down within
# 0.33 Hz, which is more than mains and clocks are off.
NOTCH_HALF_WIDTH_HZ = 1.0
_NOTCH_SCALE_HZ = NOTCH_HALF_WIDTH_HZ * _CUT_X
_MIN_MAINS_FIT_S = 1.0
# What lies this many time constants beyond a block no longer matters (e^-14 of 100 mV is below 0.1 uV).
_SETTLING = 14.0
_MAX_SAMPLES_AT_ONCE = 2**20
_BLOCK_SAMPLES = 2**18


@dataclass(frozen=True, slots=True)
class Band:
    """What a filter lets pass.

    Attributes
    ----------
    low_hz, high_hz : float or None
        Frequencies at which the amplitude is 3 dB down; None does not cut.
    notch_hz : float or None
        Mains frequency to take out (3 dB down ``NOTCH_HALF_WIDTH_HZ`` to either side); None leaves it.
    notch_harmonic : bool
        Whether to take out twice the mains frequency too.

    Raises
    ------
    ValueError
        If a frequency is not positive and finite, or ``low_hz`` is not below ``high_hz``.
    """

    low_hz: float | None = None
    high_hz: float | None = None
    notch_hz: float | None = None
    notch_harmonic: bool = False

    def __post_init__(self) -> None:
        for name in ("low_hz", "high_hz", "notch_hz"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite, got {value}")
        if self.low_hz is not None and self.high_hz is not None and not self.low_hz < self.high_hz:
            raise ValueError(f"low_hz must be below high_hz, got {self.low_hz:g} and {self.high_hz:g}")

    @property
    def text(self) -> str:
        """The band as it is printed on a trace: "0.05-150 Hz, notch 50 Hz"."""
        parts = []
        if self.low_hz is not None and self.high_hz is not None:
            parts.append(f"{self.low_hz:g}-{self.high_hz:g} Hz")
        elif self.low_hz is not None:
            parts.append(f"from {self.low_hz:g} Hz")
        elif self.high_hz is not None:
            parts.append(f"up to {self.high_hz:g} Hz")
        if self.notch_hz is not None:
            harmonic = f" and {2 * self.notch_hz:g}" if self.notch_harmonic else ""
            parts.append(f"notch {self.notch_hz:g}{harmonic} Hz")
        return ", ".join(parts) or "unfiltered"

    def at(self, fs_hz: float) -> Band:
        """Return what is applied to a signal of this rate: no cut or notch at or above ``HIGHEST_CUT * fs_hz``."""
        limit_hz = HIGHEST_CUT * fs_hz
        high_hz = None if self.high_hz is None or self.high_hz >= limit_hz else self.high_hz
        notch_hz = None if self.notch_hz is None or self.notch_hz >= limit_hz else self.notch_hz
        harmonic = self.notch_harmonic and notch_hz is not None and 2 * notch_hz < limit_hz
        return replace(self, high_hz=high_hz, notch_hz=notch_hz, notch_harmonic=harmonic)


DIAGNOSTIC = Band(0.05, 150.0)
# AHA/ACC/HRS 2007 part I lets a filter without phase distortion cut as high as 0.67 Hz. It moves no wave in time, but
# around a QRS complex the level shifts by 1.2 mV for each mV s of its net area (0.05 mV for 0.04 mV s): PQ and ST
# alike, so ST must be measured against the PQ level.
BASELINE_FREE = Band(0.67, 150.0)
MONITOR = Band(0.5, 40.0)
ST = Band(0.05, 40.0)


def zero_phase(signal_mv: FloatArray, fs_hz: float, band: Band) -> FloatArray:
    """Filter without moving anything in time.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap: bridged by a straight line for the filter, and a gap again afterwards.
    fs_hz : float
    band : Band
        Cuts and notches at or above ``HIGHEST_CUT * fs_hz`` are not applied, see ``Band.at``.

    Returns
    -------
    ndarray of float32, shape (n_leads, n_samples)
        A new array. Within about ``0.3 / low_hz`` seconds of the record's ends the baseline is less certain.

    Raises
    ------
    ValueError
        If ``signal_mv`` is not two-dimensional, ``fs_hz`` is not positive and finite, or ``band.low_hz`` is not below
        half of it.

    Notes
    -----
    The cuts have the response of a digital Butterworth filter of order 2 (bilinear transform) applied forwards and
    backwards [1]_, with the 3 dB point of both passes together at the stated frequency. The low cut of 0.05 Hz passes
    the standards' impulse test (0.3 mV s: offset at most 0.1 mV, slope at most 0.3 mV/s afterwards) [2]_; no linear
    filter that removes baseline up to 0.67 Hz can, whatever its phase.

    Long records are filtered lead by lead in blocks that overlap by all that matters.

    References
    ----------
    .. [1] Gustafsson F. IEEE Trans Signal Process 1996;44:988-992.
    .. [2] Kligfield P et al. Circulation 2007;115:1306-1324.
    """
    if signal_mv.ndim != 2:
        raise ValueError(f"signal_mv must be (n_leads, n_samples), got shape {signal_mv.shape}")
    if not (math.isfinite(fs_hz) and fs_hz > 0):
        raise ValueError(f"fs_hz must be positive and finite, got {fs_hz}")
    if band.low_hz is not None and not band.low_hz < fs_hz / 2:
        raise ValueError(f"the low cut of {band.low_hz:g} Hz must be below half the rate of {fs_hz:g} Hz")
    applied = band.at(fs_hz)
    if signal_mv.size == 0 or applied == Band():
        return signal_mv.astype(np.float32)
    if signal_mv.size <= _MAX_SAMPLES_AT_ONCE:
        return _filter_gapped(signal_mv, fs_hz, applied)
    filtered = np.empty(signal_mv.shape, np.float32)
    for row in range(len(signal_mv)):
        _filter_in_blocks(signal_mv[row], fs_hz, applied, filtered[row])
    return filtered


def _filter_gapped(signal_mv: FloatArray, fs_hz: float, band: Band) -> FloatArray:
    is_finite = np.isfinite(signal_mv)
    if is_finite.all():
        return _filter(signal_mv, fs_hz, band)
    filtered = _filter(bridge_gaps(signal_mv), fs_hz, band)
    filtered[~is_finite] = np.nan
    return filtered


def _filter_in_blocks(lead_mv: FloatArray, fs_hz: float, band: Band, filtered: FloatArray) -> None:
    """Fill ``filtered`` block by block; each sees its neighbours as far as the filter reaches."""
    n_samples = len(lead_mv)
    overlap = math.ceil(_settling_s(band) * fs_hz)
    block = max(_BLOCK_SAMPLES, 4 * overlap)
    for start in range(0, n_samples, block - 2 * overlap):
        # Every block but those at the ends has one length, so that the gains are computed once.
        first = max(0, min(start - overlap, n_samples - block))
        end = min(first + block, n_samples)
        part = lead_mv[first:end]
        is_gap = ~np.isfinite(part)
        if is_gap.any():
            part = _bridge_part(lead_mv, first, end)
        stop = min(start + block - 2 * overlap, n_samples)
        filtered[start:stop] = _filter(part[None], fs_hz, band)[0, start - first : stop - first]
        filtered[start:stop][is_gap[start - first : stop - first]] = np.nan


def _bridge_part(lead_mv: FloatArray, first: int, end: int) -> FloatArray:
    """Return part of a lead with gaps bridged as they would be in the whole lead."""
    before, after = first, end
    while before > 0 and not np.isfinite(lead_mv[before : before + 1]).all():
        before = _last_finite(lead_mv, before)
    while after < len(lead_mv) and not np.isfinite(lead_mv[after - 1 : after]).all():
        after = _first_finite(lead_mv, after) + 1
    bridged = lead_mv[first:end].copy()
    for gap_start, gap_end in zip(*runs(~np.isfinite(bridged)), strict=True):
        left = gap_start - 1 + first if gap_start > 0 else before
        right = gap_end + first if gap_end < len(bridged) else after - 1
        known = [place for place in (left, right) if np.isfinite(lead_mv[place])]
        if known:
            places = np.arange(gap_start, gap_end) + first
            bridged[gap_start:gap_end] = np.interp(places, known, lead_mv[known])
        else:
            bridged[gap_start:gap_end] = 0.0
    return bridged


def _last_finite(lead_mv: FloatArray, before: int) -> int:
    """Return the last finite sample's index in the stretch before an index, or where the stretch starts."""
    start = max(0, before - _BLOCK_SAMPLES)
    found = np.flatnonzero(np.isfinite(lead_mv[start:before]))
    return start + int(found[-1]) if len(found) else start


def _first_finite(lead_mv: FloatArray, after: int) -> int:
    end = min(len(lead_mv), after + _BLOCK_SAMPLES)
    found = np.flatnonzero(np.isfinite(lead_mv[after:end]))
    return after + int(found[0]) if len(found) else end - 1


def _settling_s(band: Band) -> float:
    """Return the time after which the slowest part of the impulse response has died away."""
    scales_hz: list[float] = []
    if band.low_hz is not None:
        scales_hz.append(band.low_hz * _CUT_X)
    if band.notch_hz is not None:
        scales_hz.append(_NOTCH_SCALE_HZ)
    if band.high_hz is not None:
        scales_hz.append(band.high_hz)
    # 1 / (1 + x^4) in frequency dies away in time as exp(-2 pi scale t / sqrt(2)).
    return _SETTLING / (math.sqrt(2.0) * math.pi * min(scales_hz))


def _filter(signal_mv: FloatArray, fs_hz: float, band: Band) -> FloatArray:
    from scipy.fft import dct, idct

    n_samples = signal_mv.shape[1]
    # The level goes separately: it would cost float32 its last digits, and the gain at 0 Hz is 0 or 1 exactly.
    level_mv = signal_mv.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    centred = np.subtract(signal_mv, level_mv, dtype=np.float32)
    for mains in _mains_bases(n_samples, fs_hz, band):
        # Mirroring turns the phase of mains at the ends, where the notch would then leave some of it. What is as
        # steady as mains is taken out first; further inside the notch takes it out anyway.
        centred -= (centred @ mains.T) @ mains
    spectrum = dct(centred, axis=1, overwrite_x=True)
    spectrum *= _gain(n_samples, fs_hz, band)
    filtered: FloatArray = idct(spectrum, axis=1, overwrite_x=True)
    if band.low_hz is None:
        filtered += level_mv
    return filtered


@lru_cache(maxsize=8)
def _gain(n_samples: int, fs_hz: float, band: Band) -> FloatArray:
    """Return the gain at each frequency of the cosine transform, shape (n_samples,)."""
    phase = np.arange(n_samples) * (np.pi / (2 * n_samples))  # pi f / fs
    warped = np.tan(phase)
    gain = np.ones(n_samples)
    if band.low_hz is not None:
        x4 = (warped / (math.tan(math.pi * band.low_hz / fs_hz) * _CUT_X)) ** 4
        gain *= x4 / (1.0 + x4)
    if band.high_hz is not None:
        gain /= 1.0 + (warped / (math.tan(math.pi * band.high_hz / fs_hz) / _CUT_X)) ** 4
    for notch_hz in _notches_hz(band):
        x4 = ((phase * fs_hz / np.pi - notch_hz) / _NOTCH_SCALE_HZ) ** 4
        gain *= x4 / (1.0 + x4)
    gain_32 = gain.astype(np.float32)
    gain_32.setflags(write=False)
    return gain_32


@lru_cache(maxsize=8)
def _mains_bases(n_samples: int, fs_hz: float, band: Band) -> tuple[FloatArray, ...]:
    """Return, for each notch, two orthonormal rows that span all sines of its frequency, shape (2, n_samples)."""
    if n_samples < _MIN_MAINS_FIT_S * fs_hz:
        return ()
    bases = []
    for notch_hz in _notches_hz(band):
        phase = 2.0 * np.pi * notch_hz / fs_hz * np.arange(n_samples)
        basis, _ = np.linalg.qr(np.stack([np.cos(phase), np.sin(phase)], axis=1))
        bases.append(np.ascontiguousarray(basis.T, dtype=np.float32))
    return tuple(bases)


def _notches_hz(band: Band) -> tuple[float, ...]:
    if band.notch_hz is None:
        return ()
    return (band.notch_hz, 2.0 * band.notch_hz) if band.notch_harmonic else (band.notch_hz,)
