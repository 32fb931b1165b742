"""How far an embedding lies from those of known ECGs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.covariance import LedoitWolf

from physioclr_core.errors import UserFacingError

FloatArray = npt.NDArray[np.float64]

PERCENTILE = 99.0
MIN_RECORDS = 50


@dataclass(frozen=True, slots=True)
class OutOfDistribution:
    """Mahalanobis distance to the training embeddings, with the distance that one known ECG in a hundred exceeds.

    Attributes
    ----------
    mean : ndarray of float32, shape (n_features,)
    whitening : ndarray of float32, shape (n_features, n_features)
        The distance of x is the length of ``(x - mean) @ whitening``, over the root of ``n_features``.
    threshold : float
        99th percentile of the distances of held-out known ECGs.
    """

    mean: npt.NDArray[np.float32]
    whitening: npt.NDArray[np.float32]
    threshold: float

    def score(self, embedding: npt.NDArray[np.floating]) -> FloatArray:
        """Return the distances of embeddings (n, n_features); about 1 for known ECGs, NaN where not finite."""
        return _distance(embedding, self.mean, self.whitening)

    def tensors(self) -> dict[str, npt.NDArray[np.float32]]:
        """Return what is to be saved."""
        return {
            "mean": self.mean,
            "whitening": self.whitening,
            "threshold": np.array([self.threshold], np.float32),
        }

    @classmethod
    def from_tensors(cls, tensors: dict[str, npt.NDArray[np.float32]]) -> OutOfDistribution:
        """Return what ``tensors`` gave."""
        return cls(tensors["mean"], tensors["whitening"], float(tensors["threshold"][0]))


def fit_out_of_distribution(train: npt.NDArray[np.floating], held_out: npt.NDArray[np.floating]) -> OutOfDistribution:
    """Fit mean and covariance (Ledoit and Wolf, J Multivar Anal 88, 2004) and set the threshold on other records.

    Parameters
    ----------
    train : ndarray, shape (n_records, n_features)
    held_out : ndarray, shape (n_held_out, n_features)
        Of other patients; embeddings of trained records lie closer than those of new ones.

    Raises
    ------
    UserFacingError
        If either has under fifty records.
    """
    if min(len(train), len(held_out)) < MIN_RECORDS:
        raise UserFacingError(f"A distance to known ECGs needs at least {MIN_RECORDS} records on each side.")
    fit = LedoitWolf().fit(train.astype(np.float64))
    value, vector = np.linalg.eigh(fit.covariance_)
    whitening = (vector / np.sqrt(np.maximum(value, 1e-12))).astype(np.float32)
    mean = fit.location_.astype(np.float32)
    return OutOfDistribution(mean, whitening, float(np.percentile(_distance(held_out, mean, whitening), PERCENTILE)))


def _distance(
    embedding: npt.NDArray[np.floating], mean: npt.NDArray[np.float32], whitening: npt.NDArray[np.float32]
) -> FloatArray:
    white = (embedding.astype(np.float64) - mean) @ whitening.astype(np.float64)
    distance: FloatArray = np.linalg.norm(white, axis=1) / np.sqrt(white.shape[1])
    return distance
