"""Searching folders for records, one after another, by the files' content; what is no ECG is counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from physioclr_core.errors import RecordError
from physioclr_core.readers import FORMATS, RecordFormat, find_format
from physioclr_core.readers.files import read_bytes
from physioclr_core.readers.wfdb_header import NULL_FILE, HeaderError, decode_text, record_and_segments
from physioclr_core.readers.wfdb_reader import HEADER_SUFFIX

# Suffixes that many kinds of files carry: without the content of an ECG such a file is none. A file with any other
# suffix of a format is listed whatever it holds, so that reading it can say what is wrong.
SHARED_SUFFIXES = frozenset({"", ".xml", ".json", ".csv", ".tsv", ".txt", ".npy", ".dat", ".mat", ".bin", ".zip"})

_MAX_HEADER_BYTES = 16 * 2**20

OnIgnored = Callable[[Path], object]
OnFault = Callable[[Path, OSError], object]


def search_folder(folder: Path, on_ignored: OnIgnored, on_fault: OnFault) -> Iterator[Path]:
    """Yield the records of a folder and of its folders, each folder in sorted order.

    Hidden files and folders are a system's own ("._x.hea" beside "x.hea" on macOS) and are passed over; links to
    folders are not followed.

    Parameters
    ----------
    folder : Path
    on_ignored : callable
        Gets each file that is neither a record nor a part of one.
    on_fault : callable
        Gets each folder that cannot be searched, with the reason.
    """

    def refuse(error: OSError) -> None:
        on_fault(Path(error.filename or folder), error)

    for current, subfolders, names in os.walk(folder, onerror=refuse):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        visible = sorted(name for name in names if not name.startswith("."))
        yield from records_among([Path(current, name) for name in visible], on_ignored)


def search_dropped(paths: Iterable[Path], on_ignored: OnIgnored, on_fault: OnFault) -> Iterator[Path]:
    """Yield the records among files and folders that a person chose, as ``search_folder`` does.

    A file that was chosen and does not exist is yielded: reading it will say so.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            yield from records_among(files, on_ignored, are_chosen=True)
            files = []
            yield from search_folder(path, on_ignored, on_fault)
        elif path.exists():
            files.append(path)
        else:
            yield path
    yield from records_among(files, on_ignored, are_chosen=True)


def records_among(files: list[Path], on_ignored: OnIgnored, *, are_chosen: bool = False) -> Iterator[Path]:
    """Yield those of some files that stand for one record each.

    A WFDB record's signal file belongs to its header, a segment to the record whose header names it. A table (CSV, NPY)
    is taken for a record only where a person has chosen it: a folder's tables are rarely ECGs.
    """
    headers = {path for path in files if path.suffix.lower() == HEADER_SUFFIX}
    stems = {path.with_suffix("") for path in headers}
    segments = {segment for header in headers for segment in _segments_of(header)}
    for path in files:
        suffix = path.suffix.lower()
        if suffix == HEADER_SUFFIX:
            if path not in segments:
                yield path
        elif suffix in PART_SUFFIXES and path.with_suffix("") in stems:
            continue
        elif _is_record(path, suffix, is_chosen=are_chosen):
            yield path
        else:
            on_ignored(path)


def _is_record(path: Path, suffix: str, *, is_chosen: bool) -> bool:
    """Whether a file without a WFDB header beside it is a record."""
    found = find_format(path)
    if found is None:
        return suffix not in SHARED_SUFFIXES and any(suffix in each.listed_suffixes for each in FORMATS)
    return (bool(found.listed_suffixes) or is_chosen) and not _is_part(found, path, suffix)


def _is_part(found: RecordFormat, path: Path, suffix: str) -> bool:
    """Whether a file that WFDB claims opens no record: a signal file without header, or "x" beside "x.hea"."""
    is_signal_file = suffix in PART_SUFFIXES and path.with_suffix(HEADER_SUFFIX).is_file()
    return HEADER_SUFFIX in found.listed_suffixes and not is_signal_file


def _segments_of(header_path: Path) -> list[Path]:
    """Return the headers of a record's segments; none where the header cannot be read, which reading it will say."""
    try:
        _, segments = record_and_segments(decode_text(read_bytes(header_path, _MAX_HEADER_BYTES)))
    except (RecordError, HeaderError):
        return []
    return [header_path.parent / f"{name}{HEADER_SUFFIX}" for name in segments if name != NULL_FILE]


# Suffixes of files that belong to a record which another of its files stands for.
PART_SUFFIXES = frozenset(
    suffix
    for each in FORMATS
    for suffix in each.suffixes
    if HEADER_SUFFIX in each.listed_suffixes and suffix not in each.listed_suffixes
)
