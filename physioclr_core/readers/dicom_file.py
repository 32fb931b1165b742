"""DICOM files as pydicom data sets: with or without preamble, in every transfer syntax, bounded in time and memory.

pydicom decodes the elements. What leads to them is done here, because ``pydicom.dcmread`` inflates a deflated file
without a limit, takes a file that ends within an element as whole, and reads any number of elements that it may claim.
"""

from __future__ import annotations

import io
import logging
import math
import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pydicom.config
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_sequence
from pydicom.tag import Tag

from physioclr_core.errors import RecordError
from physioclr_core.readers.files import read_bytes

# 24 h of three leads at 250 Hz in 16 bits are 130 MB.
MAX_BYTES = 160 * 2**20
MAX_INFLATED_BYTES = 64 * 2**20
# Each element takes about three, each annotation about fifty; all of them together take about a second.
_MAX_READS = 60_000
_MAX_TEXT = 1000

_IMPLICIT = "1.2.840.10008.1.2"
_BIG_ENDIAN = "1.2.840.10008.1.2.2"
_DEFLATED = "1.2.840.10008.1.2.1.99"
_LONG_VRS = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"))

# Values that keep to no rule are common and mostly harmless; what is needed is checked where it is used.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)
_QUIET = threading.Lock()


class _TooManyElements(ValueError):
    pass


@dataclass(slots=True)
class _Budget:
    reads: int = _MAX_READS


class _Reader(io.BytesIO):
    """Bytes in memory that may be read a limited number of times."""

    def __init__(self, content: bytes, budget: _Budget) -> None:
        super().__init__(content)
        self._budget = budget

    def read(self, size: int | None = -1, /) -> bytes:
        self._budget.reads -= 1
        if self._budget.reads < 0:
            raise _TooManyElements("has more elements than are read from a DICOM file")
        return super().read(size)


@dataclass(slots=True)
class DicomFile:
    """A parsed file; values are decoded when they are asked for."""

    path: Path
    root: Dataset
    warnings: list[str] = field(default_factory=list)
    _budget: _Budget = field(default_factory=_Budget)

    def items(self, parent: Dataset, keyword: str) -> list[Dataset]:
        """Return the items of a sequence, none where there is no such sequence.

        Raises
        ------
        RecordError
            If the sequence is cut off, or has more elements than are read from a file.
        """
        element = parent.get_item(Tag(keyword))
        if not isinstance(element, RawDataElement):
            found = element.value if element is not None else None
            return list(found) if isinstance(found, pydicom.Sequence) else []
        value = element.value or b""
        if len(value) < element.length:
            raise RecordError(self.path, f"is truncated: its {_spaced(keyword)} is not complete")
        # A sequence of unknown representation is written as implicit little endian, whatever the rest is (PS3.5 6.2.2).
        is_unknown = element.VR == "UN"
        try:
            return list(
                read_sequence(
                    _Reader(value, self._budget),
                    element.is_implicit_VR or is_unknown,
                    element.is_little_endian or is_unknown,
                    len(value),
                    parent.original_character_set,
                )
            )
        except _TooManyElements as error:
            raise RecordError(self.path, str(error)) from None


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn whatever pydicom raises into one sentence, and keep its warnings from a terminal that nobody sees.

    One thread at a time: Python's list of warnings to ignore is the process's, not the thread's.
    """
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (RecordError, MemoryError):
            raise
        except _TooManyElements as error:
            raise RecordError(path, str(error)) from None
        except Exception:  # noqa: BLE001  (damaged bytes lead pydicom to exceptions of any kind)
            raise RecordError(path, "is a DICOM file that is damaged or cut off") from None


def open_dicom(path: Path) -> DicomFile:
    """Parse a DICOM file; to be called within ``decoding``.

    Raises
    ------
    RecordError
        If it cannot be read, is truncated or too large.
    """
    content = read_bytes(path, MAX_BYTES)
    found: list[str] = []
    start = 132 if content[128:132] == b"DICM" else 4 if content[:4] == b"DICM" else 0
    if start != 132:
        found.append("The file has no DICOM preamble; it was read without.")
    syntax, start = _transfer_syntax(content, start)
    if syntax == _DEFLATED:
        content, start = _inflate(path, content[start:]), 0
    is_implicit, is_little = _encoding(syntax, content[start : start + 6])
    budget = _Budget()
    reader = _Reader(content, budget)
    reader.seek(start)
    root = read_dataset(reader, is_implicit, is_little)
    _check_whole(path, root, len(content))
    return DicomFile(path, root, found, budget)


def text_of(data_set: Dataset, keyword: str) -> str:
    """Return an element as text on one line, empty where it is missing or cannot be decoded."""
    value = _value(data_set, keyword)
    if value is None:
        return ""
    parts = value if isinstance(value, list | tuple | pydicom.multival.MultiValue) else [value]
    joined = ", ".join(str(part).strip(" \0") for part in parts if part is not None)
    return " ".join("".join(c if c.isprintable() else " " for c in joined).split())[:_MAX_TEXT]


def number_of(data_set: Dataset, keyword: str) -> float | None:
    """Return an element as a finite number, None where it is missing or no number."""
    value = _value(data_set, keyword)
    if isinstance(value, pydicom.multival.MultiValue):
        value = value[0] if len(value) else None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def bytes_of(data_set: Dataset, keyword: str) -> bytes | None:
    """Return an element's bytes as stored, None where it is missing."""
    element = data_set.get_item(Tag(keyword))
    value = element.value if element is not None else None
    return bytes(value) if isinstance(value, bytes | bytearray) else None


