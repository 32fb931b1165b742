"""Suspicion of swapped electrodes, from the median beat.

A swap of two electrodes exchanges or inverts leads in a known way, so each possible swap can be undone on the beat. A
population model then says which of the two fits better: how the leads were labelled, or the swap undone. It looks at
the signs and sizes of P, QRS and T in each lead, and at how well leads are predicted by the others, whose redundancy
Kors and van Herpen used first [1]_. The model's numbers come from PTB-XL (``train.electrode_swap``).

.. [1] Kors JA, van Herpen G. Accurate automatic detection of electrode interchange in the electrocardiogram.
   Am J Cardiol 2001;88:396-399.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from physioclr_core.leads import LIMB_LEADS, PRECORDIAL_LEADS, STANDARD_LEADS, derive_limb_leads
from physioclr_core.paths import assets_dir

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]
Window = tuple[int, int]

# Rows of I and II after a swap, in terms of I and II before it. A swap undoes itself, so these undo it too.
LIMB_SWAPS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "LA/RA": ((-1.0, 0.0), (-1.0, 1.0)),
    "LA/LL": ((0.0, 1.0), (1.0, 0.0)),
    "RA/LL": ((1.0, -1.0), (0.0, -1.0)),
}
CHEST_SWAPS: tuple[tuple[int, int], ...] = tuple(itertools.combinations(range(6), 2))
CHEST_SWAP_NAMES: tuple[str, ...] = tuple(f"V{first + 1}/V{second + 1}" for first, second in CHEST_SWAPS)
# With RL, the reference, on an arm, two electrodes are on the legs: one potential, and the lead between them is flat.
_FLAT_SWAPS = {"I": "LA+RA/legs", "II": "RL/RA", "III": "RL/LA"}
# Largest deflection over that of the other two limb leads. In 19,600 records of PTB-XL some seven were flatter.
FLAT_RATIO = {"I": 0.07, "II": 0.1, "III": 0.065}
_LEAST_LIMB_MV = 0.2
# Of some 11,000 ECGs 2 % had swapped electrodes (Heden 1996); 1 % is taken for each swap.
PRIOR_ODDS = 0.01
WITHOUT_CHEST = " without chest leads"
N_POINTS = 12
_THIRD = N_POINTS // 3
_LEVEL_S = 0.02
_EINTHOVEN_LIMIT = 0.2
# Keep the noise of small waves from being blown up.
_QRS_FLOOR_MV, _T_FLOOR_MV, _P_FLOOR_MV = 0.05, 0.03, 0.01
_RESIDUAL_FLOOR = 0.02


@dataclass(frozen=True, slots=True)
class SwapSuspicion:
    """Two electrodes that may have been swapped: a reason to look, not a finding.

    Attributes
    ----------
    swap : str
        "LA/RA", "LA/LL", "RA/LL", "RL/RA", "RL/LA", "LA+RA/legs", or "V1/V2" to "V5/V6" for any two chest electrodes.
    leads : tuple of str
        The leads that are not what their names say, if so.
    confidence : float
        Probability by the population model when one ECG in a hundred has this swap; at least 0.5.
    text : str
        One or two sentences that say what speaks for it.
    """

    swap: str
    leads: tuple[str, ...]
    confidence: float
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class BeatShape:
    """A beat at fixed places: QRS and ST-T at ``N_POINTS`` each, P as its mean; leads are I, II, or V1 to V6.

    Attributes
    ----------
    qrs_mv, st_t_mv : ndarray of float64, shape (..., n_leads, N_POINTS)
    p_mv : ndarray of float64, shape (..., n_leads)
    """

    qrs_mv: Float64Array
    st_t_mv: Float64Array
    p_mv: Float64Array

    def mixed(self, weights: Float64Array) -> BeatShape:
        """Return linear combinations of the leads; weights have shape (..., n_new_leads, n_leads)."""
        return BeatShape(weights @ self.qrs_mv, weights @ self.st_t_mv, (weights @ self.p_mv[..., None])[..., 0])


@dataclass(frozen=True, slots=True, eq=False)
class Relations:
    """Weights that predict leads from V1 to V6, each of shape (n_leads, 6), for QRS, ST-T and P."""

    qrs: Float64Array
    st_t: Float64Array
    p: Float64Array


@dataclass(frozen=True, slots=True, eq=False)
class _Model:
    limb_relations: Relations
    chest_relations: Relations
    # Weights and threshold by the swap's name; without chest leads under "LA/RA without chest leads" and so on.
    swaps: dict[str, tuple[Float64Array, float]]


def suspect_swaps(
    median_mv: FloatArray,
    lead_names: Sequence[str],
    fs_hz: float,
    *,
    qrs_window: Window | None,
    p_window: Window | None = None,
    t_window: Window | None = None,
    usable: Sequence[bool] | npt.NDArray[np.bool_] | None = None,
) -> tuple[SwapSuspicion, ...]:
    """Look for swapped electrodes.

    Parameters
    ----------
    median_mv : ndarray of float32, shape (n_leads, n_samples)
        Median beat.
    lead_names : sequence of str
        Standard names; leads outside the twelve are not looked at.
    fs_hz : float
    qrs_window, p_window, t_window : tuple of int, or None
        Onset and offset as samples of the median beat; None where there is no such wave. Without QRS nothing is
        checked, without P the limb leads less reliably.
    usable : sequence of bool, optional
        Leads that are good enough; all where not given. A limb lead that is not is derived from two that are.

    Returns
    -------
    tuple of SwapSuspicion
        At most one of the limb and one of the chest electrodes, empty where nothing is suspected or can be checked:
        limb electrodes need two limb leads, chest electrodes all six chest leads. RL/LL is invisible.

    Raises
    ------
    ValueError
        If there is not one name for each lead.

    Notes
    -----
    On PTB-XL fold 9 (2,183 records) 0.7 % are suspected as they are (0.2 % of the normal ECGs), and simulated swaps are
    found and named in: LA/RA 96 %, RA/LL 97 %, LA/LL 24 %, RL/RA 88 %, RL/LA 97 %, neighbours among V1 to V5 81 to
    91 %, V5/V6 49 %, other chest swaps 90 to 97 %; every figure is in ``assets/physiology/electrode_swap.json``. On 263
    records of LUDB, Georgia, Chapman, CPSC and PTB-XL at 500 Hz five are suspected (2 %), and fewer swaps are found:
    LA/RA 89 %, LA/LL 14 %, V1/V2 and V4/V5 80 %, V5/V6 24 %. In dextrocardia the limb leads look as after LA/RA.
    """
    if len(lead_names) != len(median_mv):
        raise ValueError(f"{len(lead_names)} lead names for {len(median_mv)} leads")
    if qrs_window is None or median_mv.shape[1] < 2:
        return ()
    level_mv = _levelled(median_mv, qrs_window[0], fs_hz)
    leads = {
        name: lead_mv
        for row, (name, lead_mv) in enumerate(zip(lead_names, level_mv, strict=True))
        if (usable is None or usable[row]) and np.isfinite(lead_mv).all()
    }
    windows = (qrs_window, p_window, t_window)
    chest = None
    if all(name in leads for name in PRECORDIAL_LEADS):
        chest = shape_of_beat(np.stack([leads[name] for name in PRECORDIAL_LEADS]), *windows)
        if np.abs(chest.qrs_mv).max() < _QRS_FLOOR_MV:
            chest = None
    found = [_limb_suspicion(leads, chest, windows), None if chest is None else _chest_suspicion(chest)]
    return tuple(suspicion for suspicion in found if suspicion is not None)


def _levelled(median_mv: FloatArray, qrs_on: int, fs_hz: float) -> Float64Array:
    end = min(max(qrs_on, 0), median_mv.shape[1] - 1) + 1
    start = max(0, min(end - 1, end - 1 - round(_LEVEL_S * fs_hz)))
    level: Float64Array = median_mv - median_mv[:, start:end].mean(axis=1, keepdims=True, dtype=np.float64)
    return level


# --- shapes and features ---------------------------------------------------------------------------------------------


def shape_of_beat(
    levelled_mv: Float64Array, qrs_window: Window, p_window: Window | None, t_window: Window | None
) -> BeatShape:
    """Take a beat's shape: QRS from onset to offset, ST-T from QRS offset to T offset, P against the line below it.

    ``levelled_mv`` is against the PQ level, shape (n_leads, n_samples); a wave whose window is None is zero.
    """
    n_leads = len(levelled_mv)
    st_t_mv, p_mv = np.zeros((n_leads, N_POINTS)), np.zeros(n_leads)
    if t_window is not None and t_window[1] > qrs_window[1]:
        st_t_mv = _at(levelled_mv, qrs_window[1], t_window[1], N_POINTS)
    if p_window is not None and p_window[1] > p_window[0]:
        wave = _at(levelled_mv, p_window[0], p_window[1], N_POINTS)
        p_mv = (wave - np.linspace(wave[:, 0], wave[:, -1], N_POINTS, axis=1)).mean(axis=1)
    return BeatShape(_at(levelled_mv, qrs_window[0], qrs_window[1], N_POINTS), st_t_mv, p_mv)


def _at(signal_mv: Float64Array, start: float, end: float, n_points: int) -> Float64Array:
    """Return equally spaced values between two samples, by linear interpolation, shape (n_leads, n_points)."""
    place = np.linspace(start, end, n_points).clip(0, signal_mv.shape[1] - 1)
    left = np.minimum(place.astype(np.int64), signal_mv.shape[1] - 2)
    share = place - left
    values: Float64Array = signal_mv[:, left] * (1.0 - share) + signal_mv[:, left + 1] * share
    return values


_WITH_III = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0]])


def limb_features(limb: BeatShape, chest: BeatShape | None, relations: Relations | None) -> Float64Array:
    """Return what the model looks at in I and II, shape (..., 34), or (..., 46) with chest leads."""
    three = limb.mixed(_WITH_III)
    qrs_mv, st_t_mv, p_mv = _sizes(three)
    qrs, st_t, p = three.qrs_mv / qrs_mv[..., None, None], three.st_t_mv / st_t_mv[..., None, None], three.p_mv
    p = p / p_mv[..., None]
    mean_qrs, mean_t = qrs.mean(axis=-1), st_t.mean(axis=-1)
    features = [
        *(qrs[..., :2, part * _THIRD : (part + 1) * _THIRD].mean(axis=-1) for part in range(3)),
        *(qrs.max(axis=-1), qrs.min(axis=-1), mean_t[..., :2], p[..., :2]),
        *(mean_qrs * mean_t, mean_qrs * p, mean_t * p, p**2, mean_qrs**2, mean_t**2),
    ]
    if chest is not None and relations is not None:
        for residual, size in zip(_residuals(limb, chest, relations), (qrs_mv, st_t_mv, p_mv), strict=True):
            # Of I, II and III.
            squares = np.square(residual).mean(axis=-1)
            third = np.square(residual[..., 1, :] - residual[..., 0, :]).mean(axis=-1)
            every = np.concatenate([squares, third[..., None], squares.sum(axis=-1, keepdims=True)], axis=-1)
            features.append(np.log(every / np.square(size)[..., None] + _RESIDUAL_FLOOR))
    return np.concatenate(features, axis=-1)


def chest_features(chest: BeatShape, relations: Relations) -> Float64Array:
    """Return what the model looks at in V1 to V6, shape (..., 63)."""
    sizes = _sizes(chest)
    qrs = chest.qrs_mv / sizes[0][..., None, None]
    features = [
        *(qrs[..., part * _THIRD : (part + 1) * _THIRD].mean(axis=-1) for part in range(3)),
        *(qrs.max(axis=-1), qrs.min(axis=-1)),
        *(chest.st_t_mv.mean(axis=-1) / sizes[1][..., None], chest.p_mv / sizes[2][..., None]),
    ]
    for residual, size in zip(_residuals(chest, chest, relations), sizes, strict=True):
        squares = np.square(residual).mean(axis=-1) / np.square(size)[..., None]
        features += [
            np.log(squares + _RESIDUAL_FLOOR / 4),
            np.log(squares.sum(axis=-1, keepdims=True) + _RESIDUAL_FLOOR),
        ]
    return np.concatenate(features, axis=-1)


def _sizes(shape: BeatShape) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return the root mean squares of QRS, ST-T and P over all leads."""
    return (
        np.sqrt(np.square(shape.qrs_mv).mean(axis=(-1, -2))) + _QRS_FLOOR_MV,
        np.sqrt(np.square(shape.st_t_mv).mean(axis=(-1, -2))) + _T_FLOOR_MV,
        np.sqrt(np.square(shape.p_mv).mean(axis=-1)) + _P_FLOOR_MV,
    )


