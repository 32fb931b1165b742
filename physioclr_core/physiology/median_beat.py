"""The median beat of every lead, and where its waves begin and end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.marks import P_ON, QRS_OFF, QRS_ON, T_OFF, BeatClass, Delineation, WaveState
from physioclr_core.physiology.medians import nan_median

Float64Array = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# More beats make no better median, only a slower one.
MAX_BEATS = 60
# The window around R, unless the marks reach further or the next beat comes earlier.
_BEFORE_S, _AFTER_S = 0.35, 0.6
_MARGIN_S = 0.05
_LONGEST_BEFORE_S, _LONGEST_AFTER_S = 0.6, 0.9
# PQ level: the last 16 ms before QRS (8 samples at 500 Hz, 2 at 100 Hz); without P waves there is more room, and the
# waves of a fibrillating atrium average out better.
_LEVEL_S, _LEVEL_WITHOUT_P_S = 0.016, 0.04
_TYPICAL_QRS_S = (-0.04, 0.06)
_SEARCH_S, _QRS_SEARCH_S = 0.02, 0.08
# Below this rate a beat is moved between samples as well: at 100 Hz half a sample is 5 ms.
_SHIFT_BELOW_HZ, _N_TAPS = 250.0, 8
_PREMATURE, _STEADY = 0.85, 0.1
_MIN_CORRELATION, _NOISE_RATIO, _NOISE_FLOOR_MV, _PASSES = 0.9, 3.0, 0.05, 2
_SUPPORT_S = 0.012
# sqrt(pi / 2): a normal distribution's standard deviation over its mean absolute deviation.
_SQRT_HALF_PI = 1.2533


@dataclass(frozen=True, slots=True, eq=False)
class MedianBeat:
    """The typical beat of a record.

    Attributes
    ----------
    fs_hz : float
    lead_names : tuple of str
    signal_mv : ndarray of float32, shape (n_leads, n)
        The median over the beats used, each lead against its own PQ level (just before the global QRS onset); NaN
        for a lead without samples. ``n`` is 0 where there is no beat.
    r_index : int
        The sample of R.
    used : ndarray of bool, shape (n_beats,)
        Which of the record's beats went in.
    n_used : int
    beat_set : str
        The same in words: "11 of 12 beats: 1 ventricular left out".
    lead_s : ndarray of float64, shape (n_leads, 9)
        Fiducials in the order of ``FIDUCIALS``, in seconds after R (negative before it): the median over the beats
        used; NaN where fewer than half of them have the wave.
    global_s : ndarray of float64, shape (9,)
        The same over all leads: earliest onset to latest offset that a second lead supports.
    lead_state, global_state : ndarray of int8, shapes (n_leads, 3) and (3,)
        Values of ``WaveState`` for P, QRS and T.
    noise_mv : ndarray of float64, shape (n_leads,)
        What one beat typically differs by from the median beat (robust standard deviation over beats and samples);
        NaN with fewer than two beats.
    reason : str
        Why there is no median beat; empty otherwise.
    """

    fs_hz: float
    lead_names: tuple[str, ...]
    signal_mv: FloatArray
    r_index: int
    used: npt.NDArray[np.bool_]
    n_used: int
    beat_set: str
    lead_s: Float64Array
    global_s: Float64Array
    lead_state: npt.NDArray[np.int8]
    global_state: npt.NDArray[np.int8]
    noise_mv: Float64Array
    reason: str = ""

    @property
    def standard_error_mv(self) -> Float64Array:
        """Standard error of a sample of the median beat, shape (n_leads,); a median has 1.2533 times a mean's."""
        return np.asarray(self.noise_mv * (_SQRT_HALF_PI / np.sqrt(max(self.n_used, 1))))

    @property
    def time_s(self) -> Float64Array:
        """Seconds after R of every sample, shape (n,)."""
        return (np.arange(self.signal_mv.shape[1]) - self.r_index) / self.fs_hz


