"""How an ECG fits EDF+'s fixed form: stretches without gaps, data records of one length, limits of eight characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, gcd

import numpy as np

from physioclr_core.record import SignalSource
from physioclr_core.writers.scale import HIGHEST_ADU, LOWEST_ADU, LeadScale, windows_of
from physioclr_core.writers.target import ExportError

# A reader takes data records that begin within a sample of the last one's end for contiguous.
_SHORTEST_GAP_SAMPLES = 2
_RECORD_BYTES = 61440
_LONGEST_RECORD_S = 1.0
# Shorter data records fit a length more closely, and cost time and bytes for each record's time stamp.
_SHORTEST_RECORD_S = {"continuous": 0.1, "with gaps": 0.02}
_FIELD = 8
# What a limit may be off by, in counts, and still be the voltage itself; how many counts are tried.
_EXACT, _MOST_TRIED = 1e-8, 1024


@dataclass(frozen=True, slots=True)
class Stretch:
    """Samples from ``start`` to ``end`` that all leads have."""

    start: int
    end: int


def stretches_of(record: SignalSource, rows: Sequence[int]) -> list[Stretch]:
    """Return where the leads ``rows`` have samples.

    Raises
    ------
    ExportError
        If a gap is not one of all leads, or is a single sample: EDF+ cannot say so.
    """
    parts, at = [], 0
    for window_mv in windows_of(record):
        absent = np.isnan(window_mv[list(rows)])
        differ = (absent != absent[0]).any(axis=0)
        if differ.any():
            raise ExportError(
                f"{record.name}: at {(at + int(differ.argmax())) / record.fs_hz:g} s a gap is not one of all leads, "
                "and EDF+ can only leave out all of them together; WFDB, DICOM and CSV keep such gaps."
            )
        parts.append(absent[0])
        at += window_mv.shape[1]
    missing = np.concatenate(parts)
    edges = np.flatnonzero(np.diff(np.concatenate([[True], missing, [True]]).astype(np.int8)))
    found = [Stretch(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
    gaps = [after.start - before.end for before, after in zip(found, found[1:], strict=False)]
    if gaps and min(gaps) < _SHORTEST_GAP_SAMPLES:
        raise ExportError(
            f"{record.name}: has a gap of a single sample, which readers of EDF+ take for an inexact time; WFDB, DICOM "
            "and CSV keep it."
        )
    return found


def record_samples(record: SignalSource, stretches: Sequence[Stretch], n_leads: int) -> tuple[int, Fraction]:
    """Return the samples of a lead in a data record, and its exact duration in seconds.

    The length is the one that leaves the fewest samples to be filled in at the ends of stretches, the longest of those.

    Raises
    ------
    ExportError
        If no number of samples lasts a time that eight characters hold.
    """
    fs = Fraction(record.fs_hz).limit_denominator(10**6)
    if abs(float(fs) - record.fs_hz) > 1e-9 * record.fs_hz:
        raise ExportError(f"{record.name}: EDF+ cannot hold a sampling rate of {record.fs_hz:.12g} Hz exactly.")
    base = _fewest_samples(fs)
    shortest_s = _SHORTEST_RECORD_S["with gaps" if len(stretches) > 1 else "continuous"]
    longest = min(int(_LONGEST_RECORD_S * fs), _RECORD_BYTES // 2 // (n_leads + 4))
    lengths = [s.end - s.start for s in stretches]
    first = base * max(1, ceil(shortest_s * fs / base))
    choices = [n for n in range(first, max(longest, first) + 1, base) if len(_plain(Fraction(n) / fs)) <= _FIELD]
    if gcd(*lengths) < first and gcd(*lengths) % base == 0 and max(lengths) < first:
        choices.append(gcd(*lengths))  # a record shorter than the shortest data record
    if not choices or len(_plain(Fraction(choices[0]) / fs)) > _FIELD:
        raise ExportError(
            f"{record.name}: no data record of EDF+ lasts a whole number of samples at {record.fs_hz:g} Hz."
        )
    best = min(choices, key=lambda n: (sum(-length % n for length in lengths), -n))
    return best, Fraction(best) / fs


def _fewest_samples(fs: Fraction) -> int:
    """Return the fewest samples that last a finite decimal of seconds."""
    numerator = fs.numerator
    for prime in (2, 5):
        while numerator % prime == 0:
            numerator //= prime
    return numerator


def _plain(value: Fraction) -> str:
    """Return an exact decimal, as long as it needs to be."""
    decimals = 0
    while (value * 10**decimals).denominator != 1:
        decimals += 1
        if decimals > 2 * _FIELD:
            return "?" * 2 * _FIELD
    digits = str(abs(int(value * 10**decimals))).rjust(decimals + 1, "0")
    sign = "-" if value < 0 else ""
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"


def seconds_text(value: Fraction) -> str:
    """Return a time for a time stamp, to the nanosecond where it has no end."""
    text = _plain(value)
    return text if "?" not in text else f"{float(value):.9f}"


@dataclass(frozen=True, slots=True)
class Limits:
    """Physical and digital limits of a lead as the header holds them."""

    unit: str
    physical: tuple[str, str]
    digital: tuple[int, int]


def limits_of(scale: LeadScale, lowest_mv: float, highest_mv: float) -> Limits:
    """Return limits that give every count its voltage, exactly where eight characters can say it.

    Parameters
    ----------
    scale : LeadScale
    lowest_mv, highest_mv : float
        Range of the lead.
    """
    low_adu = min(round(lowest_mv * scale.gain_adu_mv + scale.baseline_adu), HIGHEST_ADU - 1)
    high_adu = max(round(highest_mv * scale.gain_adu_mv + scale.baseline_adu), low_adu + 1)
    best: tuple[float, Limits] | None = None
    for unit, per_mv in (("uV", 1000.0), ("mV", 1.0)):
        size = per_mv / scale.gain_adu_mv
        low = _limit(range(LOWEST_ADU, low_adu + 1), scale.baseline_adu, size)
        high = _limit(range(HIGHEST_ADU, high_adu - 1, -1), scale.baseline_adu, size)
        error = low[0] + high[0]
        if best is None or error < best[0]:
            best = error, Limits(unit, (low[2], high[2]), (low[1], high[1]))
        if error <= 2 * _EXACT:
            break
    assert best is not None
    return best[1]


def _limit(choices: range, baseline: float, size: float) -> tuple[float, int, str]:
    """Return (error in counts, count, text) of the first count whose voltage fits, else of the closest of many."""
    best = (float("inf"), 0, "")
    for adu in choices[:_MOST_TRIED]:
        voltage = (adu - baseline) * size
        text = _eight_characters(voltage)
        error = abs(float(text) - voltage) / size
        if error < best[0]:
            best = (error, adu, text)
        if error <= _EXACT:
            break
    return best


def _eight_characters(value: float) -> str:
    whole = len(f"{value:.0f}") if abs(value) >= 1 else 1 + (value < 0)
    text = f"{value:.{max(0, _FIELD - whole - 1)}f}"[:_FIELD]
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"
