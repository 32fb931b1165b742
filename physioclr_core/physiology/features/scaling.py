"""Robust z-scores and principal components of the features, as one artefact with a fingerprint.

PhysioCLR standardises its features and reduces them to 50 principal components (Maghsoodi et al., arXiv 2509.08116,
2025). Scale and components are of the training folds only; features of different fingerprints never mix.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError
from physioclr_core.files import replaced
from physioclr_core.paths import assets_dir
from physioclr_core.physiology.features.schema import N_FEATURES, NAMES, SCHEMA_VERSION

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

N_COMPONENTS = 50
# z-scores beyond this say "far out" and no more: one extreme value must not decide a cosine of 150.
CLIP = 5.0
MIN_RECORDS = 2 * N_COMPONENTS
_JSON_NAME, _ARRAYS_NAME = "scaling.json", "scaling.npy"
_IQR_OF_NORMAL = 1.349
# Shares are 0 in most ECGs, so that their quartiles are too near to each other to be a scale.
_MAX_SD_OVER_IQR_SCALE = 4.0
_WINSOR_PERCENT = (1.0, 99.0)


class FeatureScalingError(UserFacingError):
    """A scaling of features that cannot be made, or not be trusted."""


@dataclass(frozen=True, slots=True, eq=False)
class FeatureScaling:
    """Scale and principal components of the features.

    Attributes
    ----------
    centre, scale : ndarray of float32, shape (150,)
        Median, and the spread that stands for one standard deviation.
    mean_score : ndarray of float32, shape (150,)
        Mean z-score, taken off before the projection.
    components : ndarray of float32, shape (50, 150)
        Orthonormal rows in the order of variance; the largest loading of each is positive.
    explained : tuple of float
        Share of the z-scores' variance in each component.
    n_records : int
    data_sha256 : str
        Hash of the features it was fitted to.
    """

    centre: FloatArray
    scale: FloatArray
    mean_score: FloatArray
    components: FloatArray
    explained: tuple[float, ...]
    n_records: int
    data_sha256: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 over schema, arrays and the training data's hash: what identifies the space."""
        text = json.dumps([SCHEMA_VERSION, NAMES, CLIP, self.n_records, self.data_sha256])
        return hashlib.sha256(text.encode() + self._arrays().astype("<f4").tobytes()).hexdigest()

    def _arrays(self) -> FloatArray:
        return np.concatenate([self.centre[None], self.scale[None], self.mean_score[None], self.components])

    def scores_of(self, values: FloatArray, is_valid: BoolArray) -> FloatArray:
        """Return robust z-scores, clipped at +-5.

        Parameters
        ----------
        values : ndarray of float32, shape (..., 150)
        is_valid : ndarray of bool, shape (..., 150)

        Returns
        -------
        ndarray of float32, shape (..., 150)
            Zero, the median, where not valid.
        """
        known = np.where(is_valid, values, self.centre)
        scores: FloatArray = ((known - self.centre) / self.scale).astype(np.float32, copy=False)
        np.clip(scores, -CLIP, CLIP, out=scores)
        return scores

    def components_of(self, values: FloatArray, is_valid: BoolArray) -> FloatArray:
        """Return the principal components of the z-scores, shape (..., 50); a value that is not valid is typical."""
        return np.asarray((self.scores_of(values, is_valid) - self.mean_score) @ self.components.T, np.float32)

    def save(self, folder: Path) -> None:
        """Write the artefact; the folder must exist.

        Raises
        ------
        UserFacingError
            If a file cannot be written.
        """
        description = {
            "schema_version": SCHEMA_VERSION,
            "fingerprint": self.fingerprint,
            "clip": CLIP,
            "n_records": self.n_records,
            "data_sha256": self.data_sha256,
            "rows": ["centre", "scale", "mean_score", f"components (x{len(self.components)})"],
            "columns": list(NAMES),
            "explained": [round(share, 6) for share in self.explained],
        }
        with replaced(folder / _ARRAYS_NAME) as file:
            np.save(file, self._arrays().astype("<f4"), allow_pickle=False)
        with replaced(folder / _JSON_NAME) as file:
            file.write((json.dumps(description, indent=1) + "\n").encode())


def default_scaling_dir() -> Path:
    """Return the folder of the shipped scaling."""
    return assets_dir() / "physiology" / "features"


