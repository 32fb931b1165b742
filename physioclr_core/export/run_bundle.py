"""A fine-tuned run as a model bundle: ONNX network, manifest with calibration, card and report."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save
from torch import nn

from physioclr_core import __version__
from physioclr_core.data.segments import network_input
from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.calibration import Calibration, fit_calibration
from physioclr_core.evaluate.ood import PERCENTILE, fit_out_of_distribution
from physioclr_core.evaluate.predictions import evaluate_predictions
from physioclr_core.evaluate.report import Report
from physioclr_core.export.int8 import INT8_NAME, Int8Figures, compare_int8, write_int8
from physioclr_core.export.onnx_export import check_parity, export_onnx
from physioclr_core.export.run_card import run_card
from physioclr_core.files import sha256_of
from physioclr_core.infer.manifest import SCHEMA, InputSpec, LabelSpec, ModelManifest, fingerprint_of
from physioclr_core.infer.preprocess import CLIP, SCALE_MV
from physioclr_core.leads import LIMB_LEADS, STANDARD_LEADS
from physioclr_core.models.classifier import Classifier
from physioclr_core.models.lead_subset import LeadSubset
from physioclr_core.train.finetune import load_finetuned
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.predict import embed
from physioclr_core.train.predictions_file import read_predictions
from physioclr_core.train.pretrain import pretrained_config
from physioclr_core.train.records import TrainingData, TrainingRecords, open_training_data

ONNX_NAME = "model.onnx"
DISTANCE_NAME = "known.safetensors"
_N_PARITY = 64
_N_QUANTISE, _N_COMPARE = 256, 1000


def export_run(
    run: Path,
    out: Path,
    name: str,
    version: str,
    licence: str,
    n_resamples: int = 1000,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> ModelManifest:
    """Write a bundle; nothing replaces an existing one before everything has been made and checked.

    Calibration and thresholds that ship are fitted on all records that selected; their figures are cross-fitted.

    Parameters
    ----------
    run : Path
        A finished fine-tuning run; its data sets must be where they were.
    out : Path
        The bundle's folder.
    name, version, licence : str
    n_resamples : int
    on_stage : callable
        Called with what is being done.

    Raises
    ------
    UserFacingError
        If the run is not finished, its data have changed, or it takes the largest of several windows.
    ModelError
        If ONNX and torch differ by more than 1e-4.
    """
    classifier, config, record = load_finetuned(run)
    if config.windows.aggregate != "mean":
        raise UserFacingError(f"{run}: only runs whose windows are averaged can be exported.")
    kept = read_predictions(run)
    on_stage("opening the data")
    data = open_training_data(config.data, config.task)
    if data.data_sha256 != record["data_sha256"]:
        raise UserFacingError(f"{config.data.prepared[0]}: is not the data set that {run} was trained on.")
    network, spec = _network(classifier, config)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.absolute().parent) as aside_name:
        aside = Path(aside_name)
        path = aside / ONNX_NAME
        on_stage("writing the network")
        export_onnx(network, path, spec.window_samples, len(spec.leads))
        parity = check_parity(network, path, *_windows(data.select, spec, _N_PARITY))
        on_stage("quantising")
        in_8_bits = _in_8_bits(path, data, spec)
        on_stage("measuring")
        labels = tuple(record["labels"])
        report = evaluate_predictions(
            config.task, "the records that selected", labels, kept.labels, kept.logits, kept.patient, n_resamples
        )
        fit = fit_calibration(kept.labels, kept.logits.astype(np.float64), (kept.labels == 1.0).sum(axis=0))
        on_stage("embedding the training records")
        known = _distance_to_known(classifier, data, config, aside)
        digest = sha256_of(path)
        manifest = ModelManifest(
            schema=SCHEMA,
            name=name,
            version=version,
            description=f"{_encoder_kind(config)} on the task {config.task}",
            licence=licence,
            onnx_file=ONNX_NAME,
            onnx_sha256=digest,
            fingerprint=fingerprint_of(digest, spec),
            n_parameters=sum(parameter.numel() for parameter in classifier.parameters()),
            embedding_size=classifier.n_features,
            input=spec,
            labels=_label_specs(report, fit),
            training={**record, **_pretraining(config), **_data_sets(data), "exporter_version": __version__},
            metrics={**_metrics(report), "out_of_distribution": known, "int8": asdict(in_8_bits)},
            parity=asdict(parity),
        )
        manifest.write(aside)
        (aside / "model_card.md").write_text(run_card(manifest, report), encoding="utf-8", newline="\n")
        report.write(aside)
        out.mkdir(exist_ok=True)
        for made in sorted(aside.iterdir()):
            made.replace(out / made.name)
    return manifest


def _pretraining(config: FinetuneConfig) -> dict[str, Any]:
    """Return how the encoder was pretrained, for the card."""
    if config.pretrained is None:
        return {}
    of_encoder = pretrained_config(config.pretrained)
    told = {"n_epochs": of_encoder.loop.n_epochs, "objective": of_encoder.objective.model_dump(mode="json")}
    return {"pretraining": told}


def _data_sets(data: TrainingData) -> dict[str, Any]:
    """Return how many records of each data set were trained on, for the card."""
    names = data.train.dataset.index["dataset"].take(data.train.rows).to_pylist()
    return {"data_sets": dict(sorted(Counter(names).items()))}


def _network(classifier: Classifier, config: FinetuneConfig) -> tuple[nn.Module, InputSpec]:
    """Return the network as it takes its leads, and what it takes."""
    leads = tuple(lead for lead in STANDARD_LEADS if lead in config.data.leads)
    network: nn.Module = classifier
    if leads != STANDARD_LEADS:
        network = LeadSubset(classifier, [STANDARD_LEADS.index(lead) for lead in leads])
    fs_hz = config.encoder_or_default().fs_hz
    window = round(config.windows.window_s * fs_hz)
    spec = InputSpec(
        leads=leads,
        derivable_leads=tuple(lead for lead in LIMB_LEADS if lead in leads),
        fs_hz=fs_hz,
        window_samples=window,
        overlap=config.windows.overlap,
        min_samples=window // 2,
        centre="mean of each lead over the window",
        scale_mv=SCALE_MV,
        clip=CLIP,
        resampling="polyphase",
        filters="none",
    )
    return network.eval(), spec


def _in_8_bits(path: Path, data: TrainingData, spec: InputSpec) -> Int8Figures:
    """Write the network in 8 bits beside the exported one and compare the two on records that selected."""
    x, mask, _ = _some_windows(data.train, spec, _N_QUANTISE)
    out = path.with_name(INT8_NAME)
    write_int8(path, out, x, mask)
    x, mask, labels = _some_windows(data.select, spec, _N_COMPARE)
    return compare_int8(path, out, x, mask, labels)


def _some_windows(
    records: TrainingRecords, spec: InputSpec, n: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the first windows, their masks and the labels of records spread over all."""
    n = min(n, len(records))
    segments = records.segments(np.linspace(0, len(records) - 1, n).round().astype(np.int64))
    segments = segments.cut(np.zeros(n, np.int64), spec.window_samples)
    rows = [STANDARD_LEADS.index(lead) for lead in spec.leads]
    return network_input(segments.signal_mv[:, rows], segments.mask), segments.mask.astype(np.float32), segments.labels


