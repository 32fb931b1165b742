"""Features of the rhythm: rate, its variability, early and late beats, and whether P waves go with the beats."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.features import references as ref
from physioclr_core.physiology.features.inputs import II, NAN, V1, AlignedBeats, FeatureInputs, ratio, share
from physioclr_core.physiology.features.spec import specs
from physioclr_core.physiology.marks import BeatClass, P, WaveState
from physioclr_core.physiology.rhythm import rhythm

Float64Array = npt.NDArray[np.float64]

SPECS = specs(
    "rhythm",
    (
        ("rr_median_ms", "ms", "Median of all RR intervals.", ref.HRV),
        ("rr_min_over_median", "1", "Shortest RR over the median.", ref.OWN),
        ("rr_max_over_median", "1", "Longest RR over the median.", ref.OWN),
        ("rr_iqr_over_median", "1", "Interquartile range of RR over the median.", ref.OWN),
        ("nn_sd_ln_ms", "ln(ms)", "ln(1 + SD in ms) of NN, the RR between two beats of the dominant shape.", ref.HRV),
        ("nn_sd1_over_sd2", "1", "Width over length of the Poincare plot of NN.", ref.POINCARE),
        ("nn_pnn50", "%", "Successive NN differences over 50 ms in percent of NN.", ref.HRV),
        ("nn_pnn20", "%", "Successive NN differences over 20 ms in percent of NN.", ref.PNN20),
        ("rr_lag2_correlation", "1", "Autocorrelation of RR at lag 2; at least 5 intervals.", ref.OWN),
        ("rr_turning_share", "1", "Share of RR over or under both neighbours by over 10 ms.", ref.FIBRILLATION),
        ("rr_trend_per_s", "1/s", "Least-squares slope of RR over time, over the median; at least 4.", ref.OWN),
        ("rr_step_median", "1", "Median absolute successive RR difference over the median RR.", ref.OWN),
        (
            "rr_entropy",
            "1",
            "Entropy of RR / median in bins of 0.05, over ln of their number.",
            ref.FIBRILLATION,
        ),
        ("rr_cosen", "1", "Coefficient of sample entropy of RR (m 1, r 30 ms); counts at least 1.", ref.SAMPLE_ENTROPY),
        ("rr_alternation", "1", "Absolute difference of the means of every other RR, over the median.", ref.OWN),
        ("short_rr_share", "1", "Share of RR under 600 ms (over 100 beats per minute).", ref.OWN),
        ("long_rr_share", "1", "Share of RR over 1000 ms (under 60 beats per minute).", ref.OWN),
        ("premature_share", "1", "Share of RR under 0.8 of the median.", ref.OWN),
        ("ventricular_share", "1", "Share of beats of ventricular shape.", ref.OWN),
        ("supraventricular_share", "1", "Share of beats that are early and of the dominant shape.", ref.OWN),
        ("absent_p_share", "1", "Share of beats without P among those with P present or absent.", ref.OWN),
        ("p_coherence_ii", "1", "Share of II's energy 240 to 40 ms before QRS that all beats have in common.", ref.OWN),
        ("p_coherence_v1", "1", "Share of V1's energy 240 to 40 ms before QRS that all beats have in common.", ref.OWN),
        ("p_residual_ii_uv", "uV", "RMS of what the beats do not have in common there in II.", ref.OWN),
        ("p_residual_v1_uv", "uV", "RMS of what the beats do not have in common there in V1.", ref.OWN),
    ),
)

_MAX_WINDOW = 256
_COSEN_R_MS = 30.0
_TURN_MS = 10.0
_BIN, _MAX_BIN = 0.05, 200


def rhythm_features(inputs: FeatureInputs) -> dict[str, float]:
    """Return the block's features by name; NaN where not measurable."""
    features: dict[str, float] = {}
    beats = inputs.delineation.beats
    of_beats = rhythm(beats)
    features |= {
        "rr_median_ms": of_beats.rr_median_ms,
        "rr_min_over_median": of_beats.rr_min_ms / of_beats.rr_median_ms,
        "rr_max_over_median": of_beats.rr_max_ms / of_beats.rr_median_ms,
        "nn_sd_ln_ms": math.log1p(of_beats.sdnn_ms),
        "nn_sd1_over_sd2": of_beats.sd1_sd2,
        "nn_pnn50": of_beats.pnn50,
        "nn_pnn20": of_beats.pnn20,
    }
    rr = inputs.rr_ms[inputs.rr_ms == inputs.rr_ms]
    if len(rr) >= 3:
        features |= _of_intervals(rr, of_beats.rr_median_ms)
    # Successive differences only where the two intervals follow each other without a gap.
    step = np.diff(inputs.rr_ms)
    steps = step[step == step]
    if len(steps):
        features["rr_step_median"] = float(np.median(np.abs(steps))) / of_beats.rr_median_ms
    if len(steps) >= 2:
        is_turn = (step[1:] * step[:-1] < 0) & (np.abs(step[1:]) > _TURN_MS) & (np.abs(step[:-1]) > _TURN_MS)
        features["rr_turning_share"] = share(is_turn, step[1:] * step[:-1])
    if len(rr) >= 4:
        at_s = beats.r_s[inputs.rr_ms == inputs.rr_ms]
        at_s = at_s - at_s.mean()
        features["rr_trend_per_s"] = float(at_s @ rr) / float(at_s @ at_s) / of_beats.rr_median_ms
        features["rr_cosen"] = coefficient_of_entropy(inputs.rr_ms)
    if len(beats):
        features["ventricular_share"] = float(np.mean(beats.classes == BeatClass.VENTRICULAR))
        features["supraventricular_share"] = float(np.mean(beats.classes == BeatClass.SUPRAVENTRICULAR))
        state = inputs.delineation.global_state[:, P]
        n_absent, n_present = (int(np.count_nonzero(state == s)) for s in (WaveState.ABSENT, WaveState.PRESENT))
        features["absent_p_share"] = ratio(n_absent, n_absent + n_present)
    for lead, name in ((II, "ii"), (V1, "v1")):
        coherence, residual_uv = beat_coherence(inputs.p_window.get(lead))
        features[f"p_coherence_{name}"], features[f"p_residual_{name}_uv"] = coherence, residual_uv
    return features


