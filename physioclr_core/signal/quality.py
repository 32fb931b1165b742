"""What can be checked on any ECG at import: gaps, flat and clipped leads, and the arithmetic of the limb leads.

Reading an ECG runs these checks, so they use numpy alone and pass over the samples a few times at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

# Peak-to-peak below this is no ECG: the smallest wave that is measured is 30 uV (IEC 60601-2-51 annex GG), and a lead
# that is off often carries a few units of noise.
FLAT_BELOW_MV = 0.01
# Clipping: plateaus at a lead's highest or lowest value that the signal runs into steeply. Coarsely quantised signals
# have plateaus on their rounded peaks and on the baseline too, but without a steep edge, and rarely twice.
PLATEAU_SAMPLES = 3
PLATEAU_S = 0.008
PLATEAU_EDGE_MV = 0.02
LONG_PLATEAU_S = 0.1
# Lead arithmetic is exact for leads of one recording; rounding to 5 uV steps leaves residuals below 0.01 mV.
RESIDUAL_LIMIT_MV = 0.05
# Long records are checked lead by lead, to keep temporaries small.
_MAX_SAMPLES_AT_ONCE = 2**20


@dataclass(frozen=True, slots=True)
class LeadQuality:
    """What was found in each lead; arrays have shape (n_leads,).

    Attributes
    ----------
    n_samples : int
        Number of samples in each lead.
    gap_samples : ndarray of int64
        Samples without a finite value.
    is_flat : ndarray of bool
        Peak-to-peak amplitude below ``FLAT_BELOW_MV``; False for a lead without finite samples.
    clipped_fraction : ndarray of float64
        Share of all samples that lie in clipped plateaus at the lead's highest or lowest value.
    lowest_mv, highest_mv : ndarray of float32
        NaN for a lead without finite samples.
    """

    n_samples: int
    gap_samples: npt.NDArray[np.int64]
    is_flat: BoolArray
    clipped_fraction: npt.NDArray[np.float64]
    lowest_mv: FloatArray
    highest_mv: FloatArray


def assess_leads(signal_mv: FloatArray, fs_hz: float) -> LeadQuality:
    """Find gaps, flat leads and clipping.

    Parameters
    ----------
    signal_mv : ndarray of float32, shape (n_leads, n_samples)
        NaN is a gap.
    fs_hz : float

    Returns
    -------
    LeadQuality
    """
    n_leads, n_samples = signal_mv.shape
    if signal_mv.size > _MAX_SAMPLES_AT_ONCE and n_leads > 1:
        parts = [assess_leads(signal_mv[row : row + 1], fs_hz) for row in range(n_leads)]
        return LeadQuality(
            n_samples=n_samples,
            gap_samples=np.concatenate([part.gap_samples for part in parts]),
            is_flat=np.concatenate([part.is_flat for part in parts]),
            clipped_fraction=np.concatenate([part.clipped_fraction for part in parts]),
            lowest_mv=np.concatenate([part.lowest_mv for part in parts]),
            highest_mv=np.concatenate([part.highest_mv for part in parts]),
        )
    if np.isnan(signal_mv.sum()):
        gap_samples = np.isnan(signal_mv).sum(axis=1, dtype=np.int64)
        # A lead of NaN alone stays NaN, and compares False below.
        lowest, highest = np.fmin.reduce(signal_mv, axis=1), np.fmax.reduce(signal_mv, axis=1)
    else:
        gap_samples = np.zeros(n_leads, np.int64)
        lowest, highest = signal_mv.min(axis=1), signal_mv.max(axis=1)
    is_flat = np.asarray(highest - lowest < FLAT_BELOW_MV)
    clipped = _clipped_samples(signal_mv, fs_hz, lowest, highest)
    clipped[is_flat] = 0
    return LeadQuality(
        n_samples=n_samples,
        gap_samples=gap_samples,
        is_flat=is_flat,
        clipped_fraction=clipped / max(n_samples, 1),
        lowest_mv=lowest,
        highest_mv=highest,
    )


def _clipped_samples(
    signal_mv: FloatArray, fs_hz: float, lowest: FloatArray, highest: FloatArray
) -> npt.NDArray[np.int64]:
    """Count the samples of each lead in clipped plateaus: two or more of them, or one that lasts long."""
    n_leads = len(signal_mv)
    min_samples = max(PLATEAU_SAMPLES, fs_hz * PLATEAU_S)
    lengths: list[list[npt.NDArray[np.int64]]] = [[] for _ in range(n_leads)]
    for is_extreme in (signal_mv == highest[:, None], signal_mv == lowest[:, None]):
        # Most leads have no run of extreme values at all, and only the others are looked at further.
        in_run = is_extreme[:, 2:] & is_extreme[:, 1:-1] & is_extreme[:, :-2]
        if not in_run.any():
            continue
        for row in np.flatnonzero(in_run.any(axis=1)).tolist():
            lengths[row].append(_plateau_lengths(signal_mv[row], is_extreme[row], min_samples))
    counts = np.zeros(n_leads, np.int64)
    for row in range(n_leads):
        if found := lengths[row]:
            plateaus = np.concatenate(found)
            if len(plateaus) > 1 or (plateaus >= fs_hz * LONG_PLATEAU_S).any():
                counts[row] = plateaus.sum()
    return counts


def _plateau_lengths(lead_mv: FloatArray, is_extreme: BoolArray, min_samples: float) -> npt.NDArray[np.int64]:
    starts, ends = runs(is_extreme)
    is_long = ends - starts >= min_samples
    starts, ends = starts[is_long], ends[is_long]
    # At the record's ends the neighbour is the plateau itself, which is no edge.
    before = np.abs(lead_mv[starts] - lead_mv[np.maximum(starts - 1, 0)])
    after = np.abs(lead_mv[ends - 1] - lead_mv[np.minimum(ends, len(lead_mv) - 1)])
    is_steep = (before > PLATEAU_EDGE_MV) | (after > PLATEAU_EDGE_MV)
    lengths: npt.NDArray[np.int64] = (ends - starts)[is_steep]
    return lengths


def runs(mask: BoolArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the first index and the index after the last of every run of True.

    Parameters
    ----------
    mask : ndarray of bool, shape (n,)

    Returns
    -------
    starts, ends : ndarray of int64, shape (n_runs,)
    """
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False)).astype(np.int64)
    return edges[::2], edges[1::2]


