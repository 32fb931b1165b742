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
from physioclr_core.files import sha256_of
from physioclr_core.losses.objective import Objective
from physioclr_core.losses.supervised import Supervised
from physioclr_core.models.build import build_encoder
from physioclr_core.models.classifier import Classifier
from physioclr_core.models.encoder import Encoder
from physioclr_core.train.checkpoint import load_weights, read_metadata, read_tensors, save_tensors
from physioclr_core.train.distributed import world
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.fixed_inputs import FixedResult, boosting, feature_inputs, linear_probe, nearest_neighbours
from physioclr_core.train.kept_embeddings import embeddings
from physioclr_core.train.loop import Task, arithmetic, fit
from physioclr_core.train.predict import predict
from physioclr_core.train.predictions_file import KeptPredictions
from physioclr_core.train.pretrain import OnStep, augmentation, check_rate, load_pretrained, pretrained_config
from physioclr_core.train.records import TrainingData, open_training_data, with_physiology
from physioclr_core.train.run_folder import RunFolder
from physioclr_core.train.run_record import MUST_AGREE, places_of, recorded_config, run_record, with_defaults
from physioclr_core.train.soft_labels import with_soft_labels

_WEIGHT_POWER = {"none": 0.0, "root": 0.5, "balanced": 1.0}
# A label with one positive in ten thousand must not make up the whole gradient.
_MAX_CLASS_WEIGHT = 100.0
# Of a label that teachers hardly tell apart, what they say is not blown up to the others' size.
_LEAST_LOGIT_SPREAD = 0.5