def _of_intervals(rr: Float64Array, median: float) -> dict[str, float]:
    low, high = np.interp(np.array([0.25, 0.75]) * (len(rr) - 1), np.arange(len(rr)), np.sort(rr)).tolist()
    counts = np.bincount((rr / (median * _BIN)).astype(np.int64).clip(0, _MAX_BIN))
    p = counts[counts > 0] / len(rr)
    values = {
        "rr_iqr_over_median": (high - low) / median,
        "rr_entropy": -float(p @ np.log(p)) / math.log(len(rr)),
        "rr_alternation": abs(float(rr[::2].mean() - rr[1::2].mean())) / median,
        "short_rr_share": float(np.mean(rr < 600.0)),
        "long_rr_share": float(np.mean(rr > 1000.0)),
        "premature_share": float(np.mean(rr < 0.8 * median)),
    }
    if len(rr) >= 5:
        centred = rr - rr.mean()
        values["rr_lag2_correlation"] = ratio(float(centred[2:] @ centred[:-2]), float(centred @ centred))
    return values


def coefficient_of_entropy(rr_ms: Float64Array) -> float:
    """Return Lake and Moorman's coefficient of sample entropy of RR (templates of one interval, alike within 30 ms).

    Counts of at least 1 keep it finite in the shortest and most irregular records, where it says the most.

    Parameters
    ----------
    rr_ms : ndarray of float64, shape (n,)
        NaN where there is no interval. Pairs are counted within windows of 256.

    Returns
    -------
    float
        NaN where no two intervals have a next one.
    """
    n_short = n_long = 0
    n_pairs = 0
    for start in range(0, len(rr_ms), _MAX_WINDOW):
        x = rr_ms[start : start + _MAX_WINDOW]
        is_near = np.abs(x[:, None] - x) < _COSEN_R_MS
        # Templates of one interval that have a next one, so that both counts are over the same pairs.
        has_next = np.isfinite(x[1:]) & np.isfinite(x[:-1])
        both = np.triu(has_next[:, None] & has_next, 1)
        n_pairs += int(np.count_nonzero(both))
        n_short += int(np.count_nonzero(is_near[:-1, :-1] & both))
        n_long += int(np.count_nonzero(is_near[:-1, :-1] & is_near[1:, 1:] & both))
    if n_pairs == 0:
        return NAN
    entropy = math.log(max(n_short, 1) / max(n_long, 1))
    return entropy + math.log(2.0 * _COSEN_R_MS) - math.log(float(np.nanmean(rr_ms)))


def beat_coherence(beats: AlignedBeats | None) -> tuple[float, float]:
    """Return the share of the energy that all beats have in common, and the RMS of the rest in uV.

    For n beats of common part c and independent rest e, the mean beat's energy is c^2 + e^2 / n and the beats' mean
    energy c^2 + e^2; the two give both. NaN with fewer than three beats.

    Parameters
    ----------
    beats : AlignedBeats or None
        One part of one lead.
    """
    if beats is None or beats.n_beats < 3:
        return NAN, NAN
    parts = beats.parts_mv[0]
    total = float(np.square(parts).mean())
    mean = float(np.square(parts.mean(axis=0)).mean())
    n = beats.n_beats
    rest = max(total - mean, 0.0) * n / (n - 1)
    return ratio(max(total - rest, 0.0), total), 1000.0 * math.sqrt(rest)
