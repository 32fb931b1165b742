"""Three questions about the attributions: do they depend on the weights, do other ways agree, does what they name
matter to the network?
"""  # noqa: D205, D400

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from physioclr_core.export.attribution_checks.cases import Case
from physioclr_core.export.attribution_checks.twin import (
    forgetful,
    gradient_times_difference,
    integrated_gradients,
    logits_of,
    parts_of,
)
from physioclr_core.infer.attribution import LogitsOf, Occlusion, occluded
from physioclr_core.models.classifier import Classifier

FloatArray = npt.NDArray[np.float32]
Float64Array = npt.NDArray[np.float64]

# Shares of the (lead, wave) cells that a deletion curve takes out.
SHARES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
N_RANDOM = 5


def rank_correlation(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> float:
    """Return Spearman's correlation over what is finite in both; NaN where one of them is constant."""
    is_known = np.isfinite(a) & np.isfinite(b)
    x, y = a[is_known], b[is_known]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(spearmanr(x, y).statistic)


def cells(case: Case, values: FloatArray) -> FloatArray:
    """Return the sum of a value of each sample over each (lead, span), shape (n_leads, n_spans)."""
    return np.stack([values[:, place].sum(axis=1) for place in case.places], axis=1)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Rank correlations of one case's occlusion with other ways to ask the same network."""

    gradient: float
    integrated: float
    completeness: float
    single_over_joint: float


def agreement(case: Case, model: Classifier, effect: FloatArray) -> Agreement:
    """Compare occlusion with gradients of the PyTorch twin.

    ``completeness`` is what integrated gradients leave unexplained of the logit's difference to the ECG without waves,
    as a share of it. ``single_over_joint`` is the sum of all single occlusions over the effect of all of them at once.
    """
    x, mask, baseline = case.x, case.mask, case.without_waves()
    slopes = gradient_times_difference(model, x, mask, baseline, case.label)
    path = integrated_gradients(model, x, mask, baseline, case.label)
    with_and_without = logits_of(model)(np.stack([x, baseline]), np.repeat(mask[None], 2, axis=0))[:, case.label]
    difference = float(with_and_without[0] - with_and_without[1])
    return Agreement(
        gradient=rank_correlation(effect, cells(case, slopes)),
        integrated=rank_correlation(effect, cells(case, path)),
        completeness=abs(float(path.sum()) - difference) / abs(difference),
        single_over_joint=float(np.nansum(effect)) / difference,
    )


def forgetting(case: Case, model: Classifier, effect: FloatArray, seed: int) -> dict[str, tuple[float, float]]:
    """Return how an attribution of copies that forget from the head down correlates with the trained network's.

    Returns
    -------
    dict of str to tuple of float
        What was forgotten -> rank correlation of the values, and of their sizes without sign.
    """
    n_parts = len(parts_of(model))
    stages = {"head": 1, "head and 2 blocks": 3, "head and all blocks": n_parts - 1, "everything": n_parts}
    found = {}
    for name, n_forgotten in stages.items():
        other = case.effects(logits_of(forgetful(model, n_forgotten, seed))).effect[..., case.label]
        found[name] = (rank_correlation(effect, other), rank_correlation(np.abs(effect), np.abs(other)))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Deletion:
    """Probability of the statement while cells are taken out, at ``SHARES``; the first value is of the ECG as it is."""

    by_attribution: Float64Array
    by_size: Float64Array
    by_chance: Float64Array

    def area(self, curve: Float64Array) -> float:
        """Return the mean probability along a curve, as a share of the first; small where what matters goes first."""
        return float(np.trapezoid(curve, (0.0, *SHARES)) / (SHARES[-1] * curve[0]))


def deletion(case: Case, ask: LogitsOf, temperature: float, ranking: FloatArray, seed: int) -> Deletion:
    """Take cells out in the order of a ranking, of the deflection that goes with them, and of chance.

    Parameters
    ----------
    case : Case
    ask : callable
        The network.
    temperature : float
        Of the statement.
    ranking : ndarray of float32, shape (n_leads, n_spans)
        What speaks most for the statement is taken out first.
    seed : int
    """
    rng = np.random.default_rng(seed)
    known = np.flatnonzero(np.isfinite(ranking))
    size = cells(case, (case.x - case.without_waves()) ** 2).ravel()
    orders = [known[np.argsort(-score.ravel()[known], kind="stable")] for score in (ranking, size)]
    orders += [rng.permutation(known) for _ in range(N_RANDOM)]
    curves = np.array([_curve(case, ask, temperature, order) for order in orders])
    return Deletion(curves[0], curves[1], curves[2:].mean(axis=0))


def _curve(case: Case, ask: LogitsOf, temperature: float, order: npt.NDArray[np.int64]) -> Float64Array:
    inputs = [case.x]
    for share in SHARES:
        inputs.append(_without_cells(case, order[: max(1, round(share * len(order)))]))
    x = np.stack(inputs)
    logits = ask(x, np.repeat(case.mask[None], len(x), axis=0))[:, case.label].astype(np.float64)
    return 1.0 / (1.0 + np.exp(-logits / temperature))


def _without_cells(case: Case, which: npt.NDArray[np.int64]) -> FloatArray:
    x = case.x
    leads, spans = np.divmod(which, len(case.spans))
    for lead in np.unique(leads):
        x = occluded(x, case.mask, case.places, Occlusion((int(lead),), tuple(spans[leads == lead].tolist())))
    return x
