"""Onset, peak and offset of P, QRS and T of every beat, for each lead and over all leads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.beat_stream import PreparedBlock, prepare_block
from physioclr_core.physiology.marks import (
    P_OFF,
    P_ON,
    Beats,
    Delineation,
    P,
    WaveState,
)
from physioclr_core.physiology.network_input import NETWORK_FS_HZ, rms_scaled
from physioclr_core.physiology.networks import Network, shipped_network
from physioclr_core.physiology.wave_runs import WaveRuns, find_runs

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Long signals are looked at in blocks with a margin, like beats.
CORE_S = 16.0
MARGIN_S = 4.0
_TIME_MULTIPLE = 16
# A QRS complex of a lead belongs to the beat whose R peak is this near to its own.
_QRS_REACH_S = 0.15
# A P wave later than this after the R peak before is no part of that beat's T wave; one that starts earlier than this
# before the next R peak is not conducted to it.
_MIN_P_AFTER_R_S = 0.12
_MAX_P_BEFORE_R_S = 0.60
_MAX_T_AFTER_R_S = 0.80
# Over all leads a boundary counts when the next lead's is this near (one lead may be wrong alone), and a wave is there
# when this share of the leads has it.
_SUPPORT_S = 0.012
_MIN_LEADS_SHARE = 0.25
# Onsets are ranked from the earliest, offsets from the latest, peaks from the earliest to find the middle one.
_DIRECTIONS = np.array([1.0, 1.0, -1.0] * 3)
# A beat's wave is measurable only where the signal reaches this far before and after the R peak.
_NEEDED_S = ((0.28, 0.0), (0.08, 0.08), (0.0, 0.45))


def delineate(
    signal_mv: FloatArray,
    fs_hz: float,
    lead_names: tuple[str, ...],
    beats: Beats,
    network: Network | None = None,
    prepared: PreparedBlock | None = None,
) -> Delineation:
    """Find the waves of every beat.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap: a wave that touches one is not measurable.
    fs_hz : float
    lead_names : tuple of str
    beats : Beats
        Of the same signal.
    network : Network, optional
        The shipped wave network by default.
    prepared : PreparedBlock, optional
        Of the same signal, where it is at hand already.

    Returns
    -------
    Delineation
        Nothing is reported for leads without signal, with the reason.
    """
    network = network or shipped_network("waves")
    prepared = prepared or prepare_block(signal_mv, fs_hz)
    is_finite, used = prepared.is_finite, prepared.used
    runs = _runs(prepared.signal, network) if len(used) and len(beats) else None
    n_leads, n_beats = len(signal_mv), len(beats)
    lead_s = np.full((n_leads, n_beats, 9), np.nan)
    confidence = np.full((n_leads, n_beats, 9), np.nan, np.float32)
    state = np.full((n_leads, n_beats, 3), WaveState.NOT_MEASURABLE, np.int8)
    other_p: list[Float64Array] = []
    if runs is not None:
        duration_s = signal_mv.shape[1] / fs_hz
        for wave, found in enumerate(runs):
            beat, is_chosen = _assign(found, beats.r_s, wave)
            chosen = np.flatnonzero(is_chosen)
            rows, columns = used[found.lead[chosen]], slice(3 * wave, 3 * wave + 3)
            lead_s[rows, beat[chosen], columns] = found.time_s[chosen]
            confidence[rows, beat[chosen], columns] = found.confidence[chosen]
            lead_s[rows, beat[chosen], 3 * wave] = np.where(
                found.is_cut[chosen, 0], np.nan, lead_s[rows, beat[chosen], 3 * wave]
            )
            lead_s[rows, beat[chosen], 3 * wave + 2] = np.where(
                found.is_cut[chosen, 1], np.nan, lead_s[rows, beat[chosen], 3 * wave + 2]
            )
            before_s, after_s = _NEEDED_S[wave]
            can_tell = (beats.r_s >= before_s) & (beats.r_s <= duration_s - after_s)
            state[used[:, None], np.flatnonzero(can_tell), wave] = WaveState.ABSENT
            state[rows, beat[chosen], wave] = WaveState.PRESENT
            if wave == P:
                rest = np.flatnonzero(~is_chosen & ~found.is_cut.any(axis=1))
                other_p.append(np.column_stack([used[found.lead[rest]], found.time_s[rest]]))
        if not is_finite.all():
            _forget_gaps_(lead_s, confidence, state, is_finite, beats.r_s, fs_hz)
        confidence[np.isnan(lead_s)] = np.nan
    delineation = Delineation(
        beats=beats,
        lead_names=lead_names,
        lead_s=lead_s,
        lead_state=state,
        lead_confidence=confidence,
        global_s=np.full((n_beats, 9), np.nan),
        global_state=np.zeros((n_beats, 3), np.int8),
        global_confidence=np.full((n_beats, 9), np.nan, np.float32),
        other_p_s=np.concatenate(other_p) if other_p else np.zeros((0, 4)),
        lead_reasons=tuple("" if row in used else _reason(is_finite[row]) for row in range(n_leads)),
        p_reason="",
        resolution_ms=500.0 / fs_hz,
    )
    return with_global(delineation)


def _reason(is_finite: npt.NDArray[np.bool_]) -> str:
    return "flat" if is_finite.size and is_finite.mean() >= 0.25 else "no signal"


def _runs(signal: FloatArray, network: Network) -> tuple[WaveRuns, ...]:
    """Return the waves of leads at 250 Hz: P, QRS, T."""
    n_samples = signal.shape[1]
    core, margin = round(CORE_S * NETWORK_FS_HZ), round(MARGIN_S * NETWORK_FS_HZ)
    if n_samples <= core + 2 * margin:
        return _runs_of_block(signal, network)
    parts: list[list[WaveRuns]] = [[], [], []]
    for start in range(0, n_samples, core):
        first, last = max(0, start - margin), min(n_samples, start + core + margin)
        for wave, runs in enumerate(_runs_of_block(signal[:, first:last], network)):
            at = np.round(runs.time_s[:, 1] * NETWORK_FS_HZ) + first
            keep = (at >= start) & (at < start + core)
            is_cut = runs.is_cut & np.array([first == 0, last == n_samples])
            shifted = replace(runs, time_s=runs.time_s + first / NETWORK_FS_HZ, is_cut=is_cut)
            parts[wave].append(_subset(shifted, np.flatnonzero(keep)))
    return tuple(_concatenated(runs) for runs in parts)


def _runs_of_block(signal: FloatArray, network: Network) -> tuple[WaveRuns, ...]:
    n_time = signal.shape[1]
    padded = np.pad(rms_scaled(signal), ((0, 0), (0, -n_time % _TIME_MULTIPLE)), mode="edge")
    return find_runs(network.logits(padded[None])[0, :, :, :n_time])


def _subset(runs: WaveRuns, which: IntArray) -> WaveRuns:
    return WaveRuns(runs.lead[which], runs.time_s[which], runs.confidence[which], runs.is_cut[which])


def _concatenated(parts: list[WaveRuns]) -> WaveRuns:
    joined = WaveRuns(
        np.concatenate([part.lead for part in parts]),
        np.concatenate([part.time_s for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.is_cut for part in parts]),
    )
    return _subset(joined, np.lexsort((joined.time_s[:, 1], joined.lead)))


def _assign(runs: WaveRuns, r_s: Float64Array, wave: int) -> tuple[IntArray, npt.NDArray[np.bool_]]:
    """Return the beat of each run and whether the run is that beat's wave in its lead."""
    onset, peak, offset = runs.time_s.T
    n_beats = len(r_s)
    after = np.searchsorted(r_s, peak)  # first beat with its R peak at or after the wave's peak
    framed = np.concatenate([[-np.inf], r_s, [np.inf]])
    before_r, after_r = framed[after], framed[after + 1]
    if wave == P:
        beat = after
        fits = (after < n_beats) & (peak - before_r >= _MIN_P_AFTER_R_S) & (after_r - onset <= _MAX_P_BEFORE_R_S)
        rank = peak  # the last before the QRS complex is the conducted one
    elif wave == 1:
        beat = np.where(peak - before_r <= after_r - peak, after - 1, after)
        fits = np.minimum(peak - before_r, after_r - peak) <= _QRS_REACH_S
        rank = offset - onset
    else:
        beat = after - 1
        fits = (after > 0) & (peak - before_r <= _MAX_T_AFTER_R_S)
        rank = (offset - onset) * runs.confidence[:, 1]
    beat = np.clip(beat, 0, n_beats - 1)
    # In order of rank: the highest is written last and stays.
    candidates = np.flatnonzero(fits)
    candidates = candidates[np.argsort(rank[candidates], kind="stable")]
    winner = np.full((int(runs.lead.max()) + 1 if len(runs.lead) else 0, n_beats), -1)
    winner[runs.lead[candidates], beat[candidates]] = candidates
    is_chosen = np.zeros(len(peak), bool)
    is_chosen[winner[winner >= 0]] = True
    return beat, is_chosen


