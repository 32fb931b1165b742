"""Readers of ECG files: one table of formats, one function to open a record."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from physioclr_core.errors import RecordError
from physioclr_core.readers.binary_signs import DICOM_SUFFIXES, SCP_SUFFIXES, is_dicom, is_scp
from physioclr_core.readers.files import first_bytes, os_fault
from physioclr_core.readers.sniffing import (
    BDF_SUFFIXES,
    EDF_SUFFIXES,
    ISHNE_SUFFIXES,
    MFER_SUFFIXES,
    TABLE_SUFFIXES,
    is_bdf,
    is_edf,
    is_ishne,
    is_kardia,
    is_mfer,
    is_table,
)
from physioclr_core.readers.table_options import TableOptions
from physioclr_core.readers.wfdb_reader import HEADER_SUFFIX, SUFFIXES, is_wfdb, read_wfdb
from physioclr_core.readers.xml_text import XML_SUFFIXES, is_eli, root_is
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
        Path and the file's first bytes -> whether the format's reader is to be asked. The bytes are empty where there
        is no such file, and decide wherever the format can be told by its content.
    read : callable
        Path -> record; raises ``RecordError``.
    read_given : callable or None
        The same with facts that a person gives; None where the format states all of them itself.
    """

    name: str
    suffixes: tuple[str, ...]
    listed_suffixes: tuple[str, ...]
    is_ours: Callable[[Path, bytes], bool]
    read: Callable[[Path], EcgRecord]
    read_given: Callable[[Path, TableOptions], EcgRecord] | None = None


# Enough for the root element of any XML dialect and the magic numbers of the others.
HEAD_BYTES = 4096


def _later(module: str, function: str) -> Callable[[Path], EcgRecord]:
    """Return a reader whose module, and the parser it stands on, is imported when its first record is opened."""

    def read(path: Path) -> EcgRecord:
        reader: Callable[[Path], EcgRecord] = getattr(
            importlib.import_module(f"physioclr_core.readers.{module}"), function
        )
        return reader(path)

    return read


def _later_given(module: str, function: str) -> Callable[[Path, TableOptions], EcgRecord]:
    """Return the same for a reader that takes what a person gives."""

    def read(path: Path, given: TableOptions) -> EcgRecord:
        reader: Callable[[Path, TableOptions], EcgRecord] = getattr(
            importlib.import_module(f"physioclr_core.readers.{module}"), function
        )
        return reader(path, given)

    return read


_EDF_GIVEN = _later_given("stored_reader", "read_edf_given")

# The first format that says a path is its own reads it.
FORMATS: tuple[RecordFormat, ...] = (
    RecordFormat("WFDB", SUFFIXES, (HEADER_SUFFIX,), lambda path, head: is_wfdb(path), read_wfdb),
    RecordFormat("EDF", EDF_SUFFIXES, EDF_SUFFIXES, is_edf, _later("stored_reader", "read_edf"), _EDF_GIVEN),
    RecordFormat("BDF", BDF_SUFFIXES, BDF_SUFFIXES, is_bdf, _later("stored_reader", "read_edf"), _EDF_GIVEN),
    RecordFormat("ISHNE", ISHNE_SUFFIXES, ISHNE_SUFFIXES, is_ishne, _later("stored_reader", "read_ishne")),
    RecordFormat("MFER", MFER_SUFFIXES, MFER_SUFFIXES, is_mfer, _later("mfer_reader", "read_mfer")),
    RecordFormat("AliveCor JSON", (".json",), (".json",), is_kardia, _later("kardia_reader", "read_kardia")),
    RecordFormat("GE MUSE XML", XML_SUFFIXES, XML_SUFFIXES, root_is("RestingECG"), _later("muse_reader", "read_muse")),
    RecordFormat("HL7 aECG", XML_SUFFIXES, XML_SUFFIXES, root_is("AnnotatedECG"), _later("aecg_reader", "read_aecg")),
    RecordFormat(
        "Philips Sierra XML",
        XML_SUFFIXES,
        XML_SUFFIXES,
        root_is("restingecgdata"),
        _later("sierra_reader", "read_sierra"),
    ),
    RecordFormat("Mortara ELI XML", XML_SUFFIXES, XML_SUFFIXES, is_eli, _later("eli_reader", "read_eli")),
    RecordFormat(
        "GE CardioSoft XML",
        XML_SUFFIXES,
        XML_SUFFIXES,
        root_is("CardiologyXML"),
        _later("cardiosoft_reader", "read_cardiosoft"),
    ),
    RecordFormat("DICOM", DICOM_SUFFIXES, DICOM_SUFFIXES, is_dicom, _later("dicom", "read_dicom")),
    RecordFormat("SCP-ECG", SCP_SUFFIXES, SCP_SUFFIXES, is_scp, _later("scp", "read_scp")),
    # Last, because any text may have numbers in it. A folder's tables are rarely ECGs: they are not listed.
    RecordFormat(
        "table", TABLE_SUFFIXES, (), is_table, _later("table", "read_table"), _later_given("table", "read_table")
    ),
)


def read_record(path: str | os.PathLike[str], given: TableOptions | None = None) -> EcgRecord:
    """Read one ECG record of any supported format.

    Parameters
    ----------
    path : str or path-like
        A file of the record; for WFDB also the path without extension. Never a URL.
    given : TableOptions, optional
        Facts that the file does not state, from the person who opens it; for tables, and the unit for EDF and BDF.

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
        if record_format is not None and given is not None:
            if record_format.read_given is None:
                raise RecordError(path, f"is {record_format.name}, which states rate, unit and leads itself")
            return record_format.read_given(path, given)
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
    head = _head(path)
    return next((record_format for record_format in FORMATS if record_format.is_ours(path, head)), None)


def _head(path: Path) -> bytes:
    """Return a file's first bytes; none where it cannot be read, which reading it will say."""
    try:
        return first_bytes(path, HEAD_BYTES)
    except RecordError:
        return b""


def readable_formats() -> str:
    """Return the formats and suffixes for an error text: "WFDB (.hea, .dat, .mat)"."""
    return ", ".join(f"{entry.name} ({', '.join(entry.suffixes)})" for entry in FORMATS)
