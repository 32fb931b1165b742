"""CSV, TSV and other text tables: what separates, where the numbers begin, and what is written above them."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physioclr_core.errors import RecordError
from physioclr_core.readers.files import file_size, first_bytes, read_bytes
from physioclr_core.readers.stored_samples import Float64Array
from physioclr_core.readers.table_heads import is_unit
from physioclr_core.readers.table_options import TableOptions
from physioclr_core.readers.wfdb_header import decode_text

MAX_TEXT_BYTES = 256 * 2**20
_MAX_HEAD_LINES = 200
_MAX_HEAD_CELLS = 20_000
_PREVIEW_ROWS = 8
_MAX_NUMBER = 40
_COMMENT = ("#", "%")
_MISSING = ("", "nan", "na", "n/a", "null")
# Separator and whether the comma is a decimal one. The first that makes the most numbers of a line is taken.
_DIALECTS = (("\t", False), (";", False), (",", False), (" ", False), ("\t", True), (";", True), (" ", True))
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?|[-+]?inf")


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """Numbers as they stand in a file.

    Attributes
    ----------
    values : ndarray of float64, shape (n_rows, n_columns)
        NaN where a cell is empty.
    heads : tuple of str
        Above each column; empty where there is none.
    row_heads : tuple of str
        At the start of each row, where rows have names.
    units : tuple of str
        From a line of units under the heads; empty where there is none.
    notes : tuple of str
        Other lines above the numbers.
    decimal_comma : bool
    n_bytes_read, n_bytes : int
        Of the file; fewer are read for a first look.
    shape : tuple of int, or None
        Rows and columns of the whole file, where it states them.
    """

    values: Float64Array
    heads: tuple[str, ...]
    row_heads: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    decimal_comma: bool = False
    n_bytes_read: int = 0
    n_bytes: int = 0
    shape: tuple[int, int] | None = None

    @property
    def is_whole(self) -> bool:
        """Whether all of the file was read."""
        return self.n_bytes_read == self.n_bytes


def read_text_table(path: Path, options: TableOptions, max_bytes: int | None = None) -> RawTable:
    """Read a text table, or its beginning.

    Parameters
    ----------
    path : Path
    options : TableOptions
        ``skip_rows`` and ``decimal_comma`` count here.
    max_bytes : int, optional
        For a first look: read whole lines of no more than this.

    Raises
    ------
    RecordError
        If it holds no table of numbers, or one with holes.
    """
    size = file_size(path)
    if max_bytes is None or size <= max_bytes:
        raw = read_bytes(path, MAX_TEXT_BYTES)
    else:
        raw = first_bytes(path, max_bytes)
        raw = raw[: raw.rfind(b"\n") + 1] or raw
    lines = _text(path, raw).splitlines()
    first, separator, comma, has_row_heads = _first_row(path, lines, options)
    heads, units, notes = _above(lines[options.skip_rows or 0 : first], separator)
    body = [line for line in lines[first:] if line.strip() and not line.lstrip().startswith(_COMMENT)]
    row_heads: tuple[str, ...] = ()
    if has_row_heads:
        parts = [_cells_of_row(line, separator) for line in body]
        row_heads = tuple(head for head, _ in parts)
        body = [rest for _, rest in parts]
    values = _numbers(path, body, separator, comma, first)
    n_columns = values.shape[1]
    if len(heads) == n_columns + 1 and not heads[-1]:
        heads, units = heads[:n_columns], units[:n_columns]
    if len(heads) == n_columns + 1 and has_row_heads:
        heads, units = heads[1:], units[1:]
    if len(heads) != n_columns:
        notes, heads, units = (*notes, *(head for head in heads if head)), ("",) * n_columns, ()
    return RawTable(values, heads, row_heads, units if len(units) == n_columns else (), notes, comma, len(raw), size)


def _text(path: Path, raw: bytes) -> str:
    if not raw:
        raise RecordError(path, "is empty")
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace")
    if b"\0" in raw:
        raise RecordError(path, "is a binary file and no table of text")
    return decode_text(raw)


def _first_row(path: Path, lines: list[str], options: TableOptions) -> tuple[int, str, bool, bool]:
    """Return the first row of numbers, its separator, whether the comma is decimal, and whether a name comes first."""
    begin = options.skip_rows or 0
    for place, line in enumerate(lines[begin : begin + _MAX_HEAD_LINES], start=begin):
        if not line.strip() or line.lstrip().startswith(_COMMENT):
            continue
        best: tuple[int, str, bool, bool] | None = None
        for separator, comma in _DIALECTS:
            if options.decimal_comma is not None and comma != options.decimal_comma and ("," in line):
                continue
            cells = _split(line, separator)
            checked = cells[:_MAX_HEAD_CELLS]
            is_number = [_is_number(cell, comma) for cell in checked]
            n_numbers = sum(cell.strip() != "" and each for cell, each in zip(checked, is_number, strict=True))
            named = len(cells) > 3 and not is_number[0] and all(is_number[1:])
            if n_numbers and (all(is_number) or named) and (best is None or len(cells) > best[0]):
                best = (len(cells), separator, comma, named)
        if best is not None:
            return place, best[1], best[2], best[3]
    raise RecordError(path, f"has no row of numbers in its first {min(len(lines), _MAX_HEAD_LINES)} lines")


def _split(line: str, separator: str) -> list[str]:
    return line.split() if separator == " " else line.rstrip("\r\n").split(separator)


def _is_number(cell: str, comma: bool) -> bool:
    text = cell.strip().strip('"')
    if len(text) > _MAX_NUMBER:
        return False
    if comma:
        if "." in text:
            return False
        text = text.replace(",", ".")
    return text.lower() in _MISSING or _NUMBER.fullmatch(text) is not None


def _cells_of_row(line: str, separator: str) -> tuple[str, str]:
    head, _, rest = line.strip().partition(None if separator == " " else separator)  # type: ignore[arg-type]
    return _clean(head), rest


def _clean(cell: str) -> str:
    letters = cell.strip().strip("\"'").strip()
    return "".join(letter for letter in letters if letter.isprintable())[:80]


def _above(lines: list[str], separator: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return heads, units and other lines above the numbers."""
    written = [line for line in lines if line.strip()]
    notes = [line.strip().lstrip("#% ")[:200] for line in written]
    rows = [_head_cells(line, separator) for line in written]
    if not rows:
        return (), (), ()
    if len(rows) > 1 and len(rows[-1]) == len(rows[-2]) and all(is_unit(cell) or not cell for cell in rows[-1]):
        return rows[-2], rows[-1], tuple(notes[:-2])
    return rows[-1], (), tuple(notes[:-1])