def _value(data_set: Dataset, keyword: str) -> object:
    try:
        return data_set.get(keyword)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  (one value that cannot be decoded is one that is not known)
        return None


def _spaced(keyword: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", keyword)


def _transfer_syntax(content: bytes, position: int) -> tuple[str, int]:
    """Return the transfer syntax that the file meta information states, empty if none, and where the data set begins.

    The meta information is explicit and little endian by the standard; some writers leave the representations out.
    """
    syntax = ""
    while content[position : position + 2] == b"\2\0" and position + 12 <= len(content):
        (element,) = struct.unpack_from("<H", content, position + 2)
        representation = content[position + 4 : position + 6]
        if not representation.isalpha():
            (length,), size = struct.unpack_from("<L", content, position + 4), 8
        elif representation in _LONG_VRS:
            (length,), size = struct.unpack_from("<L", content, position + 8), 12
        else:
            (length,), size = struct.unpack_from("<H", content, position + 6), 8
        if element == 0x10:
            syntax = content[position + size : position + size + min(length, 64)].decode("latin-1").strip("\0 ")
        position += size + length
    return syntax, position


def _encoding(syntax: str, first: bytes) -> tuple[bool, bool]:
    """Return whether the data set is implicit, and whether it is little endian."""
    if syntax:
        return syntax == _IMPLICIT, syntax != _BIG_ENDIAN
    is_explicit = first[4:6].isalpha()
    return not is_explicit, not (is_explicit and first[:1] == b"\0")


def _inflate(path: Path, compressed: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(compressed, MAX_INFLATED_BYTES)
    except zlib.error:
        raise RecordError(path, "is damaged: its compressed part cannot be unpacked") from None
    if not inflater.eof:
        if len(content) < MAX_INFLATED_BYTES:
            raise RecordError(path, "is truncated: its compressed part is not complete")
        limit = MAX_INFLATED_BYTES // 2**20
        raise RecordError(path, f"unpacks to more than {limit} MB, which is more than is taken from a compressed file")
    return content


def _check_whole(path: Path, root: Dataset, n_bytes: int) -> None:
    """Refuse a file that ends within an element: what is missing could be a lead."""
    last: RawDataElement | None = None
    for tag in list(root.keys()):  # iterating the data set itself would decode every element
        element = root.get_item(tag)
        if isinstance(element, RawDataElement):
            if element.length != 0xFFFFFFFF and len(element.value or b"") < element.length:
                raise RecordError(path, "is truncated: its last element is not complete")
            last = element if last is None or element.value_tell > last.value_tell else last
    if not len(root):
        raise RecordError(path, "is a DICOM file without content")
    if last is not None and last.length != 0xFFFFFFFF and 0 < n_bytes - last.value_tell - last.length < 8:
        raise RecordError(path, "is truncated: it ends within the head of an element")
