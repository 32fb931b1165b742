"""Stratified, nested shares of the training patients, for training with few labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def label_fraction_rows(
    labels: npt.NDArray[np.float32], patient: npt.NDArray[np.int64], fraction: float, seed: int
) -> npt.NDArray[np.int64]:
    """Return the rows of a share of the patients.

    Patients are put into one order per seed, by iterative stratification (Sechidis et al., ECML 2011) into blocks of
    a hundredth each; a share is the first blocks, so that 1 % lies within 10 % and 10 % within 100 %.

    Parameters
    ----------
    labels : ndarray of float32, shape (n_records, n_labels)
        NaN counts as not carried.
    patient : ndarray of int64, shape (n_records,)
    fraction : float
        Of the patients, > 0 and <= 1; rounded to hundredths, at least one.
    seed : int

    Returns
    -------
    ndarray of int64
        Sorted.
    """
    block = stratified_blocks(labels, patient, 100, seed)
    return np.flatnonzero(block < max(1, round(100 * fraction)))


def stratified_blocks(
    labels: npt.NDArray[np.float32], patient: npt.NDArray[np.int64], n_blocks: int, seed: int
) -> npt.NDArray[np.int64]:
    """Deal patients to blocks of equal size in which every label is as frequent as in all.

    A label with fewer patients than blocks goes to the first blocks first, so that small shares hold every label as
    long as that is possible without making them unlike the whole in the other labels.

    Parameters
    ----------
    labels : ndarray of float32, shape (n_records, n_labels)
    patient : ndarray of int64, shape (n_records,)
    n_blocks : int
    seed : int

    Returns
    -------
    ndarray of int64, shape (n_records,)
        Block of each record.
    """
    rng = np.random.default_rng(seed)
    numbers, of_record = np.unique(patient, return_inverse=True)
    n_patients = len(numbers)
    carries = np.zeros((n_patients, labels.shape[1]), np.bool_)
    np.logical_or.at(carries, of_record, labels == 1.0)
    block = np.full(n_patients, -1, np.int64)
    room = np.full(n_blocks, n_patients / n_blocks)
    wanted = np.repeat(carries.sum(axis=0, keepdims=True) / n_blocks, n_blocks, axis=0)
    shuffled = rng.permutation(n_patients)
    while (block < 0).any():
        waiting = shuffled[block[shuffled] < 0]
        left = carries[waiting].sum(axis=0)
        if not left.any():
            # Patients without a label that is left fill what room there is.
            for person in waiting:
                block[person] = _most(room, room)
                room[block[person]] -= 1.0
            break
        rarest = int(np.argmin(np.where(left > 0, left, np.iinfo(np.int64).max)))
        for person in waiting[carries[waiting, rarest]]:
            chosen = _most(wanted[:, rarest], room)
            block[person] = chosen
            wanted[chosen, carries[person]] -= 1.0
            room[chosen] -= 1.0
    return block[of_record]


def _most(wanted: npt.NDArray[np.float64], room: npt.NDArray[np.float64]) -> int:
    """Return the block that wants most, of equals the one with most room, of those the first."""
    best = np.flatnonzero(wanted >= wanted.max() - 1e-9)
    return int(best[np.argmax(room[best])])
