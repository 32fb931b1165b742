"""Labels softened by what trained networks say of the training records (``train.teachers``).

A cross-entropy is linear in its targets: mixing labels and probabilities is the same as mixing the two losses (Hinton
et al., arXiv 1503.02531, 2015, at temperature 1). It says almost nothing of a rare label, whose probabilities are all
near 0; logits still tell such records apart (Ba and Caruana, NeurIPS 2014).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import logit

from physioclr_core.errors import UserFacingError
from physioclr_core.train.checkpoint import read_metadata, read_tensors
from physioclr_core.train.records import TrainingData

_LEAST_PROBABILITY = 1e-6


def with_soft_labels(data: TrainingData, path: Path, share: float) -> TrainingData:
    """Return training data whose training labels are a mixture; those of the selecting records stay.

    An unknown label becomes what the networks say. The logits of what they say go with the training records.

    Parameters
    ----------
    data : TrainingData
    path : Path
        File of ``train.teachers``.
    share : float
        Of the networks in the mixture, 0 to 1.

    Raises
    ------
    UserFacingError
        If the file cannot be read, or is of other records or labels.
    """
    assert data.task is not None
    tensors, told = read_tensors(path), read_metadata(path)
    if told.get("labels") != list(data.task.labels) or told.get("data_sha256") != data.data_sha256:
        raise UserFacingError(f"{path}: these are soft labels of another task or of other prepared records.")
    soft, rows = tensors["probability"].numpy(), tensors["row"].numpy()
    place = np.searchsorted(rows, data.train.rows)
    if (place >= len(rows)).any() or (rows[np.minimum(place, len(rows) - 1)] != data.train.rows).any():
        raise UserFacingError(f"{path}: some training records have no soft labels there.")
    assert data.train.labels is not None
    labels = data.train.labels.copy()
    hard = labels[data.train.rows]
    labels[data.train.rows] = np.where(np.isfinite(hard), (1.0 - share) * hard + share * soft[place], soft[place])
    logits = np.full(labels.shape, np.nan, np.float32)
    logits[data.train.rows] = logit(np.clip(soft[place], _LEAST_PROBABILITY, 1.0 - _LEAST_PROBABILITY))
    return replace(data, train=replace(data.train, labels=labels, teacher_logits=logits))
