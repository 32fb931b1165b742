"""The Huffman codes of SCP-ECG: tables of section 2, and decoding a lead at array speed.

Every place in the bits is looked up at once, as if a code began there; following the lengths from the first one then
gives the samples. A lead has at most 64 kB, so the arrays stay small whatever a file claims.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
UInt64Array = npt.NDArray[np.uint64]

_DEFAULT = 19999
_MAX_TABLES = 8
# Of all tables together, for each of which every bit is looked up.
_MAX_LOOKED_UP_BYTES = 2**18
_MAX_CODES = 4096
_MAX_PREFIX_BITS = 32
_MAX_BITS = 56


class HuffmanError(ValueError):
    """Tables or samples that cannot be decoded; the text says why."""


@dataclass(frozen=True, slots=True)
class HuffmanTable:
    """Codes in the order of their bits, left-aligned in 32.

    A code of mode "switch" (``target`` of 0 or more) stands for no sample but for going on with another table. Every
    other one stands for ``value`` plus the signed number in the bits between ``prefix_bits`` and ``total_bits``.
    """

    starts: UInt64Array
    ends: UInt64Array
    prefix_bits: Int64Array
    total_bits: Int64Array
    values: Int64Array
    targets: Int64Array

    @property
    def has_switch(self) -> bool:
        """Whether a code leads to another table."""
        return bool((self.targets >= 0).any())


def read_tables(body: bytes) -> list[HuffmanTable]:
    """Return the tables of section 2.

    Raises
    ------
    HuffmanError
        If there is none, or one is incomplete or ambiguous.
    """
    if len(body) < 2:
        raise HuffmanError("section 2 (code tables) is too short")
    (n_tables,) = struct.unpack_from("<H", body)
    if n_tables == _DEFAULT:
        return [default_table()]
    if not 1 <= n_tables <= _MAX_TABLES:
        raise HuffmanError(f"section 2 states {n_tables} code tables")
    tables, position = [], 2
    for _ in range(n_tables):
        n_codes = struct.unpack_from("<H", body, position)[0] if position + 2 <= len(body) else 0
        position += 2
        if not 1 <= n_codes <= _MAX_CODES or position + 9 * n_codes > len(body):
            raise HuffmanError("section 2 (code tables) is not complete")
        # Number of bits in the prefix and in all, mode, value, and the prefix with its first bit as the lowest.
        stored = [struct.unpack_from("<BBBhL", body, position + 9 * row) for row in range(n_codes)]
        position += 9 * n_codes
        tables.append(_table([_code(fields, n_tables) for fields in stored]))
    return tables


def default_table() -> HuffmanTable:
    """Return the table of the standard that files refer to by the number 19999."""
    codes = [(1, 1, 0, 0, -1)]
    for size in range(1, 9):
        for sign in (0, 1):
            prefix = ((1 << size) - 1) << 2 | sign
            codes.append((size + 2, size + 2, prefix, -size if sign else size, -1))
    # Differences that are larger follow as 8 or 16 bits.
    codes += [(10, 18, 0b1111111110, 0, -1), (10, 26, 0b1111111111, 0, -1)]
    return _table(codes)


def decode(data: bytes, n_samples: int, tables: list[HuffmanTable]) -> Int64Array:
    """Return a lead's samples.

    Parameters
    ----------
    data : bytes
    n_samples : int
        As many are decoded; bits may remain.
    tables : list of HuffmanTable
        The first one begins.

    Raises
    ------
    HuffmanError
        If the bits end too early or are no code of the table.
    """
    n_bits = 8 * len(data)
    if n_samples > n_bits:
        raise HuffmanError(f"its {len(data)} bytes cannot hold {n_samples} samples")
    if len(tables) > 1 and len(tables) * len(data) > _MAX_LOOKED_UP_BYTES:
        raise HuffmanError(f"its {len(data)} bytes are too many for {len(tables)} code tables")
    bits = _windows(data)
    found = [_look_up(bits, table, n_bits) for table in tables]
    try:
        if len(tables) == 1 and not tables[0].has_switch:
            places, end = _follow(found[0][1].tolist(), n_samples)
            table_of = None
        else:
            places, end, table_of = _follow_switching(found, tables, n_samples)
    except IndexError:
        end = n_bits + 1
    if end > n_bits:
        raise HuffmanError("its bits end too early or are no code")
    at = np.array(places, np.int64)
    if table_of is None:
        return _values(bits, at, found[0][0], tables[0])
    samples = np.empty(n_samples, np.int64)
    which = np.array(table_of)
    for number, table in enumerate(tables):
        rows = which == number
        samples[rows] = _values(bits, at[rows], found[number][0], table)
    return samples


def _code(fields: tuple[int, ...], n_tables: int) -> tuple[int, int, int, int, int]:
    prefix, total, mode, value, stored = fields
    if prefix > total:
        prefix, total = total, prefix
    if not 1 <= prefix <= _MAX_PREFIX_BITS or total > _MAX_BITS:
        raise HuffmanError("section 2 has a code of an impossible length")
    target = -1
    if mode == 0:
        target = value - 1
        if not 0 <= target < n_tables:
            raise HuffmanError(f"section 2 refers to code table {value}, which is not there")
    reversed_bits = f"{stored & ((1 << prefix) - 1):0{prefix}b}"[::-1]
    return prefix, prefix if target >= 0 else total, int(reversed_bits, 2), value, target


def _table(codes: list[tuple[int, int, int, int, int]]) -> HuffmanTable:
    codes = sorted(codes, key=lambda code: (code[2] << (32 - code[0]), code[0]))
    prefix, total, bits, values, targets = (np.array(column, np.int64) for column in zip(*codes, strict=True))
    starts = bits << (32 - prefix)
    ends = starts + (np.int64(1) << (32 - prefix))
    if (ends[:-1] > starts[1:]).any():
        raise HuffmanError("section 2 has a code that begins like another")
    return HuffmanTable(starts.astype(np.uint64), ends.astype(np.uint64), prefix, total, values, targets)


def _windows(data: bytes) -> UInt64Array:
    """Return the bits that follow each bit of the data, left-aligned in 64, of which at least 57 are true."""
    octets = np.frombuffer(data + bytes(8), np.uint8)
    words = np.zeros(len(data), np.uint64)
    for place in range(8):
        words |= octets[place : place + len(data)].astype(np.uint64) << np.uint64(56 - 8 * place)
    windows: UInt64Array = (words[:, None] << np.arange(8, dtype=np.uint64)).ravel()
    return windows


def _look_up(bits: UInt64Array, table: HuffmanTable, n_bits: int) -> tuple[Int64Array, Int64Array]:
    """Return which code begins at each bit, and where the next one does; far behind the end where none begins."""
    heads = bits >> np.uint64(32)
    index = np.searchsorted(table.starts, heads, side="right") - 1
    is_code = (index >= 0) & (heads < table.ends[index])
    following = np.arange(n_bits) + table.total_bits[index]
    following[~is_code] = 2 * n_bits + _MAX_BITS
    return index, following


def _follow(following: list[int], n_samples: int) -> tuple[list[int], int]:
    places: list[int] = []
    place, append = 0, places.append  # half of the time of reading a file is spent in this loop
    for _ in range(n_samples):
        append(place)
        place = following[place]
    return places, place


def _follow_switching(
    found: list[tuple[Int64Array, Int64Array]], tables: list[HuffmanTable], n_samples: int
) -> tuple[list[int], int, list[int]]:
    following = [next_place.data for _, next_place in found]
    targets = [table.targets[index].data for table, (index, _) in zip(tables, found, strict=True)]
    places: list[int] = []
    table_of: list[int] = []
    number = place = 0
    while len(places) < n_samples:
        target = targets[number][place]
        if target < 0:
            places.append(place)
            table_of.append(number)
        place = following[number][place]
        number = number if target < 0 else target
    return places, place, table_of


def _values(bits: UInt64Array, places: Int64Array, index: Int64Array, table: HuffmanTable) -> Int64Array:
    code = index[places]
    extra = table.total_bits[code] - table.prefix_bits[code]
    # Shifted to the left until the sign is on top, and back with the sign; a shift by all 64 bits is undefined.
    raw = (bits[places] << table.prefix_bits[code].astype(np.uint64)).view(np.int64) >> (64 - np.maximum(extra, 1))
    values: Int64Array = table.values[code] + np.where(extra > 0, raw, 0)
    return values
