"""A plain folder of ECG files of any readable format, with an optional table of labels.

The table is a CSV file in UTF-8 with a column ``record``: the file's name with or without extension, or its path below
the folder. Optional columns are ``patient`` (records of one patient share it), ``fold`` (a number) and ``labels``
(several separated by ";"). Every other column is one label: 1 carries it, 0 does not, an empty cell is unknown. With a
column ``labels``, a record carries those named there and no other; an empty cell there is no label. A record without a
row has all labels unknown.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from physioclr_core.data.sources.source import Source, SourceRecord
from physioclr_core.errors import UserFacingError
from physioclr_core.readers.discover import find_records

RECORD, PATIENT, FOLD, LABELS = "record", "patient", "fold", "labels"
_VALUES = {"1": True, "1.0": True, "0": False, "0.0": False, "": None}


@dataclass(frozen=True, slots=True)
class _Row:
    patient: str
    fold: int
    labels: tuple[str, ...]
    unknown: tuple[str, ...]


def folder_source(folder: Path, table: Path | None = None) -> Source:
    """List the records of a folder.

    Parameters
    ----------
    folder : Path
        Searched with its subfolders.
    table : Path, optional
        The labels.

    Raises
    ------
    UserFacingError
        If there is no record; or the table cannot be read, lacks ``record``, names a record that is not there or one
        twice, has a cell that is neither 1, 0 nor empty, has a label that no record carries, or puts a patient into
        two folds.
    """
    found = {path.relative_to(folder).with_suffix("").as_posix(): path for _, path in find_records(folder)}
    names, rows = _read(table, found) if table is not None else ((), {})
    records = []
    for name, path in found.items():
        record_id = f"folder:{name}"
        row = rows.get(name, _Row("", -1, (), names))
        patient = f"folder:{row.patient}" if row.patient else record_id
        records.append(SourceRecord(record_id, str(path), "folder", patient, row.fold, row.labels, row.unknown))
    return Source("folder", folder, tuple(records), names)


def _read(table: Path, found: dict[str, Path]) -> tuple[tuple[str, ...], dict[str, _Row]]:
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines, restkey="")
            lines_read = list(reader)
            columns = tuple(reader.fieldnames or ())
    except (OSError, csv.Error) as error:
        raise UserFacingError(f"{table}: cannot be read ({error}).") from None
    except UnicodeDecodeError:
        raise UserFacingError(f"{table}: is not UTF-8; save it as CSV UTF-8.") from None
    if RECORD not in columns:
        raise UserFacingError(f"{table}: the column {RECORD} is missing; it names each row's file.")
    label_columns = tuple(c for c in columns if c not in (RECORD, PATIENT, FOLD, LABELS))
    if LABELS in columns and label_columns:
        raise UserFacingError(
            f"{table}: has a column {LABELS} and the column {label_columns[0]}; give one or the other."
        )
    if LABELS not in columns and not label_columns:
        raise UserFacingError(f"{table}: has no column with labels.")
    place_of = _places(found)
    rows: dict[str, _Row] = {}
    listed: dict[str, None] = {}
    for number, line in enumerate(lines_read, start=2):
        where = f"{table}, line {number}"
        if "" in line or None in line.values():
            raise UserFacingError(f"{where}: has not as many cells as there are columns.")
        name = _found(line[RECORD].strip(), place_of, where)
        row = _row(line, label_columns, where)
        if name in rows:
            raise UserFacingError(f"{where}: {line[RECORD].strip()} has a row already.")
        rows[name] = row
        listed |= dict.fromkeys(row.labels)
    names = tuple(sorted(listed)) if LABELS in columns else label_columns
    never = [name for name in names if name not in listed]
    if never or not names:
        what = f"no record carries the label {never[0]}" if never else "no record carries a label"
        raise UserFacingError(f"{table}: {what}; there is nothing to learn it from.")
    fold_of: dict[str, int] = {}
    for row in rows.values():
        if row.patient and fold_of.setdefault(row.patient, row.fold) != row.fold:
            raise UserFacingError(f"{table}: patient {row.patient} is in two folds; all records of one belong to one.")
    return names, rows


def _places(found: dict[str, Path]) -> dict[str, list[str]]:
    """Return what each way to write a record means: path or name, with or without extension."""
    places: dict[str, list[str]] = {}
    for name, path in found.items():
        ways = {name, name + path.suffix, path.stem, path.name}
        for way in ways:
            places.setdefault(way, []).append(name)
    return places


def _found(written: str, place_of: dict[str, list[str]], where: str) -> str:
    places = place_of.get(written.replace("\\", "/").removeprefix("./"), [])
    if not places:
        raise UserFacingError(f"{where}: there is no record {written or 'without a name'} in the folder.")
    if len(places) > 1:
        raise UserFacingError(f"{where}: {written} means {len(places)} records; give its path below the folder.")
    return places[0]


def _row(line: dict[str, str], label_columns: tuple[str, ...], where: str) -> _Row:
    patient, fold = line.get(PATIENT, "").strip(), line.get(FOLD, "").strip()
    try:
        number = int(float(fold)) if fold else -1
    except ValueError:
        raise UserFacingError(f"{where}: the fold {fold} is no number.") from None
    if LABELS in line:
        labels = dict.fromkeys(part.strip() for part in line[LABELS].split(";") if part.strip())
        return _Row(patient, number, tuple(labels), ())
    values: dict[str, bool | None] = {}
    for column in label_columns:
        cell = line[column].strip()
        if cell not in _VALUES:
            raise UserFacingError(f"{where}: {column} is {cell}; a label is 1, 0 or empty for unknown.")
        values[column] = _VALUES[cell]
    carried = tuple(name for name, value in values.items() if value)
    return _Row(patient, number, carried, tuple(name for name, value in values.items() if value is None))
