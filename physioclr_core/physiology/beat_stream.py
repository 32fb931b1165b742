"""R peaks from any set of leads, in one piece or as the signal arrives, with the same result.

The signal is cut into blocks at fixed places, each looked at with a margin on both sides. What a block finds depends on
its own samples alone, so it does not matter how the samples came: in one array or in a thousand.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.beat_context import BeatContext, context_of_block, dead_samples, joined_contexts
from physioclr_core.physiology.network_input import NETWORK_FS_HZ, network_signal, range_scaled
from physioclr_core.physiology.networks import Network, shipped_network, sigmoid
from physioclr_core.signal.quality import FLAT_BELOW_MV

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
HalfArray = npt.NDArray[np.float16]

CORE_S = 32.0
MARGIN_S = 4.0
# Where the place of an R peak is uncertain the network spreads its probability, so a beat peaks below one half.
THRESHOLD = 0.4
# Two beats are not closer than this (330 a minute).
REFRACTORY_S = 0.18
# The network's peak is moved to the largest deflection this near.
_REFINE_S = 0.048
# A lead with less signal than this share of a block, or than a second, is not looked at there.
_MIN_COVERED = 0.25
_PIECE_S = 60.0
_TIME_MULTIPLE = 8
_OUTPUT_STRIDE = 2
# Shape of a beat for comparing beats: the QRS complex at 125 Hz.
SNIPPET_S = 0.12
SNIPPET_FS_HZ = 125.0
_MAX_HALF = 60000.0
N_SNIPPET = 2 * round(SNIPPET_S * SNIPPET_FS_HZ) + 1


@dataclass(frozen=True, slots=True, eq=False)
class FoundBeats:
    """R peaks in order of time, with what is needed to compare beats.

    Attributes
    ----------
    r_samples : ndarray of int64, shape (n_beats,)
    confidence : ndarray of float32, shape (n_beats,)
    snippets_mv : ndarray of float16, shape (n_beats, n_leads, 31)
        The QRS complex at 125 Hz in the band 0.5-100 Hz; zero for a lead that was not looked at. A day has a hundred
        thousand beats, which is why they are kept short.
    """

    r_samples: IntArray
    confidence: FloatArray
    snippets_mv: HalfArray

    def __len__(self) -> int:
        return len(self.r_samples)


class BeatStream:
    """Finds beats in a signal that comes in pieces.

    Parameters
    ----------
    n_leads : int
        One or more; the same in every piece.
    fs_hz : float
    network : Network, optional
        The shipped beat network by default.

    Raises
    ------
    ValueError
        If ``n_leads`` is less than 1 or ``fs_hz`` is not positive.
    """

    def __init__(self, n_leads: int, fs_hz: float, network: Network | None = None) -> None:
        if n_leads < 1:
            raise ValueError(f"n_leads must be at least 1, got {n_leads}")
        if not fs_hz > 0:
            raise ValueError(f"fs_hz must be positive, got {fs_hz}")
        self.fs_hz = fs_hz
        self.n_leads = n_leads
        self._network = network or shipped_network("beats")
        self._core = samples_in_steps(CORE_S, fs_hz)
        self._margin = samples_in_steps(MARGIN_S, fs_hz)
        self._pieces: deque[FloatArray] = deque()
        self._buffer_start = 0
        self._n_seen = 0
        self._next_core = 0
        self._held: list[FoundBeats] = []
        self._contexts: list[BeatContext] = []
        self._is_finished = False

    def push(self, signal_mv: FloatArray) -> FoundBeats:
        """Take the next samples and return the beats that are certain now.

        Parameters
        ----------
        signal_mv : ndarray of float32, shape (n_leads, any number)
            It is copied: the caller's buffer may be used again.

        Raises
        ------
        ValueError
            If the number of leads differs or the stream is finished.
        """
        if self._is_finished:
            raise ValueError("the stream is finished")
        if signal_mv.ndim != 2 or len(signal_mv) != self.n_leads:
            raise ValueError(f"signal_mv must be ({self.n_leads}, n_samples), got {signal_mv.shape}")
        self._pieces.append(np.array(signal_mv, np.float32))
        self._n_seen += signal_mv.shape[1]
        while self._next_core + self._core + self._margin <= self._n_seen:
            self._look(self._next_core + self._core + self._margin)
        return self._release(is_last=False)

    def finish(self) -> FoundBeats:
        """Say that there are no more samples and return the remaining beats."""
        if not self._is_finished:
            self._is_finished = True
            while self._next_core < self._n_seen:
                self._look(min(self._next_core + self._core + self._margin, self._n_seen))
        return self._release(is_last=True)

    @property
    def context(self) -> BeatContext:
        """What surrounds the beats of the signal that was looked at so far."""
        return joined_contexts(self._contexts)

    def _look(self, end: int) -> None:
        start = max(0, self._next_core - self._margin)
        block = self._take(start, end)
        core = (self._next_core, min(self._next_core + self._core, self._n_seen))
        prepared = prepare_block(block, self.fs_hz)
        found, context = beats_in_block(prepared, self.fs_hz, start, core, self._network)
        self._held.append(found)
        self._contexts.append(context)
        self._next_core += self._core
        keep_from = max(0, self._next_core - self._margin)
        while self._pieces and self._buffer_start + self._pieces[0].shape[1] <= keep_from:
            self._buffer_start += self._pieces.popleft().shape[1]

    def _take(self, start: int, end: int) -> FloatArray:
        at = self._buffer_start
        parts = []
        for piece in self._pieces:
            if at < end and at + piece.shape[1] > start:
                parts.append(piece[:, max(0, start - at) : end - at])
            at += piece.shape[1]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _release(self, is_last: bool) -> FoundBeats:
        """Return held beats up to the last pause that no later beat can reach over."""
        held = joined(self._held, self.n_leads)
        n_certain = len(held)
        if not is_last and len(held):
            # A later block's beats lie behind its core's start, less the refinement.
            limit = self._next_core - 2 * _REFINE_S * self.fs_hz
            bounds = np.append(held.r_samples, limit)
            is_pause = np.diff(bounds) >= REFRACTORY_S * self.fs_hz
            n_certain = int(np.flatnonzero(is_pause)[-1]) + 1 if is_pause.any() else 0
        certain, rest = _part(held, slice(0, n_certain)), _part(held, slice(n_certain, None))
        self._held = [rest] if len(rest) else []
        return _part(certain, _not_too_close(certain, REFRACTORY_S * self.fs_hz))


@dataclass(frozen=True, slots=True, eq=False)
class PreparedBlock:
    """A signal as the networks take it.

    Attributes
    ----------
    is_finite : ndarray of bool, shape (n_leads, n_samples)
    used : ndarray of int64
        Rows of the leads that have a signal.
    is_dead : ndarray of bool, shape (n_samples,)
        Where none of these leads has a value or moves.
    signal : ndarray of float32, shape (n_used, n_samples_at_250_hz)
    """

    is_finite: npt.NDArray[np.bool_]
    used: IntArray
    is_dead: npt.NDArray[np.bool_]
    signal: FloatArray


def prepare_block(signal_mv: FloatArray, fs_hz: float) -> PreparedBlock:
    """Choose the leads with a signal and bring them to the networks' rate and band."""
    is_finite = np.isfinite(signal_mv)
    used = np.flatnonzero(has_signal(signal_mv, is_finite, fs_hz))
    chosen, chosen_finite = signal_mv, is_finite
    if len(used) < len(signal_mv):
        chosen, chosen_finite = signal_mv[used], is_finite[used]
    return PreparedBlock(is_finite, used, dead_samples(chosen, chosen_finite, fs_hz), network_signal(chosen, fs_hz))