def _forget_gaps_(
    lead_s: Float64Array,
    confidence: FloatArray,
    state: npt.NDArray[np.int8],
    is_finite: npt.NDArray[np.bool_],
    r_s: Float64Array,
    fs_hz: float,
) -> None:
    """Make waves that touch a gap not measurable, and so absent ones whose place lies in a gap."""
    n_leads, n_samples = is_finite.shape
    n_gaps = np.zeros((n_leads, n_samples + 1), np.int32)
    np.cumsum(~is_finite, axis=1, out=n_gaps[:, 1:])
    rows = np.arange(n_leads)[:, None]
    for wave, (before_s, after_s) in enumerate(_NEEDED_S):
        columns = slice(3 * wave, 3 * wave + 3)
        marks = lead_s[:, :, columns]
        start_s = np.where(np.isnan(marks[..., 0]), r_s - before_s, marks[..., 0])
        end_s = np.where(np.isnan(marks[..., 2]), r_s + after_s, marks[..., 2])
        start = np.clip(np.floor(start_s * fs_hz).astype(np.int64), 0, n_samples)
        end = np.clip(np.ceil(end_s * fs_hz).astype(np.int64) + 1, 0, n_samples)
        touches = n_gaps[rows, end] > n_gaps[rows, start]
        state[:, :, wave][touches] = WaveState.NOT_MEASURABLE
        lead_s[:, :, columns][touches] = np.nan
        confidence[:, :, columns][touches] = np.nan