def median_beat(signal_mv: FloatArray, fs_hz: float, delineation: Delineation) -> MedianBeat:
    """Return the typical beat of a record.

    Beats of the dominant class are aligned at R by the cross-correlation of their slopes over all leads, levelled
    before QRS, and the median is taken sample by sample. Beats whose QRS is unlike the median or whose noise stands
    out are left out, and so are those that the record's ends cut while five others are whole.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap.
    fs_hz : float
    delineation : Delineation

    Returns
    -------
    MedianBeat
        With ``n_used`` 0 and a reason where there is no beat.

    Raises
    ------
    ValueError
        If the delineation has another number of leads than the signal.

    Notes
    -----
    Representative beats by selective averaging: IEC 60601-2-51 annex GG; Kligfield P et al. Circulation
    2007;115:1306-1324. The median withstands the noise of single beats. The PQ level is the median of the last 16 ms
    before the global QRS onset; without P waves, of the last 40 ms.
    """
    if len(delineation.lead_names) != len(signal_mv):
        raise ValueError(f"the delineation has {len(delineation.lead_names)} leads, the signal {len(signal_mv)}")
    beats = delineation.beats
    if len(beats) == 0 or len(signal_mv) == 0:
        return _empty(len(signal_mv), fs_hz, delineation, beats.reason or "no beats found")
    chosen, left_out = _choose(delineation)
    marks_s = nan_median(delineation.global_s[chosen] - beats.r_s[chosen, None], axis=0)
    window = _Window.around(marks_s, beats.rr_s, fs_hz)
    r_samples = beats.r_samples[chosen]
    whole = (r_samples >= window.before) & (r_samples + window.after <= signal_mv.shape[1])
    if 5 <= np.count_nonzero(whole) < len(chosen):
        left_out.append((int(np.count_nonzero(~whole)), "cut by the record's ends"))
        chosen = chosen[whole]
    n_eligible = len(chosen)
    if n_eligible > MAX_BEATS:
        chosen = chosen[np.linspace(0, n_eligible - 1, MAX_BEATS).round().astype(np.int64)]

    r_samples = beats.r_samples[chosen]
    shift = _alignment(signal_mv, r_samples, fs_hz) if len(chosen) > 1 else np.zeros(1)
    stack = _levelled(_extract(signal_mv, r_samples, shift, window, fs_hz), window)
    keep, typical = _without_outliers(stack, window)
    if not keep.all():
        left_out.append((int(np.count_nonzero(~keep)), "unlike the others or noisy"))
    used = np.zeros(len(beats), np.bool_)
    used[chosen[keep]] = True
    reference_s = ((r_samples + shift) / fs_hz)[keep]
    lead_s, states = _typical_marks(delineation, used, reference_s)
    global_s = _over_leads(lead_s)
    global_s[np.repeat(states[-1] != WaveState.PRESENT, 3)] = np.nan
    return MedianBeat(
        fs_hz=fs_hz,
        lead_names=delineation.lead_names,
        signal_mv=typical - nan_median(typical[:, window.level], axis=1)[:, None],
        r_index=window.before,
        used=used,
        n_used=int(keep.sum()),
        beat_set=_beat_set(used, left_out, n_eligible > MAX_BEATS),
        lead_s=lead_s,
        global_s=global_s,
        lead_state=states[:-1],
        global_state=states[-1],
        noise_mv=_noise_mv(stack[keep], typical),
    )