def search_beats(
    signal_mv: FloatArray, fs_hz: float, network: Network | None = None, prepared: PreparedBlock | None = None
) -> tuple[FoundBeats, BeatContext]:
    """Find the beats of a whole signal and what surrounds them; the same as ``BeatStream`` with any pieces.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap.
    fs_hz : float
    network : Network, optional
        The shipped beat network by default.
    prepared : PreparedBlock, optional
        Of this signal, where it is at hand already; it is used where the signal is a single block.
    """
    n_leads, n_samples = signal_mv.shape
    if not n_samples:
        return joined([], n_leads), joined_contexts([])
    if prepared is not None and n_samples <= samples_in_steps(CORE_S, fs_hz):
        found, context = beats_in_block(prepared, fs_hz, 0, (0, n_samples), network or shipped_network("beats"))
        return _part(found, _not_too_close(found, REFRACTORY_S * fs_hz)), context
    step = max(1, round(_PIECE_S * fs_hz))
    pieces = (signal_mv[:, start : start + step] for start in range(0, n_samples, step))
    return search_beats_in(pieces, n_leads, fs_hz, network)


def search_beats_in(
    pieces: Iterable[FloatArray], n_leads: int, fs_hz: float, network: Network | None = None
) -> tuple[FoundBeats, BeatContext]:
    """Find the beats of a signal that comes in pieces, without holding it in memory, and what surrounds them."""
    stream = BeatStream(n_leads, fs_hz, network)
    found = [stream.push(piece) for piece in pieces]
    return joined([*found, stream.finish()], n_leads), stream.context


def samples_in_steps(duration_s: float, fs_hz: float) -> int:
    """Return a duration in samples, in whole steps at both rates, so that a block starts on a sample of either."""
    step = Fraction(NETWORK_FS_HZ / fs_hz).limit_denominator(2000).denominator
    return max(1, round(duration_s * fs_hz / step)) * step


