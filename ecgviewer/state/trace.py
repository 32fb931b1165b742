"""From samples to the points that are drawn: extremes of every pixel column, gaps left open.

Nothing here changes a measurement; only what a screen can show of one is picked out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
DoubleArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# Below this many samples a pixel every sample is drawn.
LEAST_SAMPLES_A_PIXEL = 2.0
# Up to this length one baseline holds for the whole record.
LONGEST_FIXED_BASELINE_S = 60.0
BASELINE_STEP_MV = 0.5


@dataclass(frozen=True, slots=True)
class Polyline:
    """Points of one trace, from left to right.

    Attributes
    ----------
    x_px : ndarray of float64, shape (n_points,)
        Position, counted from the record's first sample.
    y_mv : ndarray of float32, shape (n_points,)
    is_joined : ndarray of bool, shape (n_points,)
        Whether a line leads from a point to the next one.
    """

    x_px: DoubleArray
    y_mv: FloatArray
    is_joined: BoolArray


def finite_runs(samples: FloatArray) -> IntArray:
    """Return [first, last + 1) of every run of finite samples.

    Parameters
    ----------
    samples : ndarray of float32, shape (n_samples,)

    Returns
    -------
    ndarray of int64, shape (n_runs, 2)
    """
    is_finite = np.isfinite(samples)
    if is_finite.all():
        return np.array([[0, samples.size]] if samples.size else [], dtype=np.int64).reshape(-1, 2)
    edges = np.flatnonzero(np.diff(is_finite.astype(np.int8), prepend=0, append=0))
    return edges.astype(np.int64).reshape(-1, 2)


def gaps_s(runs: IntArray, n_samples: int, fs_hz: float) -> list[tuple[float, float]]:
    """Return (start_s, end_s) of everything between the finite runs of a lead."""
    edges = np.concatenate(([0], runs.ravel(), [n_samples])).reshape(-1, 2)
    return [(float(a) / fs_hz, float(b) / fs_hz) for a, b in edges if b > a]


def polyline(
    samples: FloatArray,
    runs: IntArray,
    fs_hz: float,
    px_per_s: float,
    start_s: float,
    end_s: float,
    origin: int = 0,
) -> Polyline:
    """Pick the points to draw of [start_s, end_s).

    Parameters
    ----------
    samples : ndarray of float32, shape (n_samples,)
        One lead, in mV; NaN is a gap.
    runs : ndarray of int64, shape (n_runs, 2)
        ``finite_runs(samples)``.
    fs_hz : float
        Sampling rate.
    px_per_s : float
        Device pixels a second.
    start_s, end_s : float
        Time to draw, from the record's start.
    origin : int
        Place of ``samples[0]`` in the record, where only a part of it is given.

    Returns
    -------
    Polyline
        Every sample where a pixel column holds fewer than two; otherwise minimum and maximum of each pixel column,
        the last one too where it is only partly filled. No line crosses a gap. Columns are counted from the record's
        start, so that panning never changes a point.
    """
    first = max(0, int(np.ceil(start_s * fs_hz - 1e-6)) - origin)
    stop = min(samples.size, int(np.ceil(end_s * fs_hz - 1e-6)) - origin)
    inside = runs[(runs[:, 1] > first) & (runs[:, 0] < stop)].clip(first, stop)
    if stop <= first or inside.size == 0:
        empty = np.empty(0)
        return Polyline(empty, empty.astype(np.float32), np.empty(0, dtype=np.bool_))
    samples_a_pixel = fs_hz / px_per_s
    if samples_a_pixel < LEAST_SAMPLES_A_PIXEL:
        return _every_sample(samples, inside, px_per_s / fs_hz, origin)
    return _extremes(samples, inside, samples_a_pixel, origin)


def _every_sample(samples: FloatArray, runs: IntArray, px_a_sample: float, origin: int) -> Polyline:
    starts, stops = runs[:, 0], runs[:, 1]
    if len(runs) == 1:
        idx = np.arange(starts[0], stops[0])
    else:
        idx = np.concatenate([np.arange(a, b) for a, b in runs])
    # A sample that stands alone is drawn as a dot: a line of no length.
    lone = starts[stops - starts == 1]
    if lone.size:
        idx = np.sort(np.concatenate((idx, lone)))
    is_joined = np.ones(idx.size, dtype=np.bool_)
    is_joined[np.searchsorted(idx, stops - 1, side="right") - 1] = False
    return Polyline((idx + origin) * px_a_sample, samples[idx], is_joined)


def _extremes(samples: FloatArray, runs: IntArray, samples_a_pixel: float, origin: int) -> Polyline:
    first, stop = int(runs[0, 0]), int(runs[-1, 1])
    columns = np.arange(int((first + origin) / samples_a_pixel), int((stop - 1 + origin) / samples_a_pixel) + 1)
    edges = (np.ceil(columns * samples_a_pixel).astype(np.int64) - origin).clip(first, stop - 1)
    edges = np.sort(np.concatenate((edges, runs.ravel()[:-1])))
    edges = edges[np.append(True, np.diff(edges) > 0)]
    run_of_edge = np.searchsorted(runs[:, 0], edges, side="right") - 1
    is_run = edges < runs[run_of_edge, 1]
    low = np.minimum.reduceat(samples[:stop], edges)[is_run]
    high = np.maximum.reduceat(samples[:stop], edges)[is_run]
    left, run = edges[is_run], run_of_edge[is_run]
    # Rising bins are drawn from the minimum to the maximum, falling ones the other way round.
    nexts = np.append(edges[1:], stop)[is_run]
    is_rising = samples[left] <= samples[nexts - 1]
    y_mv = np.empty(2 * left.size, dtype=np.float32)
    y_mv[0::2] = np.where(is_rising, low, high)
    y_mv[1::2] = np.where(is_rising, high, low)
    x_px = np.repeat(np.floor((left + origin) / samples_a_pixel + 1e-9) + 0.5, 2)
    is_joined = np.ones(2 * left.size, dtype=np.bool_)
    is_joined[1::2] = np.append(run[1:] == run[:-1], False)
    return Polyline(x_px, y_mv, is_joined)


def envelope(samples: FloatArray, n_columns: int) -> tuple[FloatArray, FloatArray]:
    """Return minimum and maximum of ``n_columns`` equal parts of a lead; NaN where a part has no finite sample.

    Parameters
    ----------
    samples : ndarray of float32, shape (n_samples,)
    n_columns : int
        At most ``n_samples`` columns are made.

    Returns
    -------
    tuple of ndarray of float32, shape (n_columns,)
        Minima and maxima.
    """
    n_columns = max(1, min(n_columns, samples.size))
    edges = (np.arange(n_columns) * samples.size // n_columns).astype(np.int64)
    if samples.size == 0:
        nothing = np.full(1, np.nan, dtype=np.float32)
        return nothing, nothing
    return np.fmin.reduceat(samples, edges), np.fmax.reduceat(samples, edges)


def record_baseline_mv(samples: FloatArray) -> float:
    """Return the median of the finite samples of a lead, 0 where it has none."""
    finite = samples[np.isfinite(samples)]
    if finite.size == 0:
        return 0.0
    # The median of a million samples is not worth waiting for; every n-th says the same.
    return float(np.median(finite[:: max(1, finite.size // 100_000)]))


def reach_mv(samples: FloatArray, record_mv: float) -> tuple[float, float]:
    """Return how far a lead goes above and below its baseline, in mV; zeros where it has no finite sample."""
    if samples.size == 0 or not np.isfinite(samples).any():
        return 0.0, 0.0
    return max(0.0, float(np.nanmax(samples)) - record_mv), max(0.0, record_mv - float(np.nanmin(samples)))


def visible_baseline_mv(
    samples: FloatArray, record_mv: float, fs_hz: float, duration_s: float, start_s: float, end_s: float
) -> float:
    """Return the voltage that is drawn on the row's baseline. Display only.

    Up to a minute the median of the whole lead is used, so nothing moves while panning. In longer records a lead may
    drift off the page: there the median of the visible part decides, in steps of 0.5 mV.

    Parameters
    ----------
    samples : ndarray of float32, shape (n_samples,)
    record_mv : float
        ``record_baseline_mv(samples)``.
    fs_hz, duration_s : float
        Sampling rate and length of the record.
    start_s, end_s : float
        The visible time.

    Returns
    -------
    float
        In mV.
    """
    if duration_s <= LONGEST_FIXED_BASELINE_S:
        return record_mv
    part = samples[max(0, int(start_s * fs_hz)) : max(0, int(end_s * fs_hz))]
    part = part[:: max(1, part.size // 2000)]
    part = part[np.isfinite(part)]
    if part.size == 0:
        return record_mv
    steps = np.round((float(np.median(part)) - record_mv) / BASELINE_STEP_MV)
    return record_mv + float(steps) * BASELINE_STEP_MV
