"""Patient, sex, age and statements of PTB-XL records, which are in one table beside them and not in their headers."""

from __future__ import annotations

import csv
import os
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from physioclr_core.readers.wfdb_comments import parse_age
from physioclr_core.record import Sex

TABLE_NAME = "ptbxl_database.csv"
# records100/00000/00001_lr: the table is in the record's grandparent's parent at most.
_MAX_PARENTS = 3
_MAX_TABLE_BYTES = 64 * 2**20
# A report text may run over several lines of the table.
_MAX_ROW_LINES = 30
_FILE_NAME = re.compile(rb"[A-Za-z0-9_./-]+_[lh]r(?=[,\r\n\"]|$)")
_SCP_KEY = re.compile(r"['\"]([^'\"]+)['\"]\s*:")
_SEXES: dict[str, Sex] = {"0": "male", "1": "female"}


@dataclass(frozen=True, slots=True)
class SidecarFacts:
    """What the table states about one record."""

    table: Path
    patient_id: str | None
    age_years: float | None
    over_89: bool
    sex: Sex | None
    statements: tuple[str, ...]
    device: str | None
    recording_date: datetime | None
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Table:
    path: Path
    content: bytes
    columns: tuple[str, ...]
    # Record path as the table gives it -> where in ``content``.
    position: dict[bytes, int]


def find_sidecar(record: Path) -> SidecarFacts | None:
    """Look a record up in a PTB-XL table in one of its up to three parent folders.

    Parameters
    ----------
    record : Path
        The record's path without extension.

    Returns
    -------
    SidecarFacts or None
        ``None`` where there is no table, or none that has this very path in ``filename_lr`` or ``filename_hr``.
    """
    # Strings here and below: this runs for every record of a collection, and paths would cost as much as its header.
    folder = str((record.resolve() if ".." in record.parts else record.absolute()).parent)
    relative = record.name
    for _ in range(_MAX_PARENTS):
        path = os.path.join(folder, TABLE_NAME)  # noqa: PTH118
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:
            pass
        else:
            table = _load(path, status.st_mtime_ns, status.st_size)
            row = _row(table, relative) if table is not None else None
            if table is not None and row is not None:
                return _facts(table.path, row)
        folder, name = os.path.split(folder)
        relative = f"{name}/{relative}"
    return None


@lru_cache(maxsize=2)
def _load(path: str, mtime_ns: int, size: int) -> _Table | None:
    """Load and index a table once; a changed table has another time or size and is loaded anew."""
    if size > _MAX_TABLE_BYTES:
        return None
    try:
        content = Path(path).read_bytes()
    except OSError:
        return None
    header = content[: content.find(b"\n")].decode("utf-8-sig", errors="replace")
    columns = tuple(next(csv.reader([header]), []))
    if not {"filename_lr", "filename_hr"} & set(columns):
        return None
    return _Table(
        Path(path), content, columns, {match.group(): match.start() for match in _FILE_NAME.finditer(content)}
    )


def _row(table: _Table, relative: str) -> dict[str, str] | None:
    position = table.position.get(relative.encode())
    if position is None:
        return None
    content = table.content
    start = content.rfind(b"\n", 0, position) + 1
    end = content.find(b"\n", position)
    end = len(content) if end < 0 else end
    for _ in range(_MAX_ROW_LINES):
        line = content[start:end].decode("utf-8", errors="replace").rstrip("\r")
        try:
            fields = next(csv.reader([line]), [])
        except csv.Error:  # begins in the middle of a report
            fields = []
        if len(fields) == len(table.columns):
            row = dict(zip(table.columns, fields, strict=True))
            return row if relative in (row.get("filename_lr"), row.get("filename_hr")) else None
        if start == 0:
            break
        start = content.rfind(b"\n", 0, start - 1) + 1
    return None


def _facts(path: Path, row: dict[str, str]) -> SidecarFacts:
    notes: list[str] = []
    age_years, over_89 = parse_age(row.get("age", ""), notes)
    # The official table writes patient numbers as "15709.0".
    patient = row.get("patient_id", "").strip().removesuffix(".0")
    try:
        recording_date = datetime.fromisoformat(row["recording_date"]) if row.get("recording_date") else None
    except ValueError:
        recording_date = None
    return SidecarFacts(
        table=path,
        patient_id=f"ptbxl:{patient}" if patient else None,
        age_years=age_years,
        over_89=over_89,
        sex=_SEXES.get(row.get("sex", "").strip().removesuffix(".0")),
        # A statement is positive when its key is present: form and rhythm statements carry likelihood 0.
        statements=tuple(_SCP_KEY.findall(row.get("scp_codes", ""))),
        device=row.get("device", "").strip() or None,
        recording_date=recording_date,
        notes=tuple(notes),
    )
