"""How the samples of a lead become 16-bit whole numbers again, as nearly as it gets the recorder's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from physioclr_core.record import FloatArray, LeadReport, SignalSource
from physioclr_core.units import mv_per_unit

Int16Array = npt.NDArray[np.int16]

# The value that WFDB's format 16 and our DICOM objects keep for "no sample".
GAP_ADU = -32768
LOWEST_ADU, HIGHEST_ADU = -32767, 32767
# Samples are converted in blocks, so that a day of twelve leads needs little memory beside the signal.
BLOCK_SAMPLES = 1 << 18
# A derived limb lead is half a count off the recorder's grid.
_MULTIPLES = (1, 2)
# Larger counts cannot come back from the float32 samples of a record.
_LARGEST_COUNT = float(1 << 21)
_DECIMAL_STEPS = (5.0, 2.5, 2.0, 1.0)
_FINEST_ADU_MV = 1e6


@dataclass(frozen=True, slots=True)
class LeadScale:
    """Millivolts to counts: adu = round(mV * ``gain_adu_mv`` + ``baseline_adu``).

    ``is_exact`` says that every sample is a whole number of counts, as it came from the recorder.
    """

    gain_adu_mv: float
    baseline_adu: float
    is_exact: bool

    def adu(self, signal_mv: FloatArray) -> Int16Array:
        """Return samples of a lead as counts, same shape; ``GAP_ADU`` where there is none."""
        counts = np.rint(signal_mv.astype(np.float64) * self.gain_adu_mv + self.baseline_adu)
        gaps = np.isnan(counts)
        np.clip(counts, LOWEST_ADU, HIGHEST_ADU, out=counts)
        counts[gaps] = GAP_ADU
        return counts.astype(np.int16)


class _Choice(NamedTuple):
    """A grid of counts: ADU per mV, the wanted zero in whole counts, and how far above it 0 mV lies."""

    gain: float
    zero: float
    between: float


@dataclass(frozen=True, slots=True)
class ScaledLeads:
    """Scales and ranges of all leads of a record; a lead without samples ranges from 0 to 0."""

    scales: tuple[LeadScale, ...]
    range_mv: tuple[tuple[float, float], ...]
    n_valid: tuple[int, ...]


def windows_of(record: SignalSource) -> Iterator[FloatArray]:
    """Yield the samples, shape (n_leads, at most ``BLOCK_SAMPLES``)."""
    for start in range(0, record.n_samples, BLOCK_SAMPLES):
        yield record.window_mv(start, min(start + BLOCK_SAMPLES, record.n_samples))


def blocks_of(record: SignalSource, scales: tuple[LeadScale, ...]) -> Iterator[Int16Array]:
    """Yield the samples as counts, shape (n_leads, at most ``BLOCK_SAMPLES``)."""
    for window_mv in windows_of(record):
        yield np.stack([scale.adu(row) for scale, row in zip(scales, window_mv, strict=True)])


def n_blocks(record: SignalSource) -> int:
    """Return how many blocks ``blocks_of`` yields."""
    return ceil(record.n_samples / BLOCK_SAMPLES)


def scales_of(record: SignalSource, *, has_whole_zero: bool = False) -> ScaledLeads:
    """Return the scale of every lead of a record.

    The file's gain and zero are kept where a lead's samples are whole counts of them and 16 bits hold its range; else
    it gets the finest decimal scale that holds the range, at least as fine as the file's where 16 bits allow.

    Parameters
    ----------
    record : SignalSource
    has_whole_zero : bool
        Whether 0 mV must be a whole count, as in WFDB; EDF files may have it between two of them.
    """
    reports = record.report.leads or (None,) * record.n_leads
    return _scaled(lambda: windows_of(record), reports, has_whole_zero)


def scales_of_array(signal_mv: FloatArray) -> tuple[LeadScale, ...]:
    """Return decimal scales of samples, shape (n_leads, n_samples), that come from no recorder."""
    return _scaled(lambda: iter((signal_mv,)), (None,) * len(signal_mv), True).scales


def _scaled(
    windows: Callable[[], Iterator[FloatArray]], reports: Sequence[LeadReport | None], has_whole_zero: bool
) -> ScaledLeads:
    ranges, n_valid = _ranges_mv(windows(), len(reports))
    choices = [_choices(report, has_whole_zero) for report in reports]
    whole = _whole_counts(windows(), choices, ranges) if any(choices) else [[False]] * len(reports)
    scales = [_scale(*lead) for lead in zip(choices, whole, ranges, strict=True)]
    return ScaledLeads(tuple(scales), tuple(ranges), tuple(n_valid))


def _choices(report: LeadReport | None, has_whole_zero: bool) -> list[_Choice]:
    """Return the grids that a lead's samples may lie on: the file's own, half of it, and with a zero between counts."""
    stated = _stated_gain(report)
    if stated is None or report is None:
        return []
    # A negative gain turned the lead over, and its zero with it.
    zero = report.baseline if report.gain > 0 else -report.baseline
    choices = [_Choice(_short(stated * multiple), float(round(zero * multiple)), 0.0) for multiple in _MULTIPLES]
    between = zero - floor(zero)
    return (
        choices if has_whole_zero or between == 0 else [*choices, _Choice(_short(stated), float(floor(zero)), between)]
    )


def _scale(choices: list[_Choice], is_whole: list[bool], range_mv: tuple[float, float]) -> LeadScale:
    lowest_mv, highest_mv = range_mv
    for (gain, zero, between), is_exact in zip(choices, is_whole, strict=False):
        baseline = _baseline(zero, lowest_mv * gain, highest_mv * gain)
        if is_exact and baseline is not None:
            return LeadScale(gain, baseline + between, True)
    largest_mv = max(-lowest_mv, highest_mv)
    finest = HIGHEST_ADU / largest_mv if largest_mv > 0 else _FINEST_ADU_MV
    gain = _decimal_below(min(finest, _FINEST_ADU_MV))
    if choices and gain < choices[0].gain:
        # The range about zero does not hold the file's resolution; about its own middle it may.
        stated = choices[0].gain
        baseline = _baseline(0.0, lowest_mv * stated, highest_mv * stated)
        if baseline is None:
            # All 65,536 counts are in use, one of which is kept for gaps: the next coarser scale, about the middle.
            stated = min(stated, float(f"{(HIGHEST_ADU - LOWEST_ADU - 8) / (highest_mv - lowest_mv):.5g}"))
            baseline = _baseline(0.0, lowest_mv * stated, highest_mv * stated)
        if baseline is not None and stated > gain:
            return LeadScale(stated, baseline, False)
    return LeadScale(gain, 0, False)


def _stated_gain(report: LeadReport | None) -> float | None:
    if report is None:
        return None
    size_mv = mv_per_unit(report.unit)
    gain = report.gain / size_mv if size_mv else 0.0
    return abs(gain) if isfinite(gain) and gain != 0 else None


def _ranges_mv(windows: Iterator[FloatArray], n_leads: int) -> tuple[list[tuple[float, float]], list[int]]:
    """Return lowest and highest sample of each lead, (0, 0) for one without any, and how many there are."""
    low, high, n_valid = [np.inf] * n_leads, [-np.inf] * n_leads, [0] * n_leads
    for window_mv in windows:
        for row, lead_mv in enumerate(window_mv):
            finite = lead_mv[np.isfinite(lead_mv)]
            n_valid[row] += finite.size
            if finite.size:
                low[row], high[row] = min(low[row], float(finite.min())), max(high[row], float(finite.max()))
    return [(a, b) if a <= b else (0.0, 0.0) for a, b in zip(low, high, strict=True)], n_valid


def _whole_counts(
    windows: Iterator[FloatArray], choices: list[list[_Choice]], ranges: list[tuple[float, float]]
) -> list[list[bool]]:
    """Return for each lead and choice whether every sample is a whole number of counts, within what float32 keeps."""
    limits = [
        [max(-low, high) * choice.gain for choice in lead] for lead, (low, high) in zip(choices, ranges, strict=True)
    ]
    whole = [[limit <= _LARGEST_COUNT for limit in lead] for lead in limits]
    for window_mv in windows:
        for row, lead_mv in enumerate(window_mv):
            if not any(whole[row]):
                continue
            finite_mv = lead_mv[np.isfinite(lead_mv)].astype(np.float64)
            for column, choice in enumerate(choices[row]):
                if whole[row][column] and finite_mv.size:
                    counts = finite_mv * choice.gain + choice.between
                    tolerance = 0.002 + 4e-7 * limits[row][column]
                    whole[row][column] = bool(np.abs(counts - np.rint(counts)).max() <= tolerance)
    return whole


def _baseline(wanted: float, lowest: float, highest: float) -> int | None:
    """Return the file's own zero where 16 bits then hold the range, else 0 or the middle; None where nothing does."""
    middle = -0.5 * (lowest + highest)
    choices = ([round(wanted)] if abs(wanted) <= HIGHEST_ADU else []) + [0, round(middle)]
    return next((b for b in choices if LOWEST_ADU <= lowest + b - 1 and highest + b + 1 <= HIGHEST_ADU), None)


def _short(value: float) -> float:
    """Return a gain without the dust of its conversion: 399.99999999999994 is 400."""
    return float(f"{value:.12g}")


def _decimal_below(value: float) -> float:
    """Return the largest of 1, 2, 2.5, 5 times a power of ten that is not above a value."""
    power = 10.0 ** floor(log10(value))
    return next((_short(step * power) for step in _DECIMAL_STEPS if step * power <= value), _short(0.5 * power))
