"""Fit the population model of electrode swaps on PTB-XL folds 1-8 and measure it on fold 9.

One command makes the table that ships::

    python -m physioclr_core.train.electrode_swap PTBXL_FOLDER --out assets/physiology/electrode_swap.json

Swaps are simulated: the leads of every median beat are exchanged or inverted as the swap would. For each swap, logistic
regression without an intercept tells a beat as labelled from the same beat with that swap, from the difference of
their features, so that labels and swaps are treated alike. Some records of PTB-XL were recorded with swapped
electrodes and count as false alarms here.
"""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.data.ptbxl import ADU_PER_MV, FS_HZ, load_ptbxl
from physioclr_core.leads import LIMB_LEADS, PRECORDIAL_LEADS, STANDARD_LEADS, derive_limb_leads
from physioclr_core.physiology.analysis import analyse
from physioclr_core.physiology.electrode_swap import (
    CHEST_SWAP_NAMES,
    LIMB_SWAPS,
    PRIOR_ODDS,
    WITHOUT_CHEST,
    BeatShape,
    Relations,
    chest_features,
    chest_swap_weights,
    limb_features,
    shape_of_beat,
    suspect_swaps,
)
from physioclr_core.physiology.marks import QRS, P, T

FloatArray = npt.NDArray[np.float32]
Window = tuple[int, int]
Float64Array = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

FIT_FOLDS = tuple(range(1, 9))
MEASURE_FOLDS = (9,)
# Share of false alarms on the folds that are fitted. Swaps of neighbours change little in many people and get more of
# them; LA/LL gets fewer, since what is normal there differs most between hospitals.
FALSE_ALARMS = 0.001
_OTHER_FALSE_ALARMS = {"V2/V3": 0.0015, "V4/V5": 0.0015, "V5/V6": 0.0015, "LA/LL": 0.0005}
_LEAST_BEATS, _LEAST_RANGE_MV = 3, 0.02
_PENALTY = 20.0
_RIDGE = 1e-3
# A lead between the two legs is not quite flat.
_LEG_SHARE, _LEG_NOISE_MV = 0.02, 0.005


@dataclass(frozen=True, slots=True)
class MedianBeats:
    """Median beats of many records; windows are onset and offset in samples, P is None where there is no P wave."""

    signal_mv: list[FloatArray]  # each (12, n), against the PQ level
    qrs: list[Window]
    p: list[Window | None]
    t: list[Window | None]
    is_norm: BoolArray

    def __len__(self) -> int:
        return len(self.signal_mv)


def median_beats(root: Path, folds: tuple[int, ...]) -> MedianBeats:
    """Return the median beat with its waves for every record that has three beats and no flat lead."""
    beats = MedianBeats([], [], [], [], np.zeros(0, bool))
    is_norm: list[bool] = []
    for fold in folds:
        part = load_ptbxl(root, (fold,))
        norm = part.labels[:, part.codes.index("NORM")]
        for row in range(len(part)):
            beat = beat_of(part.signal_adu[row].astype(np.float32) / np.float32(ADU_PER_MV), FS_HZ)
            if beat is not None:
                median_mv, qrs, p, t = beat
                beats.signal_mv.append(median_mv)
                beats.qrs.append(qrs)
                beats.p.append(p)
                beats.t.append(t)
                is_norm.append(bool(norm[row]))
    return replace(beats, is_norm=np.array(is_norm))


def beat_of(signal_mv: FloatArray, fs_hz: float) -> tuple[FloatArray, Window, Window | None, Window | None] | None:
    """Return the median beat with its QRS, P and T; None for a lead without signal or fewer than three beats."""
    if np.ptp(signal_mv, axis=1).min() < _LEAST_RANGE_MV:
        return None
    analysis = analyse(signal_mv, fs_hz, STANDARD_LEADS)
    qrs = analysis.wave_window(QRS)
    if qrs is None or analysis.median.n_used < _LEAST_BEATS or not np.isfinite(analysis.median.signal_mv).all():
        return None
    return analysis.median.signal_mv, qrs, analysis.wave_window(P), analysis.wave_window(T)


