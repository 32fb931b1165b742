"""Telling binary, JSON and table formats by a file's first bytes, without importing their readers."""

from __future__ import annotations

import re
from pathlib import Path

EDF_SUFFIXES = (".edf", ".rec")
BDF_SUFFIXES = (".bdf",)
ISHNE_SUFFIXES = (".ecg",)
MFER_SUFFIXES = (".mwf", ".mfer")
TABLE_SUFFIXES = (".csv", ".tsv", ".npy")

_EDF_FIXED = 256
# A list of records may have numbers for names, but one a line.
_NUMBER = rb"[-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?"
_NUMBERS_IN_A_ROW = re.compile(rb"(?m)^[ \t]*" + _NUMBER + rb"[ \t]*[;,\t ][ \t]*" + _NUMBER)
# Either may come first: the facts, or the samples.
_KARDIA_KEYS = (b'"recordedAt"', b'"algorithmDetermination"', b'"amplitudeResolution"', b'"mainsFrequency"', b'"leadI"')


def is_edf(path: Path, head: bytes) -> bool:
    """Return whether a file begins as EDF does, or is called so and has EDF's numbers at their places."""
    is_version_0 = head[:8].strip(b" \0") == b"0"
    has_numbers = all(head[at : at + size].strip(b" \0").isdigit() for at, size in ((184, 8), (252, 4)))
    return head[252:_EDF_FIXED].strip(b" \0").isdigit() and (
        is_version_0 or (has_numbers and path.suffix.lower() in EDF_SUFFIXES)
    )


def is_bdf(path: Path, head: bytes) -> bool:
    """Return whether a file begins as BDF does."""
    return head[:8] == b"\xffBIOSEMI"


def is_ishne(path: Path, head: bytes) -> bool:
    """Return whether a file begins as ISHNE's recordings or ISHNE's annotations do."""
    return head[:8] in (b"ISHNE1.0", b"ANN  1.0")


def is_mfer(path: Path, head: bytes) -> bool:
    """Return whether a file begins with MFER's preamble, or is called so."""
    return (head[:1] == b"\x40" and head[2:6] == b"MFR ") or path.suffix.lower() in MFER_SUFFIXES


def is_kardia(path: Path, head: bytes) -> bool:
    """Return whether a file is JSON with the keys of a Kardia recording."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{" and any(key in head for key in _KARDIA_KEYS)


def is_table(path: Path, head: bytes) -> bool:
    """Return whether a file is an array of NumPy, or called as a table is (.txt only with two numbers in a row)."""
    suffix = path.suffix.lower()
    if head[:6] == b"\x93NUMPY" or (suffix in (*TABLE_SUFFIXES, ".npz") and path.is_file()):
        return True
    return suffix == ".txt" and b"\0" not in head and _NUMBERS_IN_A_ROW.search(head) is not None
