"""Minimum and maximum of a long recording at several scales, so that a day is drawn from a few thousand numbers.

Level k holds one bin for each 64 * 4**k samples: lowest and highest stored number of each lead, and whether samples are
missing in it. A bin of nothing but gap has its lowest above its highest number.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from physioclr_core.record import FloatArray
from physioclr_core.recordings.samples import BoolArray, CountArray, StoredSignal

BASE = 64
STEP = 4
N_LEVELS = 6
# One bin of the highest level; the recording is reduced in pieces of some of these.
CHUNK = BASE * STEP ** (N_LEVELS - 1)
_BYTES_AT_ONCE = 2**22
WHOLE, PARTLY_GAP, ALL_GAP = 0, 1, 2
FlagArray = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the levels lie in a file, from ``offset`` on: for each level lowest and highest numbers, then flags."""

    n_samples: int
    n_leads: int
    dtype: str
    offset: int = 0

    def bins(self, level: int) -> int:
        """Return the number of bins of a level."""
        n_bins: int = -(-self.n_samples // (BASE * STEP**level))
        return n_bins

    def place(self, level: int) -> tuple[int, int]:
        """Return the offsets of a level's numbers and flags."""
        at = self.offset
        item = np.dtype(self.dtype).itemsize
        for lower in range(level):
            at += self.bins(lower) * self.n_leads * (2 * item + 1)
        return at, at + self.bins(level) * self.n_leads * 2 * item

    @property
    def end(self) -> int:
        """Return the offset after the last level."""
        return self.place(N_LEVELS)[0]


def identity_of_none(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return the lowest and highest number of no sample at all: the largest and the smallest there is."""
    if dtype.kind == "f":
        return np.inf, -np.inf
    info = np.iinfo(dtype)
    return info.max, info.min


def reduce_counts(counts: CountArray, is_gap: BoolArray | None, factor: int = BASE) -> tuple[CountArray, FlagArray]:
    """Return lowest, highest and gaps of every ``factor`` samples, the last bin being shorter where they do not fit.

    Parameters
    ----------
    counts : ndarray, shape (n, n_leads)
    is_gap : ndarray of bool, same shape, or None
    factor : int
        A power of two.

    Returns
    -------
    extremes : ndarray, shape (n_bins, 2, n_leads)
    flags : ndarray of uint8, shape (n_bins, n_leads)
        ``WHOLE``, ``PARTLY_GAP`` or ``ALL_GAP``.
    """
    n, n_leads = counts.shape
    n_bins = -(-n // factor)
    least, most = identity_of_none(counts.dtype)
    low = high = counts
    if is_gap is not None:
        low, high = (
            np.where(is_gap, least, counts).astype(counts.dtype),
            np.where(is_gap, most, counts).astype(counts.dtype),
        )
    if n_bins * factor != n:
        rest = ((0, n_bins * factor - n), (0, 0))
        low, high = np.pad(low, rest, constant_values=least), np.pad(high, rest, constant_values=most)
    extremes = np.empty((n_bins, 2, n_leads), counts.dtype)
    extremes[:, 0] = _folded(low, factor, np.minimum)
    extremes[:, 1] = _folded(high, factor, np.maximum)
    flags = np.zeros((n_bins, n_leads), np.uint8)
    if is_gap is not None:
        starts = np.arange(0, n, factor)
        flags[np.logical_or.reduceat(is_gap, starts, axis=0)] = PARTLY_GAP
        flags[np.logical_and.reduceat(is_gap, starts, axis=0)] = ALL_GAP
    return extremes, flags


def _folded(samples: CountArray, factor: int, smaller: Callable[..., CountArray]) -> CountArray:
    """Halve every bin until it is one number a lead: long rows go five times as fast as short columns."""
    n_leads = samples.shape[1]
    rows = np.ascontiguousarray(samples).reshape(-1, factor * n_leads)
    while rows.shape[1] > n_leads:
        half = rows.shape[1] // 2
        rows = smaller(rows[:, :half], rows[:, half:])
    return rows


def reduce_level(extremes: CountArray, flags: FlagArray) -> tuple[CountArray, FlagArray]:
    """Return the next level of some bins that begin on a bin of it."""
    starts = np.arange(0, len(extremes), STEP)
    above = np.empty((len(starts), *extremes.shape[1:]), extremes.dtype)
    above[:, 0] = np.minimum.reduceat(extremes[:, 0], starts, axis=0)
    above[:, 1] = np.maximum.reduceat(extremes[:, 1], starts, axis=0)
    if not flags.any():
        return above, np.zeros((len(starts), flags.shape[1]), np.uint8)
    any_gap = np.maximum.reduceat(flags, starts, axis=0) > WHOLE
    all_gap = np.minimum.reduceat(flags, starts, axis=0) == ALL_GAP
    return above, np.where(all_gap, ALL_GAP, np.where(any_gap, PARTLY_GAP, WHOLE)).astype(np.uint8)


class Pyramid:
    """Extremes in a file, complete or still being built: ``n_done`` samples of the recording are in it.

    Reading and building may go on in two threads.
    """

    def __init__(self, file: BinaryIO, layout: Layout, n_done: int) -> None:
        self.layout = layout
        self.n_done = n_done
        self._file: BinaryIO | None = file
        self._lock = threading.Lock()

    @property
    def is_complete(self) -> bool:
        """Whether the whole recording is in it."""
        return self.n_done >= self.layout.n_samples

    def read(self, level: int, first: int, stop: int) -> tuple[CountArray, FlagArray]:
        """Return the bins [first, stop) of a level, as ``reduce_counts`` does; fewer where they are not there yet."""
        layout = self.layout
        n_ready = layout.bins(level) if self.is_complete else self.n_done // (BASE * STEP**level)
        stop = min(stop, n_ready)
        first = min(max(first, 0), stop)
        dtype = np.dtype(layout.dtype)
        at, flags_at = layout.place(level)
        row = layout.n_leads * 2 * dtype.itemsize
        with self._lock:
            raw = self._read(at + first * row, (stop - first) * row)
            raw_flags = self._read(flags_at + first * layout.n_leads, (stop - first) * layout.n_leads)
        extremes = np.frombuffer(raw, dtype).reshape(-1, 2, layout.n_leads)
        return extremes, np.frombuffer(raw_flags, np.uint8).reshape(-1, layout.n_leads)

    def close(self) -> None:
        """Let the file go; what is asked for afterwards is not there."""
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None

    def moved_to(self, path: Path, move: Callable[[], object]) -> None:
        """Call ``move``, which gives the file another name, while nobody has it open."""
        with self._lock:
            assert self._file is not None
            self._file.close()
            self._file = None
            move()
            self._file = path.open("rb")

    def _read(self, offset: int, n_bytes: int) -> bytes:
        if self._file is None or n_bytes <= 0:
            return b""
        self._file.seek(offset)
        return self._file.read(n_bytes)

    def add(self, extremes: CountArray, flags: FlagArray, first: int, n_samples: int) -> None:
        """Write the bins of level 0 from ``first`` on, and those above; ``n_samples`` are done then."""
        for level in range(N_LEVELS):
            if level:
                extremes, flags = reduce_level(extremes, flags)
                first //= STEP
            at, flags_at = self.layout.place(level)
            row = self.layout.n_leads * 2 * np.dtype(self.layout.dtype).itemsize
            with self._lock:
                if self._file is None:
                    return
                self._file.seek(at + first * row)
                self._file.write(np.ascontiguousarray(extremes).tobytes())
                if flags.any():  # elsewhere the file is zero already
                    self._file.seek(flags_at + first * self.layout.n_leads)
                    self._file.write(flags.tobytes())
        with self._lock:
            if self._file is not None:
                self._file.flush()
        self.n_done = n_samples


def fill(pyramid: Pyramid, signal: StoredSignal, is_cancelled: Callable[[], bool]) -> bool:
    """Build all levels from the recording's start; return whether it came to the end.

    Parameters
    ----------
    pyramid : Pyramid
        Empty.
    signal : StoredSignal
    is_cancelled : callable
        Asked after each piece of a few megabytes.

    Raises
    ------
    RecordError
        If the recording cannot be read to its end.
    """
    frame_bytes = signal.n_leads * signal.dtype.itemsize
    piece = max(1, _BYTES_AT_ONCE // (frame_bytes * CHUNK)) * CHUNK
    for start in range(0, signal.n_samples, piece):
        if is_cancelled():
            return False
        stop = min(start + piece, signal.n_samples)
        counts, is_gap = signal.counts(start, stop)
        extremes, flags = reduce_counts(counts.astype(signal.dtype, copy=False), is_gap)
        pyramid.add(extremes, flags, start // BASE, stop)
    return True


def level_for(samples_a_column: float) -> int | None:
    """Return the level to draw columns of so many samples from; None where the samples themselves are to be drawn.

    A column has at least four bins where there is such a level, so that its edges are a quarter off at most.
    """
    if samples_a_column < BASE:
        return None
    level = math.floor(math.log(samples_a_column / BASE / STEP, STEP) + 1e-9)
    return min(max(level, 0), N_LEVELS - 1)


def to_mv(signal: StoredSignal, extremes: CountArray, flags: FlagArray) -> tuple[FloatArray, FloatArray]:
    """Return lowest and highest voltage of bins, each of shape (n_leads, n_bins); NaN where a bin is all gap."""
    rows = range(signal.n_leads)
    first_mv = signal.to_mv(np.ascontiguousarray(extremes[:, 0].T), rows)
    second_mv = signal.to_mv(np.ascontiguousarray(extremes[:, 1].T), rows)
    for row in rows:
        if signal.is_inverted(row):
            first_mv[row], second_mv[row] = second_mv[row].copy(), first_mv[row].copy()
    is_gap = flags.T == ALL_GAP
    first_mv[is_gap] = second_mv[is_gap] = np.nan
    return first_mv, second_mv
