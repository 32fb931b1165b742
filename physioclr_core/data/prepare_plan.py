"""What a folder of prepared data was begun with, so that going on never mixes two sources, settings or versions."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from physioclr_core import __version__
from physioclr_core.data.prepared import INDEX, MANIFEST, SCHEMA
from physioclr_core.data.sources.source import Source
from physioclr_core.errors import UserFacingError
from physioclr_core.files import replaced

PLAN = "plan.json"
_OURS = re.compile(rf"({re.escape(PLAN)}|{re.escape(INDEX)}|{re.escape(MANIFEST)}|shard-\d{{5}}\.(i16|json))", re.ASCII)
# What a process that was killed leaves: see ``files.replaced``.
_ASIDE = re.compile(rf"\.{_OURS.pattern}\.[0-9a-f]{{8}}", re.ASCII)


def plan_of(source: Source, fs_hz: float) -> dict[str, Any]:
    """Return what decides the prepared data: settings, versions, what the source lists, and the state of its files."""
    return {
        "schema": SCHEMA,
        "source": source.kind,
        "fs_hz": fs_hz,
        "label_names": list(source.label_names),
        "rows_sha256": _rows_sha256(source),
        "files_sha256": _files_sha256(source),
        "code_version": __version__,
    }


def claim(out: Path, plan: dict[str, Any], restart: bool) -> None:
    """Begin a folder, or find that it may be gone on with.

    A finished set may have been made by another version of the program, as long as the format is the same.

    Raises
    ------
    UserFacingError
        If the folder is not empty and no prepared data set, or it was begun with something else.
    """
    path = out / PLAN
    for entry in list(out.iterdir()):
        if _ASIDE.fullmatch(entry.name) or (restart and _OURS.fullmatch(entry.name)):
            entry.unlink()
    if path.exists():
        try:
            before = dict(json.loads(path.read_text(encoding="utf-8")))
        except ValueError:
            before = {}
        differs = [key for key in plan if before.get(key) != plan[key]]
        if (out / MANIFEST).is_file() and differs == ["code_version"]:
            return
        if differs:
            raise UserFacingError(f"{out}: {_difference(before, differs)}; name a new folder, or --restart this one.")
        return
    if any(out.iterdir()):
        raise UserFacingError(f"{out}: this folder is not empty; name a new one.")
    with replaced(path) as file:
        file.write((json.dumps(plan, indent=1) + "\n").encode())


def _difference(before: dict[str, Any], differs: list[str]) -> str:
    if "schema" in differs:
        return f"holds data of format {before.get('schema')}, this version writes format {SCHEMA}"
    if "code_version" in differs:
        return f"was begun by version {before.get('code_version')} of the program, this is {__version__}"
    if differs == ["files_sha256"]:
        return "files of the source have changed since it was begun"
    return "holds another data set or other settings"


def _rows_sha256(source: Source) -> str:
    """Return a hash of what the source lists; where it lies does not matter."""
    digest = hashlib.sha256()
    for record in source.records:
        relative = Path(os.path.relpath(record.path, source.folder)).as_posix()
        values = [record.record_id, relative, record.dataset, record.patient_id, record.fold, list(record.labels)]
        values += [list(record.known_labels), list(record.report), record.age_years, record.sex]
        digest.update(json.dumps(values).encode() + b"\n")
    return digest.hexdigest()


def _files_sha256(source: Source) -> str:
    """Return a hash of sizes and times of the source's tables and of all files in the folders of its records.

    All of them, as a record in segments is in files of other names than its own.
    """
    digest = hashlib.sha256()
    for table in source.tables:
        digest.update(hashlib.sha256(table.read_bytes()).digest())
    for folder in sorted({os.path.dirname(record.path) for record in source.records}):  # noqa: PTH120
        digest.update(Path(os.path.relpath(folder, source.folder)).as_posix().encode() + b"\n")
        with os.scandir(folder) as entries:
            files = sorted((entry.name, entry.stat()) for entry in entries if _counts(entry))
        for name, status in files:
            digest.update(f"{name}\t{status.st_size}\t{status.st_mtime_ns}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _counts(entry: os.DirEntry[str]) -> bool:
    # Hidden files are a system's own, and may appear when a folder is looked at.
    return not entry.name.startswith(".") and entry.is_file()
