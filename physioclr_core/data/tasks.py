"""Label sets: which labels a task has and which of them each record carries.

``ptbxl-*`` are the six tasks of PTB-XL's benchmark (Strodthoff et al., IEEE JBHI 25(5), 2021): a statement is positive
where it is listed, whatever its likelihood; sub- and superclasses are positive where any of their diagnostic statements
is. As there, a record that carries none of a task's labels takes no part in that task: all its labels are unknown.

``cinc26`` are the merged classes of the CinC Challenge 2021. A class that a record's statements cannot express is
unknown for it: 6 of the 26 for PTB-XL's statements, and the T wave's abnormality where only its low amplitude or
inversion is listed. ``af``, ``avb`` and ``bigeminy`` are one label each, positive where any of their codes is carried:
``avb`` is AV block of any degree, as the second and third are too rare in every public set to be labels of their own.
``csv`` are the labels of the table that came with a folder.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from physioclr_core.data.prepared import PreparedDataset
from physioclr_core.errors import UserFacingError
from physioclr_core.ontology.cinc import cinc_classes
from physioclr_core.ontology.unified import UnifiedCodes, unified_codes
from physioclr_core.paths import assets_dir

Labels = npt.NDArray[np.float32]

ATRIAL_FIBRILLATION = ("164889003",)
# First, second (unspecified, Mobitz I and II) and third degree, and AV block without its degree.
AV_BLOCK = ("270492004", "195042002", "54016002", "426183003", "27885002", "233917008")
# Ventricular, atrial and supraventricular.
BIGEMINY = ("11157007", "251173003", "251168009")
_LABELS_NAMED = 8


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
        If there is no such task, no record of the data set carries any of its labels, or, where the task is one label,
        none is known not to.
    """
    if name not in TASKS:
        raise UserFacingError(f"There is no task {name}; there are {', '.join(TASKS)}.")
    task = TaskLabels(name, *TASKS[name](dataset))
    named = ", ".join(task.labels[:_LABELS_NAMED]) + (", ..." if len(task.labels) > _LABELS_NAMED else "")
    if not (task.values == 1.0).any():
        raise UserFacingError(
            f"{dataset.folder}: no record carries a label of the task {name} ({named}); {_labels_there(dataset)}."
        )
    if len(task.labels) == 1 and not (task.values == 0.0).any():
        raise UserFacingError(
            f"{dataset.folder}: every record whose label is known carries {named}, so the task {name} has nothing to "
            f"tell apart; {_labels_there(dataset)}."
        )
    return task


def check_task(task: TaskLabels, rows: Mapping[str, npt.NDArray[np.int64]]) -> dict[str, tuple[str, ...]]:
    """Refuse splits that a task cannot be learnt or judged on, and list the labels that cannot be assessed.

    Parameters
    ----------
    task : TaskLabels
    rows : mapping of str to ndarray
        Rows of each split, in ``task.values``.

    Returns
    -------
    dict of str to tuple of str
        For each split the labels that have not both a positive and a negative record there.

    Raises
    ------
    UserFacingError
        If no label has both in one of the splits; with a task of one label, if that one has not.
    """
    absent = {}
    for split, part in rows.items():
        values = task.values[part]
        is_positive, is_negative = (values == 1.0).any(axis=0), (values == 0.0).any(axis=0)
        has_both = is_positive & is_negative
        absent[split] = tuple(label for label, both in zip(task.labels, has_both, strict=True) if not both)
        if not has_both.any():
            missing = "positive" if not is_positive.any() else "negative"
            label = f" of the label {task.labels[0]}" if len(task.labels) == 1 else ""
            raise UserFacingError(
                f"The task {task.name} has no {missing} record{label} among the {len(part)} of the split {split}; "
                "a label can only be learnt where there are both."
            )
    return absent


def record_codes(dataset: PreparedDataset) -> list[UnifiedCodes]:
    """Return what is said of each record in one set of codes, without the labels of a table."""
    origins: list[str] = dataset.index["dataset"].to_pylist()
    columns = zip(dataset.texts("statements"), dataset.texts("snomed"), origins, strict=True)
    return [unified_codes(statements, snomed, (), origin) for statements, snomed, origin in columns]


