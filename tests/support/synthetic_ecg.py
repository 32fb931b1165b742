"""An ECG whose every mark, amplitude and area is known exactly: a sum of raised cosines of compact support."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from physioclr_core.leads import STANDARD_LEADS, derive_limb_leads
from physioclr_core.physiology.marks import (
    FIDUCIALS,
    P_OFF,
    P_ON,
    P_PEAK,
    QRS,
    QRS_OFF,
    QRS_ON,
    R_PEAK,
    T_OFF,
    T_ON,
    T_PEAK,
    BeatClass,
    Beats,
    Delineation,
    P,
    T,
    WaveState,
)

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LeadWaves:
    """Amplitudes of one lead in mV: the centre of each bump; 0 is no such wave."""

    p: float = 0.0
    q: float = 0.0
    r: float = 0.0
    s: float = 0.0
    r_prime: float = 0.0
    t: float = 0.0
    st: float = 0.0


@dataclass(frozen=True)
class Timing:
    """Durations in seconds. The waves of QRS follow one another without overlap, in every lead at the same times."""

    pr_s: float = 0.16
    p_s: float = 0.1
    q_s: float = 0.02
    r_s: float = 0.04
    s_s: float = 0.03
    r_prime_s: float = 0.0
    qt_s: float = 0.38
    t_s: float = 0.18
    ventricular_qrs_s: float = 0.15

    @property
    def qrs_s(self) -> float:
        return self.q_s + self.r_s + self.s_s + self.r_prime_s


# I and II are stated, the other limb leads follow from them.
_LEADS: dict[str, LeadWaves] = {
    "I": LeadWaves(p=0.08, q=-0.05, r=0.7, s=-0.1, t=0.2),
    "II": LeadWaves(p=0.15, q=-0.08, r=1.1, s=-0.2, t=0.3),
    "V1": LeadWaves(p=0.06, r=0.25, s=-0.9, t=-0.1),
    "V2": LeadWaves(p=0.06, r=0.4, s=-1.4, t=0.4),
    "V3": LeadWaves(p=0.07, r=0.8, s=-0.8, t=0.5),
    "V4": LeadWaves(p=0.07, q=-0.04, r=1.5, s=-0.4, t=0.5),
    "V5": LeadWaves(p=0.07, q=-0.06, r=1.4, s=-0.2, t=0.4),
    "V6": LeadWaves(p=0.06, q=-0.08, r=1.0, s=-0.1, t=0.3),
}


def standard_waves(**changes: LeadWaves) -> dict[str, LeadWaves]:
    """Return the amplitudes of the twelve leads, limb leads by Einthoven's law; ``V1=LeadWaves(...)`` changes one."""
    leads = {**_LEADS, **changes}
    amplitudes = {name: np.array(list(vars(leads[name]).values())) for name in ("I", "II")}
    leads |= {name: LeadWaves(*map(float, mv)) for name, mv in derive_limb_leads(amplitudes).items()}
    return {name: leads[name] for name in STANDARD_LEADS}


@dataclass(frozen=True)
class SyntheticEcg:
    """Samples with their true marks."""

    signal_mv: FloatArray
    fs_hz: float
    delineation: Delineation
    waves: Mapping[str, LeadWaves]
    timing: Timing
    r_s: Float64Array = field(default_factory=lambda: np.zeros(0))

    @property
    def lead_names(self) -> tuple[str, ...]:
        return self.delineation.lead_names


def bump(time_s: Float64Array, start_s: float, length_s: float) -> Float64Array:
    """Return one raised cosine: 1 at its centre, 0 with slope 0 at both ends, area ``length_s / 2``."""
    if length_s <= 0:
        return np.zeros_like(time_s)
    phase = (time_s - start_s) / length_s
    return np.where((phase > 0) & (phase < 1), 0.5 - 0.5 * np.cos(2 * np.pi * phase), 0.0)