def beats_in_block(
    block: PreparedBlock, fs_hz: float, block_start: int, core: tuple[int, int], network: Network
) -> tuple[FoundBeats, BeatContext]:
    """Return the beats whose R peak the network puts into ``core`` (first sample, sample after the last)."""
    n_leads, n_samples = block.is_finite.shape
    scaled = range_scaled(block.signal)
    largest_mv = np.ptp(block.signal, axis=1) if block.signal.shape[1] else np.zeros(len(block.signal), np.float32)
    context = context_of_block(block.is_dead, scaled, largest_mv, fs_hz, block_start, core)
    if not len(block.used) or n_samples < 2:
        return joined([], n_leads), context
    probability = _beat_probability(scaled, network)
    peaks = _local_peaks(probability)
    per_sample = fs_hz / NETWORK_FS_HZ
    refined = _refined(scaled, _OUTPUT_STRIDE * peaks)
    at = block_start + peaks * (_OUTPUT_STRIDE * per_sample)
    keep = (at >= core[0]) & (at < core[1])
    r_samples = block_start + np.round(refined * per_sample).astype(np.int64)
    r_samples = np.clip(r_samples, block_start, block_start + n_samples - 1)
    keep &= ~block.is_dead[r_samples - block_start]
    snippets = np.zeros((int(keep.sum()), n_leads, N_SNIPPET), np.float16)
    snippets[:, block.used] = _snippets(block.signal, refined[keep])
    return FoundBeats(r_samples[keep], probability[peaks[keep]], snippets), context


def has_signal(signal_mv: FloatArray, is_finite: npt.NDArray[np.bool_], fs_hz: float) -> npt.NDArray[np.bool_]:
    """Return for each lead whether enough of it is there (a second, or a quarter of less) and it is not flat."""
    if not signal_mv.shape[1]:
        return np.zeros(len(signal_mv), bool)
    if is_finite.all():
        return np.asarray(signal_mv.max(axis=1) - signal_mv.min(axis=1) >= FLAT_BELOW_MV)
    needed = min(fs_hz, _MIN_COVERED * signal_mv.shape[1])
    result = np.asarray(is_finite.sum(axis=1) >= max(needed, 1))
    for row in np.flatnonzero(result):
        lead_mv = signal_mv[row][is_finite[row]]
        result[row] = np.ptp(lead_mv) >= FLAT_BELOW_MV
    return result


def _beat_probability(scaled: FloatArray, network: Network) -> FloatArray:
    n_time = scaled.shape[1]
    padded = np.pad(scaled, ((0, 0), (0, -n_time % _TIME_MULTIPLE)), mode="edge")
    return sigmoid(network.logits(padded[None])[0][: -(-n_time // _OUTPUT_STRIDE)])


def _local_peaks(probability: FloatArray) -> IntArray:
    """Return local maxima over the threshold; the first step of a plateau."""
    framed = np.concatenate([[-1.0], probability, [-1.0]])
    is_peak = (probability >= THRESHOLD) & (probability > framed[:-2]) & (probability >= framed[2:])
    return np.flatnonzero(is_peak)


def _refined(scaled: FloatArray, position: IntArray) -> IntArray:
    """Move each position to the largest summed square of all leads nearby; positions are at 250 Hz."""
    if not len(position):
        return np.zeros(0, np.int64)
    energy = np.einsum("ij,ij->j", scaled, scaled)
    reach = round(_REFINE_S * NETWORK_FS_HZ)
    index = position[:, None] + np.arange(-reach, reach + 1)
    index = np.clip(index, 0, len(energy) - 1)
    best = np.argmax(energy[index], axis=1)
    return np.asarray(index[np.arange(len(index)), best], np.int64)


def _snippets(signal: FloatArray, r_at: IntArray) -> HalfArray:
    """Return (n_beats, n_leads, 31): every second sample around each R peak; the ends are held."""
    half = (N_SNIPPET - 1) // 2
    index = r_at[:, None] + 2 * np.arange(-half, half + 1)
    index = np.clip(index, 0, signal.shape[1] - 1)
    return np.clip(signal[:, index].transpose(1, 0, 2), -_MAX_HALF, _MAX_HALF).astype(np.float16)


def _not_too_close(beats: FoundBeats, refractory: float) -> npt.NDArray[np.bool_]:
    """Of beats closer than the refractory time keep the more probable one."""
    keep = np.ones(len(beats), bool)
    times = beats.r_samples
    is_close = np.diff(times) < refractory
    crowded = np.flatnonzero(np.append(is_close, False) | np.insert(is_close, 0, False))
    for i in crowded[np.argsort(-beats.confidence[crowded], kind="stable")]:
        if not keep[i]:
            continue
        for step in (-1, 1):
            j = i + step
            while 0 <= j < len(times) and abs(times[j] - times[i]) < refractory:
                keep[j] = False
                j += step
    return keep


def joined(parts: list[FoundBeats], n_leads: int) -> FoundBeats:
    """Return the beats of several parts in order of time."""
    parts = [part for part in parts if len(part)]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        empty = np.zeros((0, n_leads, N_SNIPPET), np.float16)
        return FoundBeats(np.zeros(0, np.int64), np.zeros(0, np.float32), empty)
    joined = FoundBeats(
        np.concatenate([part.r_samples for part in parts]),
        np.concatenate([part.confidence for part in parts]),
        np.concatenate([part.snippets_mv for part in parts]),
    )
    order = np.argsort(joined.r_samples, kind="stable")
    return joined if (np.diff(order) > 0).all() else _part(joined, order)


def _part(beats: FoundBeats, which: slice | npt.NDArray[np.bool_] | IntArray) -> FoundBeats:
    return FoundBeats(beats.r_samples[which], beats.confidence[which], beats.snippets_mv[which])
