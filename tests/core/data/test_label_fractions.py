"""Label shares: nested, by patient, stratified, with every label in the smallest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from real_records import shipped_library

from physioclr_core.data.label_fractions import label_fraction_rows, stratified_blocks
from physioclr_core.statements import statement_codes

Labels = npt.NDArray[np.float32]


def real_labels() -> tuple[Labels, npt.NDArray[np.int64]]:
    """Return the statements of the library's records, two records a patient here and there."""
    entries = shipped_library().entries
    values = np.array([[code in entry.statements for code in statement_codes()] for entry in entries], np.float32)
    return values, np.arange(len(entries)) - np.arange(len(entries)) % 3 // 2


@pytest.mark.parametrize("seed", [0, 1])
def test_a_smaller_share_lies_within_a_larger_and_patients_are_whole(seed: int) -> None:
    labels, patient = real_labels()
    rows = [label_fraction_rows(labels, patient, fraction, seed) for fraction in (0.01, 0.1, 1.0)]
    assert set(rows[0]) < set(rows[1]) < set(rows[2]) == set(range(len(labels)))
    for part in rows:
        assert np.isin(patient, patient[part]).sum() == len(part)
    n_patients = len(np.unique(patient))
    # Nearly all of the library's statements are rarer than a hundredth, so the first block is larger than others.
    assert 0.01 * n_patients <= len(np.unique(patient[rows[0]])) <= 0.03 * n_patients
    assert abs(len(np.unique(patient[rows[1]])) - 0.1 * n_patients) <= 0.02 * n_patients


def test_every_label_is_in_a_tenth_and_frequent_ones_are_as_frequent_as_in_all() -> None:
    labels, patient = real_labels()
    total = labels.sum(axis=0)
    share = labels[label_fraction_rows(labels, patient, 0.1, 0)].sum(axis=0)
    assert (share[total > 0] > 0).all()
    is_frequent = total >= 400
    assert is_frequent.sum() >= 3
    np.testing.assert_allclose(share[is_frequent] / total[is_frequent], 0.1, atol=0.025)


def test_the_smallest_share_has_every_label_of_few_frequent_ones_too() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random((5000, 12)) < np.geomspace(0.002, 0.5, 12)).astype(np.float32)
    share = labels[label_fraction_rows(labels, np.arange(5000), 0.01, 3)]
    assert (share.sum(axis=0) > 0).all()


def test_the_seed_decides() -> None:
    labels, patient = real_labels()
    first, again, other = (label_fraction_rows(labels, patient, 0.1, seed).tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_patients_of_whom_nothing_is_known_are_in_no_share() -> None:
    labels = np.array([[1.0], [np.nan], [0.0], [np.nan]], np.float32)
    assert label_fraction_rows(labels, np.array([0, 0, 1, 2]), 1.0, 0).tolist() == [0, 1, 2]


def test_blocks_of_one_label_hold_equally_many() -> None:
    labels = np.repeat(np.array([[1.0], [0.0]], np.float32), 20, axis=0)
    block = stratified_blocks(labels, np.arange(40), 4, seed=0)
    assert np.bincount(block).tolist() == [10] * 4
    assert np.bincount(block[:20]).tolist() == [5] * 4
