"""Finding the records that a path means: one record, the records of a folder, or those of a list."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from physioclr_core.errors import RecordError
from physioclr_core.readers import FORMATS, find_format, readable_formats
from physioclr_core.readers.files import read_bytes
from physioclr_core.readers.search import search_folder
from physioclr_core.readers.wfdb_header import decode_text
from physioclr_core.readers.wfdb_reader import HEADER_SUFFIX

# PhysioNet's own lists are called RECORDS, without a suffix.
LIST_SUFFIXES = ("", ".txt", ".lst", ".list")
_MAX_LIST_BYTES = 64 * 2**20
_MAX_MISSING_NAMED = 5


def find_records(path: str | os.PathLike[str]) -> list[tuple[str, Path]]:
    """Find the records that a path means, without opening them.

    Parameters
    ----------
    path : str or path-like
        A record (for WFDB .hea, .dat, .mat or the path without extension); a folder, which is searched with its
        folders in sorted order for records of every format, by content (files that are no ECG are passed over); or a
        text file with one path a line, absolute or relative to that file, where blank lines and lines that start with
        "#" do not count.

    Returns
    -------
    list of (str, Path)
        Label and path of each record, each once. The label is the file name without extension, or the path without
        extension relative to the folder or list ("/" between folders) where two records have the same name. Segments
        of a WFDB record in segments are left out; the record stands for them.

    Raises
    ------
    RecordError
        If there is nothing, a folder or list has no record, or a line of the list means no record.
    """
    path = Path(path)
    if path.is_dir():
        return _labelled(_records_in(path), path)
    if find_format(path) is not None:
        return [(_stem(path).name, path)]
    if not path.exists():
        raise RecordError(path, "does not exist")
    if path.suffix.lower() not in LIST_SUFFIXES:
        lists = ", ".join(suffix for suffix in LIST_SUFFIXES if suffix)
        raise RecordError(
            path, f"is neither a record ({readable_formats()}) nor a list of records ({lists} or without a suffix)"
        )
    return _labelled(_records_of_list(path), path.parent)


def _records_in(folder: Path) -> list[Path]:
    def refuse(path: Path, error: OSError) -> None:
        raise RecordError(path, f"cannot be searched ({error.strerror})")

    ignored: list[Path] = []
    records = sorted(search_folder(folder, ignored.append, refuse))
    if not records:
        others = f" ({len(ignored)} other file{'s' if len(ignored) > 1 else ''})" if ignored else ""
        raise RecordError(folder, f"is a folder without records{others}; readable are {readable_formats()}")
    return records


def _records_of_list(path: Path) -> list[Path]:
    content = read_bytes(path, _MAX_LIST_BYTES)
    if b"\0" in content:
        raise RecordError(path, "is a binary file and no list of records")
    records: dict[Path, None] = {}
    missing: list[str] = []
    for number, line in enumerate(decode_text(content).splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        record = path.parent / text
        if record.is_dir() or find_format(record) is None or not _exists(record):
            missing.append(f"{text} (line {number})")
        records[record] = None
    if missing:
        named = ", ".join(missing[:_MAX_MISSING_NAMED])
        more = f" and {len(missing) - _MAX_MISSING_NAMED} more" if len(missing) > _MAX_MISSING_NAMED else ""
        raise RecordError(path, f"lists what is no record: {named}{more}")
    if not records:
        raise RecordError(path, "lists no records")
    return list(records)


def _exists(record: Path) -> bool:
    return record.is_file() or record.with_name(f"{record.name}{HEADER_SUFFIX}").is_file()


def _labelled(records: list[Path], folder: Path) -> list[tuple[str, Path]]:
    stems = [_stem(record) for record in records]
    count = Counter(stem.name for stem in stems)
    return [
        (stem.name if count[stem.name] == 1 else _relative(stem, folder), record)
        for stem, record in zip(stems, records, strict=True)
    ]


def _stem(record: Path) -> Path:
    """Return a record's path without the suffix of its format; a stem's own dots are no suffix."""
    suffixes = {suffix for record_format in FORMATS for suffix in record_format.suffixes}
    return record.with_suffix("") if record.suffix.lower() in suffixes else record


def _relative(stem: Path, folder: Path) -> str:
    return (stem.relative_to(folder) if stem.is_relative_to(folder) else stem).as_posix()
