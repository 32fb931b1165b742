"""Rate and variability: what the intervals between beats say."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache
from math import log, nan

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.marks import BeatClass, Beats

Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

# The fewest normal-to-normal intervals that variability is computed from.
MIN_NN = 5
# The same for entropies, which need intervals enough to look alike.
MIN_NN_ENTROPY = 8
# Sample entropy: patterns of one interval and the next, alike within 30 ms (Lake and Moorman 2011, for 12 beats).
_PATTERN, _TOLERANCE_S = 1, 0.03
_SHANNON_BINS = 16
_NORMAL_MAD = 1.4826
_MAX_ENTROPY_VALUES = 1000
# Times are whole samples: 50 ms is not above 50 ms for the rounding of a quotient.
_ROUNDING_MS = 1e-6


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Statistics of RR intervals; NaN is not measurable.

    RR is every interval between two beats, NN one between two beats of the leading shape. Differences are taken between
    NN intervals that follow one another without a break.

    Attributes
    ----------
    n_rr, n_nn, n_differences : int
    hr_bpm : 60 over the mean RR interval
    rr_mean_ms, rr_median_ms, rr_sd_ms, rr_min_ms, rr_max_ms : of RR; the standard deviation has n - 1
    rr_cv : standard deviation over mean
    rr_mad_ms : median absolute deviation, times 1.4826
    nn_mean_ms, sdnn_ms : mean and standard deviation (n - 1) of NN
    rmssd_ms : root mean square of the differences
    sdsd_ms : standard deviation (n - 1) of the differences
    pnn20, pnn50 : differences above 20 and 50 ms, in percent of the NN intervals
    cvnn, cvsd : sdnn and rmssd over the mean
    mcvnn : median absolute deviation of NN, times 1.4826, over the median
    sd1_ms, sd2_ms, sd1_sd2 : width and length of the Poincare plot
    sample_entropy, cosen : of NN; the coefficient of sample entropy allows for the rate
    turning_point_ratio : share of inner NN intervals that are longer or shorter than both neighbours (2/3 at random)
    shannon_entropy : of the histogram of RR in 16 bins, 0 (one bin) to 1 (all alike)
    """

    n_rr: int = 0
    n_nn: int = 0
    n_differences: int = 0
    hr_bpm: float = nan
    rr_mean_ms: float = nan
    rr_median_ms: float = nan
    rr_sd_ms: float = nan
    rr_min_ms: float = nan
    rr_max_ms: float = nan
    rr_cv: float = nan
    rr_mad_ms: float = nan
    nn_mean_ms: float = nan
    sdnn_ms: float = nan
    rmssd_ms: float = nan
    sdsd_ms: float = nan
    pnn20: float = nan
    pnn50: float = nan
    cvnn: float = nan
    cvsd: float = nan
    mcvnn: float = nan
    sd1_ms: float = nan
    sd2_ms: float = nan
    sd1_sd2: float = nan
    sample_entropy: float = nan
    cosen: float = nan
    turning_point_ratio: float = nan
    shannon_entropy: float = nan


def is_nn(beats: Beats) -> BoolArray:
    """Return whether the interval that ends at each beat is one between two normal beats, shape (n_beats,).

    Normal is the dominant class, or any beat of a record whose beats have no class. An interval over a gap is none.
    """
    normal = beats.classes == BeatClass.DOMINANT
    if not normal.any():
        normal = beats.classes == BeatClass.UNCLASSED
    mask = normal & beats.follows
    mask[1:] &= normal[:-1]
    return np.asarray(mask)


# Measurements and features ask for the same record's rhythm.
@lru_cache(maxsize=1)
def rhythm(beats: Beats) -> Rhythm:
    """Compute rate and variability.

    Parameters
    ----------
    beats : Beats

    Returns
    -------
    Rhythm
        Rate needs one RR interval, the spread of RR two; variability ``MIN_NN`` NN intervals, entropies
        ``MIN_NN_ENTROPY``.

    Notes
    -----
    Task Force of ESC and NASPE. Circulation 1996;93:1043-1065 (SDNN, RMSSD, pNN50); Brennan M et al. IEEE Trans Biomed
    Eng 2001;48:1342-1347 (SD1, SD2); Lake DE, Moorman JR. Am J Physiol Heart Circ Physiol 2011;300:H319-H325 (sample
    entropy of short records); Dash S et al. Ann Biomed Eng 2009;37:1701-1709 (turning points, Shannon entropy).
    """
    rr_s = beats.rr_s
    is_rr = np.isfinite(rr_s)
    values: dict[str, float] = {}
    rr_ms = 1000.0 * rr_s[is_rr]
    if len(rr_ms):
        mean_ms, median_ms = float(rr_ms.mean()), float(np.median(rr_ms))
        sd_ms = float(rr_ms.std(ddof=1)) if len(rr_ms) > 1 else nan
        values |= {
            "hr_bpm": 60000.0 / mean_ms,
            "rr_mean_ms": mean_ms,
            "rr_median_ms": median_ms,
            "rr_sd_ms": sd_ms,
            "rr_min_ms": float(rr_ms.min()),
            "rr_max_ms": float(rr_ms.max()),
            "rr_cv": sd_ms / mean_ms,
            "rr_mad_ms": _NORMAL_MAD * float(np.median(np.abs(rr_ms - median_ms))) if len(rr_ms) > 1 else nan,
        }
    if len(rr_ms) >= MIN_NN_ENTROPY:
        values["shannon_entropy"] = shannon_entropy(rr_ms)
    nn = is_nn(beats) & is_rr
    follows = nn[1:] & nn[:-1]
    n_nn, n_differences = int(np.count_nonzero(nn)), int(np.count_nonzero(follows))
    if n_nn >= MIN_NN and n_differences >= MIN_NN - 1:
        values |= _variability(1000.0 * rr_s, nn, follows)
    return Rhythm(n_rr=len(rr_ms), n_nn=n_nn, n_differences=n_differences, **values)


