"""Evaluation of a fine-tuned run, on the records that selected it or on other data sets."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physioclr_core.data.leak_audit import audit
from physioclr_core.data.open_all import open_all
from physioclr_core.data.prepared import PreparedDataset
from physioclr_core.data.tasks import task_labels
from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.calibration import Calibration, fit_calibration
from physioclr_core.evaluate.plots import write_plots
from physioclr_core.evaluate.predictions import evaluate_predictions
from physioclr_core.evaluate.report import Report
from physioclr_core.train.distributed import world
from physioclr_core.train.finetune import load_finetuned
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.predict import predict
from physioclr_core.train.predictions_file import KeptPredictions, read_predictions
from physioclr_core.train.pretrain import check_rate
from physioclr_core.train.records import Rows, TrainingRecords, open_training_data


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
    allow_gpu : bool
    notes : tuple of str
        What the reader must know of the records.
    """

    run: Path
    task: str
    part: str
    label_names: tuple[str, ...]
    records: TrainingRecords | None
    n_records: int
    allow_gpu: bool
    notes: tuple[str, ...] = ()

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
    rows, notes = _without_trained(dataset, config)
    records = TrainingRecords(
        dataset, rows, round(config.data.record_s * dataset.fs_hz), labels.values, tuple(config.data.leads)
    )
    part = " and ".join(folder.name for folder in prepared)
    return Evaluation(run, labels.name, part, names, records, len(rows), allow_gpu, notes)


def _without_trained(dataset: PreparedDataset, config: FinetuneConfig) -> tuple[Rows, tuple[str, ...]]:
    """Return the rows of records that the run has not learnt from, under any name, and what was left out."""
    rows = np.arange(len(dataset))
    trained = open_training_data(config.data, config.task)
    learnt = np.concatenate([trained.train.rows, trained.select.rows])
    found = audit({"learnt": (trained.train.dataset, learnt), "evaluated": (dataset, rows)})
    if found.is_clean:
        return rows, ()
    patients = {shared.patient_id for shared in found.patients}
    names = {pair.second_record for pair in found.pairs}
    record_id = dataset.index["record_id"].to_pylist()
    is_new = [
        name not in names and who not in patients for name, who in zip(record_id, dataset.patient_id, strict=True)
    ]
    kept = np.flatnonzero(is_new)
    note = (
        f"{len(rows) - len(kept)} of {len(rows)} records were left out: the run has learnt from them or their patients."
    )
    if not len(kept):
        raise UserFacingError(f"{dataset.folder}: the run has learnt from all of these records or their patients.")
    return kept, (note,)


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
        _calibration_of(evaluation.run) if evaluation.records is not None else None,
        evaluation.notes,
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


def _calibration_of(run: Path) -> Calibration:
    """Return temperatures and thresholds of the records that selected a run."""
    kept = read_predictions(run)
    return fit_calibration(kept.labels, kept.logits.astype(np.float64), (kept.labels == 1.0).sum(axis=0))


def predictions_of(evaluation: Evaluation) -> KeptPredictions:
    """Return the predictions that are evaluated."""
    if evaluation.records is None:
        return read_predictions(evaluation.run)
    classifier, config, _ = load_finetuned(evaluation.run)
    records = evaluation.records
    with world(evaluation.allow_gpu) as here:
        predictions = predict(classifier.to(here.device), records, config.windows)
    return KeptPredictions(predictions.logits, records.known_labels, records.patient, records.rows)
