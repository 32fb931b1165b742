"""Telling XML files apart by their root element, and decoding their text; cheap enough to import at start."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from physioclr_core.errors import RecordError
from physioclr_core.readers.files import first_bytes

# Files that carry long comments before the root element exist (the samples of the aECG guide do).
_LONG_HEAD_BYTES = 64 * 1024
_FULL_HEAD_BYTES = 1024
_DECLARED = re.compile(r"""<\?xml\b[^>]{0,200}?\bencoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_PROLOG = re.compile(
    r"""\s+|<\?.*?\?>|<!--.*?-->|<!DOCTYPE\s+[\w:.-]+(?:\s+(?:SYSTEM|PUBLIC)(?:\s+(?:"[^"]*"|'[^']*'))*)?\s*>""",
    re.DOTALL,
)
_START_TAG = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)(?=[\s/>])")
_OWN_TYPE = re.compile(r"<!DOCTYPE\s+(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)(?=[\s\[])")
# Only encodings of text: others that Python knows by name (zip, hex, unicode_escape) are no way to store XML.
_ENCODINGS = re.compile(
    r"utf-8|ascii|iso8859-\d+|cp125\d|cp437|cp85\d|cp866|cp93[26]|cp949|cp950|koi8-[ru]|gb2312|gbk|gb18030|big5|"
    r"shift_jis|euc_jp|euc_kr|euc_jis_2004|mac-roman|tis-620"
)
XML_SUFFIXES = (".xml",)
_ELI_MARKS = ("ACQUISITION_TIME", "<TYPICAL_CYCLE", "<CHANNEL", "<DEMOGRAPHIC_FIELDS", "<SUBJECT")
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class DecodedText(NamedTuple):
    """Text of a file, and what had to be decided about its encoding."""

    text: str
    warnings: tuple[str, ...]


def root_is(*names: str) -> Callable[[Path, bytes], bool]:
    """Return a test for XML files whose root element has one of the names, whatever their encoding and namespace.

    The test takes a path and the file's first bytes; more are read where comments fill those. Names are compared with
    their case.
    """

    def is_ours(path: Path, head: bytes) -> bool:
        return _root_start(path, head, names) is not None

    return is_ours


def is_eli(path: Path, head: bytes) -> bool:
    """Return whether a file is Mortara ELI XML, by its marks: other XML has the root ``ECG`` too."""
    start = _root_start(path, head, ("ECG",))
    return start is not None and any(mark in start.string[start.start() :].upper() for mark in _ELI_MARKS)


def _root_start(path: Path, head: bytes, names: tuple[str, ...]) -> re.Match[str] | None:
    if not _looks_like_xml(head):
        return None
    start = root_start(head)
    if start is None and len(head) >= _FULL_HEAD_BYTES:
        try:
            start = root_start(first_bytes(path, _LONG_HEAD_BYTES))
        except RecordError:
            return None
    return start if start is not None and start.group(1) in names else None


def root_name(head: bytes) -> str | None:
    """Return the local name of the root element, None where the bytes do not reach it or are no XML."""
    start = root_start(head)
    return start.group(1) if start else None


def root_start(head: bytes) -> re.Match[str] | None:
    """Return the match of the root's start tag in the decoded head; group 1 is its local name."""
    encoding, skip = _unicode_form(head)
    # A head may end within a character.
    text = head[skip:].decode(encoding or "latin-1", errors="ignore")
    end = 0
    while (prolog := _PROLOG.match(text, end)) is not None:
        end = prolog.end()
    # A document type with declarations of its own is refused by the parser, which is to say so: its name is the root's.
    return _START_TAG.match(text, end) or _OWN_TYPE.match(text, end)


def decode_xml(path: Path, content: bytes) -> DecodedText:
    """Return the text of an XML file by its byte order mark, its zero bytes or its declaration.

    Bytes that are not of the declared encoding are read in another one that fits, with a warning: numbers and tags
    are the same in all of them, names may not be.

    Raises
    ------
    RecordError
        If the declaration names something that is no encoding of text.
    """
    encoding, skip = _unicode_form(content)
    declared = _declared_encoding(path, content) if encoding is None else None
    body = memoryview(content)[skip:]
    for candidate in dict.fromkeys((encoding or declared or "utf-8", "utf-8")):
        try:
            text = str(body, candidate)
        except UnicodeError:
            continue
        if candidate == (encoding or declared or "utf-8"):
            return DecodedText(text, ())
        return DecodedText(text, (f"The file says that its text is {declared}, but it is {candidate}.",))
    if encoding is not None and encoding != "utf-8":
        raise RecordError(path, f"is damaged: its text is not valid {encoding.upper()}")
    return DecodedText(
        str(body, "cp1252", "replace"),
        (
            f"The file's text is not valid {(declared or 'UTF-8').upper()} and was read as Windows-1252: "
            "accented letters in names may be wrong.",
        ),
    )


def _looks_like_xml(head: bytes) -> bool:
    begin = head[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n")
    return begin.startswith(b"<")


def _unicode_form(content: bytes) -> tuple[str | None, int]:
    """Return the encoding that the first bytes show, None for one of single bytes, and the length of the mark."""
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return encoding, len(mark)
    if content[:2] == b"<\x00":
        return "utf-16-le", 0
    if content[:2] == b"\x00<":
        return "utf-16-be", 0
    return None, 0


def _declared_encoding(path: Path, content: bytes) -> str | None:
    found = _DECLARED.search(content[:400].decode("latin-1"))
    if found is None:
        return None
    name = found.group(1)
    try:
        encoding = codecs.lookup(name).name
    except LookupError:
        raise RecordError(path, f"says that its text is in {name!r}, which is no known encoding") from None
    if encoding.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
        # Written in single bytes all the same: a UTF-16 document whose text was converted and its declaration not.
        return "utf-8"
    if not _ENCODINGS.fullmatch(encoding):
        raise RecordError(path, f"says that its text is in {name!r}, which is no encoding of XML")
    # Windows writes its own characters where ISO 8859-1 has none; the others are the same. GB18030 includes the others.
    return {"iso8859-1": "cp1252", "gb2312": "gb18030", "gbk": "gb18030"}.get(encoding, encoding)