def shared_gaps_s(signal_mv: FloatArray, fs_hz: float) -> tuple[tuple[float, float], ...]:
    """Return the (start_s, end_s) spans in which no lead has a finite sample."""
    if len(signal_mv) == 0:
        return ()
    is_gap = np.isnan(signal_mv[0])
    for lead_mv in signal_mv[1:]:
        if not is_gap.any():
            return ()
        is_gap &= np.isnan(lead_mv)
    starts, ends = runs(is_gap)
    return tuple((float(start / fs_hz), float(end / fs_hz)) for start, end in zip(starts, ends, strict=True))


def einthoven_residual_mv(signal_mv: FloatArray, lead_names: Sequence[str]) -> float | None:
    """Return the root mean square of I + III - II, None where a lead or every common sample is missing."""
    return _residual_mv(signal_mv, lead_names, {"I": 1, "III": 1, "II": -1})


def goldberger_residual_mv(signal_mv: FloatArray, lead_names: Sequence[str]) -> float | None:
    """Return the root mean square of aVR + aVL + aVF, None where a lead or every common sample is missing."""
    return _residual_mv(signal_mv, lead_names, {"aVR": 1, "aVL": 1, "aVF": 1})


def _residual_mv(signal_mv: FloatArray, lead_names: Sequence[str], weights: dict[str, int]) -> float | None:
    if not all(name in lead_names for name in weights):
        return None
    total: FloatArray | None = None
    for name, weight in weights.items():
        lead_mv = signal_mv[lead_names.index(name)]
        if total is None:
            total = lead_mv.copy()
        elif weight > 0:
            total += lead_mv
        else:
            total -= lead_mv
    assert total is not None
    # The sum is in float64: a long record would lose digits in float32, and absurd amplitudes would overflow it.
    mean_square = float(np.einsum("i,i->", total, total, dtype=np.float64)) / max(total.size, 1)
    if np.isnan(mean_square):
        finite = total[np.isfinite(total)].astype(np.float64)
        if finite.size == 0:
            return None
        mean_square = float(finite @ finite) / finite.size
    return float(np.sqrt(mean_square))
