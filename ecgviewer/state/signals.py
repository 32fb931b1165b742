"""What is drawn of an ECG, in memory or on disk: points, baselines, gaps and extremes of whatever is in sight."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from ecgviewer.state.trace import (
    BASELINE_STEP_MV,
    FloatArray,
    IntArray,
    Polyline,
    envelope,
    finite_runs,
    gaps_s,
    polyline,
    reach_mv,
    record_baseline_mv,
    visible_baseline_mv,
)
from physioclr_core.errors import RecordError
from physioclr_core.record import EcgRecord
from physioclr_core.recordings.pyramid import ALL_GAP, BASE, STEP, Pyramid, level_for, to_mv
from physioclr_core.recordings.source import LongRecording

# A long recording's first minute says where its baselines lie and how far its leads reach.
BEGINNING_S = 60.0
# So many short pieces of what is in sight say where its baseline is.
N_PIECES, PIECE_SAMPLES = 64, 32


class Signals(Protocol):
    """The leads of one ECG as the paper needs them; times are in seconds from the record's start."""

    @property
    def baselines_mv(self) -> list[float]:
        """Median of each lead."""

    @property
    def reach_mv(self) -> list[tuple[float, float]]:
        """How far each lead goes above and below its median."""

    @property
    def revision(self) -> int:
        """Another number as soon as the same question has another answer."""

    def prepare(self, px_per_s: float, start_s: float, end_s: float) -> None:
        """Read what the next questions are about."""

    def polyline(self, lead_idx: int, px_per_s: float, start_s: float, end_s: float) -> Polyline:
        """Return the points to draw, ``px_per_s`` being device pixels."""

    def baseline_mv(self, lead_idx: int, start_s: float, end_s: float) -> float:
        """Return the voltage that is drawn on the row's baseline."""

    def gaps_s(self, lead_idx: int, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Return (start_s, end_s) of every stretch without samples."""

    def peak_mv(self, lead_idx: int, start_s: float, end_s: float) -> float | None:
        """Return the highest voltage; None where there is none."""

    def envelope(self, lead_idx: int, n_columns: int) -> tuple[FloatArray, FloatArray, int]:
        """Return lowest and highest voltage of equal parts of the record, and how many of these are known yet."""


class MemorySignals:
    """A record in memory."""

    def __init__(self, record: EcgRecord) -> None:
        self._record = record
        self._runs: list[IntArray] = [finite_runs(lead) for lead in record.signal_mv]
        self.baselines_mv = [record_baseline_mv(lead) for lead in record.signal_mv]
        self.reach_mv = [reach_mv(lead, base) for lead, base in zip(record.signal_mv, self.baselines_mv, strict=True)]
        self.revision = 0

    def prepare(self, px_per_s: float, start_s: float, end_s: float) -> None:
        """Do nothing: all of it is at hand."""

    def polyline(self, lead_idx: int, px_per_s: float, start_s: float, end_s: float) -> Polyline:
        """Return the points to draw."""
        record = self._record
        return polyline(record.signal_mv[lead_idx], self._runs[lead_idx], record.fs_hz, px_per_s, start_s, end_s)

    def baseline_mv(self, lead_idx: int, start_s: float, end_s: float) -> float:
        """Return the voltage that is drawn on the row's baseline."""
        record = self._record
        base_mv = self.baselines_mv[lead_idx]
        return visible_baseline_mv(record.signal_mv[lead_idx], base_mv, record.fs_hz, record.duration_s, start_s, end_s)

    def gaps_s(self, lead_idx: int, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Return every stretch without samples, in sight or not."""
        return gaps_s(self._runs[lead_idx], self._record.n_samples, self._record.fs_hz)

    def peak_mv(self, lead_idx: int, start_s: float, end_s: float) -> float | None:
        """Return the highest voltage."""
        fs_hz = self._record.fs_hz
        first = round(start_s * fs_hz)
        return _peak(self._record.signal_mv[lead_idx, first : first + math.ceil((end_s - start_s) * fs_hz)])

    def envelope(self, lead_idx: int, n_columns: int) -> tuple[FloatArray, FloatArray, int]:
        """Return lowest and highest voltage of equal parts of the record."""
        low_mv, high_mv = envelope(self._record.signal_mv[lead_idx], n_columns)
        return low_mv, high_mv, low_mv.size


class LongSignals:
    """A recording on disk: samples where a pixel column holds few of them, else extremes from its pyramid.

    ``pyramid`` is None until there is one; what it does not hold yet is left undrawn. ``fault`` says why samples can no
    longer be read, as when a drive is taken away; nothing is drawn of them then.
    """

    def __init__(self, recording: LongRecording) -> None:
        self._recording = recording
        self.fault = ""
        self.pyramid: Pyramid | None = None
        beginning_mv = self._read(0, min(round(BEGINNING_S * recording.fs_hz), recording.n_samples))
        self.baselines_mv = [record_baseline_mv(lead) for lead in beginning_mv]
        self.reach_mv = [reach_mv(lead, base) for lead, base in zip(beginning_mv, self.baselines_mv, strict=True)]
        self._first, self._samples_mv = 0, beginning_mv
        self._level: int | None = None
        self._first_bin = 0
        self._low_mv = self._high_mv = np.empty((recording.n_leads, 0), np.float32)
        self._flags = np.empty((0, recording.n_leads), np.uint8)
        self._bins_key: tuple[int, ...] = ()
        self._medians_key: tuple[float, ...] = ()
        self._medians_mv: list[float] = []

    @property
    def revision(self) -> int:
        """How much of the pyramid is there."""
        return -1 if self.pyramid is None else self.pyramid.n_done

    def prepare(self, px_per_s: float, start_s: float, end_s: float) -> None:
        """Read samples, or bins of the pyramid, of all leads."""
        recording = self._recording
        first = max(0, math.floor(start_s * recording.fs_hz) - 1)
        stop = min(recording.n_samples, math.ceil(end_s * recording.fs_hz) + 1)
        level = level_for(recording.fs_hz / px_per_s)
        self._level = level
        if level is None:
            if first < self._first or stop > self._first + self._samples_mv.shape[1]:
                self._first, self._samples_mv = first, self._read(first, stop)
            return
        size = BASE * STEP**level
        first_bin, stop_bin = first // size, -(-stop // size)
        key = (level, first_bin, stop_bin, self.revision)
        if key == self._bins_key:
            return
        self._bins_key, self._first_bin = key, first_bin
        if self.pyramid is None:
            self._low_mv = self._high_mv = np.empty((recording.n_leads, 0), np.float32)
            self._flags = np.empty((0, recording.n_leads), np.uint8)
        else:
            extremes, self._flags = self.pyramid.read(level, first_bin, stop_bin)
            self._low_mv, self._high_mv = to_mv(recording.samples, extremes, self._flags)

    def _read(self, first: int, stop: int) -> FloatArray:
        try:
            return self._recording.window_mv(first, stop)
        except RecordError as error:
            self.fault = str(error)
            return np.full((self._recording.n_leads, max(0, stop - first)), np.nan, np.float32)

    def polyline(self, lead_idx: int, px_per_s: float, start_s: float, end_s: float) -> Polyline:
        """Return the points to draw of what was prepared."""
        fs_hz = self._recording.fs_hz
        if self._level is None:
            lead_mv = self._samples_mv[lead_idx]
            return polyline(lead_mv, finite_runs(lead_mv), fs_hz, px_per_s, start_s, end_s, self._first)
        return self._extremes(lead_idx, fs_hz / px_per_s, start_s, end_s)

    def _extremes(self, lead_idx: int, samples_a_pixel: float, start_s: float, end_s: float) -> Polyline:
        fs_hz, size = self._recording.fs_hz, BASE * STEP ** (self._level or 0)
        low_mv, high_mv = self._low_mv[lead_idx], self._high_mv[lead_idx]
        n_bins = low_mv.size
        first_column = math.floor(start_s * fs_hz / samples_a_pixel)
        last_column = math.ceil(end_s * fs_hz / samples_a_pixel)
        columns = np.arange(first_column, last_column)
        edges = np.round(columns * samples_a_pixel / size).astype(np.int64) - self._first_bin
        is_there = (edges >= 0) & (edges < n_bins) & np.append(np.diff(edges) > 0, True)
        columns, edges = columns[is_there], edges[is_there]
        if not edges.size:
            return _nothing()
        stop = min(n_bins, max(round(last_column * samples_a_pixel / size) - self._first_bin, int(edges[-1]) + 1))
        with np.errstate(invalid="ignore"):
            low = np.fmin.reduceat(low_mv[:stop], edges)
            high = np.fmax.reduceat(high_mv[:stop], edges)
        has_gap = np.maximum.reduceat(self._flags[:stop, lead_idx], edges) > 0
        is_finite = np.isfinite(low)
        columns, low, high, has_gap = columns[is_finite], low[is_finite], high[is_finite], has_gap[is_finite]
        y_mv = np.empty(2 * low.size, np.float32)
        is_up = np.arange(low.size) % 2 == 0
        y_mv[0::2], y_mv[1::2] = np.where(is_up, low, high), np.where(is_up, high, low)
        is_joined = np.ones(2 * low.size, np.bool_)
        # No line crosses a gap: a column with one is drawn, but not joined to its neighbours.
        follows = np.append((np.diff(columns) == 1) & ~has_gap[1:] & ~has_gap[:-1], False)
        is_joined[1::2] = follows[: low.size]
        return Polyline(np.repeat(columns + 0.5, 2), y_mv, is_joined)

    def baseline_mv(self, lead_idx: int, start_s: float, end_s: float) -> float:
        """Return the median of some samples all over what is in sight, in steps of 0.5 mV from the recording's."""
        key = (start_s, end_s)
        if key != self._medians_key:
            self._medians_key, self._medians_mv = key, self._medians(start_s, end_s)
        return self._medians_mv[lead_idx]

    def _medians(self, start_s: float, end_s: float) -> list[float]:
        recording = self._recording
        fs_hz = recording.fs_hz
        first = max(0, int(start_s * fs_hz))
        stop = max(first + 1, min(recording.n_samples, int(end_s * fs_hz)))
        if self._first <= first and stop <= self._first + self._samples_mv.shape[1]:
            part_mv = self._samples_mv[:, first - self._first : stop - self._first]
            part_mv = part_mv[:, :: max(1, part_mv.shape[1] // (N_PIECES * PIECE_SAMPLES))]
        else:
            starts = np.linspace(first, max(first, stop - PIECE_SAMPLES), N_PIECES).astype(int)
            part_mv = np.concatenate([self._read(a, a + PIECE_SAMPLES) for a in starts.tolist()], axis=1)
        medians = []
        for lead_mv, base_mv in zip(part_mv, self.baselines_mv, strict=True):
            finite = lead_mv[np.isfinite(lead_mv)]
            steps = round((float(np.median(finite)) - base_mv) / BASELINE_STEP_MV) if finite.size else 0
            medians.append(base_mv + steps * BASELINE_STEP_MV)
        return medians

    def gaps_s(self, lead_idx: int, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Return every stretch without samples within what was prepared."""
        fs_hz = self._recording.fs_hz
        if self._level is None:
            lead_mv = self._samples_mv[lead_idx]
            found = gaps_s(finite_runs(lead_mv), lead_mv.size, fs_hz)
            return [(a + self._first / fs_hz, b + self._first / fs_hz) for a, b in found]
        size_s = BASE * STEP**self._level / fs_hz
        is_gap = self._flags[:, lead_idx] == ALL_GAP
        edges = np.flatnonzero(np.diff(is_gap.astype(np.int8), prepend=0, append=0)).reshape(-1, 2) + self._first_bin
        return [(a * size_s, min(b * size_s, self._recording.duration_s)) for a, b in edges.tolist()]

    def peak_mv(self, lead_idx: int, start_s: float, end_s: float) -> float | None:
        """Return the highest voltage of what was prepared."""
        fs_hz = self._recording.fs_hz
        if self._level is None:
            first = max(0, round(start_s * fs_hz) - self._first)
            return _peak(self._samples_mv[lead_idx, first : first + math.ceil((end_s - start_s) * fs_hz)])
        size_s = BASE * STEP**self._level / fs_hz
        first = max(0, int(start_s / size_s) - self._first_bin)
        return _peak(self._high_mv[lead_idx, first : first + math.ceil((end_s - start_s) / size_s)])

    def envelope(self, lead_idx: int, n_columns: int) -> tuple[FloatArray, FloatArray, int]:
        """Return lowest and highest voltage of equal parts of the recording, as far as its pyramid is there."""
        low = np.full(n_columns, np.nan, np.float32)
        high = low.copy()
        if self.pyramid is None:
            return low, high, 0
        a_column = self._recording.n_samples / n_columns
        level = level_for(a_column)
        if level is None:
            part_mv = self._read(0, self._recording.n_samples)[lead_idx]
            return *envelope(part_mv, n_columns), n_columns
        extremes, flags = self.pyramid.read(level, 0, self.pyramid.layout.bins(level))
        low_mv, high_mv = to_mv(self._recording.samples, extremes, flags)
        n_bins = low_mv.shape[1]
        edges = np.round(np.arange(n_columns) * a_column / (BASE * STEP**level)).astype(np.int64)
        n_known = int(np.searchsorted(edges, n_bins))
        if n_known:
            low[:n_known] = np.fmin.reduceat(low_mv[lead_idx], edges[:n_known])
            high[:n_known] = np.fmax.reduceat(high_mv[lead_idx], edges[:n_known])
        return low, high, n_known


def signals_of(record: EcgRecord | LongRecording) -> MemorySignals | LongSignals:
    """Return what is drawn of a record."""
    return LongSignals(record) if isinstance(record, LongRecording) else MemorySignals(record)


def _peak(part_mv: FloatArray) -> float | None:
    part_mv = part_mv[np.isfinite(part_mv)]
    return float(part_mv.max()) if part_mv.size else None


def _nothing() -> Polyline:
    empty = np.empty(0)
    return Polyline(empty, empty.astype(np.float32), np.empty(0, dtype=np.bool_))
