"""Tasks: the benchmark's label sets from real statements, unknown where nothing is said, refused where none can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from prepared_sets import prepared_set
from real_records import shipped_library, tiny_selection, write_ptbxl_tree

from physioclr_core.data.prepared import PreparedDataset
from physioclr_core.data.ptbxl import load_ptbxl
from physioclr_core.data.tasks import TASKS, TaskLabels, check_task, task_labels
from physioclr_core.errors import UserFacingError
from physioclr_core.statements import statements

SIZES = {
    "ptbxl-all": 71,
    "ptbxl-diagnostic": 44,
    "ptbxl-subclass": 23,
    "ptbxl-superclass": 5,
    "ptbxl-form": 19,
    "ptbxl-rhythm": 12,
}


def of_library(n: int = 2000) -> PreparedDataset:
    entries = shipped_library().entries[:n]
    rows = [{"statements": list(entry.statements), "dataset": "ptbxl"} for entry in entries]
    return prepared_set(rows, [np.zeros((12, 1), np.float32)] * len(rows))


def of_challenge(*snomed: str) -> PreparedDataset:
    return prepared_set([{"snomed": codes.split(), "dataset": "georgia"} for codes in snomed])


@pytest.mark.parametrize(("name", "n_labels"), SIZES.items())
def test_the_benchmarks_tasks_have_its_labels_and_leave_out_records_that_carry_none(name: str, n_labels: int) -> None:
    dataset = of_library()
    task = task_labels(dataset, name)
    assert len(task.labels) == len(set(task.labels)) == n_labels == task.values.shape[1]
    is_known = ~np.isnan(task.values)
    assert (is_known.all(axis=1) == is_known.any(axis=1)).all()
    assert ((task.values == 1.0).any(axis=1) == is_known.any(axis=1)).all()


def test_superclasses_are_positive_where_any_of_their_statements_is_listed() -> None:
    dataset = of_library(300)
    task = task_labels(dataset, "ptbxl-superclass")
    superclass = {statement.code: statement.superclass for statement in statements()}
    for carried, values in zip(dataset.texts("statements"), task.values, strict=True):
        expected = {superclass[code] for code in carried} - {None}
        assert {label for label, value in zip(task.labels, values, strict=True) if value == 1.0} == expected


def test_challenge_classes_are_the_same_from_codes_and_from_statements_and_unknown_where_statements_are_silent() -> (
    None
):
    dataset = prepared_set(
        [
            {"statements": ["NORM", "1AVB"], "dataset": "ptbxl"},
            {"snomed": ["426783006", "270492004"], "dataset": "ptbxl"},
            {"statements": ["SR", "LOWT"], "dataset": "ptbxl"},
            {"statements": ["Normal", "I-AVB"], "dataset": "cpsc2018"},
            {},
        ]
    )
    task = task_labels(dataset, "cinc26")
    by_code = dict(zip(task.labels, task.values.T, strict=True))
    np.testing.assert_array_equal(by_code["426783006"], [1, 1, 1, 1, np.nan])
    np.testing.assert_array_equal(by_code["270492004"], [1, 1, 0, 1, np.nan])
    np.testing.assert_array_equal(by_code["39732003"], [np.nan, 0, np.nan, 0, np.nan])
    np.testing.assert_array_equal(by_code["164934002"], [0, 0, np.nan, 0, np.nan])


@pytest.mark.parametrize(
    ("name", "statement", "codes"),
    [
        ("af", "AFIB", ["164889003"]),
        ("avb", "2AVB", ["270492004", "195042002", "27885002"]),
        ("bigeminy", "BIGU", ["11157007", "251173003"]),
    ],
)
def test_tasks_of_one_label_take_it_from_every_system(name: str, statement: str, codes: list[str]) -> None:
    rows = [{"statements": [statement], "dataset": "ptbxl"}, {"statements": ["SR", "TRIGU"], "dataset": "ptbxl"}]
    rows += [{"snomed": [code], "dataset": "georgia"} for code in codes]
    np.testing.assert_array_equal(task_labels(prepared_set(rows), name).values[:, 0], [1, 0, *[1] * len(codes)])


def test_a_tables_labels_are_taken_as_they_are_and_its_empty_cells_are_unknown() -> None:
    rows = [{"table": {"sick": 1, "AFIB": 0}}, {"table": {"AFIB": 1}}, {}]
    dataset = prepared_set(rows, label_names=["sick", "AFIB"])
    task = task_labels(dataset, "csv")
    assert task.labels == ("sick", "AFIB")
    np.testing.assert_array_equal(task.values, [[1, 0], [np.nan, 1], [np.nan, np.nan]])
    np.testing.assert_array_equal(task_labels(dataset, "af").values[:, 0], [0, 1, np.nan])


def test_a_task_without_a_record_of_its_label_is_refused_with_the_labels_there_are() -> None:
    dataset = of_challenge("426783006", "426783006 270492004")
    with pytest.raises(UserFacingError, match=r"atrial fibrillation.*426783006 \(2\), 270492004 \(1\)"):
        task_labels(dataset, "af")
    with pytest.raises(UserFacingError, match="ptbxl-form"):
        task_labels(dataset, "ptbxl-form")
    with pytest.raises(UserFacingError, match="without a table of labels"):
        task_labels(dataset, "csv")
    with pytest.raises(UserFacingError, match="There is no task age; there are ptbxl-all"):
        task_labels(dataset, "age")
    with pytest.raises(UserFacingError, match="nothing to tell apart"):
        task_labels(of_challenge("164889003"), "af")
    assert len(TASKS) == 11


def test_labels_that_a_split_cannot_judge_are_listed_and_a_single_one_is_refused() -> None:
    values = np.array([[1, 0], [0, 0], [1, 1], [0, np.nan]], np.float32)
    train, test = np.array([0, 1]), np.array([2, 3])
    assert check_task(TaskLabels("two", ("a", "b"), values), {"train": train}) == {"train": ("b",)}
    with pytest.raises(UserFacingError, match="no positive record of the label b among the 2 of the split train"):
        check_task(TaskLabels("one", ("b",), values[:, 1:]), {"train": train})
    with pytest.raises(UserFacingError, match="no negative record of the label b among the 2 of the split test"):
        check_task(TaskLabels("one", ("b",), values[:, 1:]), {"test": test})


def test_all_statements_are_those_of_the_other_loader(tmp_path: Path) -> None:
    entries = sorted(tiny_selection(), key=lambda entry: entry.ecg_id)
    loaded = load_ptbxl(write_ptbxl_tree(tmp_path / "tree", entries), tuple(range(1, 10)))
    chosen = [entry for entry in entries if entry.fold < 10]
    rows = [{"statements": list(entry.statements), "dataset": "ptbxl"} for entry in chosen]
    task = task_labels(prepared_set(rows), "ptbxl-all")
    assert task.labels == loaded.codes
    np.testing.assert_array_equal(task.values, loaded.labels)
