"""Evaluation of a fine-tuned run, on the records that selected it or on other data sets."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physioclr_core.data.open_all import open_all
from physioclr_core.data.tasks import task_labels
from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.plots import write_plots
from physioclr_core.evaluate.predictions import evaluate_predictions
from physioclr_core.evaluate.report import Report
from physioclr_core.train.distributed import world
from physioclr_core.train.finetune import load_finetuned
from physioclr_core.train.predict import predict
from physioclr_core.train.predictions_file import KeptPredictions, read_predictions
from physioclr_core.train.pretrain import check_rate
from physioclr_core.train.records import TrainingRecords


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What is to be evaluated.

    Attributes
    ----------
    run : Path
    task, part : str
        Names for the reader.
    label_names : tuple of str
    records : TrainingRecords or None
        None: the predictions that the run kept.
    n_records : int
    """

    run: Path
    task: str
    part: str
    label_names: tuple[str, ...]
    records: TrainingRecords | None
    n_records: int
    allow_gpu: bool

    @property
    def sentence(self) -> str:
        """For a person, before anything is done."""
        source = "whose predictions are kept" if self.records is None else "which the network will read"
        return f"{self.n_records} records of {self.part} {source}, {len(self.label_names)} labels of {self.task}."


def open_evaluation(run: Path, prepared: tuple[Path, ...], task: str | None, allow_gpu: bool = True) -> Evaluation:
    """Find out what is to be evaluated.

    Parameters
    ----------
    run : Path
        A finished fine-tuning run.
    prepared : tuple of Path
        Data sets, all of whose records are evaluated; none: the records that selected the run.
    task : str or None
        Of ``prepared``; by default the run's.
    allow_gpu : bool

    Raises
    ------
    UserFacingError
        If the run is none or not finished, or the data sets do not fit it.
    """
    _, config, record = load_finetuned(run)
    names = tuple(record["labels"])
    if not prepared:
        if task is not None:
            raise UserFacingError("--task goes with --prepared; the records that selected have the run's own task.")
        kept = read_predictions(run)
        return Evaluation(run, config.task, "the records that selected", names, None, len(kept.row), allow_gpu)
    dataset = open_all(prepared)
    check_rate(dataset.fs_hz, config.encoder_or_default().fs_hz)
    labels = task_labels(dataset, task or config.task)
    if labels.labels != names:
        raise UserFacingError(f"{prepared[0]}: the task {labels.name} has other labels than {run} has learnt.")
    if dataset.data_sha256 == record["data_sha256"]:
        raise UserFacingError(f"{prepared[0]}: the run was trained on this data set; leave --prepared out.")
    rows = np.arange(len(dataset))
    records = TrainingRecords(
        dataset, rows, round(config.data.record_s * dataset.fs_hz), labels.values, tuple(config.data.leads)
    )
    part = " and ".join(folder.name for folder in prepared)
    return Evaluation(run, labels.name, part, names, records, len(rows), allow_gpu)


def evaluate_run(evaluation: Evaluation, out: Path, n_resamples: int) -> Report:
    """Predict where needed, measure, and write JSON, Markdown, plots and predictions.

    Nothing in ``out`` is replaced before all of it has been made.
    """
    kept = predictions_of(evaluation)
    report = evaluate_predictions(
        evaluation.task,
        evaluation.part,
        evaluation.label_names,
        kept.labels,
        kept.logits,
        kept.patient,
        n_resamples,
    )
    with tempfile.TemporaryDirectory(dir=out.absolute().parent) as aside_name:
        aside = Path(aside_name)
        report.write(aside)
        kept.write(aside)
        write_plots(report, kept.labels, kept.logits, aside)
        out.mkdir(exist_ok=True)
        for path in sorted(aside.iterdir()):
            path.replace(out / path.name)
    return report


def predictions_of(evaluation: Evaluation) -> KeptPredictions:
    """Return the predictions that are evaluated."""
    if evaluation.records is None:
        return read_predictions(evaluation.run)
    classifier, config, _ = load_finetuned(evaluation.run)
    records = evaluation.records
    with world(evaluation.allow_gpu) as here:
        predictions = predict(classifier.to(here.device), records, config.windows)
    return KeptPredictions(predictions.logits, records.known_labels, records.patient, records.rows)