@dataclass(frozen=True, slots=True)
class _Window:
    """Samples around R: how many before and after it, and where in them the level, QRS and the whole beat are."""

    before: int
    after: int
    level: slice
    qrs: slice
    beat: slice

    @classmethod
    def around(cls, marks_s: Float64Array, rr_s: Float64Array, fs_hz: float) -> _Window:
        rr = float(nan_median(rr_s, axis=0))
        before_s, after_s = _BEFORE_S, _AFTER_S
        if np.isfinite(rr):
            before_s, after_s = min(before_s, 0.6 * rr), min(after_s, 0.8 * rr)
        qrs_s = marks_s[[QRS_ON, QRS_OFF]]
        qrs_on_s, qrs_off_s = np.where(np.isfinite(qrs_s), qrs_s, _TYPICAL_QRS_S).tolist()
        level_s = _LEVEL_S if np.isfinite(marks_s[P_ON]) else _LEVEL_WITHOUT_P_S
        first_s = float(np.nanmin([marks_s[P_ON], qrs_on_s - level_s]))
        last_s = float(np.nanmax([marks_s[T_OFF], qrs_off_s + 0.1]))
        before_s = min(max(before_s, _MARGIN_S - first_s), _LONGEST_BEFORE_S)
        after_s = min(max(after_s, last_s + _MARGIN_S), _LONGEST_AFTER_S)
        before, after = max(1, round(before_s * fs_hz)), max(1, round(after_s * fs_hz)) + 1
        # The level ends with the last sample not after the onset, and has one at least.
        end = int(np.clip(np.floor(qrs_on_s * fs_hz + 1e-6) + before + 1, 1, before + after))
        start = max(0, end - max(1, round(level_s * fs_hz)))
        stop = int(np.clip(np.ceil(qrs_off_s * fs_hz) + before + 1, end, before + after))
        first, last = max(0, before + int(first_s * fs_hz)), before + int(last_s * fs_hz)
        return cls(before, after, slice(start, end), slice(end - 1, stop), slice(first, last))


def _choose(delineation: Delineation) -> tuple[IntArray, list[tuple[int, str]]]:
    """Return the indices of the beats of the leading shape, and how many were left out for what."""
    beats = delineation.beats
    is_dominant = beats.classes == BeatClass.DOMINANT
    if is_dominant.any():
        others = (BeatClass.VENTRICULAR, BeatClass.SUPRAVENTRICULAR, BeatClass.UNCLASSED)
        counts = [(int(np.count_nonzero(beats.classes == cls)), cls.name.lower()) for cls in others]
        return np.flatnonzero(is_dominant), [(count, name) for count, name in counts if count]
    mask = beats.classes == BeatClass.UNCLASSED
    mask |= ~mask.any()
    rr_s = beats.rr_s
    rr = float(nan_median(rr_s, axis=0))
    spread = float(nan_median(np.abs(rr_s - rr), axis=0))
    if spread <= _STEADY * rr:  # where no rhythm is kept, as in atrial fibrillation, no beat is premature
        premature = mask & (np.nan_to_num(rr_s, nan=rr) < _PREMATURE * rr)
        if premature.any() and (mask & ~premature).any():
            return np.flatnonzero(mask & ~premature), [(int(np.count_nonzero(premature)), "premature")]
    return np.flatnonzero(mask), []


def _windows(signal_mv: FloatArray, starts: IntArray, n: int) -> FloatArray:
    """Return ``n`` samples from each start, shape (n_beats, n_leads, n); NaN outside the record."""
    n_leads, n_samples = signal_mv.shape
    stack = np.empty((len(starts), n_leads, n), np.float32)
    for window, start in zip(stack, starts.tolist(), strict=True):
        first, last = max(start, 0), min(start + n, n_samples)
        if last - first < n:
            window[:] = np.nan
        if last > first:
            window[:, first - start : last - start] = signal_mv[:, first:last]
    return stack