def _residuals(leads: BeatShape, chest: BeatShape, relations: Relations) -> list[Float64Array]:
    return [
        leads.qrs_mv - relations.qrs @ chest.qrs_mv,
        leads.st_t_mv - relations.st_t @ chest.st_t_mv,
        leads.p_mv[..., None] - relations.p @ chest.p_mv[..., None],
    ]


def chest_swap_weights() -> Float64Array:
    """Return the permutations that swap two chest leads, shape (15, 6, 6)."""
    weights = np.tile(np.eye(6), (len(CHEST_SWAPS), 1, 1))
    for number, (first, second) in enumerate(CHEST_SWAPS):
        weights[number, [first, second]] = weights[number, [second, first]]
    return weights


# --- the decision ----------------------------------------------------------------------------------------------------


@cache
def _model() -> _Model:
    text = (assets_dir() / "physiology" / "electrode_swap.json").read_text(encoding="utf-8")
    stored = json.loads(text)
    limb, chest = (
        Relations(*(np.array(stored["relations"][part][wave]) for wave in ("qrs", "st_t", "p")))
        for part in ("limb", "chest")
    )
    swaps = {name: (np.array(entry["weights"]), float(entry["threshold"])) for name, entry in stored["swaps"].items()}
    return _Model(limb, chest, swaps)


