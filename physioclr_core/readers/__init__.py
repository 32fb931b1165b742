"""Readers of ECG files: one table of formats, one function to open a record."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from physioclr_core.errors import RecordError
from physioclr_core.readers.files import os_fault
from physioclr_core.readers.wfdb_reader import HEADER_SUFFIX, SUFFIXES, is_wfdb, read_wfdb
from physioclr_core.record import EcgRecord


@dataclass(frozen=True, slots=True)
class RecordFormat:
    """One format that can be read.

    Attributes
    ----------
    name : str
        As in ``Provenance.format``.
    suffixes : tuple of str
        Lower-case suffixes of its files, for error texts and file dialogs.
    listed_suffixes : tuple of str
        Those that stand for one record each when a folder is searched.
    is_ours : callable
        Path -> whether the format's reader is to be asked. Formats that share a suffix look into the file.
    read : callable
        Path -> record; raises ``RecordError``.
    """

    name: str
    suffixes: tuple[str, ...]
    listed_suffixes: tuple[str, ...]
    is_ours: Callable[[Path], bool]
    read: Callable[[Path], EcgRecord]


# The first format that says a path is its own reads it.
FORMATS: tuple[RecordFormat, ...] = (RecordFormat("WFDB", SUFFIXES, (HEADER_SUFFIX,), is_wfdb, read_wfdb),)


def read_record(path: str | os.PathLike[str]) -> EcgRecord:
    """Read one ECG record of any supported format.

    Parameters
    ----------
    path : str or path-like
        A file of the record; for WFDB also the path without extension. Never a URL.

    Returns
    -------
    EcgRecord
        Leads in mV with the report of what was taken, inferred and left out.

    Raises
    ------
    RecordError
        If there is no such record or it cannot be read in full; one sentence with file and cause.
    """
    path = Path(path)
    try:
        record_format = find_format(path)
        if record_format is not None:
            return record_format.read(path)
        if path.is_dir():
            raise RecordError(path, "is a folder, not a record")
        if not path.exists():
            raise RecordError(path, "does not exist")
    except MemoryError:
        raise RecordError(path, "is too large for this computer's memory") from None
    except OSError as error:
        raise os_fault(path, error) from None
    raise RecordError(path, f"is not of a format that can be read; readable are {readable_formats()}")


def find_format(path: Path) -> RecordFormat | None:
    """Return the format that says a path is its own, None where none does."""
    return next((record_format for record_format in FORMATS if record_format.is_ours(path)), None)


def readable_formats() -> str:
    """Return the formats and suffixes for an error text: "WFDB (.hea, .dat, .mat)"."""
    return ", ".join(f"{entry.name} ({', '.join(entry.suffixes)})" for entry in FORMATS)
