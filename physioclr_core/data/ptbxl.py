"""PTB-XL at 100 Hz: samples, labels, patients and folds from the official tree."""

from __future__ import annotations

import ast
import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError
from physioclr_core.statements import statement_codes

FS_HZ = 100.0
N_LEADS = 12
N_SAMPLES = 1000
ADU_PER_MV = 1000.0


@dataclass(frozen=True, slots=True)
class PtbXl:
    """A part of PTB-XL in memory; row i of every array is the same record.

    Attributes
    ----------
    signal_adu : ndarray of int16, shape (n_records, 12, 1000)
        1000 ADU are 1 mV; leads in the standard order.
    labels : ndarray of bool, shape (n_records, 71)
        A statement is positive when its key is present in ``scp_codes``, whatever its likelihood (the rule of the
        published 71-statement benchmark, Strodthoff et al., IEEE JBHI 25(5), 2021).
    codes : tuple of str
        The column names of ``labels``.
    age_years : ndarray of float32
        NaN where unknown; 300 stands for over 89, as in the source.
    sex : ndarray of int8
        0 male, 1 female, -1 unknown.
    data_sha256 : str
        Hash of the database rows and samples that were loaded.
    """

    ecg_id: npt.NDArray[np.int64]
    patient_id: npt.NDArray[np.int64]
    fold: npt.NDArray[np.int64]
    age_years: npt.NDArray[np.float32]
    sex: npt.NDArray[np.int8]
    signal_adu: npt.NDArray[np.int16]
    labels: npt.NDArray[np.bool_]
    codes: tuple[str, ...]
    data_sha256: str

    def __len__(self) -> int:
        return len(self.ecg_id)

    def select(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> PtbXl:
        """Return the part that an index or a mask of rows selects."""
        return PtbXl(
            ecg_id=self.ecg_id[rows],
            patient_id=self.patient_id[rows],
            fold=self.fold[rows],
            age_years=self.age_years[rows],
            sex=self.sex[rows],
            signal_adu=self.signal_adu[rows],
            labels=self.labels[rows],
            codes=self.codes,
            data_sha256=self.data_sha256,
        )


def load_ptbxl(root: Path, folds: tuple[int, ...]) -> PtbXl:
    """Load folds of PTB-XL's 100 Hz tree.

    Parameters
    ----------
    root : Path
        Folder with ``ptbxl_database.csv`` and ``records100/``.
    folds : tuple of int
        Values of ``strat_fold``; a patient is in one fold only.

    Raises
    ------
    UserFacingError
        If the database or a record is missing, a record has another size than 12 x 1000 samples, or a statement is
        none of the 71.
    """
    database = root / "ptbxl_database.csv"
    if not database.is_file():
        raise UserFacingError(f"{root}: no ptbxl_database.csv there; this is not PTB-XL's folder.")
    digest = hashlib.sha256()
    with database.open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if int(row["strat_fold"]) in folds]
    codes = statement_codes()
    column = {code: index for index, code in enumerate(codes)}
    signal = np.empty((len(rows), N_LEADS, N_SAMPLES), np.int16)
    labels = np.zeros((len(rows), len(codes)), np.bool_)
    for index, row in enumerate(rows):
        path = root / (row["filename_lr"] + ".dat")
        try:
            samples = np.fromfile(path, "<i2")
        except OSError as error:
            raise UserFacingError(f"{path}: cannot be read ({error.strerror}).") from error
        if samples.size != N_LEADS * N_SAMPLES:
            raise UserFacingError(f"{path}: {samples.size} samples instead of 12 x 1000.")
        signal[index] = samples.reshape(N_SAMPLES, N_LEADS).T
        for code in ast.literal_eval(row["scp_codes"]):
            if code not in column:
                raise UserFacingError(f"{database}: {row['filename_lr']} has the statement {code}, none of the 71.")
            labels[index, column[code]] = True
        digest.update(f"{row['ecg_id']},{row['patient_id']},{row['strat_fold']},{row['scp_codes']}\n".encode())
    digest.update(signal.tobytes())
    return PtbXl(
        ecg_id=np.array([int(row["ecg_id"]) for row in rows]),
        patient_id=np.array([int(float(row["patient_id"])) for row in rows]),
        fold=np.array([int(row["strat_fold"]) for row in rows]),
        age_years=np.array([float(row["age"] or "nan") for row in rows], np.float32),
        sex=np.array([int(float(row["sex"])) if row["sex"] else -1 for row in rows], np.int8),
        signal_adu=signal,
        labels=labels,
        codes=codes,
        data_sha256=digest.hexdigest(),
    )
