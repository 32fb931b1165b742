"""XML of unknown origin, parsed safely: the one way in for every XML format.

No entity is expanded, nothing is fetched and no document type is read; size, depth, number of elements and length of
a tag are bounded, so that time and memory are. Names lose their namespaces.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

import numpy as np
import numpy.typing as npt
from defusedxml import DefusedXmlException, DTDForbidden
from defusedxml.ElementTree import DefusedXMLParser

from physioclr_core.errors import RecordError
from physioclr_core.readers.files import read_bytes
from physioclr_core.readers.xml_text import decode_xml

# A full-disclosure recording of 10 minutes in decimal digits is smaller; ordinary files have 50 to 500 kB.
MAX_BYTES = 64 * 2**20
MAX_TEXT_BYTES = 24 * 2**20
MAX_SAMPLES = 6_000_000
MAX_DEPTH = 64
MAX_ELEMENTS = 200_000
# A tag is held in memory whole, with one object for each of its attributes; ELI files have a lead's samples in one.
MAX_TAG_BYTES = 4 * 2**20
_CHUNK_BYTES = 256 * 2**10
_BLOCK_BYTES = 2**20
_INTEGERS = re.compile(rb"[-+\d ]*")
_DECIMALS = re.compile(rb"[-+\d. eE]*")
_SEPARATORS = bytes.maketrans(b",;\t\r\n\v\f", b"       ")
# Of expat's error codes, those that a file gives which ends too early.
_CUT_OFF_CODES = frozenset({3, 5, 6, 20})


@dataclass(frozen=True, slots=True)
class XmlDocument:
    """A parsed file: its root element without namespaces, and sentences on what had to be decided."""

    root: Element
    warnings: tuple[str, ...]


def parse_xml(path: Path, *root_names: str) -> XmlDocument:
    """Parse an XML file.

    Parameters
    ----------
    path : Path
    *root_names : str
        Local names that the root element may have; any if none is given.

    Returns
    -------
    XmlDocument
        Tags and attributes by their local names; where an attribute is there with and without a namespace
        (``type`` and ``xsi:type``), the one without keeps the name.

    Raises
    ------
    RecordError
        If the file is too large, cut off, not well formed, not of that root, or holds what is refused: entities, a
        document type of its own, too many, too deep or too long elements.
    """
    content = read_bytes(path, MAX_BYTES)
    if not content.strip(b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe"):
        raise RecordError(path, "is empty")
    text, warnings = decode_xml(path, content)
    del content
    try:
        # UTF-8 throughout: expat knows few other encodings, and no multi-byte ones.
        stripped = text.rstrip("\x00 \t\r\n\x1a")
        utf8 = stripped.encode("utf-8")
    except UnicodeEncodeError:
        raise RecordError(path, "is damaged: its text has characters that are none") from None
    if len(utf8) > MAX_TEXT_BYTES:
        raise RecordError(path, f"is too large ({len(utf8)} bytes of text; at most {MAX_TEXT_BYTES} were expected)")
    del text, stripped
    root = _parse(path, utf8)
    if root_names and root.tag not in root_names:
        raise RecordError(path, f"is XML of another kind: its root element is {clipped(root.tag)!r}")
    return XmlDocument(root, warnings)


def _parse(path: Path, utf8: bytes) -> Element:
    parser = _Parser(path)
    try:
        for begin in range(0, len(utf8), _CHUNK_BYTES):
            parser.feed(utf8[begin : begin + _CHUNK_BYTES])
            # What expat holds back is a tag, comment or instruction that has not ended.
            pending = min(begin + _CHUNK_BYTES, len(utf8)) - max(parser.parser.CurrentByteIndex, 0)
            if pending > MAX_TAG_BYTES:
                raise RecordError(path, f"has a tag or comment of more than {MAX_TAG_BYTES // 2**20} MB")
        root = parser.close()
    except DTDForbidden:
        raise RecordError(path, "has a document type with declarations of its own, which is refused") from None
    except DefusedXmlException:
        raise RecordError(path, "declares XML entities, which is refused") from None
    except ParseError as error:
        if error.code in _CUT_OFF_CODES:
            raise RecordError(path, "is cut off: the file ends before its last element does") from None
        line, column = error.position
        raise RecordError(path, f"is not well-formed XML (line {line}, column {column + 1})") from None
    if not isinstance(root, Element):
        raise RecordError(path, "is cut off: the file has no root element")
    return root


class _Parser(DefusedXMLParser):  # type: ignore[misc]  # defusedxml has no types
    """Defused parser that lets a document type pass which only names itself, as every GE MUSE export does."""

    def __init__(self, path: Path) -> None:
        super().__init__(target=_BoundedBuilder(path), encoding="utf-8", forbid_dtd=True)
        self.parser.buffer_size = _CHUNK_BYTES

    def defused_start_doctype_decl(self, name: str, sysid: Any, pubid: Any, has_internal_subset: Any) -> None:
        # An external type is never fetched. One inside the file may declare entities, and attributes whose default
        # values multiply with the number of elements.
        if has_internal_subset:
            super().defused_start_doctype_decl(name, sysid, pubid, has_internal_subset)


class _BoundedBuilder:
    """Tree builder that counts, and drops namespaces."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._builder = TreeBuilder()
        self._depth = 0
        self._n_elements = 0
        self.data = self._builder.data
        self.close = self._builder.close

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._n_elements += 1
        if self._depth > MAX_DEPTH:
            raise RecordError(self._path, f"has elements more than {MAX_DEPTH} deep")
        if self._n_elements > MAX_ELEMENTS:
            raise RecordError(self._path, f"has more than {MAX_ELEMENTS} elements")
        if any("}" in name for name in attributes):
            plain = {name: value for name, value in attributes.items() if "}" not in name}
            attributes = {name.rpartition("}")[2]: value for name, value in attributes.items()} | plain
        self._builder.start(tag.rpartition("}")[2], attributes)

    def end(self, tag: str) -> None:
        self._depth -= 1
        self._builder.end(tag.rpartition("}")[2])


