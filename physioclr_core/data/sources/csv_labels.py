"""A table of labels beside a folder of records.

The file is UTF-8 text (with or without a byte order mark), its values separated by commas, its first row the names of
the columns. Each further row is one record; blank rows do not count.

Columns, in any order; the case of these names does not matter:

- ``record`` (needed): file name or path relative to the folder, with or without extension, "/" between folders. A
  file name alone is enough where no other record has it.
- ``patient``: any text; records of one patient have the same. Empty: the patient whom the file names, else unknown,
  which means that the record is its own patient.
- ``fold`` (a whole number from 0) or ``split`` (train, val or test; kept as the folds 1, 9 and 10, which are PTB-XL's
  own use of folds); one of the two. Empty: none. A patient is in one fold only.
- ``age`` in years ("56", "6 months", "> 89") and ``sex`` (male, female, m, f). Empty: as the file says.
- ``labels``: the labels that apply, separated by ";". Every label of the column is then known for the record: those
  that are not named do not apply. "-" means that none applies; empty means that nothing is known of the record.
- Every other column is a label: 1 it applies, 0 it does not, empty it is unknown. There is either the column
  ``labels`` or such columns, not both.

Rows that are equal count once. Records without a row have unknown labels.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from physioclr_core.data.sources.source import UNKNOWN_FOLD, named
from physioclr_core.errors import UserFacingError
from physioclr_core.readers.wfdb_comments import parse_age, parse_sex
from physioclr_core.record import Sex

FOLD_OF_SPLIT = {"train": 1, "training": 1, "val": 9, "valid": 9, "validation": 9, "test": 10}
NONE_APPLIES = "-"
_RESERVED = ("record", "patient", "fold", "split", "age", "sex", "labels")
_VALUES = {"": None, "0": False, "0.0": False, "1": True, "1.0": True}
_MAX_FOLD = 32767
_FOLD = re.compile(r"(\d{1,5})(\.0)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class LabelRow:
    """What the table says of one record; ``record`` as it stands there."""

    record: str
    patient: str
    fold: int
    age_years: float | None
    sex: Sex | None
    labels: tuple[str, ...]
    known_labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The table's labels in the order of its columns, and its rows with their lines."""

    names: tuple[str, ...]
    rows: tuple[tuple[int, LabelRow], ...]


def read_label_table(path: Path) -> LabelTable:
    """Read a table of labels.

    Raises
    ------
    UserFacingError
        If the file cannot be read or is not UTF-8, ``record`` or another column is missing or there twice, a value is
        not understood, a label applies to no record, or a patient is in two folds.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except UnicodeDecodeError:
        raise UserFacingError(f"{path}: is not UTF-8 text; save it as CSV UTF-8.") from None
    except (OSError, csv.Error) as error:
        cause = error.strerror if isinstance(error, OSError) else str(error)
        raise UserFacingError(f"{path}: cannot be read ({cause}).") from None
    lines = [(number, cells) for number, cells in lines if any(cells)]
    if not lines:
        raise UserFacingError(f"{path}: is empty.")
    columns = _columns(path, lines[0][1])
    label_columns = tuple(name for name in columns if name not in _RESERVED)
    cells_of: list[tuple[int, dict[str, str]]] = []
    for number, cells in lines[1:]:
        if len(cells) != len(columns):
            raise UserFacingError(f"{path}: line {number} has {len(cells)} values instead of {len(columns)}.")
        cells_of.append((number, dict(zip(columns, cells, strict=True))))
    if not cells_of:
        raise UserFacingError(f"{path}: has no row besides the names of its columns.")
    if "labels" in columns:
        names = tuple(sorted({label for _, cells in cells_of for label in _listed(cells["labels"])}))
    else:
        names = label_columns
    rows = tuple((number, _row(f"{path}: line {number}", cells, names)) for number, cells in cells_of)
    positive = {label for _, row in rows for label in row.labels}
    without = [name for name in names if name not in positive]
    if without:
        raise UserFacingError(f"{path}: no record has the label {named(without)}; leave the column out.")
    _check_folds(path, rows)
    return LabelTable(names, rows)


def _columns(path: Path, names: list[str]) -> list[str]:
    columns = [name.casefold() if name.casefold() in _RESERVED else name for name in names]
    if "record" not in columns:
        raise UserFacingError(f"{path}: the column record is missing; there are {named(columns, 8)}.")
    if "" in columns:
        raise UserFacingError(f"{path}: column {columns.index('') + 1} has no name.")
    twice = [name for name, n in Counter(columns).items() if n > 1]
    if twice:
        raise UserFacingError(f"{path}: the column {twice[0]} is there twice.")
    if {"fold", "split"} <= {*columns}:
        raise UserFacingError(f"{path}: has both a column fold and a column split; keep one.")
    others = [name for name in columns if name not in _RESERVED]
    if "labels" in columns and others:
        raise UserFacingError(f"{path}: has a column labels and the column {others[0]}; keep one of the two forms.")
    return columns


def _row(place: str, cells: dict[str, str], names: tuple[str, ...]) -> LabelRow:
    if not cells["record"]:
        raise UserFacingError(f"{place} names no record.")
    notes: list[str] = []
    age_years, _ = parse_age(cells.get("age", ""), notes)
    sex = parse_sex(cells.get("sex", ""), notes)
    if notes:
        raise UserFacingError(f"{place}: {notes[0]}")
    labels, known = _labels(place, cells, names)
    return LabelRow(cells["record"], cells.get("patient", ""), _fold(place, cells), age_years, sex, labels, known)


def _labels(place: str, cells: dict[str, str], names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if "labels" in cells:
        listed = _listed(cells["labels"])
        known = names if cells["labels"] else ()
        return tuple(name for name in names if name in listed), known
    values: dict[str, bool] = {}
    for name in names:
        if cells[name] not in _VALUES:
            raise UserFacingError(f"{place}: {name} is {cells[name]!r} instead of 0, 1 or empty (unknown).")
        value = _VALUES[cells[name]]
        if value is not None:
            values[name] = value
    return tuple(name for name, value in values.items() if value), tuple(values)


def _listed(text: str) -> set[str]:
    if text == NONE_APPLIES:
        return set()
    return {label.strip() for label in text.split(";")} - {""}


def _fold(place: str, cells: dict[str, str]) -> int:
    split = cells.get("split", "")
    if split:
        if split.casefold() not in FOLD_OF_SPLIT:
            raise UserFacingError(f"{place}: the split {split!r} is none of train, val and test.")
        return FOLD_OF_SPLIT[split.casefold()]
    text = cells.get("fold", "")
    if not text:
        return UNKNOWN_FOLD
    match = _FOLD.fullmatch(text)
    if match is None or int(match[1]) > _MAX_FOLD:
        raise UserFacingError(f"{place}: the fold {text!r} is no whole number from 0 to {_MAX_FOLD}.")
    return int(match[1])


def _check_folds(path: Path, rows: tuple[tuple[int, LabelRow], ...]) -> None:
    first: dict[str, tuple[int, int]] = {}
    for number, row in rows:
        if not row.patient or row.fold == UNKNOWN_FOLD:
            continue
        fold, line = first.setdefault(row.patient, (row.fold, number))
        if fold != row.fold:
            raise UserFacingError(
                f"{path}: the patient {row.patient} is in two splits (lines {line} and {number}); "
                "all records of a patient belong to one."
            )