def shapes(beats: MedianBeats, leads: tuple[str, ...]) -> BeatShape:
    """Return the shapes of some leads of all records, with a leading axis for the records."""
    rows = [STANDARD_LEADS.index(lead) for lead in leads]
    every = [
        shape_of_beat(signal_mv[rows].astype(np.float64), qrs, p, t)
        for signal_mv, qrs, p, t in zip(beats.signal_mv, beats.qrs, beats.p, beats.t, strict=True)
    ]
    return BeatShape(*(np.stack([getattr(shape, part) for shape in every]) for part in ("qrs_mv", "st_t_mv", "p_mv")))


def fit_relations(leads: BeatShape, chest: BeatShape, own: bool) -> Relations:
    """Fit the weights that predict leads from V1 to V6 by ridge regression, each record at unit size.

    ``own`` says that the leads are V1 to V6 themselves: each is then predicted from the other five.
    """
    weights = []
    for target, source in (
        (leads.qrs_mv, chest.qrs_mv),
        (leads.st_t_mv, chest.st_t_mv),
        (leads.p_mv[..., None], chest.p_mv[..., None]),
    ):
        size = np.sqrt(np.square(source).mean(axis=(1, 2), keepdims=True) + 1e-3)
        y, x = ((part / size).transpose(0, 2, 1).reshape(-1, part.shape[1]) for part in (target, source))
        found = np.zeros((y.shape[1], 6))
        for row in range(y.shape[1]):
            used = [column for column in range(6) if not (own and column == row)]
            gram = x[:, used].T @ x[:, used]
            gram += _RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
            found[row, used] = np.linalg.solve(gram, x[:, used].T @ y[:, row])
        weights.append(found.round(4))
    return Relations(*weights)


def fit_weights(change: Float64Array) -> Float64Array:
    """Return logistic weights without an intercept: the log odds of a swap are ``change @ weights``.

    Parameters
    ----------
    change : ndarray of float64, shape (n_records, n_features)
        Features with the swap undone less the features as labelled, of records without a swap. The same records with
        the swap have the opposite change, so they need not be given.
    """
    used = np.abs(change).max(axis=0) > 1e-9
    scale = change[:, used].std(axis=0) + 1e-6
    x = -change[:, used] / scale
    weights = np.zeros(x.shape[1])
    for _ in range(50):
        right = 1.0 / (1.0 + np.exp(-np.clip(x @ weights, -30.0, 30.0)))
        gradient = x.T @ (1.0 - right) - _PENALTY * weights
        hessian = (x * (right * (1.0 - right))[:, None]).T @ x + _PENALTY * np.eye(len(weights))
        step = np.linalg.solve(hessian, gradient)
        weights += step
        if np.abs(step).max() < 1e-5:
            break
    full = np.zeros(change.shape[1])
    full[used] = weights / scale
    return full


def fit(beats: MedianBeats) -> dict[str, Any]:
    """Return the relations, and the weights and threshold of every swap, as plain JSON values."""
    limb, chest = shapes(beats, ("I", "II")), shapes(beats, PRECORDIAL_LEADS)
    limb_relations, chest_relations = fit_relations(limb, chest, own=False), fit_relations(chest, chest, own=True)
    swaps: dict[str, Any] = {}
    for name, weights in LIMB_SWAPS.items():
        swapped = limb.mixed(np.array(weights))
        for suffix, others in (("", chest), (WITHOUT_CHEST, None)):
            change = limb_features(swapped, others, limb_relations) - limb_features(limb, others, limb_relations)
            swaps[name + suffix] = _fit_swap(name, change)
    as_labelled = chest_features(chest, chest_relations)
    for name, weights_of_swap in zip(CHEST_SWAP_NAMES, chest_swap_weights(), strict=True):
        change = chest_features(chest.mixed(weights_of_swap), chest_relations) - as_labelled
        swaps[name] = _fit_swap(name, change)
    relations = {
        part: {wave: getattr(found, wave).tolist() for wave in ("qrs", "st_t", "p")}
        for part, found in (("limb", limb_relations), ("chest", chest_relations))
    }
    return {"relations": relations, "swaps": swaps}


def _fit_swap(name: str, change: Float64Array) -> dict[str, Any]:
    weights = np.array([float(f"{weight:.5g}") for weight in fit_weights(change)])
    allowed = _OTHER_FALSE_ALARMS.get(name, FALSE_ALARMS)
    threshold = max(float(np.quantile(change @ weights, 1.0 - allowed)), -math.log(PRIOR_ODDS))
    return {"threshold": round(threshold, 3), "weights": weights.tolist()}


# --- measuring -------------------------------------------------------------------------------------------------------


