"""A plain folder of ECG files of any readable format, with or without a table of labels (``csv_labels``)."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path, PurePosixPath

from physioclr_core.data.sources.csv_labels import LabelRow, read_label_table
from physioclr_core.data.sources.source import UNKNOWN_FOLD, Source, SourceRecord, named
from physioclr_core.errors import UserFacingError
from physioclr_core.readers import FORMATS
from physioclr_core.readers.discover import find_records

_SUFFIXES = frozenset(suffix for record_format in FORMATS for suffix in record_format.suffixes)


def folder_source(folder: Path, label_table: Path | None = None) -> Source:
    """List the records of a folder and its subfolders.

    The folder's name is that of the data set. A record is called after its path in the folder without extension, with
    the extension where two records differ in nothing else.

    Parameters
    ----------
    folder : Path
    label_table : Path, optional
        CSV as in ``csv_labels``.

    Raises
    ------
    UserFacingError
        If there is no record, the table is wrong in itself, names a record that is not there or that may be two, or
        has two different rows of one record.
    """
    dataset = folder.resolve().name or "records"
    paths = [path for _, path in find_records(folder)]
    relative = [PurePosixPath(path.relative_to(folder).as_posix()) for path in paths]
    count = Counter(map(_stem, relative))
    names = [_stem(path) if count[_stem(path)] == 1 else str(path) for path in relative]
    records = [
        SourceRecord(f"{dataset}:{name}", str(path), dataset, "", UNKNOWN_FOLD)
        for name, path in zip(names, paths, strict=True)
    ]
    if label_table is None:
        return Source("folder", folder, tuple(records))
    table = read_label_table(label_table)
    row_of = _match(label_table, table.rows, relative)
    for number, row in row_of.items():
        records[number] = replace(
            records[number],
            patient_id=f"{dataset}:{row.patient}" if row.patient else "",
            fold=row.fold,
            labels=row.labels,
            known_labels=row.known_labels,
            age_years=row.age_years,
            sex=row.sex,
        )
    n_without = len(records) - len(row_of)
    remarks = (
        (f"{n_without} records have no row in {label_table.name}; their labels are unknown.",) if n_without else ()
    )
    return Source("folder", folder, tuple(records), (label_table,), table.names, remarks)


def _match(
    label_table: Path, rows: tuple[tuple[int, LabelRow], ...], relative: list[PurePosixPath]
) -> dict[int, LabelRow]:
    """Return the row of each record that has one, by the record's number."""
    by_name: dict[str, set[int]] = defaultdict(set)
    for number, path in enumerate(relative):
        for name in (str(path), _stem(path)):
            by_name[name].add(number)
    by_file: dict[str, set[int]] = defaultdict(set)
    for number, path in enumerate(relative):
        for name in (path.name, PurePosixPath(_stem(path)).name):
            by_file[name].add(number)
    found: dict[int, tuple[int, LabelRow]] = {}
    missing = []
    for line, row in rows:
        name = row.record.replace("\\", "/").removeprefix("./")
        # The other file of a record (x.dat of x.hea) means the record as well.
        names = (name, _stem(PurePosixPath(name)))
        numbers = next((hits for table in (by_name, by_file) for key in names if (hits := table.get(key))), None)
        if numbers is None:
            missing.append(f"{row.record} (line {line})")
            continue
        if len(numbers) > 1:
            places = named(str(relative[number]) for number in sorted(numbers))
            raise UserFacingError(f"{label_table}: line {line}: {row.record} may be {places}; give the path.")
        number = min(numbers)
        other_line, other = found.setdefault(number, (line, row))
        if replace(other, record="") != replace(row, record=""):
            raise UserFacingError(
                f"{label_table}: the record {row.record} has two different rows (lines {other_line} and {line})."
            )
    if missing:
        raise UserFacingError(f"{label_table}: not in the folder: the record {named(missing)}.")
    return {number: row for number, (_, row) in found.items()}


def _stem(path: PurePosixPath) -> str:
    return str(path.with_suffix("") if path.suffix.lower() in _SUFFIXES else path)