def _variability(rr_ms: Float64Array, nn: BoolArray, follows: BoolArray) -> dict[str, float]:
    nn_ms = rr_ms[nn]
    before, after = rr_ms[:-1][follows], rr_ms[1:][follows]
    difference = after - before
    mean_ms, median_ms = float(nn_ms.mean()), float(np.median(nn_ms))
    sdnn, rmssd = float(nn_ms.std(ddof=1)), float(np.sqrt(np.mean(difference**2)))
    sdsd = float(difference.std(ddof=1))
    sd1, sd2 = sdsd / np.sqrt(2.0), float((before + after).std(ddof=1) / np.sqrt(2.0))
    size = np.abs(difference)
    values = {
        "nn_mean_ms": mean_ms,
        "sdnn_ms": sdnn,
        "rmssd_ms": rmssd,
        "sdsd_ms": sdsd,
        "pnn20": 100.0 * float(np.count_nonzero(size > 20.0 + _ROUNDING_MS)) / len(nn_ms),
        "pnn50": 100.0 * float(np.count_nonzero(size > 50.0 + _ROUNDING_MS)) / len(nn_ms),
        "cvnn": sdnn / mean_ms,
        "cvsd": rmssd / mean_ms,
        "mcvnn": _NORMAL_MAD * float(np.median(np.abs(nn_ms - median_ms))) / median_ms,
        "sd1_ms": float(sd1),
        "sd2_ms": sd2,
        "sd1_sd2": float(sd1 / sd2) if sd2 > 0 else nan,
    }
    inner = follows[1:] & follows[:-1]
    if inner.any():
        steps = np.diff(rr_ms)
        turns = np.count_nonzero((steps[1:] * steps[:-1])[inner] < 0)
        values["turning_point_ratio"] = float(turns) / float(np.count_nonzero(inner))
    if len(nn_ms) >= MIN_NN_ENTROPY:
        entropy = sample_entropy(nn_ms / 1000.0, _PATTERN, _TOLERANCE_S)
        values["sample_entropy"] = entropy
        values["cosen"] = entropy + log(2.0 * _TOLERANCE_S) - log(mean_ms / 1000.0)
    return values


def sample_entropy(series: Float64Array, n_pattern: int, tolerance: float) -> float:
    """Return how rarely patterns that are alike go on alike: the negative logarithm of that share.

    Parameters
    ----------
    series : ndarray of float64, shape (n,)
    n_pattern : int
        Length of the patterns.
    tolerance : float
        Values that differ by no more are alike, in the unit of the series.

    Returns
    -------
    float
        NaN where no pattern is like another or none goes on alike. Long series are cut to 1000 values.

    Notes
    -----
    Richman JS, Moorman JR. Am J Physiol Heart Circ Physiol 2000;278:H2039-H2049. No pattern is compared with itself.
    """
    series = series[:_MAX_ENTROPY_VALUES]
    n = len(series) - n_pattern
    if n < 2:
        return nan
    # The rounding of times to samples must not decide whether two are alike.
    alike = np.abs(series[:, None] - series[None, :]) <= tolerance * (1.0 + 1e-9)
    pattern = alike[:n, :n].copy()
    for step in range(1, n_pattern):
        pattern &= alike[step : step + n, step : step + n]
    longer = pattern & alike[n_pattern:, n_pattern:]
    n_pairs, n_longer = int(np.count_nonzero(pattern)) - n, int(np.count_nonzero(longer)) - n
    return -log(n_longer / n_pairs) if n_longer > 0 else nan


def shannon_entropy(rr_ms: Float64Array) -> float:
    """Return the entropy of a histogram in 16 bins from the shortest to the longest interval, over its largest value.

    0 where all intervals are equal. The largest possible value is the logarithm of the bins, or of the intervals where
    those are fewer.
    """
    counts = np.histogram(rr_ms, bins=_SHANNON_BINS)[0] if np.ptp(rr_ms) > 0 else np.array([len(rr_ms)])
    share = counts[counts > 0] / len(rr_ms)
    largest = log(min(_SHANNON_BINS, len(rr_ms)))
    return float(-(share * np.log(share)).sum() / largest) + 0.0 if largest > 0 else nan


RHYTHM_NAMES: tuple[str, ...] = tuple(field.name for field in fields(Rhythm))
