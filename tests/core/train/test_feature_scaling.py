"""Fitting the scale of the features to PTB-XL's folds."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from physioclr_core.errors import UserFacingError
from physioclr_core.physiology.features.scaling import fit_scaling, load_scaling
from physioclr_core.physiology.features.schema import N_FEATURES
from physioclr_core.physiology.features.table import FeatureParts, FeatureRow, failed_row
from physioclr_core.train.feature_scaling import TRAIN_FOLDS, fit_to_ptbxl, folds_of

N_RECORDS = 260


def write_database(folder: Path, folds: dict[int, int]) -> Path:
    path = folder / "ptbxl_database.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["ecg_id", "patient_id", "strat_fold"])
        writer.writerows([ecg_id, float(ecg_id), fold] for ecg_id, fold in folds.items())
    return path


def write_table(path: Path, rows: list[FeatureRow]) -> Path:
    parts = FeatureParts(path, "code")
    parts.add(rows)
    parts.finish([(row.label, row.path) for row in rows])
    return path


@pytest.fixture(scope="module")
def rows() -> list[FeatureRow]:
    rng = np.random.default_rng(0)
    rows = []
    for ecg_id in range(1, N_RECORDS + 1):
        label = f"{ecg_id:05d}_lr"
        if ecg_id == 7:
            rows.append(failed_row(label, f"/x/{label}.hea", "cannot be read"))
            continue
        is_valid = rng.random(N_FEATURES) > 0.1
        values = np.where(is_valid, rng.normal(size=N_FEATURES), np.nan).astype(np.float32)
        rows.append(FeatureRow(label, f"/x/{label}.hea", 100.0, 10, None, False, values, is_valid))
    return rows


@pytest.fixture
def ptbxl(tmp_path: Path) -> Path:
    write_database(tmp_path, {ecg_id: 1 + ecg_id % 10 for ecg_id in range(1, N_RECORDS + 1)})
    return tmp_path


def test_only_measured_records_of_the_training_folds_are_fitted_to(rows: list[FeatureRow], ptbxl: Path) -> None:
    scaling = fit_to_ptbxl(write_table(ptbxl / "f.parquet", rows), ptbxl)
    used = [row for row in rows if 1 + int(row.label[:5]) % 10 in TRAIN_FOLDS and not row.failed]
    expected = fit_scaling(np.stack([row.values for row in used]), np.stack([row.is_valid for row in used]))
    assert scaling.n_records == len(used) < N_RECORDS
    assert scaling.fingerprint == expected.fingerprint


def test_features_of_other_folds_and_the_order_of_records_change_nothing(rows: list[FeatureRow], ptbxl: Path) -> None:
    expected = fit_to_ptbxl(write_table(ptbxl / "f.parquet", rows), ptbxl).fingerprint
    held_out = [row for row in rows if 1 + int(row.label[:5]) % 10 not in TRAIN_FOLDS]
    assert held_out
    changed = [
        FeatureRow(row.label, row.path, 100.0, 10, None, False, row.values * np.float32(3.0), row.is_valid)
        if row in held_out
        else row
        for row in rows
    ]
    assert fit_to_ptbxl(write_table(ptbxl / "f.parquet", changed[::-1]), ptbxl).fingerprint == expected


def test_folds_are_those_of_the_database_whatever_the_form_of_the_name(tmp_path: Path) -> None:
    database = write_database(tmp_path, {3: 9, 21837: 4})
    assert folds_of(["00003_lr", "a/b/00003_hr", "21837_hr"], database).tolist() == [9, 9, 4]


@pytest.mark.parametrize("label", ["00004_lr", "A0001", "3"])
def test_a_record_of_another_set_is_refused(tmp_path: Path, label: str) -> None:
    database = write_database(tmp_path, {3: 9})
    with pytest.raises(UserFacingError, match=label):
        folds_of([label], database)


def test_no_database_and_another_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="cannot be read"):
        folds_of([], tmp_path / "ptbxl_database.csv")
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(UserFacingError, match="not PTB-XL's"):
        folds_of([], other)


def test_the_command_writes_an_artefact_that_loads(rows: list[FeatureRow], ptbxl: Path) -> None:
    table = write_table(ptbxl / "f.parquet", rows)
    command = [sys.executable, "-m", "physioclr_core.train.feature_scaling", str(table), str(ptbxl)]
    done = subprocess.run([*command, str(ptbxl / "out")], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    scaling = load_scaling(ptbxl / "out")
    assert scaling.fingerprint[:8] in done.stdout
    failed = subprocess.run(
        [*command, str(ptbxl / "few"), "--folds", "3"], capture_output=True, text=True, timeout=60, check=False
    )
    assert failed.returncode == 2
    assert "too few" in failed.stderr
    assert not (ptbxl / "few").exists()
