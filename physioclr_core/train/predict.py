"""Logits and embeddings of whole records from a network in training: windows, then one result a record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from physioclr_core.data.segments import Segments, network_input
from physioclr_core.infer.windows import window_starts
from physioclr_core.models.classifier import Classifier
from physioclr_core.models.encoder import Encoder, masked_mean_and_spread
from physioclr_core.train.finetune_config import WindowConfig
from physioclr_core.train.records import TrainingRecords

FloatArray = npt.NDArray[np.float32]

_BATCH = 64
# A window with less signal than this is left out, unless the record has no better one.
_MIN_SIGNAL = 0.5


@dataclass(frozen=True, slots=True)
class Predictions:
    """Results of records.

    Attributes
    ----------
    logits : ndarray of float32, shape (n_records, n_labels)
    embedding : ndarray of float32, shape (n_records, n_features)
    """

    logits: FloatArray
    embedding: FloatArray


def predict(classifier: Classifier, records: TrainingRecords, windows: WindowConfig) -> Predictions:
    """Return logits and embeddings of whole records.

    A record's logits are the mean (or maximum) of its windows', its embedding their mean.

    Parameters
    ----------
    classifier : Classifier
        Set to evaluation mode while this runs.
    records : TrainingRecords
    windows : WindowConfig
    """

    def both(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        logits, embedding = classifier(x, mask)
        return logits, embedding

    was_training = classifier.training
    classifier.eval()
    try:
        logits, embedding = _over_records(both, records, windows, _device(classifier))
    finally:
        classifier.train(was_training)
    return Predictions(logits, embedding)


def embed(encoder: Encoder, records: TrainingRecords, windows: WindowConfig, with_spread: bool = False) -> FloatArray:
    """Return embeddings of whole records, the mean of their windows'.

    Parameters
    ----------
    encoder : Encoder
    records : TrainingRecords
    windows : WindowConfig
    with_spread : bool
        Put the standard deviation of each window's tokens beside their mean.

    Returns
    -------
    ndarray of float32, shape (n_records, n_features), or (n_records, 2 n_features) with the spread
    """

    def one(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        embedding = masked_mean_and_spread(*encoder.tokens(x, mask)) if with_spread else encoder(x, mask)
        return embedding[:, :0], embedding

    was_training = encoder.training
    encoder.eval()
    try:
        _, embedding = _over_records(one, records, windows, _device(encoder))
        return embedding
    finally:
        encoder.train(was_training)


@torch.inference_mode()
def _over_records(
    network: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    records: TrainingRecords,
    windows: WindowConfig,
    device: torch.device,
) -> tuple[FloatArray, FloatArray]:
    window = min(round(windows.window_s * records.fs_hz), records.n_samples)
    starts = window_starts(records.n_samples, window, windows.overlap)
    logits, embeddings = [], []
    for first in range(0, len(records), _BATCH):
        segments = records.segments(np.arange(first, min(first + _BATCH, len(records))))
        cuts = [segments.cut(np.full(len(segments), start, np.int64), window) for start in starts]
        weight = _weights(np.stack([cut.mask.mean(axis=1) for cut in cuts]))
        parts = [_run(network, cut, device) for cut in cuts]
        each_logits, each_embedding = (np.stack(values) for values in zip(*parts, strict=True))
        embeddings.append(_mean(each_embedding, weight))
        if windows.aggregate == "mean":
            logits.append(_mean(each_logits, weight))
        else:
            logits.append(np.where(weight[:, :, None] > 0, each_logits, -np.inf).max(axis=0))
    return np.concatenate(logits), np.concatenate(embeddings)


def _run(
    network: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], part: Segments, device: torch.device
) -> tuple[FloatArray, FloatArray]:
    x = torch.from_numpy(network_input(part.signal_mv, part.mask)).to(device)
    mask = torch.from_numpy(part.mask.astype(np.float32)).to(device)
    logits, embedding = network(x, mask)
    as_arrays: tuple[FloatArray, FloatArray] = (logits.float().cpu().numpy(), embedding.float().cpu().numpy())
    return as_arrays


def _weights(share: npt.NDArray[np.floating]) -> FloatArray:
    """Return 1 where a window, axis 0, counts for its record, axis 1: enough signal, or the most there is."""
    counts = (share >= _MIN_SIGNAL) | ((share == share.max(axis=0)) & (share < _MIN_SIGNAL).all(axis=0))
    weights: FloatArray = counts.astype(np.float32)
    return weights


def _mean(values: FloatArray, weight: FloatArray) -> FloatArray:
    mean: FloatArray = (values * weight[:, :, None]).sum(axis=0) / weight.sum(axis=0)[:, None]
    return mean


def _device(module: torch.nn.Module) -> torch.device:
    return next(module.parameters()).device
