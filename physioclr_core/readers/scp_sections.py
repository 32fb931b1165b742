"""The container of SCP-ECG (EN 1064, ISO 11073-91064): sections with checksums, and where section 0 says they are."""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass, field
from pathlib import Path

from physioclr_core.errors import RecordError
from physioclr_core.readers.files import read_bytes

# Samples of a lead take at most 64 kB, so that a rest ECG of 15 leads stays below 1 MB.
MAX_BYTES = 16 * 2**20
_HEAD = 16
_PREAMBLE = 6
_LAST_STANDARD = 11
# Those without which no sample can be restored.
_SIGNAL_SECTIONS = frozenset((0, 2, 3, 4, 5, 6))
_TITLES = {
    **{0: "pointers", 1: "patient", 2: "code tables", 3: "leads", 4: "beats", 5: "reference beats", 6: "rhythm"},
    **{7: "measurements", 8: "interpretation", 9: "manufacturer", 10: "measurements by lead", 11: "statement codes"},
}


@dataclass(slots=True)
class ScpFile:
    """The bodies of a file's sections by number, without their heads."""

    path: Path
    bodies: dict[int, bytes]
    version: int
    ignored: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def body(self, number: int, n_bytes: int) -> bytes:
        """Return a section that must be there and have at least so many bytes."""
        body = self.bodies.get(number)
        if body is None:
            raise RecordError(self.path, f"has no section {number} ({_TITLES[number]})")
        if len(body) < n_bytes:
            raise RecordError(self.path, f"has a section {number} ({_TITLES[number]}) that is too short")
        return body


def open_scp(path: Path) -> ScpFile:
    """Return the sections of an SCP-ECG file.

    Raises
    ------
    RecordError
        If the file is truncated, a section lies outside it, or a checksum shows that samples changed.
    """
    content = read_bytes(path, MAX_BYTES)
    if len(content) < _PREAMBLE + _HEAD:
        raise RecordError(path, "is truncated: it ends within its first section")
    (n_bytes,) = struct.unpack_from("<L", content, 2)
    if n_bytes > len(content):
        raise RecordError(path, f"is truncated: it has {len(content)} of the {n_bytes} bytes that it states")
    if n_bytes < _PREAMBLE + _HEAD:
        raise RecordError(path, f"states a length of {n_bytes} bytes, which is absurd")
    file = ScpFile(path, {}, 0)
    if n_bytes < len(content):
        file.ignored.append(f"{len(content) - n_bytes} bytes after the record's end")
        content = content[:n_bytes]
    number, length = struct.unpack_from("<HL", content, 8)
    if number != 0 or not _HEAD <= length <= n_bytes - _PREAMBLE:
        raise RecordError(path, "is no SCP-ECG file: it does not begin with the pointers to its sections")
    places = {0: (_PREAMBLE, length), **_pointers(file, content, _PREAMBLE + _HEAD, _PREAMBLE + length)}
    is_intact = {place: _is_intact(content, *span) for place, span in places.items()}
    _judge_checksums(file, is_intact)
    file.version = content[_PREAMBLE + 9] or content[_PREAMBLE + 8]
    file.bodies = {place: content[begin + _HEAD : begin + size] for place, (begin, size) in places.items() if place}
    return file


def _pointers(file: ScpFile, content: bytes, position: int, end: int) -> dict[int, tuple[int, int]]:
    """Return offset and length of each standard section that is there."""
    found: dict[int, tuple[int, int]] = {}
    while position + 10 <= end:
        number, length, index = struct.unpack_from("<HLL", content, position)
        position += 10
        if number == 0 or length == 0:
            continue
        begin = index - 1
        if index == 0 or begin + length > len(content) or length < _HEAD:
            raise RecordError(file.path, f"is damaged: its section {number} lies outside the file")
        if number > _LAST_STANDARD:
            file.ignored.append(f"section {number} ({length} bytes), which is the manufacturer's own or long-term")
            continue
        if number in found:
            raise RecordError(file.path, f"is damaged: it has more than one section {number}")
        own_number, own_length = struct.unpack_from("<HL", content, begin + 2)
        if own_number != number:
            raise RecordError(file.path, f"is damaged: at the place of section {number} there is section {own_number}")
        if own_length != length:
            file.warnings.append(f"Section {number} states two lengths, {own_length} and {length} bytes.")
            length = max(_HEAD, min(own_length, length))
        found[number] = (begin, length)
    return found


def _is_intact(content: bytes, begin: int, length: int) -> bool:
    (stored,) = struct.unpack_from("<H", content, begin)
    return int(stored) == binascii.crc_hqx(content[begin + 2 : begin + length], 0xFFFF)


def _judge_checksums(file: ScpFile, is_intact: dict[int, bool]) -> None:
    """Refuse a file whose samples have changed.

    Some writers compute every checksum otherwise or none. Where not one is right they say nothing; where others are,
    a wrong one is damage.
    """
    wrong = [number for number, intact in is_intact.items() if not intact]
    if not wrong:
        return
    names = ", ".join(f"{number} ({_TITLES[number]})" for number in wrong)
    if len(wrong) == len(is_intact):
        file.warnings.append("No checksum of the file is right, so that they cannot show whether it is damaged.")
    elif _SIGNAL_SECTIONS & set(wrong):
        raise RecordError(file.path, f"is damaged: the checksum is wrong in section {names}")
    else:
        file.warnings.append(f"The checksum is wrong, so that what is said there may be: section {names}.")
