"""How far an embedding lies from those of known ECGs: the fit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.covariance import LedoitWolf

from physioclr_core.errors import UserFacingError
from physioclr_core.infer.known_ecgs import OutOfDistribution

PERCENTILE = 99.0
MIN_RECORDS = 50


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
    distance = OutOfDistribution(mean, whitening, np.inf).score(held_out)
    return OutOfDistribution(mean, whitening, float(np.percentile(distance, PERCENTILE)))
