"""Embeddings of a data set by a frozen encoder, kept for the next evaluation of the same encoder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from physioclr_core.errors import UserFacingError
from physioclr_core.models.encoder import Encoder
from physioclr_core.train.checkpoint import read_metadata, read_tensors, save_tensors
from physioclr_core.train.finetune_config import WindowConfig
from physioclr_core.train.predict import embed
from physioclr_core.train.records import TrainingData

FloatArray = npt.NDArray[np.float32]

NAME = "embeddings.safetensors"


def embeddings(
    encoder: Encoder, data: TrainingData, windows: WindowConfig, kept: Path | None, with_spread: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Return embeddings of the training and the selecting records.

    Parameters
    ----------
    encoder : Encoder
    data : TrainingData
    windows : WindowConfig
    kept : Path or None
        File that holds those of all records of the data set, or will: another evaluation with other labels, folds or a
        share of the records then finds them there. One of other weights, data or windows is made anew.
    with_spread : bool
        As ``predict.embed``; such embeddings have a file of their own beside the other.

    Returns
    -------
    ndarray of float32, ndarray of float32
        Shapes (n_train, n_features) and (n_select, n_features).
    """
    if kept is None:
        train, select = (embed(encoder, records, windows, with_spread) for records in (data.train, data.select))
        return train, select
    identity = _identity(encoder, data, windows)
    if with_spread:
        kept, identity = kept.with_stem(f"{kept.stem}-spread"), {**identity, "with_spread": True}
    everything = _read(kept, identity)
    if everything is None:
        everyone = replace(data.train, rows=np.arange(len(data.train.dataset)))
        everything = embed(encoder, everyone, windows, with_spread)
        save_tensors(kept, {"embedding": torch.from_numpy(everything)}, identity)
    return everything[data.train.rows], everything[data.select.rows]


def _read(kept: Path, identity: dict[str, Any]) -> FloatArray | None:
    if not kept.is_file():
        return None
    try:
        if read_metadata(kept) != json.loads(json.dumps(identity)):
            return None
        embedding: FloatArray = read_tensors(kept)["embedding"].numpy()
    except (UserFacingError, KeyError):
        return None  # half a file of a killed process is no reason to stop
    return embedding


def _identity(encoder: Encoder, data: TrainingData, windows: WindowConfig) -> dict[str, Any]:
    digest = hashlib.sha256()
    for name, tensor in sorted(encoder.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().numpy().tobytes())
    return {
        "encoder_sha256": digest.hexdigest(),
        "data_sha256": data.data_sha256,
        "windows": windows.model_dump(mode="json"),
        "leads": list(data.train.leads),
        "n_samples": data.train.n_samples,
    }