def _windows(
    records: TrainingRecords, spec: InputSpec, n: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the first window of some records, every other one padded from between its half and its end."""
    segments = records.segments(np.arange(min(n, len(records))))
    segments = segments.cut(np.zeros(len(segments), np.int64), spec.window_samples)
    mask = segments.mask.copy()
    for place, end in enumerate(np.linspace(spec.min_samples, spec.window_samples, len(mask) // 2).astype(int)):
        mask[2 * place, end:] = False
    rows = [STANDARD_LEADS.index(lead) for lead in spec.leads]
    return network_input(segments.signal_mv[:, rows], mask), mask.astype(np.float32)


def _label_specs(report: Report, fit: Calibration) -> tuple[LabelSpec, ...]:
    return tuple(
        LabelSpec(
            code=label.label,
            temperature=round(float(fit.temperature[index]), 5),
            threshold=None if np.isnan(fit.threshold[index]) else round(float(fit.threshold[index]), 5),
            n_positive=label.n_positive,
            auroc=label.auroc.value,
            auroc_low=label.auroc.low,
            auroc_high=label.auroc.high,
        )
        for index, label in enumerate(report.labels)
    )


def _metrics(report: Report) -> dict[str, Any]:
    values = report.values()
    return {key: value for key, value in values.items() if key not in ("labels", "schema")}


def _distance_to_known(
    classifier: Classifier, data: TrainingData, config: FinetuneConfig, folder: Path
) -> dict[str, Any]:
    """Write how far embeddings lie from those of the training records; return the threshold, or why there is none."""
    train, select = (embed(classifier.encoder, records, config.windows) for records in (data.train, data.select))
    try:
        distance = fit_out_of_distribution(train, select)
    except UserFacingError as error:
        return {"file": None, "reason": str(error)}
    # The library's own writing to a file makes one that only its owner may read.
    (folder / DISTANCE_NAME).write_bytes(save(distance.tensors()))
    return {
        "file": DISTANCE_NAME,
        "sha256": sha256_of(folder / DISTANCE_NAME),
        "threshold": round(distance.threshold, 5),
        "percentile": PERCENTILE,
        "n_train": len(train),
        "n_held_out": len(select),
    }


def _encoder_kind(config: FinetuneConfig) -> str:
    return config.encoder_or_default().kind
