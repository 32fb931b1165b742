from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from real_records import real_signal_mv, tiny_selection, to_adu, write_ptbxl_tree

from physioclr_core.data.ptbxl import load_ptbxl
from physioclr_core.errors import UserFacingError
from physioclr_core.statements import statement_codes

FOLDS = tuple(range(1, 10))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ptbxl_tree(tmp_path_factory.mktemp("ptbxl"), tiny_selection(10))


@pytest.fixture
def changed(tree: Path, tmp_path: Path) -> Path:
    """A copy of the tree to change."""
    return Path(shutil.copytree(tree, tmp_path / "ptbxl"))


def test_samples_labels_and_people_are_those_of_the_tree(tree: Path) -> None:
    data = load_ptbxl(tree, FOLDS)
    entries = sorted(tiny_selection(10), key=lambda entry: entry.ecg_id)
    assert data.codes == statement_codes()
    assert data.signal_adu.shape == (len(entries), 12, 1000)
    for row, entry in enumerate(entries):
        assert (data.ecg_id[row], data.patient_id[row], data.fold[row]) == (
            entry.ecg_id,
            entry.patient_id,
            entry.fold,
        )
        np.testing.assert_array_equal(data.signal_adu[row], to_adu(real_signal_mv(entry.entry)))
        assert {c for c, y in zip(data.codes, data.labels[row], strict=True) if y} == set(entry.statements)
        assert data.sex[row] == {"male": 0, "female": 1, None: -1}[entry.sex]
        age = 300.0 if entry.over_89 else entry.age_years
        np.testing.assert_equal(data.age_years[row], np.nan if age is None else np.float32(age))


def test_only_the_folds_that_were_asked_for_are_read(changed: Path) -> None:
    part = load_ptbxl(changed, (2, 3))
    assert set(part.fold) == {2, 3}
    others = load_ptbxl(changed, (1, 4, 5, 6, 7, 8, 9))
    assert len(part) + len(others) == len(load_ptbxl(changed, FOLDS))
    # A record of another fold may be missing altogether.
    ecg_id = int(others.ecg_id[0])
    (changed / f"records100/{ecg_id // 1000 * 1000:05d}/{ecg_id:05d}_lr.dat").unlink()
    assert load_ptbxl(changed, (2, 3)).data_sha256 == part.data_sha256


def test_the_hash_follows_samples_labels_patients_and_folds(changed: Path) -> None:
    before = load_ptbxl(changed, FOLDS).data_sha256
    assert load_ptbxl(changed, FOLDS).data_sha256 == before
    database = changed / "ptbxl_database.csv"
    text = database.read_text()
    patient, fold = (text.splitlines()[1].split(",")[column] for column in (1, 4))
    for old, new in (
        ("'NORM'", "'SARRH'"),
        (f",{patient},", ",999999.0,"),
        (f",{fold},records", f",{10 - int(fold)},records"),
    ):
        assert old in text
        database.write_text(text.replace(old, new, 1))
        assert load_ptbxl(changed, FOLDS).data_sha256 != before
    database.write_text(text)
    assert load_ptbxl(changed, FOLDS).data_sha256 == before
    path = next(changed.rglob("*_lr.dat"))
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    assert load_ptbxl(changed, FOLDS).data_sha256 != before


def test_a_part_keeps_its_rows_together(tree: Path) -> None:
    data = load_ptbxl(tree, FOLDS)
    rows = np.array([5, 1, 8])
    part = data.select(rows)
    assert len(part) == 3
    np.testing.assert_array_equal(part.ecg_id, data.ecg_id[rows])
    np.testing.assert_array_equal(part.labels, data.labels[rows])
    np.testing.assert_array_equal(part.signal_adu, data.signal_adu[rows])
    np.testing.assert_array_equal(data.select(data.fold == 9).ecg_id, load_ptbxl(tree, (9,)).ecg_id)


def test_a_folder_without_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match=r"no ptbxl_database\.csv there"):
        load_ptbxl(tmp_path, FOLDS)


def test_a_missing_record_is_named(changed: Path) -> None:
    path = next(changed.rglob("*_lr.dat"))
    path.unlink()
    with pytest.raises(UserFacingError, match=path.name):
        load_ptbxl(changed, FOLDS)


def test_a_record_of_another_size_is_named(changed: Path) -> None:
    path = next(changed.rglob("*_lr.dat"))
    path.write_bytes(path.read_bytes()[:-24])
    with pytest.raises(UserFacingError, match=f"{path.name}: 11988 samples instead of 12 x 1000"):
        load_ptbxl(changed, FOLDS)


def test_a_statement_that_is_not_one_of_the_71_is_named(changed: Path) -> None:
    database = changed / "ptbxl_database.csv"
    database.write_text(database.read_text().replace("'NORM'", "'WHAT'", 1))
    with pytest.raises(UserFacingError, match="WHAT"):
        load_ptbxl(changed, FOLDS)
