"""Telling DICOM and SCP-ECG files by their first bytes; cheap enough to import at start."""

from __future__ import annotations

import struct
from pathlib import Path

DICOM_SUFFIXES = (".dcm", ".dicom")
SCP_SUFFIXES = (".scp", ".ecg")

_SCP_HEAD = struct.Struct("<HLHHLBB6s")


def is_dicom(path: Path, head: bytes) -> bool:
    """Return whether a file is DICOM, with or without the preamble that the standard asks for."""
    return b"DICM" in (head[128:132], head[:4]) or _is_bare_data_set(head)


def is_scp(path: Path, head: bytes) -> bool:
    """Return whether a file is SCP-ECG: a length and CRC, then section 0, which points to the others.

    The letters "SCPECG" in its head are asked for by the standard from version 1.3 on, and left out by some writers.
    Files that say in every other field that they are none are left to other readers.
    """
    if len(head) < 32:
        return False
    _, n_bytes, _, section, n_section_bytes, _, _, letters = _SCP_HEAD.unpack_from(head)
    if section != 0:
        return False
    if letters == b"SCPECG":
        return True
    pointed, _, index = struct.unpack_from("<HLL", head, 22)
    return bool(pointed == 0 and index == 7 and 16 < n_section_bytes < n_bytes)


def _is_bare_data_set(head: bytes) -> bool:
    """Return whether bytes begin with an element of group 2 or 8, where a data set without preamble begins."""
    if len(head) < 16:
        return False
    if head[:2] in (b"\2\0", b"\x08\0", b"\0\x08") and head[4:6] in (b"UL", b"CS", b"UI", b"OB", b"DA"):
        return True
    group, element, length = struct.unpack_from("<HHL", head)
    return bool(group == 8 and element in (0, 1, 5, 8, 0x12, 0x16) and length <= 64)
