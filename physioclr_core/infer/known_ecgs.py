"""How far an ECG's embedding lies from those of the ECGs that a model learnt from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import ModelError
from physioclr_core.files import sha256_of
from physioclr_core.infer.manifest import MANIFEST_NAME, ModelManifest

FloatArray = npt.NDArray[np.float64]


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
        white = (embedding.astype(np.float64) - self.mean) @ self.whitening.astype(np.float64)
        distance: FloatArray = np.linalg.norm(white, axis=1) / np.sqrt(white.shape[1])
        return distance

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


def load_known_ecgs(folder: Path, manifest: ModelManifest) -> OutOfDistribution | None:
    """Read the distance that a bundle ships; None where it ships none.

    Raises
    ------
    ModelError
        If the manifest names a file that is missing, damaged or of another network.
    """
    entry: Any = manifest.metrics.get("out_of_distribution")
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise ModelError(f"{folder / MANIFEST_NAME}: what it says of out_of_distribution is not understood.")
    name = entry.get("file")
    if name is None:
        return None  # the manifest says why: too few records
    path = folder / str(name)
    if Path(str(name)).name != name or not path.is_file():
        raise ModelError(f"{path}: the distance to known ECGs that {MANIFEST_NAME} names is missing.")
    if sha256_of(path) != entry.get("sha256"):
        raise ModelError(f"{path}: its hash is not the one in {MANIFEST_NAME}; the file is damaged or was replaced.")
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        known = OutOfDistribution.from_tensors(load_file(path))
    except (SafetensorError, KeyError, IndexError) as error:
        raise ModelError(f"{path}: cannot be read as a distance to known ECGs ({error}).") from None
    n = manifest.embedding_size
    if known.mean.shape != (n,) or known.whitening.shape != (n, n):
        raise ModelError(f"{path}: is made for embeddings of another size than the network's {n}.")
    if not (np.isfinite(known.mean).all() and np.isfinite(known.whitening).all() and 0.0 < known.threshold < np.inf):
        raise ModelError(f"{path}: holds values that are not finite.")
    return known