def _shelf(time_s: Float64Array, rise_s: tuple[float, float], fall_s: tuple[float, float]) -> Float64Array:
    """Return a level of 1 with smooth edges."""
    up = 0.5 - 0.5 * np.cos(np.pi * np.clip((time_s - rise_s[0]) / (rise_s[1] - rise_s[0]), 0, 1))
    down = 0.5 - 0.5 * np.cos(np.pi * np.clip((time_s - fall_s[0]) / (fall_s[1] - fall_s[0]), 0, 1))
    return up - down


def synthetic_ecg(
    fs_hz: float = 500.0,
    rr_s: Sequence[float] = (0.8,) * 11,
    *,
    first_qrs_s: float = 0.5,
    tail_s: float = 0.7,
    waves: Mapping[str, LeadWaves] | None = None,
    timing: Timing | None = None,
    ventricular: Sequence[int] = (),
    has_p: bool = True,
    classed: bool = True,
    noise_mv: float = 0.0,
    seed: int = 0,
) -> SyntheticEcg:
    """Return an ECG with ``len(rr_s) + 1`` beats, QRS onsets ``rr_s`` apart.

    A ventricular beat is one wide bump of the sign opposite to R (or S, where it is larger), without P.
    """
    waves = standard_waves() if waves is None else waves
    timing = Timing() if timing is None else timing
    names = tuple(waves)
    onsets_s = first_qrs_s + np.concatenate([[0.0], np.cumsum(rr_s)])
    n_samples = round((onsets_s[-1] + tail_s) * fs_hz)
    time_s = np.arange(n_samples) / fs_hz
    n_leads, n_beats = len(names), len(onsets_s)
    signal = np.zeros((n_leads, n_samples))
    lead_s = np.full((n_leads, n_beats, len(FIDUCIALS)), np.nan)
    for beat, onset_s in enumerate(onsets_s.tolist()):
        near = slice(max(0, int((onset_s - 1.0) * fs_hz)), int((onset_s + 1.5) * fs_hz))
        for lead, name in enumerate(names):
            if beat in ventricular:
                marks = _add_ventricular(signal[lead, near], time_s[near], onset_s, waves[name], timing)
            else:
                lead_waves = waves[name] if has_p else replace(waves[name], p=0.0)
                marks = _add_beat(signal[lead, near], time_s[near], onset_s, lead_waves, timing)
            lead_s[lead, beat] = marks
    if noise_mv:
        signal += np.random.default_rng(seed).normal(0.0, noise_mv, signal.shape)
    classes = np.full(n_beats, BeatClass.DOMINANT if classed else BeatClass.UNCLASSED, np.int8)
    if classed:
        classes[list(ventricular)] = BeatClass.VENTRICULAR
    r_s = onsets_s + timing.q_s + timing.r_s / 2
    r_s[list(ventricular)] = onsets_s[list(ventricular)] + timing.ventricular_qrs_s / 2
    beats = beats_of(r_s, fs_hz, n_samples, classes)
    delineation = delineation_of(beats, names, lead_s, p_reason="" if has_p else "irregular rhythm")
    return SyntheticEcg(signal.astype(np.float32), fs_hz, delineation, waves, timing, r_s)


def _add_beat(lead_mv: Float64Array, time_s: Float64Array, onset_s: float, w: LeadWaves, t: Timing) -> Float64Array:
    marks = np.full(len(FIDUCIALS), np.nan)
    p_on_s = onset_s - t.pr_s
    lead_mv += w.p * bump(time_s, p_on_s, t.p_s)
    if w.p:
        marks[[P_ON, P_PEAK, P_OFF]] = p_on_s, p_on_s + t.p_s / 2, p_on_s + t.p_s
    start_s, parts = onset_s, []
    for amplitude, length_s in ((w.q, t.q_s), (w.r, t.r_s), (w.s, t.s_s), (w.r_prime, t.r_prime_s)):
        lead_mv += amplitude * bump(time_s, start_s, length_s)
        if amplitude and length_s:
            parts.append((start_s, start_s + length_s, amplitude))
        start_s += length_s
    j_s, t_off_s = start_s, onset_s + t.qt_s
    t_on_s = t_off_s - t.t_s
    if w.st:
        # It rises in the second half of the last wave, so that every wave's centre keeps its amplitude.
        last_s = t.r_prime_s or t.s_s
        lead_mv += w.st * _shelf(time_s, (j_s - last_s / 2, j_s), (t_on_s, t_off_s))
    if parts:
        largest = max(parts, key=lambda part: abs(part[2]))
        marks[[QRS_ON, R_PEAK, QRS_OFF]] = parts[0][0], (largest[0] + largest[1]) / 2, j_s if w.st else parts[-1][1]
    lead_mv += w.t * bump(time_s, t_on_s, t.t_s)
    if w.t:
        marks[[T_ON, T_PEAK, T_OFF]] = t_on_s, t_on_s + t.t_s / 2, t_off_s
    return marks


