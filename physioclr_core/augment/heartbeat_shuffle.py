"""Heartbeat shuffling: the beats of a segment in another order (Maghsoodi et al., arXiv 2509.08116, 2025).

The published code cuts at R peaks, drops what is before the first, lets the last, incomplete beat take part and pads
with zeros. Of a regular rhythm of 800 ms, four of five such shuffles of 5 s hold an interval that is too short: a
premature beat that was never there. Here only complete beats change places, what is before the first and after the last
stays where it is, and seams are cross-faded. What the published code does is there for comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

ShuffleKind = Literal["complete-beats", "official"]
CutPlace = Literal["before-p", "r-peak"]
# Beats are cut in the pause before P: this much before R, but not more than a share of the shortest interval.
_BEFORE_R_S = 0.25
_BEFORE_R_SHARE = 0.4
# Two beats in another order are a shuffle.
MIN_BEATS = 2


@dataclass(frozen=True, slots=True)
class Reordering:
    """Which samples a shuffled segment is made of.

    Attributes
    ----------
    index : ndarray of int64, shape (..., n_samples)
        Sample of the segment that each sample of the result is; -1 for a zero.
    other, share : ndarray of int64 and float32, shape (..., n_samples)
        Within a seam, the sample that the other side would have there, and its share of the mixture.
    """

    index: IntArray
    other: IntArray
    share: npt.NDArray[np.float32]

    @property
    def is_changed(self) -> BoolArray:
        """Whether each segment is another than before, shape (...)."""
        changed: BoolArray = (self.index != np.arange(self.index.shape[-1])).any(axis=-1)
        return changed

    def of_signal(self, signal_mv: FloatArray) -> FloatArray:
        """Return signals (batch, n_leads, n_samples) in the new order."""
        kept = np.maximum(self.index, 0)[:, None]
        result = np.take_along_axis(signal_mv, kept, axis=2)
        if self.share.any():
            result += self.share[:, None] * (np.take_along_axis(signal_mv, self.other[:, None], axis=2) - result)
        result *= (self.index >= 0)[:, None]
        return result

    def of_track(self, track: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return values of samples (batch, n_samples) in the new order; zero where there is none."""
        moved: npt.NDArray[np.generic] = np.take_along_axis(track, np.maximum(self.index, 0), axis=1)
        moved[self.index < 0] = 0
        return moved


def reordering(n_samples: int, cuts: IntArray, n_fade: int, rng: np.random.Generator) -> Reordering:
    """Put the pieces between cuts into a random order that is not the one they had.

    Parameters
    ----------
    n_samples : int
    cuts : ndarray of int64, shape (n_pieces + 1,)
        Increasing; a piece is what lies between two of them. Before the first and after the last nothing moves.
    n_fade : int
        Samples of a seam, half on either side, over which one piece fades into the next.
    rng : Generator
    """
    pieces = [np.arange(start, end) for start, end in zip(cuts[:-1], cuts[1:], strict=True)]
    identity = np.arange(n_samples)
    if len(pieces) < MIN_BEATS:
        return Reordering(identity, identity, np.zeros(n_samples, np.float32))
    order = rng.permutation(len(pieces))
    if (order == np.arange(len(pieces))).all():
        order = np.roll(order, 1)
    runs = [identity[: cuts[0]], *(pieces[number] for number in order), identity[cuts[-1] :]]
    index = np.concatenate(runs)
    other, share = index.copy(), np.zeros(n_samples, np.float32)
    seam = len(runs[0])
    before, after = n_fade // 2, n_fade - n_fade // 2
    for left, right in zip(runs[:-1], runs[1:], strict=True):
        if len(left) and len(right) and right[0] != left[-1] + 1:
            places = np.arange(max(seam - before, 0), min(seam + after, n_samples))
            # How far the right side is in: from one half sample to all but one half.
            inside = (places - (seam - before) + 0.5) / n_fade
            is_left = places < seam
            other[places] = np.where(is_left, right[0] + places - seam, left[-1] + 1 + places - seam)
            share[places] = np.where(is_left, inside, 1.0 - inside)
        seam += len(right)
    return Reordering(index, np.clip(other, 0, n_samples - 1), share)


def official_reordering(n_samples: int, r_samples: IntArray, rng: np.random.Generator) -> Reordering:
    """Return what the published code does: see the module.

    Parameters
    ----------
    n_samples : int
    r_samples : ndarray of int64, shape (n_beats,)
    rng : Generator
    """
    cuts = np.append(r_samples, n_samples)
    pieces = [np.arange(start, end) for start, end in zip(cuts[:-1], cuts[1:], strict=True)]
    index = np.full(n_samples, -1)
    if pieces:
        moved = np.concatenate([pieces[number] for number in rng.permutation(len(pieces))])
        index[: len(moved)] = moved
    else:
        index = np.arange(n_samples)
    return Reordering(index, np.maximum(index, 0), np.zeros(n_samples, np.float32))


def cuts_of(r_samples: IntArray, place: CutPlace, fs_hz: float) -> IntArray:
    """Return where beats are cut apart: at the R peaks, or equally long before them, in the pause before P.

    Parameters
    ----------
    r_samples : ndarray of int64, shape (n_beats,)
    place : {"before-p", "r-peak"}
    fs_hz : float
    """
    if place == "r-peak" or len(r_samples) < 2:
        return r_samples
    before = min(round(_BEFORE_R_S * fs_hz), int(_BEFORE_R_SHARE * np.diff(r_samples).min()))
    cuts = r_samples - before
    return cuts[cuts >= 0]


def reorderings(
    is_r_peak: BoolArray,
    is_chosen: BoolArray,
    fs_hz: float,
    rng: np.random.Generator,
    *,
    kind: ShuffleKind = "complete-beats",
    place: CutPlace = "before-p",
    fade_ms: float = 20.0,
) -> Reordering:
    """Put the beats of a batch of segments into another order.

    Parameters
    ----------
    is_r_peak : ndarray of bool, shape (batch, n_samples)
    is_chosen : ndarray of bool, shape (batch,)
        Segments that are to be shuffled; the others, and those without two complete beats, stay as they are.
    fs_hz : float
    rng : Generator
    kind : {"complete-beats", "official"}
    place : {"before-p", "r-peak"}
    fade_ms : float
        Length of a cross-fade; 0 is none. The published code has none.

    Returns
    -------
    Reordering
        Its arrays have shape (batch, n_samples).
    """
    n_batch, n_samples = is_r_peak.shape
    n_fade = round(fade_ms * fs_hz / 1000.0)
    index = np.tile(np.arange(n_samples), (n_batch, 1))
    other, share = index.copy(), np.zeros((n_batch, n_samples), np.float32)
    for row in np.flatnonzero(is_chosen):
        r_samples = np.flatnonzero(is_r_peak[row])
        if kind == "official":
            made = official_reordering(n_samples, r_samples, rng)
        else:
            made = reordering(n_samples, cuts_of(r_samples, place, fs_hz), n_fade, rng)
        index[row], other[row], share[row] = made.index, made.other, made.share
    return Reordering(index, other, share)
