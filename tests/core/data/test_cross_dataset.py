"""One data set held out: every one once, and only labels that both sides can judge."""

from __future__ import annotations

import numpy as np
import pytest
from prepared_sets import prepared_set

from physioclr_core.data.cross_dataset import leave_one_dataset_out
from physioclr_core.data.prepared import PreparedDataset
from physioclr_core.errors import UserFacingError

AF, SINUS, FIRST_AVB = "164889003", "426783006", "270492004"


def challenge_set(*snomed: str) -> PreparedDataset:
    return prepared_set([{"snomed": codes.split(), "dataset": "georgia"} for codes in snomed])


def test_every_data_set_is_held_out_once_over_the_labels_of_both_sides() -> None:
    datasets = {
        "first": challenge_set(AF, SINUS),
        "second": challenge_set(AF, f"{SINUS} {FIRST_AVB}", SINUS),
        "third": challenge_set(FIRST_AVB, SINUS),
    }
    folds = list(leave_one_dataset_out(datasets, "cinc26"))
    assert [fold.name for fold in folds] == ["first", "second", "third"]
    assert [set(fold.labels) for fold in folds] == [{AF, SINUS}, {AF, SINUS, FIRST_AVB}, {SINUS, FIRST_AVB}]
    for fold in folds:
        assert [part.name for part in fold.train] == [name for name in datasets if name != fold.name]
        for part in (fold.test, *fold.train):
            assert part.task.labels == fold.labels
            assert part.task.values.shape == (len(part.dataset), len(fold.labels))
    column = folds[0].labels.index(AF)
    np.testing.assert_array_equal(folds[0].test.task.values[:, column], [1, 0])


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(UserFacingError, match="at least two"):
        list(leave_one_dataset_out({"one": challenge_set(AF, SINUS)}, "af"))
    apart = {"first": challenge_set(AF, SINUS), "second": challenge_set(FIRST_AVB, "164934002")}
    with pytest.raises(UserFacingError, match="first shares no label"):
        list(leave_one_dataset_out(apart, "cinc26"))
    tables = {name: prepared_set([{"table": {name: 1}}, {"table": {name: 0}}], label_names=[name]) for name in "ab"}
    with pytest.raises(UserFacingError, match="b has other labels in the task csv than a"):
        list(leave_one_dataset_out(tables, "csv"))
