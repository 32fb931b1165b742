"""What a frozen encoder knows: linear probe, nearest neighbours, probes of order, and data sets held out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.data.cross_dataset import leave_one_dataset_out
from physioclr_core.data.open_all import open_all
from physioclr_core.data.segments import Segments
from physioclr_core.data.tasks import task_labels
from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.auroc import macro_auroc
from physioclr_core.evaluate.binomial import exact_interval
from physioclr_core.evaluate.bootstrap import N_RESAMPLES, Interval, interval, macro, patient_weights, weighted_auroc
from physioclr_core.evaluate.calibration import best_f1_threshold, sigmoid
from physioclr_core.evaluate.knn import best_knn
from physioclr_core.evaluate.linear_probe import best_linear_probe, linear_probes
from physioclr_core.evaluate.report import text_of
from physioclr_core.files import replaced
from physioclr_core.models.encoder import Encoder
from physioclr_core.train.data_config import DataConfig
from physioclr_core.train.finetune import load_finetuned
from physioclr_core.train.finetune_config import WindowConfig
from physioclr_core.train.predict import embed
from physioclr_core.train.pretrain import check_rate, load_pretrained, pretrained_config
from physioclr_core.train.records import TrainingRecords, open_training_data
from physioclr_core.train.run_folder import CONFIG, RunFolder, read_json

FloatArray = npt.NDArray[np.float32]

# Tasks that the order of beats decides, besides their form.
ORDER_TASKS = ("af", "avb", "bigeminy")
# Pieces that are dealt anew in the control: beats stay whole in most, their order does not.
PIECE_S = 1.0
SEED = 0
# Where no record may choose.
_PENALTY = 1e-2


@dataclass(frozen=True, slots=True)
class ProbeFigure:
    """One probe.

    Attributes
    ----------
    name : str
    auroc : Interval
        Macro over labels with positive and negative records; 95 % over patients.
    n : int
        Records that were judged.
    n_positive : int
        Positives of all labels.
    n_labels : int
    chosen : str
        What the records that select chose: penalty or number of neighbours.
    n_found, found_low, found_high
        Positives over the thresholds of the training records with the exact interval of their share, where there are
        few records; else None.
    """

    name: str
    auroc: Interval
    n: int
    n_positive: int
    n_labels: int
    chosen: str
    n_found: int | None = None
    found_low: float | None = None
    found_high: float | None = None


@dataclass(frozen=True, eq=False)
class FrozenEncoder:
    """An encoder of a run with what it was trained on."""

    encoder: Encoder
    data: DataConfig
    fs_hz: float
    windows: WindowConfig


def open_frozen(run: Path) -> FrozenEncoder:
    """Return the encoder of a pretraining or a fine-tuning run.

    Raises
    ------
    UserFacingError
        If the folder holds neither.
    """
    if read_json(RunFolder.existing(run).path / CONFIG).get("kind") == "pretrain":
        config = pretrained_config(run)
        windows = WindowConfig(window_s=config.data.record_s)
        return FrozenEncoder(load_pretrained(run), config.data, config.encoder.fs_hz, windows)
    classifier, tuned, _ = load_finetuned(run)
    return FrozenEncoder(classifier.encoder, tuned.data, tuned.encoder_or_default().fs_hz, tuned.windows)


def probe_run(
    run: Path,
    task: str,
    prepared: tuple[Path, ...] = (),
    n_resamples: int = N_RESAMPLES,
    on_probe: Callable[[str], None] = lambda name: None,
) -> tuple[ProbeFigure, ...]:
    """Judge a run's frozen encoder by a linear probe, nearest neighbours and the probes of order.

    A probe of order is made twice: on the records, and on records whose one-second pieces were dealt anew, for training
    and judging alike. What is lost in the second is what the embedding knows of order.

    Parameters
    ----------
    run : Path
        A pretraining or fine-tuning run.
    task : str
        Of the linear probe and the neighbours.
    prepared : tuple of Path
        Data sets; by default those that the run was trained on, with its split.
    n_resamples : int
    on_probe : callable
        Called with each probe's name before it.
    """
    frozen = open_frozen(run)
    config = frozen.data.model_copy(update={"prepared": prepared}) if prepared else frozen.data
    data = open_training_data(config, task)
    check_rate(data.train.fs_hz, frozen.fs_hz)
    on_probe("embedding")
    train, select = (embed(frozen.encoder, records, frozen.windows) for records in (data.train, data.select))
    known, judged, patient = data.train.known_labels, data.select.known_labels, data.select.patient
    on_probe("linear probe and neighbours")
    linear, _ = best_linear_probe(train, known, select, judged)
    k, _, scores = best_knn(train, known, select, judged)
    figures = [
        _figure(f"{task}, linear", judged, linear.logits(select), patient, f"penalty {linear.penalty:g}", n_resamples),
        _figure(f"{task}, nearest neighbours", judged, scores, patient, f"k = {k}", n_resamples),
    ]
    on_probe("embedding with pieces dealt anew")
    dealt_train, dealt_select = (
        embed(frozen.encoder, DealtRecords.of(records), frozen.windows) for records in (data.train, data.select)
    )
    for name in ORDER_TASKS:
        values = _labels_or_none(data.train, name)
        if values is None:
            continue
        on_probe(name)
        trained, tested = values[data.train.rows], values[data.select.rows]
        if not (_has_both(trained) and _has_both(tested)):
            continue
        for what, first, second in (("in order", train, select), ("pieces dealt anew", dealt_train, dealt_select)):
            probe, _ = best_linear_probe(first, trained, second, tested)
            chosen = f"penalty {probe.penalty:g}"
            figures.append(_figure(f"{name}, {what}", tested, probe.logits(second), patient, chosen, n_resamples))
    return tuple(figures)


def leave_one_out(
    run: Path, sets: Mapping[str, Path], task: str, n_resamples: int = N_RESAMPLES
) -> tuple[ProbeFigure, ...]:
    """Hold each data set out in turn: a linear probe is fitted on the others and judged on it.

    The penalty is fixed: no record of the set that is held out may choose it. Sets are often
    small; the positives found are given with their exact interval, at the thresholds with the highest F1 in training.

    Parameters
    ----------
    run : Path
    sets : mapping of str to Path
        Prepared data sets by name.
    task : str
    n_resamples : int
    """
    frozen = open_frozen(run)
    datasets = {name: open_all((path,)) for name, path in sets.items()}
    embeddings: dict[str, FloatArray] = {}
    for name, dataset in datasets.items():
        check_rate(dataset.fs_hz, frozen.fs_hz)
        n_samples = round(frozen.data.record_s * dataset.fs_hz)
        rows = np.arange(len(dataset))
        records = TrainingRecords(dataset, rows, n_samples, None, tuple(frozen.data.leads))
        embeddings[name] = embed(frozen.encoder, records, frozen.windows)
    figures = []
    for held in leave_one_dataset_out(datasets, task):
        train = np.concatenate([embeddings[part.name] for part in held.train])
        known = np.concatenate([part.task.values for part in held.train])
        judged, test = held.test.task.values, embeddings[held.name]
        probe = next(linear_probes(train, known, (_PENALTY,)))
        logits, own = probe.logits(test), probe.logits(train)
        figure = _figure(
            f"{task}, {held.name} held out",
            judged,
            logits,
            held.test.dataset.patient,
            f"penalty {_PENALTY:g}",
            n_resamples,
        )
        n_found = 0
        for index in range(judged.shape[1]):
            is_known = np.isfinite(known[:, index])
            threshold = best_f1_threshold(known[is_known, index] == 1.0, sigmoid(own[is_known, index]))
            n_found += int(((judged[:, index] == 1.0) & (sigmoid(logits[:, index]) >= threshold)).sum())
        low, high = exact_interval(n_found, figure.n_positive)
        figures.append(replace(figure, n_found=n_found, found_low=low, found_high=high))
    return tuple(figures)


@dataclass(frozen=True, eq=False)
class DealtRecords(TrainingRecords):
    """Records whose pieces of one second are in another order, the same one every time."""

    @classmethod
    def of(cls, records: TrainingRecords) -> DealtRecords:
        """Return the same records, dealt."""
        return cls(records.dataset, records.rows, records.n_samples, records.labels, records.leads)

    def segments(self, rows: npt.NDArray[np.int64]) -> Segments:
        """Return whole records by their number, their pieces dealt anew; what does not fill a piece stays last."""
        segments = super().segments(rows)
        piece = round(PIECE_S * segments.fs_hz)
        n_pieces = self.n_samples // piece
        index = np.tile(np.arange(self.n_samples), (len(rows), 1))
        for place, row in enumerate(self.rows[rows]):
            order = np.random.default_rng((SEED, int(row))).permutation(n_pieces)
            index[place, : n_pieces * piece] = (order[:, None] * piece + np.arange(piece)).ravel()
        signal_mv = np.take_along_axis(segments.signal_mv, index[:, None, :], axis=2)
        return replace(segments, signal_mv=signal_mv, mask=np.take_along_axis(segments.mask, index, axis=1))


def write_probes(figures: Sequence[ProbeFigure], title: str, folder: Path) -> str:
    """Write ``probes.json`` and ``probes.md``; return the Markdown."""
    lines = [f"# {title}", "", "| probe | macro AUROC (95 %) | records | positives | labels | chosen | found |"]
    lines.append("|---|---|---|---|---|---|---|")
    for figure in figures:
        found = "-"
        if figure.n_found is not None:
            found = f"{figure.n_found} of {figure.n_positive} ({figure.found_low:.2f}-{figure.found_high:.2f})"
        cells = [figure.name, text_of(figure.auroc), str(figure.n), str(figure.n_positive), str(figure.n_labels)]
        lines.append("| " + " | ".join([*cells, figure.chosen, found]) + " |")
    text = "\n".join([*lines, ""])
    values: dict[str, Any] = {"title": title, "probes": [asdict(figure) for figure in figures]}
    folder.mkdir(exist_ok=True)
    for name, content in (("probes.json", json.dumps(values, indent=1) + "\n"), ("probes.md", text)):
        with replaced(folder / name) as file:
            file.write(content.encode())
    return text


def _figure(
    name: str,
    labels: npt.NDArray[np.floating],
    scores: npt.NDArray[np.floating],
    patient: npt.NDArray[np.int64],
    chosen: str,
    n_resamples: int,
) -> ProbeFigure:
    areas = macro(weighted_auroc(labels, scores, patient_weights(patient, n_resamples, SEED)))
    has_both = (labels == 1.0).any(axis=0) & (labels == 0.0).any(axis=0)
    return ProbeFigure(
        name=name,
        auroc=interval(macro_auroc(labels, scores), areas),
        n=int(np.isfinite(labels).any(axis=1).sum()),
        n_positive=int((labels == 1.0).sum()),
        n_labels=int(has_both.sum()),
        chosen=chosen,
    )


def _labels_or_none(records: TrainingRecords, task: str) -> FloatArray | None:
    try:
        return task_labels(records.dataset, task).values
    except UserFacingError:
        return None  # a data set without a single such record


def _has_both(values: FloatArray) -> bool:
    return bool((values == 1.0).any() and (values == 0.0).any())