def load_scaling(folder: Path | None = None) -> FeatureScaling:
    """Load a scaling and check it against this program's features.

    Parameters
    ----------
    folder : Path, optional
        The shipped scaling by default.

    Raises
    ------
    FeatureScalingError
        If a file is missing or damaged, the schema is not this program's, or the fingerprint does not match.
    """
    folder = default_scaling_dir() if folder is None else folder
    try:
        description = json.loads((folder / _JSON_NAME).read_text(encoding="utf-8"))
        arrays = np.load(folder / _ARRAYS_NAME, allow_pickle=False)
        version, fingerprint = description["schema_version"], description["fingerprint"]
        if version == SCHEMA_VERSION and (arrays.dtype != np.float32 or arrays.shape != (3 + N_COMPONENTS, N_FEATURES)):
            raise ValueError(f"{arrays.dtype} of shape {arrays.shape}")
        scaling = FeatureScaling(
            centre=arrays[0],
            scale=arrays[1],
            mean_score=arrays[2],
            components=arrays[3:],
            explained=tuple(float(share) for share in description["explained"]),
            n_records=int(description["n_records"]),
            data_sha256=str(description["data_sha256"]),
        )
    except FileNotFoundError as error:
        raise FeatureScalingError(f"{error.filename}: the scaling of the features is missing.") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise FeatureScalingError(f"{folder}: the scaling of the features is damaged ({error}).") from None
    if version != SCHEMA_VERSION:
        raise FeatureScalingError(
            f"{folder}: the scaling is of feature schema {version}, this program has {SCHEMA_VERSION}; fit it anew."
        )
    if scaling.fingerprint != fingerprint:
        raise FeatureScalingError(f"{folder}: the scaling of the features was changed (its fingerprint is another).")
    return scaling


def fit_scaling(values: FloatArray, is_valid: BoolArray) -> FeatureScaling:
    """Fit scale and principal components.

    Parameters
    ----------
    values : ndarray of float32, shape (n_records, 150)
        Of training records only.
    is_valid : ndarray of bool, shape (n_records, 150)

    Returns
    -------
    FeatureScaling

    Raises
    ------
    FeatureScalingError
        If there are fewer than 100 records, or a feature is unknown or the same in all of them.

    Notes
    -----
    The scale is IQR / 1.349, the standard deviation of a normal distribution. Where that of the values winsorised at
    the 1st and 99th percentile is more than four times as large (shares, which are 0 in most ECGs), it is used instead.
    """
    if len(values) < MIN_RECORDS:
        raise FeatureScalingError(f"{len(values)} records are too few to fit {N_COMPONENTS} components to.")
    centre, scale = np.zeros(N_FEATURES), np.zeros(N_FEATURES)
    for column, name in enumerate(NAMES):
        known = values[is_valid[:, column], column].astype(np.float64)
        if not len(known) or np.ptp(known) == 0.0:
            raise FeatureScalingError(f"the feature {name} is unknown or the same in all {len(values)} records.")
        low, first, centre[column], third, high = np.percentile(
            known, [_WINSOR_PERCENT[0], 25.0, 50.0, 75.0, _WINSOR_PERCENT[1]]
        )
        iqr_scale, sd = (third - first) / _IQR_OF_NORMAL, known.clip(low, high).std()
        scale[column] = iqr_scale if sd <= _MAX_SD_OVER_IQR_SCALE * iqr_scale and iqr_scale > 0.0 else sd
        if scale[column] == 0.0:
            scale[column] = known.std()
    used = np.where(is_valid, values, np.float32(0.0))
    digest = hashlib.sha256(json.dumps([SCHEMA_VERSION, NAMES]).encode())
    digest.update(used.astype("<f4").tobytes() + np.packbits(is_valid).tobytes())
    unprojected = FeatureScaling(
        centre=centre.astype(np.float32),
        scale=scale.astype(np.float32),
        mean_score=np.zeros(N_FEATURES, np.float32),
        components=np.zeros((N_COMPONENTS, N_FEATURES), np.float32),
        explained=(),
        n_records=len(values),
        data_sha256=digest.hexdigest(),
    )
    scores = unprojected.scores_of(values, is_valid).astype(np.float64)
    mean_score = scores.mean(axis=0)
    variance, vectors = np.linalg.eigh(np.cov(scores - mean_score, rowvar=False))
    order = np.argsort(variance)[::-1][:N_COMPONENTS]
    components = vectors[:, order].T
    largest = np.abs(components).argmax(axis=1)
    components *= np.sign(components[np.arange(N_COMPONENTS), largest])[:, None]
    return FeatureScaling(
        centre=unprojected.centre,
        scale=unprojected.scale,
        mean_score=mean_score.astype(np.float32),
        components=components.astype(np.float32),
        explained=tuple((variance[order] / variance.sum()).tolist()),
        n_records=len(values),
        data_sha256=unprojected.data_sha256,
    )