def with_swap(signal_mv: FloatArray, swap: str, rng: np.random.Generator) -> FloatArray:
    """Return the 12 leads in the standard order as they would be with a swap, shape (12, n_samples)."""
    first, second, *chest = (*signal_mv[:2], *signal_mv[6:])
    if swap in LIMB_SWAPS:
        (a, b), (c, d) = LIMB_SWAPS[swap]
        first, second = a * first + b * second, c * first + d * second
    elif swap in CHEST_SWAP_NAMES:
        one, other = (int(name[1]) - 1 for name in swap.split("/"))
        chest[one], chest[other] = chest[other], chest[one]
    else:
        # The leg electrodes measure one potential, and V1 to V6 are against the mean of two legs and the other arm.
        legs = _LEG_SHARE * second + rng.normal(0.0, _LEG_NOISE_MV, second.shape).astype(np.float32)
        third = second - first
        moved = {"RL/RA": second / 3.0, "RL/LA": third / 3.0}[swap]
        chest = [lead - moved if swap == "RL/RA" else lead + moved for lead in chest]
        first, second = (-third, legs) if swap == "RL/RA" else (second + legs, second)
    leads = {"I": first, "II": second}
    leads |= derive_limb_leads(leads)
    return np.stack([*(leads[name] for name in LIMB_LEADS), *chest]).astype(np.float32)


def measure(beats: MedianBeats) -> dict[str, Any]:
    """Return false alarms and, for each simulated swap, how often it is suspected by its name, in per cent."""
    rng = np.random.default_rng(0)

    def suspected(swap: str | None, leads: tuple[str, ...]) -> list[list[str]]:
        rows = [STANDARD_LEADS.index(lead) for lead in leads]
        found = []
        for signal_mv, qrs, p, t in zip(beats.signal_mv, beats.qrs, beats.p, beats.t, strict=True):
            beat = signal_mv if swap is None else with_swap(signal_mv, swap, rng)
            suspicions = suspect_swaps(beat[rows], leads, FS_HZ, qrs_window=qrs, p_window=p, t_window=t)
            found.append([suspicion.swap for suspicion in suspicions])
        return found

    def shares(hits: list[bool]) -> dict[str, float]:
        is_hit = np.array(hits)
        return {"all": _per_cent(is_hit), "NORM": _per_cent(is_hit[beats.is_norm])}

    figures: dict[str, Any] = {"n_records": len(beats), "n_norm": int(beats.is_norm.sum()), "unit": "per cent"}
    clean = suspected(None, STANDARD_LEADS)
    figures["false_alarms"] = {
        "any": shares([bool(found) for found in clean]),
        "limb": shares([any("V" not in swap for swap in found) for found in clean]),
        "chest": shares([any("V" in swap for swap in found) for found in clean]),
        "without chest leads": shares([bool(found) for found in suspected(None, LIMB_LEADS)]),
    }
    figures["sensitivity"] = {}
    for swap in (*LIMB_SWAPS, "RL/RA", "RL/LA", *CHEST_SWAP_NAMES):
        figures["sensitivity"][swap] = shares([swap in found for found in suspected(swap, STANDARD_LEADS)])
    for swap in LIMB_SWAPS:
        hits = [swap in found for found in suspected(swap, LIMB_LEADS)]
        figures["sensitivity"][swap + WITHOUT_CHEST] = shares(hits)
    return figures


def _per_cent(is_hit: BoolArray) -> float:
    return round(100.0 * float(is_hit.mean()), 2)


def main() -> None:
    """Fit, write the table, and measure with the written table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ptbxl", type=Path)
    parser.add_argument("--out", type=Path, default=Path("assets/physiology/electrode_swap.json"))
    arguments = parser.parse_args()
    table: dict[str, Any] = {
        "about": "Population model of physioclr_core.physiology.electrode_swap, made by physioclr_core.train."
        "electrode_swap from PTB-XL 1.0.3 (CC BY 4.0) at 100 Hz, folds 1-8; figures are those of fold 9.",
        **fit(median_beats(arguments.ptbxl, FIT_FOLDS)),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    _write(arguments.out, table)
    figures = measure(median_beats(arguments.ptbxl, MEASURE_FOLDS))
    _write(arguments.out, {"about": table.pop("about"), "figures": figures, **table})
    print(json.dumps(figures, indent=1))  # noqa: T201


def _write(path: Path, table: dict[str, Any]) -> None:
    path.write_text(json.dumps(table) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
