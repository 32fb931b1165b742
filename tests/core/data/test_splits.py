"""Splits keep patients together and say so when somebody's do not."""

from __future__ import annotations

import numpy as np
import pytest

from physioclr_core.data.splits import check_patients, rows_by_fraction, rows_of_folds
from physioclr_core.errors import UserFacingError

PATIENTS = np.array([f"p{number % 40}" for number in range(100)])


def test_every_record_is_in_one_split_and_every_patient_too() -> None:
    rows = rows_by_fraction(PATIENTS, {"train": 0.7, "select": 0.2, "test": 0.1}, seed=1)
    assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(100))
    assert [len(set(PATIENTS[part])) for part in rows.values()] == [28, 8, 4]


def test_the_seed_decides_and_another_gives_another_split() -> None:
    first, again, other = (rows_by_fraction(PATIENTS, {"a": 0.5, "b": 0.5}, seed) for seed in (1, 1, 2))
    assert first["a"].tolist() == again["a"].tolist() != other["a"].tolist()


def test_a_patient_in_two_splits_is_named() -> None:
    with pytest.raises(UserFacingError, match=r"1 patients are in both train and test \(p3\)"):
        check_patients(PATIENTS, {"train": np.array([0, 3]), "test": np.array([43])})


def test_an_empty_split_is_refused() -> None:
    with pytest.raises(UserFacingError, match="No record is in fold 10"):
        rows_of_folds(np.array([1, 2]), [10])
    with pytest.raises(UserFacingError, match="split b has no record"):
        rows_by_fraction(PATIENTS[:2], {"a": 0.9, "b": 0.1}, 0)
    with pytest.raises(UserFacingError, match="add up to 1"):
        rows_by_fraction(PATIENTS, {"a": 0.9, "b": 0.2}, 0)
