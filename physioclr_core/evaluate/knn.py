"""Nearest neighbours on fixed embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from physioclr_core.evaluate.auroc import macro_auroc

FloatArray = npt.NDArray[np.float64]

NEIGHBOURS: tuple[int, ...] = (5, 10, 20, 50, 100, 200, 500, 1000)
# Similarities are sharpened as in the k-NN evaluation of Wu et al. (CVPR 2018).
_TEMPERATURE = 0.07
_AT_ONCE = 512


def knn_scores(
    embedding: npt.NDArray[np.floating],
    labels: npt.NDArray[np.floating],
    query: npt.NDArray[np.floating],
    neighbours: Sequence[int] = NEIGHBOURS,
) -> dict[int, FloatArray]:
    """Return the weighted share of the k nearest records (cosine) that carry each label.

    Parameters
    ----------
    embedding : ndarray, shape (n_records, n_features)
    labels : ndarray, shape (n_records, n_labels)
        NaN is unknown: such a neighbour does not vote on that label.
    query : ndarray, shape (n_queries, n_features)
    neighbours : sequence of int
        Values of k; those beyond the number of records mean all of them.

    Returns
    -------
    dict of int to ndarray of float64, shape (n_queries, n_labels)
    """
    base, asked = _on_sphere(embedding), _on_sphere(query)
    is_known = np.isfinite(labels)
    carried = np.where(is_known, labels, 0.0)
    largest = min(max(neighbours), len(base))
    parts: dict[int, list[FloatArray]] = {k: [] for k in neighbours}
    for first in range(0, len(asked), _AT_ONCE):
        similarity = asked[first : first + _AT_ONCE] @ base.T
        nearest = np.argpartition(-similarity, largest - 1, axis=1)[:, :largest]
        found = np.take_along_axis(similarity, nearest, axis=1)
        order = np.argsort(-found, axis=1, kind="stable")
        nearest, found = np.take_along_axis(nearest, order, axis=1), np.take_along_axis(found, order, axis=1)
        vote = np.exp((found - found[:, :1]) / _TEMPERATURE).astype(np.float64)
        for k in neighbours:
            chosen, weight = nearest[:, :k], vote[:, :k]
            for_label = np.einsum("qk,qkl->ql", weight, carried[chosen])
            whole = np.einsum("qk,qkl->ql", weight, is_known[chosen].astype(np.float64))
            parts[k].append(for_label / np.maximum(whole, 1e-12))
    return {k: np.concatenate(values) for k, values in parts.items()}


def best_knn(
    embedding: npt.NDArray[np.floating],
    labels: npt.NDArray[np.floating],
    select_embedding: npt.NDArray[np.floating],
    select_labels: npt.NDArray[np.floating],
    neighbours: Sequence[int] = NEIGHBOURS,
) -> tuple[int, float, FloatArray]:
    """Return the number of neighbours that is best on other records.

    Parameters
    ----------
    embedding, labels, neighbours
        As in ``knn_scores``.
    select_embedding, select_labels : ndarray
        Of the records that choose.

    Returns
    -------
    int, float, ndarray of float64
        k, its macro AUROC and its scores; of equals the smallest k.
    """
    scores = knn_scores(embedding, labels, select_embedding, neighbours)
    areas = {k: macro_auroc(select_labels, values) for k, values in scores.items()}
    best = max(areas, key=lambda k: (areas[k], -k))
    return best, areas[best], scores[best]


def _on_sphere(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = (vectors / np.maximum(length, 1e-12)).astype(np.float32)
    return unit
