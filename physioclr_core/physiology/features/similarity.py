"""How alike two ECGs are by their features: the cosine of principal components, and the cosine of each block.

The first is PhysioCLR's (Maghsoodi et al., arXiv 2509.08116, 2025). It counts an unknown feature as typical, and heart
rate and amplitudes have much of its weight. The second gives rhythm, conduction, repolarisation and morphology the same
weight, leaves out what is not known in both, and says in which of them two ECGs are alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.physiology.features.schema import BLOCK_COLUMNS, NAMES
from physioclr_core.physiology.features.spec import BLOCKS

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

# A block is compared where at least this many of its features are known in both: the cosine of two random directions
# has a standard deviation of 1 / sqrt(n), 0.35 for 8.
MIN_SHARED_FEATURES = 8


def cosine_similarity(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return the cosine of every pair of rows.

    Parameters
    ----------
    a : ndarray of float32, shape (n, n_dims)
        Principal components (``FeatureScaling.components_of``).
    b : ndarray of float32, shape (m, n_dims)

    Returns
    -------
    ndarray of float32, shape (n, m)
        NaN where a row is zero or has a NaN: no direction, no cosine.
    """
    return _ratio(a @ b.T, np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)))


@dataclass(frozen=True, slots=True, eq=False)
class BlockSimilarity:
    """Similarity of every pair of ECGs.

    Attributes
    ----------
    mean : ndarray of float32, shape (n, m)
        Mean over the blocks that are known; NaN where none is.
    blocks : ndarray of float32, shape (4, n, m)
        Cosine in each of ``BLOCKS``, NaN where fewer than ``MIN_SHARED_FEATURES`` are known in both.
    n_shared : ndarray of int64, shape (4, n, m)
        Number of features known in both.
    """

    mean: FloatArray
    blocks: FloatArray
    n_shared: npt.NDArray[np.int64]


def block_similarity(
    a_scores: FloatArray, a_is_valid: BoolArray, b_scores: FloatArray, b_is_valid: BoolArray
) -> BlockSimilarity:
    """Compare every pair of ECGs block by block.

    Parameters
    ----------
    a_scores, b_scores : ndarray of float32, shapes (n, 150) and (m, 150)
        Robust z-scores (``FeatureScaling.scores_of``); zero where not valid.
    a_is_valid, b_is_valid : ndarray of bool, shapes (n, 150) and (m, 150)

    Returns
    -------
    BlockSimilarity
    """
    # A value that is not valid is zero and adds nothing to the product; it must not add to the other's length either.
    a = np.where(a_is_valid, a_scores, np.float32(0.0))
    b = np.where(b_is_valid, b_scores, np.float32(0.0))
    a_known, b_known = a_is_valid.astype(np.float32), b_is_valid.astype(np.float32)
    shape = (len(BLOCKS), len(a), len(b))
    blocks, n_shared = np.empty(shape, np.float32), np.empty(shape, np.int64)
    for index, block in enumerate(BLOCKS):
        columns = BLOCK_COLUMNS[block]
        x, y, x_known, y_known = a[:, columns], b[:, columns], a_known[:, columns], b_known[:, columns]
        length = np.sqrt((np.square(x) @ y_known.T) * (x_known @ np.square(y).T))
        n_shared[index] = np.rint(x_known @ y_known.T)
        blocks[index] = _ratio(x @ y.T, length)
    blocks[n_shared < MIN_SHARED_FEATURES] = np.nan
    is_known = np.isfinite(blocks)
    total = np.where(is_known, blocks, np.float32(0.0)).sum(axis=0)
    return BlockSimilarity(_ratio(total, is_known.sum(axis=0).astype(np.float32)), blocks, n_shared)


@dataclass(frozen=True, slots=True)
class PairSimilarity:
    """Why two ECGs are alike.

    Attributes
    ----------
    mean : float
        Mean cosine over the known blocks; NaN where none is.
    blocks : dict of str to float
        Cosine of each known block; unknown ones are left out.
    alike, unlike : tuple of str
        Names of the features that speak most for and against it: those with the largest and smallest product of
        z-scores among features of known blocks. A product over 0 is a deviation from the typical ECG in the same
        direction, under 0 in opposite directions.
    """

    mean: float
    blocks: dict[str, float]
    alike: tuple[str, ...]
    unlike: tuple[str, ...]


def pair_similarity(
    a_scores: FloatArray, a_is_valid: BoolArray, b_scores: FloatArray, b_is_valid: BoolArray, n_named: int = 5
) -> PairSimilarity:
    """Compare two ECGs block by block and name the features that decide.

    Parameters
    ----------
    a_scores, b_scores : ndarray of float32, shape (150,)
    a_is_valid, b_is_valid : ndarray of bool, shape (150,)
    n_named : int
        Most features named on either side.
    """
    result = block_similarity(a_scores[None], a_is_valid[None], b_scores[None], b_is_valid[None])
    cosines: list[float] = result.blocks[:, 0, 0].tolist()
    blocks: dict[str, float] = {
        block: cosine for block, cosine in zip(BLOCKS, cosines, strict=True) if cosine == cosine
    }
    product = np.where(a_is_valid & b_is_valid, a_scores * b_scores, 0.0)
    for block in BLOCKS:
        if block not in blocks:
            product[BLOCK_COLUMNS[block]] = 0.0
    order = np.argsort(product, kind="stable")
    return PairSimilarity(
        mean=float(result.mean[0, 0]),
        blocks=blocks,
        alike=tuple(NAMES[i] for i in order[::-1][:n_named] if product[i] > 0.0),
        unlike=tuple(NAMES[i] for i in order[:n_named] if product[i] < 0.0),
    )


def _ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    ratio = np.full(numerator.shape, np.nan, np.float32)
    np.divide(numerator, denominator, out=ratio, where=denominator > 0.0)
    return ratio
