"""What a comparison's table needs of one run: macro AUROC on all records and in every resample of patients.

A few kilobytes beside predictions of a megabyte: the table can be made again wherever the runs' folders are kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.auroc import macro_auroc
from physioclr_core.evaluate.bootstrap import macro, patient_weights, weighted_auroc
from physioclr_core.train.checkpoint import read_metadata, read_tensors, save_tensors
from physioclr_core.train.predictions_file import NAME as PREDICTIONS
from physioclr_core.train.predictions_file import KeptPredictions, read_predictions

NAME = "areas.safetensors"
SEED = 0
# Of labels with fewer positive records a figure is largely luck.
MIN_POSITIVE = 20
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Areas:
    """Macro AUROC over some labels.

    Attributes
    ----------
    n_labels : int
    value : float
        On all records; NaN where no label has positive and negative ones.
    drawn : ndarray of float64, shape (n_resamples,)
    """

    n_labels: int
    value: float
    drawn: FloatArray


@dataclass(frozen=True, slots=True)
class RunAreas:
    """One run's figures.

    Attributes
    ----------
    judged : str
        Hash of the records, patients and labels: runs compare where it is the same.
    n_records : int
    every, common : Areas
        Over the labels with positive and negative records, and over those with at least ``MIN_POSITIVE`` positive ones.
    """

    judged: str
    n_records: int
    every: Areas
    common: Areas


class AreasOfRuns:
    """Reads the kept figures of runs, and makes and keeps those that are missing.

    Parameters
    ----------
    n_resamples : int
    """

    def __init__(self, n_resamples: int) -> None:
        self._n_resamples = n_resamples
        self._weights: dict[bytes, npt.NDArray[np.float32]] = {}

    def of(self, run: Path) -> RunAreas:
        """Return the figures of a finished run.

        Raises
        ------
        UserFacingError
            If neither figures of so many resamples nor predictions are there, or the figures' file is damaged.
        """
        asked: dict[str, int | str] = {"n_resamples": self._n_resamples, "seed": SEED, "min_positive": MIN_POSITIVE}
        has_predictions = (run / PREDICTIONS).is_file()
        if has_predictions:
            asked["predictions_sha256"] = hashlib.sha256((run / PREDICTIONS).read_bytes()).hexdigest()
        if (run / NAME).is_file():
            told = read_metadata(run / NAME)
            if all(told.get(key) == value for key, value in asked.items()):
                return _read(run / NAME, told)
        if not has_predictions:
            raise UserFacingError(f"{run}: neither predictions nor figures of today are there; make the run again.")
        measured = self._measured(read_predictions(run))
        _write(run / NAME, measured, asked)
        return measured

    def _measured(self, kept: KeptPredictions) -> RunAreas:
        n_positive, n_negative = (kept.labels == 1.0).sum(axis=0), (kept.labels == 0.0).sum(axis=0)
        has_both = (n_positive > 0) & (n_negative > 0)
        patients = kept.patient.tobytes()
        if patients not in self._weights:
            self._weights[patients] = patient_weights(kept.patient, self._n_resamples, SEED)
        drawn = weighted_auroc(kept.labels, kept.logits, self._weights[patients])

        def areas(chosen: npt.NDArray[np.bool_]) -> Areas:
            value = macro_auroc(kept.labels[:, chosen], kept.logits[:, chosen]) if chosen.any() else float("nan")
            # Rounded as the file rounds them: a table is the same, made from predictions or from what was kept.
            return Areas(int(chosen.sum()), value, macro(drawn[:, chosen]).astype(np.float32).astype(np.float64))

        digest = hashlib.sha256()
        for array in (kept.row, kept.patient, np.nan_to_num(kept.labels, nan=-1.0)):
            digest.update(array.tobytes())
        return RunAreas(
            digest.hexdigest(), len(kept.row), areas(has_both), areas(has_both & (n_positive >= MIN_POSITIVE))
        )


def _write(path: Path, areas: RunAreas, asked: dict[str, int | str]) -> None:
    parts = {"every": areas.every, "common": areas.common}
    figures = {name: {"n_labels": part.n_labels, "value": part.value} for name, part in parts.items()}
    tensors = {name: torch.from_numpy(part.drawn.astype(np.float32)) for name, part in parts.items()}
    save_tensors(path, tensors, {**asked, **figures, "judged": areas.judged, "n_records": areas.n_records})


def _read(path: Path, told: dict[str, Any]) -> RunAreas:
    try:
        drawn = {name: tensor.numpy().astype(np.float64) for name, tensor in read_tensors(path).items()}
        every, common = (Areas(**told[name], drawn=drawn[name]) for name in ("every", "common"))
        return RunAreas(str(told["judged"]), int(told["n_records"]), every, common)
    except (KeyError, TypeError, ValueError):
        raise UserFacingError(f"{path}: holds something else than figures of a run.") from None
