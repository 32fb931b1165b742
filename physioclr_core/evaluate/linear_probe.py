"""Linear probe: penalised logistic regressions of all labels on fixed embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from physioclr_core.evaluate.auroc import macro_auroc

FloatArray = npt.NDArray[np.float64]

# Times the mean squared weight of standardised features, per training record.
PENALTIES: tuple[float, ...] = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
_MAX_ITERATIONS = 400
_MIN_SD = 1e-6


@dataclass(frozen=True, slots=True)
class LinearProbe:
    """A fitted probe: logits are ``embedding @ weight.T + bias``.

    Attributes
    ----------
    weight : ndarray of float64, shape (n_labels, n_features)
        For embeddings as they are, not standardised.
    bias : ndarray of float64, shape (n_labels,)
    penalty : float
    """

    weight: FloatArray
    bias: FloatArray
    penalty: float

    def logits(self, embedding: npt.NDArray[np.floating]) -> FloatArray:
        """Return logits of embeddings (n, n_features), shape (n, n_labels)."""
        values: FloatArray = embedding.astype(np.float64) @ self.weight.T + self.bias
        return values


def linear_probes(
    embedding: npt.NDArray[np.floating], labels: npt.NDArray[np.floating], penalties: Sequence[float] = PENALTIES
) -> Iterator[LinearProbe]:
    """Yield the probe of each penalty, the strongest first: each fit starts from the one before.

    Parameters
    ----------
    embedding : ndarray, shape (n_records, n_features)
        Standardised here by mean and standard deviation.
    labels : ndarray, shape (n_records, n_labels)
        NaN is unknown and does not count.
    penalties : sequence of float
    """
    mean, sd = embedding.mean(axis=0, dtype=np.float64), embedding.std(axis=0, dtype=np.float64)
    sd = np.where(sd > _MIN_SD, sd, 1.0)
    x = ((embedding - mean) / sd).astype(np.float32)
    weight = np.zeros((labels.shape[1], x.shape[1] + 1))
    weight[:, -1] = _base_logit(labels)
    for penalty in sorted(penalties, reverse=True):
        weight = fit_logistic(x, labels, penalty, weight)
        plain = weight[:, :-1] / sd
        yield LinearProbe(plain, weight[:, -1] - plain @ mean, penalty)


def best_linear_probe(
    embedding: npt.NDArray[np.floating],
    labels: npt.NDArray[np.floating],
    select_embedding: npt.NDArray[np.floating],
    select_labels: npt.NDArray[np.floating],
    penalties: Sequence[float] = PENALTIES,
) -> tuple[LinearProbe, float]:
    """Return the probe with the highest macro AUROC on other records, and that AUROC.

    Parameters
    ----------
    embedding, labels : ndarray
        As in ``linear_probes``.
    select_embedding, select_labels : ndarray
        Of the records that choose.
    penalties : sequence of float
    """
    fitted = [
        (probe, macro_auroc(select_labels, probe.logits(select_embedding)))
        for probe in linear_probes(embedding, labels, penalties)
    ]
    return max(fitted, key=lambda pair: -1.0 if np.isnan(pair[1]) else pair[1])


def fit_logistic(
    x: npt.NDArray[np.float32], labels: npt.NDArray[np.floating], penalty: float, start: FloatArray
) -> FloatArray:
    """Minimise the labels' mean binary cross-entropies plus ``penalty / 2`` times the squared weights, all at once.

    Parameters
    ----------
    x : ndarray of float32, shape (n_records, n_features)
    labels : ndarray, shape (n_records, n_labels)
    penalty : float
    start : ndarray of float64, shape (n_labels, n_features + 1)
        Weights and, last, biases, which are not penalised.

    Returns
    -------
    ndarray of float64, shape (n_labels, n_features + 1)
    """
    is_known = np.isfinite(labels)
    target = np.where(is_known, labels, 0.0).astype(np.float32)
    share = is_known.astype(np.float32) / np.maximum(is_known.sum(axis=0), 1).astype(np.float32)

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        weight = flat.reshape(start.shape)
        logits = x @ weight[:, :-1].T.astype(np.float32) + weight[:, -1].astype(np.float32)
        e = np.exp(-np.abs(logits))
        entropy = np.maximum(logits, 0.0) - logits * target + np.log1p(e)
        probability = np.where(logits >= 0.0, 1.0, e) / (1.0 + e)
        gap = (probability - target) * share
        gradient = np.empty(start.shape)
        gradient[:, :-1] = gap.T @ x + penalty * weight[:, :-1]
        gradient[:, -1] = gap.sum(axis=0, dtype=np.float64)
        value = float((entropy * share).sum(dtype=np.float64)) + 0.5 * penalty * float((weight[:, :-1] ** 2).sum())
        return value, gradient.ravel()

    result = minimize(
        loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _MAX_ITERATIONS, "gtol": 1e-6}
    )
    fitted: FloatArray = result.x.reshape(start.shape)
    return fitted


def _base_logit(labels: npt.NDArray[np.floating]) -> FloatArray:
    n_known = np.isfinite(labels).sum(axis=0)
    rate = (np.nansum(labels, axis=0) + 0.5) / (n_known + 1.0)
    base: FloatArray = np.log(rate / (1.0 - rate))
    return base
