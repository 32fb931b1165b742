"""Label sets: which labels a task has and which of them each record carries."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from physioclr_core.data.prepared import PreparedDataset
from physioclr_core.errors import UserFacingError
from physioclr_core.ontology.cinc import cinc_classes, cinc_labels
from physioclr_core.ontology.cpsc import SNOMED_OF_TEXT_CODE
from physioclr_core.ontology.scp import is_expressible, snomed_of_record
from physioclr_core.paths import assets_dir

Labels = npt.NDArray[np.float32]

ATRIAL_FIBRILLATION = "164889003"
# First, second (type I, type II, unspecified, 2:1) and third degree, and AV block without its degree.
AV_BLOCK = ("270492004", "195042002", "54016002", "426183003", "27885002", "233917008")
BIGEMINY = ("11157007", "251173003")


@dataclass(frozen=True, slots=True)
class TaskLabels:
    """Labels of all records of a data set.

    Attributes
    ----------
    name : str
        Of the task.
    labels : tuple of str
        Codes in the order of the columns.
    values : ndarray of float32, shape (n_records, n_labels)
        1 where the record carries the label, 0 where it does not, NaN where that is unknown.
    """

    name: str
    labels: tuple[str, ...]
    values: Labels


def task_labels(dataset: PreparedDataset, name: str) -> TaskLabels:
    """Look a task's labels up.

    Parameters
    ----------
    dataset : PreparedDataset
    name : str
        One of ``TASKS``.

    Raises
    ------
    UserFacingError
        If there is no such task, or no record of the data set carries any of its labels.
    """
    if name not in TASKS:
        raise UserFacingError(f"There is no task {name}; there are {', '.join(TASKS)}.")
    labels, values = TASKS[name](dataset)
    if not len(values) or not np.nansum(values):
        raise UserFacingError(f"{dataset.folder}: no record carries a label of the task {name}.")
    return TaskLabels(name, labels, values)


def check_task(task: TaskLabels, rows: Mapping[str, npt.NDArray[np.int64]]) -> dict[str, tuple[str, ...]]:
    """Refuse splits that a task cannot be learnt or judged on.

    Parameters
    ----------
    task : TaskLabels
    rows : mapping of str to ndarray
        Rows of each split.

    Returns
    -------
    dict of str to tuple of str
        For each split the labels that have not both a positive and a negative record there.

    Raises
    ------
    UserFacingError
        If no label has both in one of the splits.
    """
    absent = {}
    for split, part in rows.items():
        values = task.values[part]
        has_both = (values == 1.0).any(axis=0) & (values == 0.0).any(axis=0)
        absent[split] = tuple(label for label, both in zip(task.labels, has_both, strict=True) if not both)
        if not has_both.any():
            missing = "positive" if not (values == 1.0).any() else "negative"
            raise UserFacingError(
                f"The task {task.name} has no {missing} record among the {len(part)} of the split {split}; "
                "a label can only be learnt where there are both."
            )
    return absent


def _ptbxl_all(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
    return _statement_labels(dataset, {code: (code,) for code in _statement_table()})


def _ptbxl_diagnostic(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
    return _statement_labels(dataset, {code: (code,) for code, row in _statement_table().items() if row["diagnostic"]})


def _ptbxl_form(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
    return _statement_labels(dataset, {code: (code,) for code, row in _statement_table().items() if row["form"]})


def _ptbxl_rhythm(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
    return _statement_labels(dataset, {code: (code,) for code, row in _statement_table().items() if row["rhythm"]})


def _ptbxl_subclass(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
    return _statement_labels(dataset, _members("diagnostic_subclass"))


def _ptbxl_superclass(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
    return _statement_labels(dataset, _members("diagnostic_class"))


def _cinc26(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
    values = np.stack([cinc_labels(codes) for codes in _snomed(dataset)]).astype(np.float32)
    # What no SCP statement can say is unknown where a record has statements and no codes of its own.
    is_unsaid = np.array([not any(map(is_expressible, codes)) for codes in cinc_classes()])
    pairs = zip(dataset.texts("snomed"), dataset.texts("statements"), strict=True)
    has_statements_only = np.array([not snomed and not _is_cpsc(scp) for snomed, scp in pairs])
    values[np.ix_(has_statements_only, is_unsaid)] = np.nan
    return tuple(codes[0] for codes in cinc_classes()), values


def _any_of(label: str, codes: tuple[str, ...]) -> Callable[[PreparedDataset], tuple[tuple[str, ...], Labels]]:
    def labels(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
        wanted = {*codes}
        values = [[float(bool(wanted & {*found}))] for found in _snomed(dataset)]
        return (label,), np.array(values, np.float32).reshape(-1, 1)

    return labels


def _csv(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
    """Return the labels that came with a folder's table; a cell that was empty there is unknown."""
    names = dataset.label_names
    if not names:
        raise UserFacingError(f"{dataset.folder}: the data set was prepared without a table of labels.")
    return names, dataset.label_values


def _statement_labels(
    dataset: PreparedDataset, members: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[str, ...], Labels]:
    """Return labels that a record carries when it carries any of their SCP statements, whatever the likelihood."""
    column_of: dict[str, list[int]] = {}
    for index, statements in enumerate(members.values()):
        for code in statements:
            column_of.setdefault(code, []).append(index)
    values = np.zeros((len(dataset), len(members)), np.float32)
    for row, statements in enumerate(dataset.texts("statements")):
        for code in statements:
            values[row, column_of.get(code, [])] = 1.0
    return tuple(members), values


def _members(column: str) -> dict[str, tuple[str, ...]]:
    members: dict[str, tuple[str, ...]] = {}
    for code, row in _statement_table().items():
        if row["diagnostic"]:
            members[row[column]] = (*members.get(row[column], ()), code)
    return dict(sorted(members.items()))


@cache
def _statement_table() -> dict[str, dict[str, str]]:
    with (assets_dir() / "statements" / "scp_statements.csv").open(newline="", encoding="utf-8") as lines:
        return {row[""]: row for row in csv.DictReader(lines)}


def _is_cpsc(texts: tuple[str, ...]) -> bool:
    return bool(texts) and all(text in SNOMED_OF_TEXT_CODE for text in texts)


def _snomed(dataset: PreparedDataset) -> list[tuple[str, ...]]:
    pairs = zip(dataset.texts("snomed"), dataset.texts("statements"), strict=True)
    return [snomed_of_record(codes, statements) for codes, statements in pairs]


TASKS: dict[str, Callable[[PreparedDataset], tuple[tuple[str, ...], Labels]]] = {
    "ptbxl-all": _ptbxl_all,
    "ptbxl-diagnostic": _ptbxl_diagnostic,
    "ptbxl-subclass": _ptbxl_subclass,
    "ptbxl-superclass": _ptbxl_superclass,
    "ptbxl-form": _ptbxl_form,
    "ptbxl-rhythm": _ptbxl_rhythm,
    "cinc26": _cinc26,
    "af": _any_of("atrial fibrillation", (ATRIAL_FIBRILLATION,)),
    "avb": _any_of("AV block", AV_BLOCK),
    "bigeminy": _any_of("bigeminy", BIGEMINY),
    "csv": _csv,
}
