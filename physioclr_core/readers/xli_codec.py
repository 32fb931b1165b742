"""XLI, the compression of Philips Sierra ECGs: second differences, split into high and low bytes, then LZW.

Written here because a decoder that grows with its input's claims cannot be given files of unknown origin: ten bits may
stand for hundreds of bytes. This one stops at the number of samples that a lead may have.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import RecordError

# 11 s at 500 Hz are usual; this is 2 min at 1000 Hz.
MAX_LEAD_SAMPLES = 120_000
_CHUNK_HEADER_BYTES = 8
_CODE_BITS = 10
_LAST_CODE = 2**_CODE_BITS - 2


def decode_xli(path: Path, content: bytes, n_leads: int, n_samples: int) -> list[npt.NDArray[np.int64]]:
    """Return the samples of the first leads.

    Parameters
    ----------
    path : Path
    content : bytes
        One chunk after another, one for each lead; more than ``n_leads`` may be there and are not decoded.
    n_leads, n_samples : int
        What the file says of its leads.

    Returns
    -------
    list of ndarray of int64, shape (n_samples,)

    Raises
    ------
    RecordError
        If a chunk is cut off or damaged, or holds fewer samples.
    """
    leads: list[npt.NDArray[np.int64]] = []
    begin = 0
    for lead in range(1, n_leads + 1):
        header = content[begin : begin + _CHUNK_HEADER_BYTES]
        begin += _CHUNK_HEADER_BYTES
        size = int.from_bytes(header[:4], "little", signed=True)
        if len(header) < _CHUNK_HEADER_BYTES or not 0 < size <= len(content) - begin:
            raise RecordError(path, f"is damaged: its compressed lead {lead} of {n_leads} is not all there")
        packed = _decode_lzw(path, content[begin : begin + size], 2 * MAX_LEAD_SAMPLES, lead)
        begin += size
        samples = _undo_differences(_join_bytes(packed), int.from_bytes(header[6:8], "little", signed=True))
        if samples.size < n_samples:
            raise RecordError(
                path, f"has {samples.size} samples in its compressed lead {lead} where {n_samples} are stated"
            )
        leads.append(samples[:n_samples])
    return leads


def _decode_lzw(path: Path, chunk: bytes, max_bytes: int, lead: int) -> bytes:
    table: list[bytes] = [bytes((value,)) for value in range(256)]
    out = bytearray()
    previous = b""
    bits = n_bits = 0
    for byte in chunk:
        bits = bits << 8 | byte
        n_bits += 8
        if n_bits < _CODE_BITS:
            continue
        n_bits -= _CODE_BITS
        code = bits >> n_bits
        bits &= (1 << n_bits) - 1
        if code > _LAST_CODE:
            break
        if code < len(table):
            entry = table[code]
        elif code == len(table) and previous:
            entry = previous + previous[:1]
        else:
            raise RecordError(path, f"is damaged: its compressed lead {lead} has a code that stands for nothing")
        out += entry
        if len(out) > max_bytes:
            raise RecordError(path, f"has more than {max_bytes // 2} samples in its compressed lead {lead}")
        if previous and len(table) <= _LAST_CODE:
            table.append(previous + entry[:1])
        previous = entry
    return bytes(out)


def _join_bytes(packed: bytes) -> npt.NDArray[np.int64]:
    """Return signed 16-bit numbers whose high bytes are in the first half and low bytes in the second."""
    half = len(packed) // 2
    raw = np.frombuffer(packed, np.uint8)
    return (raw[:half].astype(np.int8).astype(np.int64) << 8) | raw[half : 2 * half]


def _undo_differences(stored: npt.NDArray[np.int64], first: int) -> npt.NDArray[np.int64]:
    """Return samples of their second differences.

    Each of the stored numbers is 64 more than the prediction error of the next sample; the first two are samples.
    """
    if stored.size < 3:
        return stored
    # s[i] = 2 s[i-1] - s[i-2] - e[i-1], with e[1] the chunk's start value: two running sums.
    errors = np.concatenate(([first], stored[2:-1] - 64))
    slopes = stored[1] - stored[0] - np.cumsum(errors)
    return np.concatenate((stored[:2], stored[1] + np.cumsum(slopes)))
