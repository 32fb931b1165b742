"""Splits by patient, and the check that no patient is in two of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError

Rows = npt.NDArray[np.int64]
_PATIENTS_NAMED = 3


def rows_of_folds(fold: npt.NDArray[np.int64], wanted: Iterable[int]) -> Rows:
    """Return the rows whose fold is one of the wanted.

    Raises
    ------
    UserFacingError
        If there is none.
    """
    folds = tuple(wanted)
    rows = np.flatnonzero(np.isin(fold, folds))
    if not len(rows):
        raise UserFacingError(f"No record is in fold {', '.join(map(str, folds))}.")
    return rows


def rows_by_fraction(patient_id: npt.NDArray[np.str_], fractions: Mapping[str, float], seed: int) -> dict[str, Rows]:
    """Deal patients to splits at random, all records of one patient to one split.

    Parameters
    ----------
    patient_id : ndarray of str, shape (n_records,)
    fractions : mapping of str to float
        Share of the patients of each split; they add up to 1.
    seed : int

    Returns
    -------
    dict of str to ndarray of int64
        Rows of each split, sorted.

    Raises
    ------
    UserFacingError
        If the shares do not add up to 1 or a split is empty.
    """
    if abs(sum(fractions.values()) - 1.0) > 1e-6 or min(fractions.values()) <= 0.0:
        raise UserFacingError("The shares of the splits must be positive and add up to 1.")
    patients, number = np.unique(patient_id, return_inverse=True)
    order = np.random.default_rng(seed).permutation(len(patients))
    ends = np.round(np.cumsum(list(fractions.values())) * len(patients)).astype(np.int64)
    split_of_patient = np.empty(len(patients), np.int64)
    split_of_patient[order] = np.searchsorted(ends, np.arange(len(patients)), side="right")
    split = split_of_patient[number]
    rows = {name: np.flatnonzero(split == index) for index, name in enumerate(fractions)}
    check_patients(patient_id, rows)
    return rows


def check_patients(patient_id: npt.NDArray[np.str_], splits: Mapping[str, Rows]) -> None:
    """Refuse splits that share a patient, or an empty one.

    Raises
    ------
    UserFacingError
        Naming the splits and some of the patients.
    """
    patients = {name: set(patient_id[rows].tolist()) for name, rows in splits.items()}
    names = list(splits)
    for index, first in enumerate(names):
        if not patients[first]:
            raise UserFacingError(f"The split {first} has no record.")
        for second in names[index + 1 :]:
            shared = sorted(patients[first] & patients[second])
            if shared:
                named = ", ".join(shared[:_PATIENTS_NAMED])
                raise UserFacingError(
                    f"{len(shared)} patients are in both {first} and {second} ({named}); "
                    "all records of a patient belong to one split."
                )
