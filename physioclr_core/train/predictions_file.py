"""A run's predictions on the records that select, kept so that tables and comparisons need no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from physioclr_core.errors import UserFacingError
from physioclr_core.train.checkpoint import read_tensors, save_tensors

NAME = "predictions.safetensors"


@dataclass(frozen=True, slots=True)
class KeptPredictions:
    """Row i of every array is the same record.

    Attributes
    ----------
    logits : ndarray of float32, shape (n_records, n_labels)
    labels : ndarray of float32, shape (n_records, n_labels)
        NaN is unknown.
    patient : ndarray of int64, shape (n_records,)
    row : ndarray of int64, shape (n_records,)
        In the prepared data set.
    """

    logits: npt.NDArray[np.float32]
    labels: npt.NDArray[np.float32]
    patient: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]

    def write(self, run: Path) -> None:
        """Write into a run's folder."""
        tensors = {name: torch.from_numpy(np.ascontiguousarray(getattr(self, name))) for name in self.__slots__}
        save_tensors(run / NAME, tensors, {})


def read_predictions(run: Path) -> KeptPredictions:
    """Read the predictions of a finished run.

    Raises
    ------
    UserFacingError
        If there are none, or the file is damaged.
    """
    path = run / NAME
    if not path.exists():
        raise UserFacingError(f"{run}: this run is not finished; start it again to go on.")
    tensors = {name: tensor.numpy() for name, tensor in read_tensors(path).items()}
    try:
        return KeptPredictions(**tensors)
    except TypeError:
        raise UserFacingError(f"{path}: holds something else than predictions.") from None