def with_global(delineation: Delineation) -> Delineation:
    """Return a delineation with its global marks: earliest onset to latest offset over the leads.

    The extreme of many leads is the error of the worst. An onset counts when another lead's lies within 12 ms after it
    (an offset: before it); where no two leads agree the middle one is taken. The peak is the leads' median.

    References
    ----------
    .. [1] Kligfield P et al. Circulation 2007;115:1306-1324: global intervals from the earliest onset to the latest
       offset over time-aligned leads.
    """
    lead_s, state = delineation.lead_s, delineation.lead_state
    n_present = (state == WaveState.PRESENT).sum(axis=0)
    n_known = (state != WaveState.NOT_MEASURABLE).sum(axis=0)
    # Two leads at least, where there are more than two.
    needed = np.maximum(_MIN_LEADS_SHARE * n_known, np.minimum(n_known, 2))
    is_present = (n_known > 0) & (n_present >= needed)
    global_state = np.where(is_present, WaveState.PRESENT, WaveState.ABSENT).astype(np.int8)
    global_state[n_known == 0] = WaveState.NOT_MEASURABLE
    global_s = np.full(lead_s.shape[1:], np.nan)
    global_confidence = np.full(lead_s.shape[1:], np.nan, np.float32)
    if lead_s.size:
        lead = _supporting_lead(lead_s)[None]
        global_s = np.take_along_axis(lead_s, lead, axis=0)[0]
        global_confidence = np.take_along_axis(delineation.lead_confidence, lead, axis=0)[0]
        is_absent = ~np.repeat(is_present, 3, axis=1)
        global_s[is_absent] = np.nan
        global_confidence[is_absent] = np.nan
    return replace(delineation, global_s=global_s, global_state=global_state, global_confidence=global_confidence)


def _supporting_lead(lead_s: Float64Array) -> IntArray:
    """Return for each beat and fiducial the lead whose mark is the global one, shape (n_beats, 9)."""
    n_leads = len(lead_s)
    order = np.argsort(lead_s * _DIRECTIONS, axis=0, kind="stable")  # NaN last
    ranked = np.take_along_axis(lead_s, order, axis=0)
    n_there = np.isfinite(lead_s).sum(axis=0)
    middle = np.maximum(n_there - 1, 0) // 2
    pick = np.where(n_there > 2, middle, 0)
    if n_leads > 1:
        gap = np.abs(np.diff(ranked, axis=0))
        is_supported = gap <= _SUPPORT_S  # a comparison with NaN is False
        pick = np.where(is_supported.any(axis=0), np.argmax(is_supported, axis=0), pick)
    pick[:, 1::3] = middle[:, 1::3]
    return np.asarray(np.take_along_axis(order, pick[None], axis=0)[0], np.int64)


def without_p(delineation: Delineation, reason: str, of_beats: npt.NDArray[np.bool_] | None = None) -> Delineation:
    """Return a delineation in which the given beats, all by default, have no P wave.

    The reason is kept where that leaves hardly a P wave in the record.
    """
    n_beats = len(delineation.beats)
    rows = np.flatnonzero(np.ones(n_beats, bool) if of_beats is None else of_beats)
    lead_s, confidence = delineation.lead_s.copy(), delineation.lead_confidence.copy()
    state = delineation.lead_state.copy()
    lead_s[:, rows, P_ON : P_OFF + 1] = np.nan
    confidence[:, rows, P_ON : P_OFF + 1] = np.nan
    state[:, rows, P] = np.where(state[:, rows, P] == WaveState.PRESENT, WaveState.ABSENT, state[:, rows, P])
    others = delineation.other_p_s
    if len(others) and n_beats:
        nearest = np.clip(np.searchsorted(delineation.beats.r_s, others[:, 2]), 0, n_beats - 1)
        others = others[~np.isin(nearest, rows)]
    is_whole_record = 2 * len(rows) > n_beats
    return with_global(
        replace(
            delineation,
            lead_s=lead_s,
            lead_confidence=confidence,
            lead_state=state,
            other_p_s=others,
            p_reason=reason if is_whole_record else "",
        )
    )