def _best(log_odds: dict[str, float]) -> tuple[str, float] | None:
    """Return the likeliest of the swaps that reach their thresholds, and its confidence."""
    reached = {name: odds for name, odds in log_odds.items() if odds >= _model().swaps[name][1]}
    if not reached:
        return None
    name = max(reached, key=lambda swap: reached[swap])
    return name, 1.0 / (1.0 + math.exp(-min(reached[name] + math.log(PRIOR_ODDS), 50.0)))


def _limb_suspicion(
    leads: dict[str, Float64Array], chest: BeatShape | None, windows: tuple[Window, Window | None, Window | None]
) -> SwapSuspicion | None:
    known = {name: lead.astype(np.float32) for name, lead in leads.items()}
    known |= derive_limb_leads(known)
    if not all(name in known for name in ("I", "II", "III")):
        return None
    three = np.stack([known[name] for name in ("I", "II", "III")]).astype(np.float64)
    peaks_mv = np.abs(three).max(axis=1)
    # Medians keep lead arithmetic roughly; leads that contradict each other are another fault.
    residual_mv = float(np.abs(three[0] + three[2] - three[1]).max())
    if peaks_mv.max() < max(_LEAST_LIMB_MV, residual_mv / _EINTHOVEN_LIMIT):
        return None
    flattest = int(np.argmin(peaks_mv))
    ratio = float(peaks_mv[flattest] / np.delete(peaks_mv, flattest).mean())
    flat_lead = ("I", "II", "III")[flattest]
    if ratio < FLAT_RATIO[flat_lead]:
        return _flat_suspicion(flat_lead, ratio)
    limb = shape_of_beat(three[:2], *windows)
    swapped = limb.mixed(np.array(list(LIMB_SWAPS.values())))
    relations = None if chest is None else _model().limb_relations
    change = limb_features(swapped, chest, relations) - limb_features(limb, chest, relations)
    suffix = "" if chest is not None else WITHOUT_CHEST
    names = [name + suffix for name in LIMB_SWAPS]
    found = _best({name: float(change[row] @ _model().swaps[name][0]) for row, name in enumerate(names)})
    if found is None:
        return None
    name = found[0].removesuffix(WITHOUT_CHEST)
    first, second = name.split("/")
    unchanged = {"LA/RA": "aVF", "LA/LL": "aVR", "RA/LL": "aVL"}[name]
    affected = tuple(lead for lead in LIMB_LEADS if lead != unchanged)
    text = f"Limb electrodes {first} and {second} may be swapped: {_limb_evidence(name, limb, chest)}."
    if name == "LA/RA":
        text += _dextrocardia_text(chest)
    return SwapSuspicion(name, affected, found[1], text)


