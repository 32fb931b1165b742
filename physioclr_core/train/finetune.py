"""Training on labels: from scratch, from a pretrained encoder, or a head on a frozen one."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from physioclr_core.data.tasks import check_task
from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.auroc import macro_auroc
from physioclr_core.evaluate.linear_probe import fit_linear_probe
from physioclr_core.losses.objective import Objective
from physioclr_core.losses.supervised import Supervised
from physioclr_core.models.build import build_encoder
from physioclr_core.models.classifier import Classifier
from physioclr_core.models.encoder import Encoder
from physioclr_core.train.checkpoint import load_weights, read_tensors, save_tensors
from physioclr_core.train.distributed import World, world
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.loop import Task, fit
from physioclr_core.train.predict import embed, predict
from physioclr_core.train.predictions_file import KeptPredictions
from physioclr_core.train.pretrain import OnStep, augmentation, check_rate, load_pretrained, pretrained_config
from physioclr_core.train.records import TrainingData, open_training_data
from physioclr_core.train.run_folder import RunFolder
from physioclr_core.train.run_record import MUST_AGREE, places_of, recorded_config, run_record, with_defaults

_WEIGHT_POWER = {"none": 0.0, "root": 0.5, "balanced": 1.0}
# A label with one positive in ten thousand must not make up the whole gradient.
_MAX_CLASS_WEIGHT = 100.0


def finetune(config: FinetuneConfig, run_path: Path, on_step: OnStep, allow_gpu: bool = True) -> dict[str, Any]:
    """Train on labels, or go on where the run was interrupted.

    Parameters
    ----------
    config : FinetuneConfig
    run_path : Path
        The run's folder; ``best.safetensors`` in it is the result.
    on_step : callable
        Called with (steps done, all steps, loss).
    allow_gpu : bool

    Returns
    -------
    dict
        ``best`` (macro AUROC on what selects), ``best_epoch``, ``n_steps``, ``seconds``.

    Raises
    ------
    UserFacingError
        If data, configuration, pretraining or folder do not fit each other, or training cannot go on.
    """
    config = with_encoder(config)
    data = open_training_data(config.data, config.task)
    assert data.task is not None
    check_task(data.task, {"training": data.train.rows, "selection": data.select.rows})
    encoder, weights = starting_encoder(config)
    check_rate(data.train.fs_hz, config.encoder_or_default().fs_hz)
    with world(allow_gpu) as here:
        run = RunFolder(run_path)
        record = run_record("finetune", config, data.data_sha256, weights)
        record["labels"] = list(data.task.labels)
        record["n_train"], record["n_select"] = len(data.train), len(data.select)
        before = partial(with_defaults, FinetuneConfig)
        with run.owned(record, MUST_AGREE, places_of(config), here.is_first, before):
            if config.mode == "linear-probe":
                result = _linear_probe(config, data, encoder.to(here.device), run)
                _keep_predictions(config, data, here, run)
                return result
            objective = objective_of(config, data, encoder)

            def validate(average: Objective) -> dict[str, float]:
                assert isinstance(average, Supervised)
                predictions = predict(average.classifier, data.select, config.windows)
                return {"macro_auroc": macro_auroc(data.select.known_labels, predictions.logits)}

            task = Task(objective, data.train, validate, "macro_auroc", config.encoder_rate)
            result = fit(task, config.loop, config.optimizer, run, here, on_step)
            _keep_predictions(config, data, here, run)
            return result


def _keep_predictions(config: FinetuneConfig, data: TrainingData, here: World, run: RunFolder) -> None:
    """Write what the kept weights say of the records that select."""
    if not here.is_first:
        return
    classifier, _, _ = load_finetuned(run.path)
    predictions = predict(classifier.to(here.device), data.select, config.windows)
    select = data.select
    KeptPredictions(predictions.logits, select.known_labels, select.patient, select.rows).write(run.path)


def with_encoder(config: FinetuneConfig) -> FinetuneConfig:
    """Return the configuration with the encoder of its pretraining, which the run's record then holds.

    Raises
    ------
    UserFacingError
        If the pretraining cannot be read, or its encoder is not the one that the configuration names.
    """
    if config.pretrained is None:
        return config
    encoder = pretrained_config(config.pretrained).encoder
    if config.encoder is not None and config.encoder != encoder:
        raise UserFacingError(f"{config.pretrained}: was pretrained with another encoder than the configuration names.")
    return config.model_copy(update={"encoder": encoder})


def starting_encoder(config: FinetuneConfig) -> tuple[Encoder, Path | None]:
    """Return the encoder that training starts from and the file of its weights, None where they are random.

    Raises
    ------
    UserFacingError
        If the pretraining cannot be read.
    """
    torch.manual_seed(config.loop.seed)
    if config.pretrained is None:
        return build_encoder(config.encoder_or_default()), None
    encoder = load_pretrained(config.pretrained)
    torch.manual_seed(config.loop.seed)
    return encoder, RunFolder(config.pretrained).best


def new_classifier(config: FinetuneConfig, encoder: Encoder, n_labels: int) -> Classifier:
    """Return a classifier with a fresh head around an encoder."""
    return Classifier(encoder, n_labels, config.head, config.dropout)


def class_weights(labels: npt.NDArray[np.float32], power: float) -> torch.Tensor | None:
    """Return the weight of each label's positive records, (negatives / positives) to a power; None for power 0.

    Parameters
    ----------
    labels : ndarray of float32, shape (n_records, n_labels)
        NaN is unknown.
    power : float
    """
    if power == 0.0:
        return None
    positive = (labels == 1.0).sum(axis=0)
    negative = (labels == 0.0).sum(axis=0)
    ratio = np.where(positive > 0, negative / np.maximum(positive, 1), 1.0)
    return torch.from_numpy(np.clip(ratio**power, 1.0 / _MAX_CLASS_WEIGHT, _MAX_CLASS_WEIGHT).astype(np.float32))


def objective_of(config: FinetuneConfig, data: TrainingData, encoder: Encoder) -> Supervised:
    """Return the objective of a run around an encoder, its head fresh and its bias at the base rates."""
    labels = data.train.known_labels
    classifier = new_classifier(config, encoder, labels.shape[1])
    n_known = np.maximum(np.isfinite(labels).sum(axis=0), 1)
    rate = (np.nansum(labels, axis=0) / n_known).astype(np.float32)
    classifier.start_from_base_rates_(torch.from_numpy(rate))
    weight = class_weights(labels, _WEIGHT_POWER[config.class_weights])
    return Supervised(classifier, augmentation(config.augment), config.crop_s, weight, config.mode == "frozen")


def _linear_probe(config: FinetuneConfig, data: TrainingData, encoder: Encoder, run: RunFolder) -> dict[str, Any]:
    started = time.monotonic()
    train, select = (embed(encoder, records, config.windows) for records in (data.train, data.select))
    labels = data.train.known_labels
    probe = fit_linear_probe(train, labels, select, data.select.known_labels)
    objective = objective_of(config, data, encoder)
    head = objective.classifier.head
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(probe.weight))
        head.bias.copy_(torch.from_numpy(probe.bias))
    save_tensors(run.best, objective.state_dict(), {"penalty": probe.penalty, "macro_auroc": probe.macro_auroc})
    seconds = round(time.monotonic() - started, 1)
    run.event(event="probe", step=0, seconds=seconds, penalty=probe.penalty, macro_auroc=probe.macro_auroc)
    return {"best": probe.macro_auroc, "best_epoch": 0, "n_steps": 0}


def load_finetuned(run_path: Path) -> tuple[Classifier, FinetuneConfig, dict[str, Any]]:
    """Return the classifier that a run kept, its configuration and its record.

    Raises
    ------
    UserFacingError
        If the folder is no fine-tuning run, or has kept nothing yet.
    """
    run = RunFolder.existing(run_path)
    config, record = recorded_config(FinetuneConfig, run, "finetune")
    encoder = build_encoder(config.encoder_or_default())
    classifier = new_classifier(config, encoder, len(record["labels"]))
    prefix = "classifier."
    tensors = {k.removeprefix(prefix): v for k, v in read_tensors(run.best).items() if k.startswith(prefix)}
    load_weights(classifier, tensors, run.best)
    return classifier.eval(), config, record