def text_at(element: Element | None, path: str = ".") -> str:
    """Return the text of the first element at a path, with every run of white space as one space; "" if there is none.

    The text of elements inside it counts too.
    """
    found = element.find(path) if element is not None else None
    return "" if found is None else " ".join("".join(found.itertext()).split())


def attribute_at(element: Element | None, path: str, name: str) -> str:
    """Return an attribute of the first element at a path without white space around it; "" if there is none."""
    found = element.find(path) if element is not None else None
    return "" if found is None else found.get(name, "").strip()


def number(text: str) -> float | None:
    """Return a finite number in plain decimal or scientific notation, None for anything else.

    A decimal comma is accepted, since device software writes it in some countries.
    """
    if not re.fullmatch(r"\s*[-+]?(\d{1,30}([.,]\d{0,30})?|[.,]\d{1,30})([eE][-+]?\d{1,3})?\s*", text, re.ASCII):
        return None
    value = float(text.replace(",", "."))
    return value if math.isfinite(value) else None


def integers(path: Path, text: str, what: str) -> npt.NDArray[np.int64]:
    """Return integers separated by white space, commas or semicolons.

    Parameters
    ----------
    path : Path
    text : str
    what : str
        Of which lead, for the error text.

    Raises
    ------
    RecordError
        If anything else is in the text, or a number is beyond 32 bits.
    """
    values: npt.NDArray[np.int64] = _listed(path, text, what, _INTEGERS, int, "whole numbers")
    return values


def decimals(path: Path, text: str, what: str) -> npt.NDArray[np.float64]:
    """Return numbers with or without a decimal point, separated as ``integers`` are; raises as it does."""
    values: npt.NDArray[np.float64] = _listed(path, text, what, _DECIMALS, float, "numbers")
    return values


def _listed(path: Path, text: str, what: str, form: re.Pattern[bytes], kind: type, noun: str) -> npt.NDArray[Any]:
    dtype = np.int64 if kind is int else np.float64
    try:
        raw = text.encode("ascii").translate(_SEPARATORS)
        if not form.fullmatch(raw):
            raise ValueError
        blocks: list[npt.NDArray[Any]] = []
        begin = n_values = 0
        while begin < len(raw):
            # In blocks that end between two numbers, because a list of all of them takes 60 bytes a number.
            end = raw.find(b" ", begin + _BLOCK_BYTES)
            end = len(raw) if end < 0 else end
            blocks.append(np.array(list(map(kind, raw[begin:end].split())), dtype))
            n_values += blocks[-1].size
            if n_values > MAX_SAMPLES:
                raise RecordError(path, f"has more than {MAX_SAMPLES} samples in {what}")
            begin = end
        values = np.concatenate(blocks) if blocks else np.empty(0, dtype)
    except (ValueError, OverflowError):
        raise RecordError(path, f"has samples that are no {noun} in {what}") from None
    if values.size and not max(values.max(), -values.min()) < 2**31:
        raise RecordError(path, f"has samples of more than 32 bits in {what}")
    return values


def clipped(text: str, n_characters: int = 60) -> str:
    """Return text from a file short enough for a sentence."""
    return text if len(text) <= n_characters else f"{text[: n_characters - 1]}…"