def _flat_suspicion(lead: str, ratio: float) -> SwapSuspicion:
    swap = _FLAT_SWAPS[lead]
    which = "Both arm electrodes may be on the legs"
    which = which if lead == "I" else f"Electrodes {swap[3:]} and RL may be swapped"
    text = f"{which}: lead {lead} is almost flat ({100 * ratio:.0f} % of the other limb leads)."
    return SwapSuspicion(swap, STANDARD_LEADS, 0.5 + 0.5 * (1.0 - ratio / FLAT_RATIO[lead]), text)


def _limb_evidence(name: str, limb: BeatShape, chest: BeatShape | None) -> str:
    three = limb.mixed(_WITH_III)
    net = {"P": three.p_mv, "QRS": three.qrs_mv.mean(axis=-1), "T": three.st_t_mv.mean(axis=-1)}
    least_mv = {"P": 0.01, "QRS": 0.03, "T": 0.03}
    evidence = []
    row, lead = {"LA/RA": (0, "I"), "RA/LL": (1, "II"), "LA/LL": (2, "III")}[name]
    negative = [wave for wave in net if net[wave][row] < -least_mv[wave]]
    if name != "LA/LL" and negative:
        listed = negative[0] if len(negative) == 1 else f"{', '.join(negative[:-1])} and {negative[-1]}"
        evidence.append(f"{listed} {'is' if len(negative) == 1 else 'are'} negative in {lead}")
    if name == "LA/LL" and net["P"][0] > net["P"][1] + least_mv["P"] / 2:
        evidence.append("P is larger in I than in II")
    if chest is not None:
        lead_i, v6 = (lead - lead.mean() for lead in (limb.qrs_mv[0], chest.qrs_mv[5]))
        if name == "LA/RA" and lead_i @ v6 < 0.0:
            evidence.append("the QRS complex in I does not match V6")
        else:
            evidence.append("the limb leads would fit the chest leads better")
    return ", and ".join(evidence) or "the limb leads would fit each other better"


