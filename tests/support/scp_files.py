"""SCP-ECG files for tests, written as EN 1064 describes them and independently of the code that reads them."""

from __future__ import annotations

import binascii
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.signedinteger[Any]]

LEAD_NUMBERS = {
    **{"I": 1, "II": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8},
    **{"III": 61, "aVR": 62, "aVL": 63, "aVF": 64},
}
DEFAULT_TABLE = struct.pack("<H", 19999)


def huffman_bits(value: int) -> str:
    """Return the bits of a number in the standard's table."""
    if value == 0:
        return "0"
    if abs(value) <= 8:
        return "1" * abs(value) + "0" + ("0" if value > 0 else "1")
    if -128 <= value < 128:
        return "1111111110" + f"{value & 0xFF:08b}"
    return "1111111111" + f"{value & 0xFFFF:016b}"


def to_bytes(bits: str) -> bytes:
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))


def differences(samples: IntArray, order: int) -> list[int]:
    """Return first or second differences after the stored first one or two samples, wrapped to 16 bits."""
    values = [int(x) for x in samples]
    if order == 1:
        values = [values[0], *(b - a for a, b in zip(values, values[1:], strict=False))]
    elif order == 2:
        values = values[:2] + [values[n] - 2 * values[n - 1] + values[n - 2] for n in range(2, len(values))]
    return [(value + 2**15) % 2**16 - 2**15 for value in values]


def block(
    leads: Sequence[IntArray], step_nv: int, interval_us: int, order: int, is_huffman: bool, flag: int = 0
) -> bytes:
    """Return the body of section 5 or 6."""
    stored = []
    for samples in leads:
        values = differences(samples, order)
        if is_huffman:
            stored.append(to_bytes("".join(map(huffman_bits, values))))
        else:
            stored.append(struct.pack(f"<{len(values)}h", *values))
    head = struct.pack("<HHBB", step_nv, interval_us, order, flag)
    return head + struct.pack(f"<{len(stored)}H", *map(len, stored)) + b"".join(stored)


def leads_section(leads: Sequence[tuple[str | int, int, int]], flags: int = 4) -> bytes:
    """Return the body of section 3: name or number, first and last sample of each lead."""
    rows = [
        struct.pack("<LLB", first, last, LEAD_NUMBERS[name] if isinstance(name, str) else name)
        for name, first, last in leads
    ]
    return bytes([len(rows), flags]) + b"".join(rows)


def tag(number: int, value: bytes) -> bytes:
    return struct.pack("<BH", number, len(value)) + value


def patient_section(*tags: bytes) -> bytes:
    return b"".join(tags) + tag(255, b"")


def assemble(sections: Mapping[int, bytes], version: int = 20, checksums: str = "right") -> bytes:
    """Return a file of sections; ``checksums`` are "right", "none" (all 0) or "wrong" (all of them)."""

    def checksum(content: bytes) -> bytes:
        value = {"right": binascii.crc_hqx(content, 0xFFFF), "none": 0}.get(checksums)
        return struct.pack("<H", (binascii.crc_hqx(content, 0xFFFF) ^ 0x5555) if value is None else value)

    def section(number: int, body: bytes, letters: bytes = bytes(6)) -> bytes:
        body += b"\0" * (len(body) % 2)
        content = struct.pack("<HLBB6s", number, 16 + len(body), version, version, letters) + body
        return checksum(content) + content

    bodies = dict(sorted(sections.items()))
    made = {number: section(number, body) for number, body in bodies.items()}
    n_pointers = max(12, max(made) + 1)
    place = 7 + 16 + 10 * n_pointers
    pointers = struct.pack("<HLL", 0, 16 + 10 * n_pointers, 7)
    for number in range(1, n_pointers):
        if number in made:
            pointers += struct.pack("<HLL", number, len(made[number]), place)
            place += len(made[number])
        else:
            pointers += struct.pack("<HLL", number, 0, 0)
    content = section(0, pointers, b"SCPECG") + b"".join(made.values())
    content = struct.pack("<L", 6 + len(content)) + content
    return checksum(content) + content


def with_right_checksums(content: bytes) -> bytes:
    """Return a damaged file with the checksums of what it has become, so that its readers look at the damage."""
    repaired = bytearray(content)
    if len(content) < 22:
        return content
    struct.pack_into("<L", repaired, 2, len(repaired))
    (length,) = struct.unpack_from("<L", repaired, 10)
    places = [(6, length)]
    for position in range(22, min(6 + length, len(repaired)) - 9, 10):
        number, length, index = struct.unpack_from("<HLL", repaired, position)
        if length and index:
            places.append((index - 1, length))
            if number and index + 7 < len(repaired):
                struct.pack_into("<HL", repaired, index + 1, number, length)
    for begin, length in [*places, (0, len(repaired))]:
        if 0 <= begin < begin + 2 <= begin + length <= len(repaired):
            struct.pack_into(
                "<H", repaired, begin, binascii.crc_hqx(bytes(repaired[begin + 2 : begin + length]), 0xFFFF)
            )
    return bytes(repaired)