def _head_cells(line: str, separator: str) -> tuple[str, ...]:
    text = line.strip("\r\n")
    if text.lstrip().startswith(_COMMENT):
        text = text.lstrip().lstrip("#% ")
    if separator == " ":
        return tuple(_clean(cell) for cell in text.split())
    try:
        return tuple(_clean(cell) for cell in next(csv.reader([text], delimiter=separator), []))
    except csv.Error:
        return tuple(_clean(cell) for cell in text.split(separator))


def _numbers(path: Path, body: list[str], separator: str, comma: bool, first: int) -> Float64Array:
    if comma:
        body = [line.replace(",", ".") for line in body]
    if any('"' in line for line in body[:_PREVIEW_ROWS]):
        body = [line.replace('"', "") for line in body]
    delimiter = None if separator == " " else separator
    try:
        return np.loadtxt(body, delimiter=delimiter, comments=None, ndmin=2)
    except ValueError:
        pass
    if delimiter is not None:
        try:
            filled = [_filled(line, delimiter) for line in body]
            return _without_empty_end(np.loadtxt(filled, delimiter=delimiter, comments=None, ndmin=2))
        except ValueError:
            pass
    n_cells = len(_split(body[0], separator))
    for number, line in enumerate(body, start=1):
        cells = _split(line, separator)
        if len(cells) != n_cells or not all(_is_number(cell, False) for cell in cells):
            what = f"{len(cells)} cells, others {n_cells}" if len(cells) != n_cells else "a cell that is no number"
            raise RecordError(path, f"its row {number} of numbers (about line {first + number}) has {what}")
    rows = (
        [("nan" if cell.strip().lower() in _MISSING else cell) for cell in _split(line, separator)] for line in body
    )
    values = np.array([[float(cell) for cell in row] for row in rows])
    return _without_empty_end(values)


def _without_empty_end(values: Float64Array) -> Float64Array:
    """Take off the empty column that a separator at the end of every line makes."""
    return values[:, :-1] if values.shape[1] > 1 and np.isnan(values[:, -1]).all() else values


def _filled(line: str, delimiter: str) -> str:
    """Write NaN into the empty cells of a line; a gap is one."""
    line = line.strip(" \r\n")
    pair, between = delimiter * 2, f"{delimiter}nan{delimiter}"
    line = line.replace(pair, between).replace(pair, between)
    return f"{'nan' if line.startswith(delimiter) else ''}{line}{'nan' if line.endswith(delimiter) else ''}"
