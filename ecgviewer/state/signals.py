"""What is drawn of an ECG, in memory or on disk: points, baselines, gaps and extremes of whatever is in sight.

Where a lead was off (``physioclr_core.no_signal``) nothing is drawn, and its level counts neither for the baseline nor
for the page: a line there would look like a heart that stands still.
"""

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
from physioclr_core.no_signal import no_signal_bins, no_signal_spans, without_lost
from physioclr_core.record import EcgRecord
from physioclr_core.recordings.pyramid import ALL_GAP, BASE, STEP, Pyramid, level_for, to_mv
from physioclr_core.recordings.samples import StoredSignal
from physioclr_core.recordings.source import LongRecording

# A long recording's first minute says where its baselines lie and how far its leads reach.
BEGINNING_S = 60.0
# The paper may begin or end within a stretch without signal, which has to last to be one.
SPARE_S = 5.0
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
    def lost_share(self) -> list[float]:
        """Share of each lead that is gap or without signal."""

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

    def no_signal_s(self, lead_idx: int, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Return (start_s, end_s) of every stretch that has samples, but of a lead that was off."""

    def peak_mv(self, lead_idx: int, start_s: float, end_s: float) -> float | None:
        """Return the highest voltage; None where there is none."""

    def envelope(self, lead_idx: int, n_columns: int) -> tuple[FloatArray, FloatArray, int]:
        """Return lowest and highest voltage of equal parts of the record, and how many of these are known yet."""


class MemorySignals:
    """A record in memory."""

    def __init__(self, record: EcgRecord) -> None:
        self._record = record
        self._lost_s = [list(lead.no_signal_s) for lead in record.report.leads]
        if len(self._lost_s) != record.n_leads:  # a record without a report of its own, as the library's
            found = no_signal_spans(record.signal_mv, record.fs_hz)
            self._lost_s = [[(a / record.fs_hz, b / record.fs_hz) for a, b in spans] for spans in found]
        spans = [[(round(a * record.fs_hz), round(b * record.fs_hz)) for a, b in each] for each in self._lost_s]
        self._signal_mv = without_lost(record.signal_mv, spans)
        self._runs: list[IntArray] = [finite_runs(lead) for lead in self._signal_mv]
        self._sampled_runs = [
            finite_runs(lead) if lost else drawn
            for lead, lost, drawn in zip(record.signal_mv, spans, self._runs, strict=True)
        ]
        self.baselines_mv = [record_baseline_mv(lead) for lead in self._signal_mv]
        self.reach_mv = [reach_mv(lead, base) for lead, base in zip(self._signal_mv, self.baselines_mv, strict=True)]
        self.lost_share = [_lost_share(runs, record.n_samples) for runs in self._runs]
        self.revision = 0

    def prepare(self, px_per_s: float, start_s: float, end_s: float) -> None:
        """Do nothing: all of it is at hand."""

    def polyline(self, lead_idx: int, px_per_s: float, start_s: float, end_s: float) -> Polyline:
        """Return the points to draw."""
        fs_hz = self._record.fs_hz
        return polyline(self._signal_mv[lead_idx], self._runs[lead_idx], fs_hz, px_per_s, start_s, end_s)

    def baseline_mv(self, lead_idx: int, start_s: float, end_s: float) -> float:
        """Return the voltage that is drawn on the row's baseline."""
        record = self._record
        base_mv = self.baselines_mv[lead_idx]
        return visible_baseline_mv(self._signal_mv[lead_idx], base_mv, record.fs_hz, record.duration_s, start_s, end_s)

    def gaps_s(self, lead_idx: int, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Return every stretch without samples, in sight or not."""
        return gaps_s(self._sampled_runs[lead_idx], self._record.n_samples, self._record.fs_hz)

    def no_signal_s(self, lead_idx: int, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Return every stretch of a lead that was off, in sight or not."""
        return self._lost_s[lead_idx]

    def peak_mv(self, lead_idx: int, start_s: float, end_s: float) -> float | None:
        """Return the highest voltage."""
        fs_hz = self._record.fs_hz
        first = round(start_s * fs_hz)
        return _peak(self._signal_mv[lead_idx, first : first + math.ceil((end_s - start_s) * fs_hz)])

    def envelope(self, lead_idx: int, n_columns: int) -> tuple[FloatArray, FloatArray, int]:
        """Return lowest and highest voltage of equal parts of the record."""
        low_mv, high_mv = envelope(self._signal_mv[lead_idx], n_columns)
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
        self._step_mv = _steps_mv(recording.samples)
        self._first = 0
        beginning_mv = self._take_over(0, min(round(BEGINNING_S * recording.fs_hz), recording.n_samples))
        self.lost_share = [_lost_share(runs, beginning_mv.shape[1]) for runs in self._runs]
        self.baselines_mv = [record_baseline_mv(lead) for lead in beginning_mv]
        self.reach_mv = [reach_mv(lead, base) for lead, base in zip(beginning_mv, self.baselines_mv, strict=True)]
        self._level: int | None = None
        self._first_bin = 0
        self._low_mv = self._high_mv = np.empty((recording.n_leads, 0), np.float32)
        self._flags = np.empty((0, recording.n_leads), np.uint8)
        self._lost_bins: list[list[tuple[int, int]]] = [[] for _ in recording.lead_names]
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
                spare = round(SPARE_S * recording.fs_hz)
                self._take_over(max(0, first - spare), min(recording.n_samples, stop + spare))
            return
        size = BASE * STEP**level
        spare = math.ceil(SPARE_S * recording.fs_hz / size)
        first_bin, stop_bin = max(0, first // size - spare), -(-stop // size) + spare
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
        self._lost_bins = self._blank(self._low_mv, self._high_mv, level)

    def _take_over(self, first: int, stop: int) -> FloatArray:
        """Read the samples that the next questions are about, and find out where leads were off."""
        sampled_mv = self._read(first, stop)
        self._lost = no_signal_spans(sampled_mv, self._recording.fs_hz, self._step_mv)
        self._first, self._samples_mv = first, without_lost(sampled_mv, self._lost)
        self._runs = [finite_runs(lead_mv) for lead_mv in self._samples_mv]
        self._sampled_runs = [
            finite_runs(lead_mv) if lost else drawn
            for lead_mv, lost, drawn in zip(sampled_mv, self._lost, self._runs, strict=True)
        ]
        return self._samples_mv

    def _blank(self, low_mv: FloatArray, high_mv: FloatArray, level: int) -> list[list[tuple[int, int]]]:
        """Take away the bins of leads that were off, and return which these are."""
        lost = no_signal_bins(low_mv, high_mv, BASE * STEP**level / self._recording.fs_hz, self._step_mv)
        for row, found in enumerate(lost):
            for first, stop in found:
                low_mv[row, first:stop] = high_mv[row, first:stop] = np.nan
        return lost

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
            runs = self._runs[lead_idx]
            return polyline(self._samples_mv[lead_idx], runs, fs_hz, px_per_s, start_s, end_s, self._first)
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
            part_mv = np.concatenate([self._piece(a) for a in starts.tolist()], axis=1)
        medians = []
        for lead_mv, base_mv in zip(part_mv, self.baselines_mv, strict=True):
            finite = lead_mv[np.isfinite(lead_mv)]
            steps = round((float(np.median(finite)) - base_mv) / BASELINE_STEP_MV) if finite.size else 0
            medians.append(base_mv + steps * BASELINE_STEP_MV)
        return medians

    def _piece(self, first: int) -> FloatArray:
        """Return some samples, none of leads that were off there as far as what was prepared says."""
        piece_mv = self._read(first, first + PIECE_SAMPLES)
        at_s = first / self._recording.fs_hz
        for row, lead_mv in enumerate(piece_mv):
            if any(a <= at_s < b for a, b in self.no_signal_s(row, at_s, at_s)):
                lead_mv[:] = np.nan
        return piece_mv

    def gaps_s(self, lead_idx: int, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Return every stretch without samples within what was prepared."""
        fs_hz = self._recording.fs_hz
        if self._level is None:
            found = gaps_s(self._sampled_runs[lead_idx], self._samples_mv.shape[1], fs_hz)
            return [(a + self._first / fs_hz, b + self._first / fs_hz) for a, b in found]
        size_s = BASE * STEP**self._level / fs_hz
        is_gap = self._flags[:, lead_idx] == ALL_GAP
        edges = np.flatnonzero(np.diff(is_gap.astype(np.int8), prepend=0, append=0)).reshape(-1, 2) + self._first_bin
        return [(a * size_s, min(b * size_s, self._recording.duration_s)) for a, b in edges.tolist()]

    def no_signal_s(self, lead_idx: int, start_s: float, end_s: float) -> list[tuple[float, float]]:
        """Return every stretch of a lead that was off within what was prepared."""
        fs_hz = self._recording.fs_hz
        if self._level is None:
            return [((a + self._first) / fs_hz, (b + self._first) / fs_hz) for a, b in self._lost[lead_idx]]
        size_s, first = BASE * STEP**self._level / fs_hz, self._first_bin
        end_s = self._recording.duration_s
        return [((a + first) * size_s, min((b + first) * size_s, end_s)) for a, b in self._lost_bins[lead_idx]]

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
            part_mv = self._read(0, self._recording.n_samples)
            lost = no_signal_spans(part_mv, self._recording.fs_hz, self._step_mv)
            return *envelope(without_lost(part_mv, lost)[lead_idx], n_columns), n_columns
        extremes, flags = self.pyramid.read(level, 0, self.pyramid.layout.bins(level))
        low_mv, high_mv = to_mv(self._recording.samples, extremes, flags)
        self._blank(low_mv, high_mv, level)
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


def _lost_share(runs: IntArray, n_samples: int) -> float:
    return 1.0 - float((runs[:, 1] - runs[:, 0]).sum()) / max(n_samples, 1)


def _steps_mv(samples: StoredSignal) -> list[float]:
    """Return the resolution of each lead."""
    counts = np.tile(np.arange(2, dtype=samples.dtype), (samples.n_leads, 1))
    if samples.dtype.kind == "f":
        return [0.0] * samples.n_leads  # millivolts already, in steps that nobody states
    first_mv, second_mv = samples.to_mv(counts, range(samples.n_leads)).T
    steps: list[float] = np.abs(second_mv - first_mv).tolist()
    return steps


def _nothing() -> Polyline:
    empty = np.empty(0)
    return Polyline(empty, empty.astype(np.float32), np.empty(0, dtype=np.bool_))
