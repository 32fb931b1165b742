"""Amplitudes, durations and areas of the median beat, lead by lead."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.marks import P_OFF, P_ON, QRS, QRS_OFF, QRS_ON, T_OFF, T_ON, P, T, WaveState
from physioclr_core.physiology.median_beat import MedianBeat

Float64Array = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

# The smallest wave of a QRS complex (IEC 60601-2-51 annex GG): this high for this long.
MIN_WAVE_MV = 0.03
MIN_WAVE_S = 0.006
# The smallest negative part of P, and the smallest part of T.
MIN_PART_MV = 0.02
# Slower median beats are interpolated: a wave of 6 ms has no sample at 100 Hz, and a peak lies between two.
_FINE_HZ = 400.0
_SINC_REACH = 8
# R' and S' last this many samples of the record's own rate; a last wave falls by this much before the J point.
_LEAST_PRIME, _LEAST_FALL_MV = 1.5, 0.02
_T_AFTER_J_S, _T_AFTER_J_AT_LEAST_S = 0.08, 0.04
_T_SMOOTHING_S = 0.02
_ST_S = (0.0, 0.04, 0.06, 0.08)
_UVS = 1000.0


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
    n_fragments : notches within QRS: turning points beyond one for each deflection, in pairs
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
    """Measure every lead of a median beat.

    Amplitudes and areas are taken within the global boundaries, durations of P, QRS and T between the lead's own.

    Parameters
    ----------
    median : MedianBeat

    Returns
    -------
    LeadMeasures
        All NaN for a lead whose QRS complex is not measurable.

    Notes
    -----
    Waves of QRS: IEC 60601-2-51:2003 annex GG, a deflection to one side of the PQ level of at least 30 uV for at least
    6 ms. Below 400 Hz the median beat is interpolated to it by a windowed sinc.
    """
    n_leads = len(median.lead_names)
    values = {field.name: np.full(n_leads, np.nan) for field in fields(LeadMeasures) if field.name != "lead_names"}
    fine = _Fine.of(median)
    if fine is not None:
        _measure_durations(median, values)
        _measure_qrs(fine, median, values)
        _measure_st(fine, values)
        if median.global_state[P] == WaveState.PRESENT:
            _measure_p(fine, values)
        if median.global_state[T] == WaveState.PRESENT:
            _measure_t(fine, values)
        for wave, prefix in ((P, "p_"), (T, "t_")):
            unknown = median.lead_state[:, wave] == WaveState.NOT_MEASURABLE
            for name, column in values.items():
                if name.startswith(prefix):
                    column[unknown] = np.nan
        unknown = (median.lead_state[:, QRS] == WaveState.NOT_MEASURABLE) | ~fine.is_whole
        for column in values.values():
            column[unknown] = np.nan
    return LeadMeasures(lead_names=median.lead_names, **values)


@dataclass(frozen=True, slots=True, eq=False)
class _Fine:
    """A median beat with samples close enough together to measure it, and the global boundaries as samples."""

    signal_mv: FloatArray
    fs_hz: float
    r_index: int
    global_s: Float64Array
    qrs: slice
    is_whole: BoolArray

    @classmethod
    def of(cls, median: MedianBeat) -> _Fine | None:
        """Return None where there is no beat or no global QRS complex."""
        n = median.signal_mv.shape[1]
        if n == 0 or not np.isfinite(median.global_s[[QRS_ON, QRS_OFF]]).all():
            return None
        signal, factor = fine_signal(median)
        fs_hz, r_index = median.fs_hz * factor, median.r_index * factor
        qrs = _span(median.global_s[QRS_ON], median.global_s[QRS_OFF], fs_hz, r_index, signal.shape[1])
        if qrs is None:
            return None
        is_whole = np.isfinite(signal[:, qrs].sum(axis=1))
        return cls(signal, fs_hz, r_index, median.global_s, qrs, is_whole)

    def span(self, start_s: float, end_s: float) -> slice | None:
        return _span(start_s, end_s, self.fs_hz, self.r_index, self.signal_mv.shape[1])

    def at(self, time_s: float) -> FloatArray:
        """Return all leads at a time after R, between samples by a straight line; NaN outside."""
        position = time_s * self.fs_hz + self.r_index
        index = int(np.floor(position))
        if not 0 <= index < self.signal_mv.shape[1] - 1:
            return np.full(len(self.signal_mv), np.nan, np.float32)
        share = np.float32(position - index)
        level: FloatArray = (1 - share) * self.signal_mv[:, index] + share * self.signal_mv[:, index + 1]
        return level

    def area_uvs(self, values_mv: FloatArray) -> FloatArray:
        """Return the integral by the trapezoidal rule."""
        total = values_mv.sum(axis=1) - 0.5 * (values_mv[:, 0] + values_mv[:, -1])
        area: FloatArray = total * np.float32(_UVS / self.fs_hz)
        return area


def _span(start_s: float, end_s: float, fs_hz: float, r_index: int, n: int) -> slice | None:
    """Return the samples from one time to another, both included; None for fewer than three."""
    if not (np.isfinite(start_s) and np.isfinite(end_s)):
        return None
    start, stop = round(start_s * fs_hz) + r_index, round(end_s * fs_hz) + r_index + 1
    start, stop = max(start, 0), min(stop, n)
    return slice(start, stop) if stop - start >= 3 else None


def fine_signal(median: MedianBeat) -> tuple[FloatArray, int]:
    """Return a median beat with samples close enough together to show peaks between its own, and how many for one."""
    signal = median.signal_mv
    n = signal.shape[1]
    factor = max(1, int(np.ceil(_FINE_HZ / median.fs_hz - 1e-9))) if n > 1 else 1
    if factor == 1:
        return signal, 1
    is_gap = np.isnan(signal)
    fine: FloatArray = np.where(is_gap, np.float32(0.0), signal) @ _interpolation(n, factor)
    if is_gap.any():
        nearest = np.round(np.arange(fine.shape[1]) / factor).astype(np.int64)
        fine[is_gap[:, nearest]] = np.nan
    return fine, factor


@lru_cache(maxsize=16)
def _interpolation(n: int, factor: int) -> FloatArray:
    """Return the weights, shape (n, (n - 1) * factor + 1), of a sinc in a Lanczos window of 8 samples."""
    distance = np.arange((n - 1) * factor + 1) / factor - np.arange(n)[:, None]
    weights = np.sinc(distance) * np.sinc(distance / _SINC_REACH) * (np.abs(distance) < _SINC_REACH)
    weights /= weights.sum(axis=0)
    return weights.astype(np.float32)


def _measure_durations(median: MedianBeat, values: dict[str, Float64Array]) -> None:
    for name, start, end in (
        ("p_ms", P_ON, P_OFF),
        ("pr_ms", P_ON, QRS_ON),
        ("qrs_ms", QRS_ON, QRS_OFF),
        ("t_ms", T_ON, T_OFF),
        ("qt_ms", QRS_ON, T_OFF),
    ):
        values[name][:] = 1000.0 * (median.lead_s[:, end] - median.lead_s[:, start])


def _measure_st(fine: _Fine, values: dict[str, Float64Array]) -> None:
    j_s = float(fine.global_s[QRS_OFF])
    for name, after_s in zip(("st_j_mv", "st_j40_mv", "st_j60_mv", "st_j80_mv"), _ST_S, strict=True):
        values[name][:] = fine.at(j_s + after_s)
    values["st_slope_mv_per_s"][:] = (values["st_j80_mv"] - values["st_j_mv"]) / _ST_S[-1]


def _measure_p(fine: _Fine, values: dict[str, Float64Array]) -> None:
    span = fine.span(fine.global_s[P_ON], fine.global_s[P_OFF])
    if span is None:
        return
    wave_mv = fine.signal_mv[:, span]
    n = wave_mv.shape[1]
    wave_mv = wave_mv - wave_mv[:, :1] - (wave_mv[:, -1:] - wave_mv[:, :1]) * np.linspace(0, 1, n, dtype=np.float32)
    rows, position = np.arange(len(wave_mv)), np.arange(n)
    values["p_mv"][:] = wave_mv[rows, np.abs(wave_mv).argmax(axis=1)]
    values["p_area_uvs"][:] = fine.area_uvs(wave_mv)
    top = wave_mv.argmax(axis=1)
    top[wave_mv[rows, top] < MIN_PART_MV] = 0
    below = np.where(position >= top[:, None], np.minimum(wave_mv, 0), 0)
    deepest = below.min(axis=1)
    deepest[deepest > -MIN_PART_MV] = 0
    values["p_negative_mv"][:] = deepest
    values["p_negative_ms"][:] = np.where(deepest < 0, (below < 0).sum(axis=1) * 1000.0 / fine.fs_hz, 0.0)
    for name in ("p_negative_mv", "p_negative_ms"):
        values[name][np.isnan(values["p_mv"])] = np.nan


def _measure_t(fine: _Fine, values: dict[str, Float64Array]) -> None:
    j_s, t_on_s = fine.global_s[QRS_OFF], fine.global_s[T_ON]
    start_s = max(t_on_s, j_s + _T_AFTER_J_AT_LEAST_S) if np.isfinite(t_on_s) else j_s + _T_AFTER_J_S
    span = fine.span(start_s, fine.global_s[T_OFF])
    if span is None:
        return
    wave_mv = fine.signal_mv[:, span]
    values["t_area_uvs"][:] = fine.area_uvs(wave_mv)
    # A part of T has a turning point: the end of an ST segment that slopes into T is none. It is looked for in the
    # moving average, and read from the signal.
    width = max(1, round(_T_SMOOTHING_S * fine.fs_hz))
    n = wave_mv.shape[1] - width + 1
    if n < 3:
        return
    total = np.cumsum(wave_mv, axis=1, dtype=np.float64)
    smooth = total[:, width - 1 :].copy()
    smooth[:, 1:] -= total[:, : n - 1]
    steps = np.diff(smooth, axis=1)
    centre_mv = wave_mv[:, width // 2 : width // 2 + n][:, 1:-1]
    is_top = (steps[:, :-1] > 0) & (steps[:, 1:] <= 0)
    is_bottom = (steps[:, :-1] < 0) & (steps[:, 1:] >= 0)
    highest = np.where(is_top, centre_mv, 0).max(axis=1)
    lowest = np.where(is_bottom, centre_mv, 0).min(axis=1)
    highest[highest < MIN_PART_MV] = 0
    lowest[lowest > -MIN_PART_MV] = 0
    values["t_positive_mv"][:] = highest
    values["t_negative_mv"][:] = lowest
    values["t_mv"][:] = np.where(highest >= -lowest, highest, lowest)
    is_gap = np.isnan(values["t_area_uvs"])
    for name in ("t_positive_mv", "t_negative_mv", "t_mv"):
        values[name][is_gap] = np.nan


def _measure_qrs(fine: _Fine, median: MedianBeat, values: dict[str, Float64Array]) -> None:
    qrs_mv = fine.signal_mv[:, fine.qrs]
    size_mv = np.abs(qrs_mv)
    values["qrs_area_uvs"][:] = fine.area_uvs(qrs_mv)
    values["qrs_abs_area_uvs"][:] = fine.area_uvs(size_mv)
    values["qrs_pp_mv"][:] = qrs_mv.max(axis=1) - qrs_mv.min(axis=1)
    values["max_upslope_mv_per_s"][:] = np.diff(qrs_mv, axis=1).max(axis=1) * fine.fs_hz
    # A notch has to stand out of the noise of the median beat as well.
    smallest_mv = np.fmax(MIN_WAVE_MV, 4.0 * np.nan_to_num(median.standard_error_mv))
    waves, n_peaks = _waves(qrs_mv, size_mv, fine.fs_hz, smallest_mv, _LEAST_PRIME * fine.fs_hz / median.fs_hz)
    values["n_fragments"][:] = (np.maximum(_turning_points(qrs_mv, smallest_mv) - n_peaks, 0) + 1) // 2
    for name in ("q", "r", "s", "r_prime"):
        values[f"{name}_mv"][:] = values[f"{name}_ms"][:] = 0.0
    values["s_prime_mv"][:] = values["qs_mv"][:] = 0.0
    for lead, found in enumerate(waves):
        if set(found) == {"q"}:
            values["qs_mv"][lead] = found["q"].peak_mv
            found = {"s": found["q"]}
        for name, wave in found.items():
            values[f"{name}_mv"][lead] = wave.peak_mv
            if name != "s_prime":
                values[f"{name}_ms"][lead] = 1000.0 * wave.length / fine.fs_hz
        last = found.get("r_prime", found.get("r"))
        if last is not None:
            values["vat_ms"][lead] = 1000.0 * last.peak / fine.fs_hz


@dataclass(slots=True)
class _Wave:
    """A wave of QRS: its peak and length in samples."""

    peak_mv: float
    peak: int
    length: float


_NEXT_POSITIVE = {"": "r", "q": "r", "r": "r", "s": "r_prime", "r_prime": "r_prime", "s_prime": ""}
_NEXT_NEGATIVE = {"": "q", "q": "q", "r": "s", "s": "s", "r_prime": "s_prime", "s_prime": "s_prime"}


def _waves(
    qrs_mv: FloatArray, size_mv: FloatArray, fs_hz: float, smallest_mv: Float64Array, least_prime: float
) -> tuple[list[dict[str, _Wave]], npt.NDArray[np.int64]]:
    """Return the waves of each lead's QRS complex by name, and how many runs reach ``smallest_mv``.

    A run of samples on one side of the level is a wave where it is large enough for long enough. Crossings are placed
    between samples. A last run that has its peak at the J point is the ST level and no wave; R' and S' shorter than
    ``least_prime`` are what a low sampling rate leaves of a steep wave before them.
    """
    n_leads, n = qrs_mv.shape
    is_start = np.ones((n_leads, n), np.bool_)
    is_positive = qrs_mv > 0
    is_start[:, 1:] = is_positive[:, 1:] != is_positive[:, :-1]
    starts = np.flatnonzero(is_start)
    n_large = np.add.reduceat((size_mv >= MIN_WAVE_MV).ravel(), starts, dtype=np.int64)
    largest = np.maximum.reduceat(size_mv.ravel(), starts)
    n_peaks = np.bincount(starts // n, weights=largest >= 0.999 * smallest_mv[starts // n], minlength=n_leads)
    stops = np.append(starts[1:], n_leads * n)
    found: list[dict[str, _Wave]] = [{} for _ in range(n_leads)]
    names = [""] * n_leads
    values, sizes = qrs_mv.ravel(), size_mv.ravel()
    is_wave = n_large >= MIN_WAVE_S * fs_hz - 1e-6
    for start, stop in zip(starts[is_wave].tolist(), stops[is_wave].tolist(), strict=True):
        lead = start // n
        peak = start + int(sizes[start:stop].argmax())
        peak_mv = float(values[peak])
        name = (_NEXT_POSITIVE if peak_mv > 0 else _NEXT_NEGATIVE)[names[lead]]
        if not name or (name in ("r_prime", "s_prime") and stop - start < least_prime):
            continue
        if stop % n == 0 and start % n and sizes[peak] - sizes[stop - 1] < _LEAST_FALL_MV:
            continue
        length = float(stop - start - 1)
        if start % n:
            length += float(sizes[start] / (sizes[start] + sizes[start - 1]))
        if stop % n:
            length += float(sizes[stop - 1] / (sizes[stop - 1] + sizes[stop]))
        wave = found[lead].get(name)
        if wave is None:
            found[lead][name] = _Wave(peak_mv, peak % n, length)
        else:  # two of one sign with less than a wave between them
            wave.length += length
            if abs(peak_mv) > abs(wave.peak_mv):
                wave.peak_mv, wave.peak = peak_mv, peak % n
        names[lead] = name
    return found, n_peaks.astype(np.int64)


def _turning_points(qrs_mv: FloatArray, smallest_mv: Float64Array) -> npt.NDArray[np.int64]:
    """Count, in each lead, the peaks and troughs that differ from their neighbours by at least ``smallest_mv``."""
    n_turns = np.zeros(len(qrs_mv), np.int64)
    rises = np.diff(qrs_mv, axis=1) > 0
    is_turn = np.ones(qrs_mv.shape, np.bool_)
    is_turn[:, 1:-1] = rises[:, 1:] != rises[:, :-1]
    for lead, (lead_mv, turns) in enumerate(zip(qrs_mv, is_turn, strict=True)):
        low = high = None
        direction = 0
        limit_mv = float(smallest_mv[lead])
        for value in lead_mv[turns].tolist():
            if low is None or high is None:
                low = high = value
            elif direction >= 0 and high - value >= limit_mv:
                n_turns[lead] += direction > 0
                direction, low, high = -1, value, value
            elif direction <= 0 and value - low >= limit_mv:
                n_turns[lead] += direction < 0
                direction, low, high = 1, value, value
            low, high = min(low, value), max(high, value)
    return n_turns