def finetune(
    config: FinetuneConfig, run_path: Path, on_step: OnStep, allow_gpu: bool = True, kept: Path | None = None
) -> dict[str, Any]:
    """Train on labels, or go on where the run was interrupted.

    Parameters
    ----------
    config : FinetuneConfig
    run_path : Path
        The run's folder; ``best.safetensors`` in it is the result.
    on_step : callable
        Called with (steps done, all steps, loss).
    allow_gpu : bool
    kept : Path, optional
        File of embeddings that evaluations of the same frozen encoder share (``train.kept_embeddings``).

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
    data = finetuning_data(config)
    assert data.task is not None
    encoder, weights = starting_encoder(config)
    check_rate(data.train.fs_hz, config.encoder_or_default().fs_hz)
    with world(allow_gpu) as here:
        run = RunFolder(run_path)
        record = run_record("finetune", config, data.data_sha256, weights)
        if config.mode in ("full", "frozen"):
            record["arithmetic"] = arithmetic(config.loop.precision, here.device)
        record["labels"] = list(data.task.labels)
        record["n_train"], record["n_select"] = len(data.train), len(data.select)
        if config.soft_labels is not None:
            record["soft_labels_sha256"] = sha256_of(config.soft_labels)
            record["teachers"] = read_metadata(config.soft_labels).get("teachers_sha256")
        if (measured := data.train.physiology) is not None:
            record |= {"physiology_sha256": measured.sha256, "physiology": measured.record(data.train.rows)}
        before = partial(with_defaults, FinetuneConfig)
        with run.owned(record, MUST_AGREE, places_of(config), here.is_first, before):
            if config.mode not in ("full", "frozen"):
                return _on_fixed_inputs(config, data, encoder.to(here.device), run, kept)
            objective = objective_of(config, data, encoder)

            def validate(average: Objective) -> dict[str, float]:
                assert isinstance(average, Supervised)
                predictions = predict(average.classifier, data.select, config.windows)
                return {"macro_auroc": macro_auroc(data.select.known_labels, predictions.logits)}

            metric = "macro_auroc" if config.choose_in == "selecting" else None
            task = Task(objective, data.train, validate, metric, config.encoder_rate)
            result = fit(task, config.loop, config.optimizer, run, here, on_step)
            if here.is_first:
                classifier, _, _ = load_finetuned(run.path)
                predictions = predict(classifier.to(here.device), data.select, config.windows)
                _keep_predictions(predictions.logits, data, run)
                # Where the last epoch is kept, it was not chosen by its figure, but has one all the same.
                result["best"] = macro_auroc(data.select.known_labels, predictions.logits)
            return result


def finetuning_data(config: FinetuneConfig) -> TrainingData:
    """Open the records of a run, with features and other networks' opinions where the configuration asks for them.

    Raises
    ------
    UserFacingError
        If they cannot be opened, or the task does not fit them.
    """
    data = open_training_data(config.data, config.task)
    if config.mode.startswith("features"):
        data = with_physiology(data, config.data)
    assert data.task is not None
    check_task(data.task, {"training": data.train.rows, "selection": data.select.rows})
    if config.soft_labels is None:
        if config.soft_logit_weight:
            raise UserFacingError("soft_logit_weight says how much other networks' logits count: name soft_labels too.")
        return data
    return with_soft_labels(data, config.soft_labels, config.soft_share)


def _keep_predictions(logits: npt.NDArray[np.float32], data: TrainingData, run: RunFolder) -> None:
    """Write what the kept model says of the records that select."""
    select = data.select
    KeptPredictions(logits, select.known_labels, select.patient, select.rows).write(run.path)


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
    augment = augmentation(config.augment)
    is_frozen = config.mode == "frozen"
    spread = None
    if config.soft_logit_weight:
        assert data.train.teacher_logits is not None
        deviation = data.train.teacher_logits[data.train.rows].std(axis=0)
        spread = torch.from_numpy(np.maximum(deviation, _LEAST_LOGIT_SPREAD))
    return Supervised(
        classifier, augment, config.crop_s, weight, is_frozen, config.mixup, spread, config.soft_logit_weight
    )


def _on_fixed_inputs(
    config: FinetuneConfig, data: TrainingData, encoder: Encoder, run: RunFolder, kept: Path | None
) -> dict[str, Any]:
    """Fit a model to embeddings or features, and keep its predictions and, of a linear probe, the network."""
    started = time.monotonic()
    result = _fixed_result(config, data, encoder, kept)
    if config.mode == "linear-probe":
        assert result.probe is not None
        objective = objective_of(config, data, encoder)
        head = objective.classifier.head
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(result.probe.weight))
            head.bias.copy_(torch.from_numpy(result.probe.bias))
        save_tensors(run.best, objective.state_dict(), result.chosen)
    _keep_predictions(result.logits, data, run)
    area = macro_auroc(data.select.known_labels, result.logits)
    seconds = round(time.monotonic() - started, 1)
    run.event(event="probe", step=0, seconds=seconds, macro_auroc=area, **result.chosen)
    return {"best": area, "best_epoch": 0, "n_steps": 0, "seconds": seconds}


def _fixed_result(config: FinetuneConfig, data: TrainingData, encoder: Encoder, kept: Path | None) -> FixedResult:
    train, select = data.train, data.select
    in_training = config.choose_in == "training"
    measured = train.physiology
    if config.mode == "features-boosting":
        assert measured is not None
        return boosting(measured, train, select, config.loop.seed)
    if config.mode == "features-logistic":
        assert measured is not None
        x = feature_inputs(measured, config.feature_inputs)
        return linear_probe(x[train.rows], train, x[select.rows], select, in_training)
    of_train, of_select = embeddings(encoder, data, config.windows, kept, config.head == "linear-spread")
    fitted = linear_probe if config.mode == "linear-probe" else nearest_neighbours
    return fitted(of_train, train, of_select, select, in_training)


def load_finetuned(run_path: Path) -> tuple[Classifier, FinetuneConfig, dict[str, Any]]:
    """Return the classifier that a run kept, its configuration and its record.

    Raises
    ------
    UserFacingError
        If the folder is no fine-tuning run, or has kept nothing yet.
    """
    run = RunFolder.existing(run_path)
    config, record = recorded_config(FinetuneConfig, run, "finetune")
    if not config.has_network:
        raise UserFacingError(f"{run_path}: this run has predictions ({config.mode}) but no network of its own.")
    encoder = build_encoder(config.encoder_or_default())
    classifier = new_classifier(config, encoder, len(record["labels"]))
    prefix = "classifier."
    tensors = {k.removeprefix(prefix): v for k, v in read_tensors(run.best).items() if k.startswith(prefix)}
    load_weights(classifier, tensors, run.best)
    return classifier.eval(), config, record