def _dextrocardia_text(chest: BeatShape | None) -> str:
    if chest is None:
        return " Dextrocardia looks alike in these leads."
    r_mv = chest.qrs_mv.max(axis=-1)
    if r_mv[5] < r_mv[0]:
        return " R falls towards V6, so it may be dextrocardia instead."
    return " Dextrocardia looks alike in the limb leads, but R would fall towards V6, which it does not."


def _chest_suspicion(chest: BeatShape) -> SwapSuspicion | None:
    relations = _model().chest_relations
    swapped = chest_features(chest.mixed(chest_swap_weights()), relations)
    change = swapped - chest_features(chest, relations)
    swaps = _model().swaps
    found = _best({name: float(change[row] @ swaps[name][0]) for row, name in enumerate(CHEST_SWAP_NAMES)})
    if found is None:
        return None
    name, confidence = found
    first, second = name.split("/")
    r_mv, s_mv = chest.qrs_mv.max(axis=-1), -chest.qrs_mv.min(axis=-1)
    share = r_mv / np.maximum(r_mv + s_mv, 1e-6)
    low, high = CHEST_SWAPS[CHEST_SWAP_NAMES.index(name)]
    evidence = "the chest leads would follow each other better the other way round"
    if share[low] > share[high] + 0.05 and low < 4:
        evidence = f"R against S is larger in {first} than in {second}, and {evidence}"
    return SwapSuspicion(
        name, (first, second), confidence, f"Chest electrodes {first} and {second} may be swapped: {evidence}."
    )