def _statements_with(column: str | None) -> Callable[[PreparedDataset], tuple[tuple[str, ...], Labels]]:
    """Return a task of single SCP statements: those marked in a column of the table, or all."""

    def labels(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
        codes = [code for code, row in _statement_table().items() if column is None or row[column]]
        return _statement_labels(dataset, {code: (code,) for code in codes})

    return labels


def _groups_of(column: str) -> Callable[[PreparedDataset], tuple[tuple[str, ...], Labels]]:
    """Return a task of groups of diagnostic SCP statements, by a column of the table."""

    def labels(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
        members: dict[str, tuple[str, ...]] = {}
        for code, row in _statement_table().items():
            if row["diagnostic"]:
                members[row[column]] = (*members.get(row[column], ()), code)
        return _statement_labels(dataset, dict(sorted(members.items())))

    return labels


def _statement_labels(
    dataset: PreparedDataset, members: Mapping[str, tuple[str, ...]]
) -> tuple[tuple[str, ...], Labels]:
    columns: dict[str, list[int]] = {}
    for index, statements in enumerate(members.values()):
        for code in statements:
            columns.setdefault(code, []).append(index)
    values = np.zeros((len(dataset), len(members)), np.float32)
    for row, said in enumerate(record_codes(dataset)):
        for code in said.scp:
            values[row, columns.get(code, [])] = 1.0
    values[~values.any(axis=1)] = np.nan
    return tuple(members), values


def _cinc26(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
    return tuple(codes[0] for codes in cinc_classes()), _concept_labels(dataset, cinc_classes())


def _any_of(label: str, codes: tuple[str, ...]) -> Callable[[PreparedDataset], tuple[tuple[str, ...], Labels]]:
    return lambda dataset: ((label,), _concept_labels(dataset, (codes,)))


def _concept_labels(dataset: PreparedDataset, concepts: tuple[tuple[str, ...], ...]) -> Labels:
    """Return labels that are positive where any of their SNOMED CT codes holds, shape (n_records, n_concepts).

    Unknown where nothing is said of a record, and where what is said of it leaves all codes of a concept open.
    """
    values = np.zeros((len(dataset), len(concepts)), np.float32)
    for row, said in enumerate(record_codes(dataset)):
        carried = {*said.snomed}
        if not carried and not said.scp:
            values[row] = np.nan
            continue
        for column, codes in enumerate(concepts):
            if not carried.isdisjoint(codes):
                values[row, column] = 1.0
            elif said.undetermined.issuperset(codes):
                values[row, column] = np.nan
    _add_table(dataset, concepts, values)
    return values


def _add_table(dataset: PreparedDataset, concepts: tuple[tuple[str, ...], ...], values: Labels) -> None:
    """Fill in, where nothing else is known, what a table's columns say that are named by a code."""
    for name, known in zip(dataset.label_names, dataset.label_values.T, strict=True):
        meant = {*unified_codes(labels=(name,)).snomed}
        for column, codes in enumerate(concepts):
            if not meant.isdisjoint(codes):
                now = values[:, column]
                values[:, column] = np.where(np.isnan(now), known, np.fmax(now, known))


def _csv(dataset: PreparedDataset) -> tuple[tuple[str, ...], Labels]:
    """Return the labels that came with a folder's table; a cell that was empty there is unknown."""
    names = dataset.label_names
    if not names:
        raise UserFacingError(
            f"{dataset.folder}: the data set was prepared without a table of labels (`physioclr prepare --labels`); "
            f"{_labels_there(dataset)}."
        )
    return names, dataset.label_values


def _labels_there(dataset: PreparedDataset) -> str:
    """Say which labels a data set has, the most frequent first."""
    counts: Counter[str] = Counter()
    for column in ("statements", "snomed", "labels"):
        counts.update(code for codes in dataset.texts(column) for code in codes)
    if not counts:
        return "its records carry no label at all"
    named = ", ".join(f"{code} ({n})" for code, n in counts.most_common(_LABELS_NAMED))
    return f"its records carry {named}" + (
        f" and {len(counts) - _LABELS_NAMED} more" if len(counts) > _LABELS_NAMED else ""
    )


@cache
def _statement_table() -> dict[str, dict[str, str]]:
    with (assets_dir() / "statements" / "scp_statements.csv").open(newline="", encoding="utf-8") as lines:
        return {row[""]: row for row in csv.DictReader(lines)}


TASKS: dict[str, Callable[[PreparedDataset], tuple[tuple[str, ...], Labels]]] = {
    "ptbxl-all": _statements_with(None),
    "ptbxl-diagnostic": _statements_with("diagnostic"),
    "ptbxl-subclass": _groups_of("diagnostic_subclass"),
    "ptbxl-superclass": _groups_of("diagnostic_class"),
    "ptbxl-form": _statements_with("form"),
    "ptbxl-rhythm": _statements_with("rhythm"),
    "cinc26": _cinc26,
    "af": _any_of("atrial fibrillation", ATRIAL_FIBRILLATION),
    "avb": _any_of("AV block", AV_BLOCK),
    "bigeminy": _any_of("bigeminy", BIGEMINY),
    "csv": _csv,
}
