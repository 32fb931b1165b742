"""Leave one data set out: train on all but one, test on that one, over the labels that both sides can judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from physioclr_core.data.prepared import PreparedDataset
from physioclr_core.data.tasks import TaskLabels, task_labels
from physioclr_core.errors import UserFacingError


@dataclass(frozen=True, eq=False)
class DatasetPart:
    """A data set's records with their labels.

    Attributes
    ----------
    name : str
    dataset : PreparedDataset
    task : TaskLabels
        One row a record; the same labels in every part of a fold.
    """

    name: str
    dataset: PreparedDataset
    task: TaskLabels


@dataclass(frozen=True, eq=False)
class HeldOut:
    """One data set held out.

    Attributes
    ----------
    name : str
        Of the data set that is held out.
    labels : tuple of str
        Those with a positive and a negative record on both sides, in the task's order.
    train : tuple of DatasetPart
    test : DatasetPart
    """

    name: str
    labels: tuple[str, ...]
    train: tuple[DatasetPart, ...]
    test: DatasetPart


def leave_one_dataset_out(datasets: Mapping[str, PreparedDataset], task: str) -> Iterator[HeldOut]:
    """Hold each data set out in turn.

    Parameters
    ----------
    datasets : mapping of str to PreparedDataset
        At least two.
    task : str
        Name of ``data.tasks``.

    Yields
    ------
    HeldOut
        In the order given.

    Raises
    ------
    UserFacingError
        If there are fewer than two data sets, the task's labels differ between them or are in none of one's records, or
        a data set that is held out shares no label with the others.
    """
    if len(datasets) < 2:
        raise UserFacingError("Leaving one data set out needs at least two.")
    parts = [DatasetPart(name, dataset, task_labels(dataset, task)) for name, dataset in datasets.items()]
    for part in parts[1:]:
        if part.task.labels != parts[0].task.labels:
            raise UserFacingError(f"{part.name} has other labels in the task {task} than {parts[0].name}.")
    for test in parts:
        train = [part for part in parts if part is not test]
        is_common = _has_both(test) & _has_both(*train)
        if not is_common.any():
            raise UserFacingError(f"{test.name} shares no label of the task {task} with the other data sets.")
        yield HeldOut(
            name=test.name,
            labels=tuple(label for label, common in zip(test.task.labels, is_common, strict=True) if common),
            train=tuple(_with_labels(part, is_common) for part in train),
            test=_with_labels(test, is_common),
        )


def _has_both(*parts: DatasetPart) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    values = np.concatenate([part.task.values for part in parts])
    both: np.ndarray[tuple[int], np.dtype[np.bool_]] = (values == 1.0).any(axis=0) & (values == 0.0).any(axis=0)
    return both


def _with_labels(part: DatasetPart, chosen: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> DatasetPart:
    labels = tuple(np.array(part.task.labels)[chosen].tolist())
    return DatasetPart(part.name, part.dataset, TaskLabels(part.task.name, labels, part.task.values[:, chosen]))
