"""Stratified, nested shares of the training patients, for training with few labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_N_BLOCKS = 100


def label_fraction_rows(
    labels: npt.NDArray[np.float32], patient: npt.NDArray[np.int64], fraction: float, seed: int
) -> npt.NDArray[np.int64]:
    """Return the rows of a share of the patients.

    Patients are dealt once a seed, by iterative stratification, to a hundred blocks; a share is the first blocks, so
    that 1 % lies within 10 % and 10 % within 100 %. Patients of whom no label is known are in no share.

    Parameters
    ----------
    labels : ndarray of float32, shape (n_records, n_labels)
        NaN is unknown and counts as not carried.
    patient : ndarray of int64, shape (n_records,)
    fraction : float
        Of the patients, > 0 and <= 1; rounded to hundredths, at least one hundredth.
    seed : int

    Returns
    -------
    ndarray of int64
        Sorted.
    """
    is_known = ~np.isnan(labels).all(axis=1)
    rows = np.flatnonzero(np.isin(patient, patient[is_known]))
    block = stratified_blocks(labels[rows], patient[rows], _N_BLOCKS, seed)
    return rows[block < max(1, round(_N_BLOCKS * fraction))]


def stratified_blocks(
    labels: npt.NDArray[np.float32], patient: npt.NDArray[np.int64], n_blocks: int, seed: int
) -> npt.NDArray[np.int64]:
    """Deal patients to blocks of equal size in which every label is as frequent as in all.

    Iterative stratification (Sechidis, Tsoumakas and Vlahavas, On the stratification of multi-label data, ECML PKDD
    2011): the rarest label that is left is dealt first, each of its patients to the block that lacks the label most, of
    equal ones to that with most room. One thing is added: the first patient of a label with fewer patients than blocks
    goes to the first block, so that the smallest share holds every label. Such labels are more frequent there than in
    all, the price of there being any, and many of them make the first block larger than others.

    Parameters
    ----------
    labels : ndarray of float32, shape (n_records, n_labels)
        A patient carries a label if any of their records is 1.
    patient : ndarray of int64, shape (n_records,)
    n_blocks : int
    seed : int
        Of the order of patients.

    Returns
    -------
    ndarray of int64, shape (n_records,)
        Block of each record.
    """
    numbers, of_record = np.unique(patient, return_inverse=True)
    n_patients = len(numbers)
    carries = np.zeros((n_patients, labels.shape[1]), np.bool_)
    np.logical_or.at(carries, of_record, labels == 1.0)
    total = carries.sum(axis=0)
    block = np.full(n_patients, -1, np.int64)
    rng = np.random.default_rng(seed)
    # Differences far below one patient order blocks of equal room at random.
    room = n_patients / n_blocks + 1e-6 * rng.permutation(n_blocks)
    lacking = np.repeat(total[None] / n_blocks, n_blocks, axis=0)
    waiting = rng.permutation(n_patients)
    while len(waiting):
        left = carries[waiting].sum(axis=0)
        if not left.any():
            break
        rarest = int(np.argmin(np.where(left > 0, left, n_patients + 1)))
        for person in waiting[carries[waiting, rarest]]:
            best = np.flatnonzero(lacking[:, rarest] >= lacking[:, rarest].max() - 1e-9)
            is_first = total[rarest] < n_blocks and best[0] == 0
            chosen = 0 if is_first else int(best[np.argmax(room[best])])
            block[person] = chosen
            lacking[chosen, carries[person]] -= 1.0
            room[chosen] -= 1.0
        waiting = waiting[block[waiting] < 0]
    for person in waiting:
        block[person] = np.argmax(room)
        room[block[person]] -= 1.0
    return block[of_record]
