"""Pretraining of an encoder by any objective."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from physioclr_core.augment.config import AugmentConfig
from physioclr_core.augment.pipeline import augment
from physioclr_core.data.segments import Segments
from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.linear_probe import best_linear_probe
from physioclr_core.losses.build import build_objective
from physioclr_core.losses.objective import Objective
from physioclr_core.models.build import build_encoder
from physioclr_core.models.encoder import Encoder
from physioclr_core.train.checkpoint import load_weights, read_tensors
from physioclr_core.train.distributed import World, world
from physioclr_core.train.finetune_config import WindowConfig
from physioclr_core.train.loop import Task, arithmetic, fit
from physioclr_core.train.predict import embed
from physioclr_core.train.pretrain_config import PretrainConfig
from physioclr_core.train.records import TrainingData, open_training_data, with_physiology
from physioclr_core.train.run_folder import RunFolder
from physioclr_core.train.run_record import MUST_AGREE, places_of, recorded_config, run_record, with_defaults
from physioclr_core.train.validation import held_out_loss

OnStep = Callable[[int, int, float], None]
_METRIC = {"last": None, "held-out-loss": "minus_held_out_loss", "probe": "probe_auroc"}


def augmentation(config: AugmentConfig) -> Callable[[Segments, np.random.Generator], Segments]:
    """Return the augmentation that objectives apply to segments."""

    def changed(segments: Segments, rng: np.random.Generator) -> Segments:
        signal_mv, mask, has_lead = augment(
            segments.signal_mv, segments.mask, segments.has_lead, segments.fs_hz, config, rng
        )
        return replace(segments, signal_mv=signal_mv, mask=mask, has_lead=has_lead)

    return changed


def new_objective(config: PretrainConfig) -> Objective:
    """Return the objective with fresh weights, the same for the same seed."""
    torch.manual_seed(config.loop.seed)
    return build_objective(config.objective, build_encoder(config.encoder), augmentation(config.augment))


def pretrain(config: PretrainConfig, run_path: Path, on_step: OnStep, allow_gpu: bool = True) -> dict[str, Any]:
    """Pretrain, or go on where the run was interrupted.

    Parameters
    ----------
    config : PretrainConfig
    run_path : Path
        The run's folder; ``best.safetensors`` in it is the result.
    on_step : callable
        Called with (steps done, all steps, loss).
    allow_gpu : bool

    Returns
    -------
    dict
        What ``train.loop.fit`` returns.

    Raises
    ------
    UserFacingError
        If data, configuration or folder do not fit each other, or training cannot go on.
    """
    if config.select == "probe" and config.probe_task is None:
        raise UserFacingError("To select by a probe, probe_task must name the labels.")
    data = open_training_data(config.data, config.probe_task)
    check_rate(data.train.fs_hz, config.encoder.fs_hz)
    objective = new_objective(config)
    if objective.needs_physiology:
        data = with_physiology(data, config.data, objective.needs_median_beats)
    with world(allow_gpu) as here:
        run = RunFolder(run_path)
        record = run_record("pretrain", config, data.data_sha256)
        record["arithmetic"] = arithmetic(config.loop.precision, here.device)
        if (measured := data.train.physiology) is not None:
            record |= {"physiology_sha256": measured.sha256, "physiology": measured.record(data.train.rows)}
        before = partial(with_defaults, PretrainConfig)
        with run.owned(record, MUST_AGREE, places_of(config), here.is_first, before):
            return fit(_task(config, objective, data, here), config.loop, config.optimizer, run, here, on_step)


def _task(config: PretrainConfig, objective: Objective, data: TrainingData, here: World) -> Task:
    n_validations = 0

    def validate(average: Objective) -> dict[str, float]:
        nonlocal n_validations
        n_validations += 1
        loss = held_out_loss(average, data.select, config.loop.batch_size, here)
        figures = {"held_out_loss": loss, "minus_held_out_loss": -loss}
        if config.probe_task is not None and n_validations % config.probe_every == 0:
            figures["probe_auroc"] = probe_auroc(average.encoder, data)
        return figures

    return Task(objective, data.train, validate, _METRIC[config.select])


def probe_auroc(encoder: Encoder, data: TrainingData) -> float:
    """Return the macro AUROC of a linear probe on what selects."""
    windows = WindowConfig(window_s=data.train.n_samples / data.train.fs_hz)
    train, select = (embed(encoder, records, windows) for records in (data.train, data.select))
    _, area = best_linear_probe(train, data.train.known_labels, select, data.select.known_labels)
    return area


def check_rate(data_fs_hz: float, encoder_fs_hz: float) -> None:
    """Refuse an encoder that is meant for another rate.

    Raises
    ------
    UserFacingError
        If the rates differ.
    """
    if abs(data_fs_hz - encoder_fs_hz) > 1e-6:
        raise UserFacingError(
            f"The data set was prepared at {data_fs_hz:g} Hz and the encoder is meant for {encoder_fs_hz:g} Hz; "
            f"prepare it with --fs-hz {encoder_fs_hz:g} or choose another encoder."
        )


def pretrained_config(run_path: Path) -> PretrainConfig:
    """Return the configuration of a pretraining run.

    Raises
    ------
    UserFacingError
        If the folder is no pretraining run.
    """
    config, _ = recorded_config(PretrainConfig, RunFolder.existing(run_path), "pretrain")
    return config


def load_pretrained(run_path: Path) -> Encoder:
    """Return the encoder that a pretraining run kept.

    Raises
    ------
    UserFacingError
        If the folder is no pretraining run, or has kept nothing yet.
    """
    encoder = build_encoder(pretrained_config(run_path).encoder)
    path = RunFolder(run_path).best
    prefix = "encoder."
    tensors = {k.removeprefix(prefix): v for k, v in read_tensors(path).items() if k.startswith(prefix)}
    load_weights(encoder, tensors, path)
    return encoder
