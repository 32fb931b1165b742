"""MIMIC-IV-ECG's tree: ``record_list.csv`` and ``machine_measurements.csv`` beside ``files/``.

A record is ``files/p1000/p10000032/s40689238/40689238.hea`` with its ``.dat``: the first four figures of the patient's
number, the patient (``subject_id``), the study and the study's number again. Layout and columns are those of version
1.0 (Gow et al., PhysioNet 2023, doi 10.13026/4nqg-sb35).

- ``record_list.csv`` (subject_id, study_id, ..., path) says where each record is.
- ``machine_measurements.csv`` (subject_id, study_id, ..., report_0 to report_17) has the lines of the cart's own
  report, which are kept as texts. It may be missing; where ``record_list.csv`` is missing, it lists the records.
- Records that are listed but not there are counted and not prepared: often a part of the set is downloaded.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from physioclr_core.data.sources.source import UNKNOWN_FOLD, Source, SourceRecord
from physioclr_core.errors import UserFacingError

RECORD_LIST = "record_list.csv"
MEASUREMENTS = "machine_measurements.csv"
N_REPORT_LINES = 18
_REPORT = tuple(f"report_{line}" for line in range(N_REPORT_LINES))


def mimic_source(folder: Path) -> Source:
    """List the records of MIMIC-IV-ECG.

    Raises
    ------
    UserFacingError
        If neither table is there, one cannot be read or lacks a column, or none of its records is there.
    """
    record_list, measurements = folder / RECORD_LIST, folder / MEASUREMENTS
    tables = tuple(path for path in (record_list, measurements) if path.is_file())
    if not tables:
        raise UserFacingError(f"{folder}: neither {RECORD_LIST} nor {MEASUREMENTS} there; this is not MIMIC-IV-ECG's.")
    reports: dict[str, tuple[str, ...]] = {}
    patient_of: dict[str, str] = {}
    if measurements in tables:
        for row in _rows(measurements, ("subject_id", "study_id", _REPORT[0])):
            lines = (" ".join((row.get(column) or "").split()) for column in _REPORT)
            # The same few thousand lines make up all reports.
            reports[row["study_id"]] = tuple(sys.intern(line) for line in lines if line)
            patient_of[row["study_id"]] = row["subject_id"]
    if record_list in tables:
        rows = _rows(record_list, ("subject_id", "study_id", "path"))
        listed = ((row["subject_id"], row["study_id"], row["path"]) for row in rows)
    else:
        listed = ((patient, study, _path(patient, study)) for study, patient in patient_of.items())
    records: list[SourceRecord] = []
    n_absent = 0
    for patient, study, stem in listed:
        path = folder / stem
        if not path.with_name(f"{path.name}.hea").is_file():
            n_absent += 1
            continue
        records.append(
            SourceRecord(
                record_id=f"mimic:{study}",
                path=str(path),
                dataset="mimic",
                patient_id=f"mimic:{patient}",
                fold=UNKNOWN_FOLD,
                report=reports.get(study, ()),
            )
        )
    if not records:
        raise UserFacingError(f"{tables[0]}: none of the {n_absent} records that it lists is there.")
    remarks = (f"{n_absent} records that {tables[0].name} lists are not there.",) if n_absent else ()
    return Source("mimic", folder, tuple(records), tables, remarks=remarks)


def _rows(table: Path, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise UserFacingError(f"{table}: the column {missing[0]} is missing.")
            for row in reader:
                if not all(row[name] for name in needed[:2]):
                    raise UserFacingError(f"{table}: line {reader.line_num} has no subject_id or no study_id.")
                yield row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserFacingError(f"{table}: cannot be read ({error}).") from None


def _path(patient: str, study: str) -> str:
    return f"files/p{patient[:4]}/p{patient}/s{study}/{study}"