def _alignment(signal_mv: FloatArray, r_samples: IntArray, fs_hz: float) -> Float64Array:
    """Return how many samples after its R mark each beat fits the others best, within 20 ms.

    Slopes have no level and are largest in QRS, so their cross-correlation over all leads is sharp. The template is
    the median slope; all lags are one matrix product.
    """
    n_lags = max(1, round(_SEARCH_S * fs_hz))
    width = max(2, round(_QRS_SEARCH_S * fs_hz)) + n_lags
    slopes = _without_nan(np.diff(_windows(signal_mv, r_samples - width, 2 * width + 1), axis=2))
    template = nan_median(slopes, axis=0)[:, n_lags:-n_lags]
    lags = np.arange(-n_lags, n_lags + 1)
    moved = np.zeros((len(lags), *slopes.shape[1:]), np.float32)
    for row, lag in zip(moved, lags.tolist(), strict=True):
        row[:, n_lags + lag : n_lags + lag + template.shape[1]] = template
    fit = slopes.reshape(len(slopes), -1) @ moved.reshape(len(lags), -1).T
    best = np.clip(fit.argmax(axis=1), 1, len(lags) - 2)
    rows = np.arange(len(fit))
    left, top, right = (fit[rows, best + step].astype(np.float64) for step in (-1, 0, 1))
    bend = left - 2 * top + right
    vertex = np.where(bend < 0, 0.5 * (left - right) / np.where(bend < 0, bend, -1.0), 0.0).clip(-0.5, 0.5)
    shift: Float64Array = lags[best] + vertex
    shift[top <= 0] = 0.0  # nothing alike: left where it is, to be dropped as an outlier
    shift -= np.median(shift)
    return shift if fs_hz < _SHIFT_BELOW_HZ else np.asarray(np.round(shift))


def _extract(
    signal_mv: FloatArray, r_samples: IntArray, shift: Float64Array, window: _Window, fs_hz: float
) -> FloatArray:
    """Return the beats around their shifted R, shape (n_beats, n_leads, n)."""
    whole = np.floor(shift).astype(np.int64)
    fraction = shift - whole
    starts, n = r_samples + whole - window.before, window.before + window.after
    if not fraction.any():
        return _windows(signal_mv, starts, n)
    # Sinc interpolation in a Lanczos window.
    reach = _N_TAPS // 2
    distance = np.arange(1 - reach, reach + 1) - fraction[:, None]
    weights = np.sinc(distance) * np.sinc(distance / reach)
    weights /= weights.sum(axis=1, keepdims=True)
    taps = weights.astype(np.float32)[:, :, None, None]
    stack = _windows(signal_mv, starts - (reach - 1), n + _N_TAPS - 1)
    moved = stack[:, :, :n] * taps[:, 0]
    for tap in range(1, _N_TAPS):
        moved += stack[:, :, tap : tap + n] * taps[:, tap]
    # Next to the record's end or a gap the nearest sample stands in.
    lost = np.isnan(moved)
    if lost.any():
        moved[lost] = stack[:, :, reach - 1 : reach - 1 + n][lost]
    return moved


def _levelled(stack: FloatArray, window: _Window) -> FloatArray:
    """Return beats against their mean level before QRS; one whose level is not known is all NaN."""
    return np.asarray(stack - stack[:, :, window.level].mean(axis=2, keepdims=True))


def _without_outliers(stack: FloatArray, window: _Window) -> tuple[BoolArray, FloatArray]:
    """Return which beats are alike, and their median; at least half are kept."""
    keep = np.ones(len(stack), np.bool_)
    typical = nan_median(stack, axis=0)
    if len(stack) < 3:
        return keep, typical
    for _ in range(_PASSES):
        qrs = _without_nan(stack[:, :, window.qrs]).reshape(len(stack), -1)
        template = _without_nan(typical[:, window.qrs]).ravel()
        norms = np.sqrt(np.einsum("bi,bi->b", qrs, qrs) * (template @ template))
        likeness = (qrs @ template) / np.maximum(norms, 1e-12)
        # Not up to the window's ends, where an early beat may follow.
        difference = _without_nan((stack - typical)[:, :, window.beat]).reshape(len(stack), -1)
        noise_mv = np.sqrt(np.einsum("bi,bi->b", difference, difference) / difference.shape[1])
        limit_mv = max(_NOISE_RATIO * float(np.median(noise_mv[keep])), _NOISE_FLOOR_MV)
        good = (likeness >= _MIN_CORRELATION) & (noise_mv <= limit_mv)
        if 2 * np.count_nonzero(good) < len(stack) or (good == keep).all():
            break
        keep = good
        typical = nan_median(stack[keep], axis=0)
    return keep, typical


