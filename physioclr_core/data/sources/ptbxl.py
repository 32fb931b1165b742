"""PTB-XL's official tree: ``ptbxl_database.csv`` beside ``records100/`` or ``records500/``."""

from __future__ import annotations

import csv
from pathlib import Path

from physioclr_core.data.sources.source import Source, SourceRecord, own_patient
from physioclr_core.errors import UserFacingError

DATABASE = "ptbxl_database.csv"
_COLUMN = {100: "filename_lr", 500: "filename_hr"}


def ptbxl_source(folder: Path, fs_hz: float) -> Source:
    """List the records of PTB-XL.

    Parameters
    ----------
    folder : Path
    fs_hz : float
        The rate that is wanted: the 100 Hz records are read for rates up to 100 Hz, else those of 500 Hz; where only
        one of the two is there, that one.

    Raises
    ------
    UserFacingError
        If the table is missing, lacks a column, has no number for a fold, or names a record that is not there.
    """
    table = folder / DATABASE
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines))
    except FileNotFoundError:
        raise UserFacingError(f"{folder}: no {DATABASE} there; this is not PTB-XL's folder.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserFacingError(f"{table}: cannot be read ({error}).") from None
    has = {rate: (folder / f"records{rate}").is_dir() for rate in _COLUMN}
    rate = 100 if has[100] and (fs_hz <= 100 or not has[500]) else 500
    needed = ("ecg_id", "patient_id", "strat_fold", _COLUMN[rate])
    missing = [name for name in needed if rows and name not in rows[0]]
    if missing:
        raise UserFacingError(f"{table}: the column {missing[0]} is missing.")
    records = []
    for row in rows:
        stem = row[_COLUMN[rate]]
        if not (folder / f"{stem}.hea").is_file():
            raise UserFacingError(f"{table}: {stem} is listed but not there.")
        patient = row["patient_id"].strip().removesuffix(".0")
        record_id = f"ptbxl:{row['ecg_id'].strip()}"
        patient_id = f"ptbxl:{patient}" if patient else own_patient(record_id)
        try:
            fold = int(row["strat_fold"])
        except (TypeError, ValueError):
            raise UserFacingError(f"{table}: {stem} has the fold {row['strat_fold']!r}, which is no number.") from None
        records.append(SourceRecord(record_id, str(folder / stem), "ptbxl", patient_id, fold))
    return Source("ptbxl", folder, tuple(records), tables=(table,))
