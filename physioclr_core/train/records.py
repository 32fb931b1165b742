"""Training records: rows of prepared data sets with the labels of a task and the leads that a network is to see."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from physioclr_core.data.label_fractions import label_fraction_rows
from physioclr_core.data.open_all import open_all
from physioclr_core.data.prepared import PreparedDataset
from physioclr_core.data.segments import TEACHER_LOGITS, Segments
from physioclr_core.data.splits import check_patients, rows_by_fraction, rows_of_folds
from physioclr_core.data.tasks import TaskLabels, task_labels
from physioclr_core.errors import UserFacingError
from physioclr_core.train.data_config import DataConfig
from physioclr_core.train.physiology import RecordPhysiology, record_physiology, with_median_beats

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TrainingRecords:
    """Some records of a prepared data set, numbered from 0.

    Attributes
    ----------
    dataset : PreparedDataset
    rows : ndarray of int64, shape (n_records,)
        Their rows in the data set.
    n_samples : int
        Samples of a segment; shorter records are padded and masked.
    labels : ndarray of float32, shape (n_records of the data set, n_labels), or None
    leads : tuple of str
        Others are taken as not recorded.
    physiology : RecordPhysiology, optional
        What was measured of all records of the data set; goes with the segments.
    teacher_logits : ndarray of float32, shape (n_records of the data set, n_labels), optional
        What other networks say of the records, NaN where they say nothing; goes with the segments.
    """

    dataset: PreparedDataset
    rows: Rows
    n_samples: int
    labels: npt.NDArray[np.float32] | None
    leads: tuple[str, ...]
    physiology: RecordPhysiology | None = None
    teacher_logits: npt.NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def fs_hz(self) -> float:
        """Sampling rate."""
        return self.dataset.fs_hz

    @property
    def patient(self) -> Rows:
        """Number of each record's patient."""
        return self.dataset.patient[self.rows]

    @property
    def patient_ids(self) -> npt.NDArray[np.str_]:
        """Name of each record's patient."""
        return self.dataset.patient_id[self.rows]

    @property
    def record_ids(self) -> list[str]:
        """Name of each record."""
        names: list[str] = self.dataset.index["record_id"].take(self.rows).to_pylist()
        return names

    @property
    def known_labels(self) -> npt.NDArray[np.float32]:
        """Labels of these records, shape (n_records, n_labels); NaN is unknown."""
        if self.labels is None:
            return np.empty((len(self), 0), np.float32)
        return self.labels[self.rows]

    def segments(self, rows: Rows) -> Segments:
        """Return whole records by their number here."""
        segments = self.dataset.segments(self.rows[rows], self.n_samples, self.labels)
        if self.physiology is not None:
            segments = self.physiology.added_to(segments)
        if self.teacher_logits is not None:
            segments = replace(segments, side={**segments.side, TEACHER_LOGITS: self.teacher_logits[segments.row]})
        if self.leads == self.dataset.lead_names:
            return segments
        is_seen = np.isin(self.dataset.lead_names, self.leads)
        return replace(segments, signal_mv=segments.signal_mv * is_seen[:, None], has_lead=segments.has_lead & is_seen)


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What is trained on and what selects.

    Attributes
    ----------
    train, select : TrainingRecords
    task : TaskLabels or None
    data_sha256 : str
        Of the data sets' content.
    """

    train: TrainingRecords
    select: TrainingRecords
    task: TaskLabels | None
    data_sha256: str


def open_training_data(config: DataConfig, task: str | None = None) -> TrainingData:
    """Open data sets, split them by patient and look the labels up.

    Parameters
    ----------
    config : DataConfig
    task : str, optional
        Name of ``data.tasks``.

    Raises
    ------
    UserFacingError
        If a data set cannot be opened, a split is empty or shares a patient with the other, a lead is unknown, or the
        labels of the task do not fit.
    """
    dataset = open_all(config.prepared)
    unknown = [lead for lead in config.leads if lead not in dataset.lead_names]
    if unknown:
        raise UserFacingError(f"{config.prepared[0]}: there is no lead {unknown[0]} in the prepared data set.")
    train_rows, select_rows = _split(config, dataset)
    labels = task_labels(dataset, task) if task is not None else None
    if labels is not None and config.label_fraction < 1.0:
        chosen = label_fraction_rows(
            labels.values[train_rows], dataset.patient[train_rows], config.label_fraction, config.split_seed
        )
        train_rows = train_rows[chosen]
    n_samples = round(config.record_s * dataset.fs_hz)

    def part(rows: Rows) -> TrainingRecords:
        values = labels.values if labels is not None else None
        return TrainingRecords(dataset, rows, n_samples, values, tuple(config.leads))

    return TrainingData(part(train_rows), part(select_rows), labels, dataset.data_sha256)


def with_physiology(data: TrainingData, config: DataConfig, with_medians: bool = False) -> TrainingData:
    """Return training data whose segments come with beats and features, scaled by the records that are trained on.

    Parameters
    ----------
    data : TrainingData
    config : DataConfig
        The same data sets.
    with_medians : bool
        Add the components of their median beats.

    Raises
    ------
    UserFacingError
        If the data sets were not measured by this version, or nothing could be measured.
    """
    dataset = data.train.dataset
    measured = record_physiology(config.prepared, data.train.rows, len(dataset), dataset.fs_hz)
    if with_medians:
        measured = with_median_beats(measured, dataset, data.train.rows)
    return replace(
        data, train=replace(data.train, physiology=measured), select=replace(data.select, physiology=measured)
    )


def _split(config: DataConfig, dataset: PreparedDataset) -> tuple[Rows, Rows]:
    if config.split == "folds" and (dataset.fold < 0).all():
        raise UserFacingError(f"{config.prepared[0]}: the data set has no folds; set data.split=random.")
    if config.split == "folds":
        train, select = (rows_of_folds(dataset.fold, folds) for folds in (config.train_folds, config.select_folds))
    else:
        shares = {"train": 1.0 - config.select_fraction, "select": config.select_fraction}
        dealt = rows_by_fraction(dataset.patient_id, shares, config.split_seed)
        train, select = dealt["train"], dealt["select"]
    check_patients(dataset.patient_id, {"training": train, "selection": select})
    return train, select