def _without_nan(values: FloatArray) -> FloatArray:
    return np.where(np.isnan(values), np.float32(0.0), values) if np.isnan(values.sum()) else values


def _noise_mv(stack: FloatArray, typical: FloatArray) -> Float64Array:
    """Return the standard deviation of single beats about the median beat, by their mean absolute deviation."""
    n_beats = len(stack)
    deviation = np.abs(stack - typical)
    count = np.isfinite(deviation).sum(axis=(0, 2))
    total = np.where(count * (n_beats > 1) > 0, _without_nan(deviation).sum(axis=(0, 2)), np.nan)
    noise: Float64Array = total / np.maximum(count, 1) * _SQRT_HALF_PI * np.sqrt(n_beats / max(n_beats - 1, 1))
    return noise


def _typical_marks(
    delineation: Delineation, used: BoolArray, reference_s: Float64Array
) -> tuple[Float64Array, npt.NDArray[np.int8]]:
    """Return each lead's median marks, and what at least half of the beats used say of each wave.

    The state has a row more than there are leads: the one over all leads.
    """
    needed = (len(reference_s) + 1) // 2
    states = np.concatenate([delineation.lead_state[:, used], delineation.global_state[None, used]])
    typical = np.full((len(states), states.shape[2]), WaveState.NOT_MEASURABLE, np.int8)
    for state in (WaveState.ABSENT, WaveState.PRESENT):
        typical[(states == state).sum(axis=1) >= needed] = state
    lead_s = nan_median(delineation.lead_s[:, used] - reference_s[:, None], axis=1, min_count=needed)
    lead_s[np.repeat(typical[:-1] != WaveState.PRESENT, 3, axis=1)] = np.nan
    return lead_s, typical


def _over_leads(lead_s: Float64Array) -> Float64Array:
    """Return the earliest onset and the latest offset that a second lead has within 12 ms, and the median peak.

    Of one or two marks the outermost stands; where no two of several agree, their median does.
    """
    global_s = nan_median(lead_s, axis=0)
    # From the outermost inwards, NaN last: onsets as they are, offsets with their sign changed.
    sign = np.array([1.0, -1.0])
    outer = np.sort(lead_s.reshape(-1, 3, 3)[:, :, ::2] * sign, axis=0)
    is_supported = np.diff(outer, axis=0, append=np.nan) <= _SUPPORT_S
    is_supported[0] |= np.isfinite(outer).sum(axis=0) <= 2
    found = np.where(is_supported, outer, np.inf).min(axis=0) * sign
    np.copyto(global_s.reshape(3, 3)[:, ::2], found, where=np.isfinite(found))
    return global_s


def _beat_set(used: BoolArray, left_out: list[tuple[int, str]], is_spread: bool) -> str:
    parts = ", ".join(f"{count} {why}" for count, why in left_out)
    text = f"{np.count_nonzero(used)} of {len(used)} beat{'s' if len(used) > 1 else ''}"
    return f"{text}{f': {parts} left out' if parts else ''}{'; evenly spread' if is_spread else ''}"


def _empty(n_leads: int, fs_hz: float, delineation: Delineation, reason: str) -> MedianBeat:
    return MedianBeat(
        fs_hz=fs_hz,
        lead_names=delineation.lead_names,
        signal_mv=np.zeros((n_leads, 0), np.float32),
        r_index=0,
        used=np.zeros(len(delineation.beats), np.bool_),
        n_used=0,
        beat_set="no beats",
        lead_s=np.full((n_leads, 9), np.nan),
        global_s=np.full(9, np.nan),
        lead_state=np.full((n_leads, 3), WaveState.NOT_MEASURABLE, np.int8),
        global_state=np.full(3, WaveState.NOT_MEASURABLE, np.int8),
        noise_mv=np.full(n_leads, np.nan),
        reason=reason,
    )
