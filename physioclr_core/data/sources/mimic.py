"""MIMIC-IV-ECG's layout: ``record_list.csv`` beside ``files/pNNNN/pNNNNNNNN/sNNNNNNNN/NNNNNNNN.{hea,dat}``.

The sentences of the recorder's report in ``machine_measurements.csv`` become the records' labels, in lower case and
without the full stop: texts of a machine, not findings of a reader.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from physioclr_core.data.sources.source import Source, SourceRecord
from physioclr_core.errors import UserFacingError

RECORD_LIST, MEASUREMENTS = "record_list.csv", "machine_measurements.csv"
_NEEDED = ("subject_id", "study_id", "path")


def mimic_source(folder: Path) -> Source:
    """List the records of MIMIC-IV-ECG; ``subject_id`` is the patient.

    A record that the list names and the folder lacks is left out where the folder is a part of the whole, as downloads
    of a subset are.

    Raises
    ------
    UserFacingError
        If the list is missing or lacks a column, or none of its records is there.
    """
    table = folder / RECORD_LIST
    reports = {row["study_id"]: _sentences(row) for row in _rows(folder / MEASUREMENTS, ("study_id",), False)}
    records = []
    n_listed = 0
    for row in _rows(table, _NEEDED, True):
        n_listed += 1
        stem = folder / row["path"].strip()
        if not stem.with_name(stem.name + ".hea").is_file():
            continue
        study, subject = row["study_id"].strip(), row["subject_id"].strip()
        labels = reports.get(row["study_id"], ())
        records.append(SourceRecord(f"mimic:{study}", str(stem), "mimic", f"mimic:{subject}", -1, labels))
    if not records:
        raise UserFacingError(f"{table}: none of the {n_listed} records that it lists is there.")
    return Source("mimic", folder, tuple(records))


def _rows(table: Path, needed: tuple[str, ...], is_required: bool) -> Iterator[dict[str, str]]:
    if not is_required and not table.is_file():
        return
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise UserFacingError(f"{table}: the column {missing[0]} is missing.")
            yield from reader
    except FileNotFoundError:
        raise UserFacingError(f"{table.parent}: no {table.name} there; this is not MIMIC-IV-ECG's folder.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserFacingError(f"{table}: cannot be read ({error}).") from None


def _sentences(row: dict[str, str]) -> tuple[str, ...]:
    texts = (text.strip().rstrip(".").lower() for key, text in row.items() if key.startswith("report_") and text)
    return tuple(dict.fromkeys(text for text in texts if text))
