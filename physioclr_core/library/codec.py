"""Lossless packing of 12-lead, 16-bit ECGs: eight leads and the residuals of the four that follow from them.

III = II - I, aVR = -(I + II) / 2, aVL = I - II / 2 and aVF = II - I / 2 hold up to rounding in a well-made record, so
their residuals are almost nothing. First differences in time, low and high bytes apart, LZMA.
"""

from __future__ import annotations

import lzma

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int16]

# A dictionary of the size of a record: the preset's own 8 MB would only be cleared anew for each of them.
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6 | lzma.PRESET_EXTREME, "dict_size": 1 << 16, "pb": 0}]
_INDEPENDENT = [0, 1, 6, 7, 8, 9, 10, 11]
_DERIVED = slice(2, 6)


def pack_record(signal_adu: IntArray) -> bytes:
    """Pack one record.

    Parameters
    ----------
    signal_adu : ndarray of int16, shape (12, n_samples)
        Leads in the standard order.
    """
    rows = np.empty_like(signal_adu)
    # int16 arithmetic wraps around both ways, so nothing is lost even at the extremes.
    rows[:8] = signal_adu[_INDEPENDENT]
    rows[8:] = signal_adu[_DERIVED] - _predicted(signal_adu[0], signal_adu[1])
    rows = np.diff(rows, axis=1, prepend=np.int16(0))
    zigzag = ((rows << 1) ^ (rows >> 15)).view(np.uint16)
    planes = np.stack([zigzag & 0xFF, zigzag >> 8], axis=1).astype(np.uint8)
    return lzma.compress(planes.tobytes(), lzma.FORMAT_RAW, filters=_FILTERS)


def unpack_record(packed: bytes, n_samples: int) -> IntArray:
    """Return the record of ``pack_record``, shape (12, n_samples).

    Raises
    ------
    ValueError
        If the bytes are not a packed record of that length.
    """
    try:
        raw = lzma.decompress(packed, lzma.FORMAT_RAW, filters=_FILTERS)
    except lzma.LZMAError as error:
        raise ValueError(f"not a packed record: {error}") from None
    if len(raw) != 12 * 2 * n_samples:
        raise ValueError(f"not a packed record of 12 x {n_samples} samples")
    planes = np.frombuffer(raw, np.uint8).reshape(12, 2, n_samples).astype(np.uint16)
    zigzag = planes[:, 0] | (planes[:, 1] << 8)
    delta = ((zigzag >> 1) ^ (np.uint16(0) - (zigzag & 1))).astype(np.uint16).view(np.int16)
    rows = np.cumsum(delta, axis=1, dtype=np.int16)
    signal = np.empty_like(rows)
    signal[_INDEPENDENT] = rows[:8]
    signal[_DERIVED] = rows[8:] + _predicted(rows[0], rows[1])
    return signal


def _predicted(lead_i: IntArray, lead_ii: IntArray) -> IntArray:
    i, ii = lead_i.astype(np.int32), lead_ii.astype(np.int32)
    return np.stack([ii - i, -((i + ii) >> 1), (2 * i - ii) >> 1, (2 * ii - i) >> 1]).astype(np.int16)