def _add_ventricular(
    lead_mv: Float64Array, time_s: Float64Array, onset_s: float, w: LeadWaves, t: Timing
) -> Float64Array:
    marks = np.full(len(FIDUCIALS), np.nan)
    amplitude = -1.5 * (w.r if abs(w.r) >= abs(w.s) else w.s)
    lead_mv += amplitude * bump(time_s, onset_s, t.ventricular_qrs_s)
    end_s = onset_s + t.ventricular_qrs_s
    marks[[QRS_ON, R_PEAK, QRS_OFF]] = onset_s, (onset_s + end_s) / 2, end_s
    lead_mv += -0.4 * amplitude * bump(time_s, end_s + 0.04, 0.2)
    marks[[T_ON, T_PEAK, T_OFF]] = end_s + 0.04, end_s + 0.14, end_s + 0.24
    return marks


def beats_of(r_s: npt.ArrayLike, fs_hz: float, n_samples: int, classes: npt.NDArray[np.int8] | None = None) -> Beats:
    """Return beats at given times without gaps between them."""
    r_samples = np.round(np.asarray(r_s, np.float64) * fs_hz).astype(np.int64)
    n_beats = len(r_samples)
    return Beats(
        fs_hz=fs_hz,
        n_samples=n_samples,
        r_samples=r_samples,
        confidence=np.ones(n_beats, np.float32),
        classes=np.zeros(n_beats, np.int8) if classes is None else classes,
        follows=np.arange(n_beats) > 0,
        reason="" if n_beats else "no beats found",
    )


def delineation_of(beats: Beats, lead_names: tuple[str, ...], lead_s: Float64Array, p_reason: str = "") -> Delineation:
    """Return a delineation of marks: a wave is present where it has a peak; globally, earliest onset to latest end."""
    n_leads, n_beats, _ = lead_s.shape
    state = np.full((n_leads, n_beats, 3), WaveState.ABSENT, np.int8)
    for wave, peak in ((P, P_PEAK), (QRS, R_PEAK), (T, T_PEAK)):
        state[:, :, wave][np.isfinite(lead_s[:, :, peak])] = WaveState.PRESENT
    global_s = np.full((n_beats, len(FIDUCIALS)), np.nan)
    for beat in range(n_beats):
        for column in range(len(FIDUCIALS)):
            times_s = lead_s[:, beat, column][np.isfinite(lead_s[:, beat, column])]
            if len(times_s):
                choose = {0: np.min, 1: np.median, 2: np.max}[column % 3]
                global_s[beat, column] = choose(times_s)
    return Delineation(
        beats=beats,
        lead_names=lead_names,
        lead_s=lead_s,
        lead_state=state,
        lead_confidence=np.where(np.isfinite(lead_s), 1.0, np.nan).astype(np.float32),
        global_s=global_s,
        global_state=state.max(axis=0, initial=WaveState.NOT_MEASURABLE),
        global_confidence=np.where(np.isfinite(global_s), 1.0, np.nan).astype(np.float32),
        other_p_s=np.zeros((0, 4)),
        lead_reasons=("",) * n_leads,
        p_reason=p_reason,
        resolution_ms=500.0 / beats.fs_hz,
    )
