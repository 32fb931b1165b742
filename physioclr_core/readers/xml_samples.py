"""Samples that XML formats store as text in Base64."""

from __future__ import annotations

import binascii
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import RecordError

_WHITE_SPACE = str.maketrans("", "", " \t\r\n\v\f")


def base64_bytes(path: Path, text: str, what: str) -> bytes:
    """Return the bytes of Base64 text; raises ``RecordError`` for anything else.

    Parameters
    ----------
    path : Path
    text : str
    what : str
        Of which lead, for the error text.
    """
    try:
        # Strictly: the standard decoder skips what it does not know, and a skipped character shifts all that follows.
        return binascii.a2b_base64(text.translate(_WHITE_SPACE).encode("ascii"), strict_mode=True)
    except (binascii.Error, ValueError):
        raise RecordError(path, f"has samples that are no valid Base64 in {what}") from None


def little_endian(path: Path, raw: bytes, n_bytes: int, what: str, signed: bool = True) -> npt.NDArray[np.int64]:
    """Return little-endian integers of 1, 2 or 4 bytes; raises ``RecordError`` where the length does not fit."""
    if n_bytes not in (1, 2, 4):
        raise RecordError(path, f"says that a sample has {n_bytes} bytes in {what}; 1, 2 and 4 are known")
    if len(raw) % n_bytes:
        raise RecordError(path, f"has {len(raw)} bytes in {what}, which is no whole number of samples")
    return np.frombuffer(raw, f"<{'i' if signed else 'u'}{n_bytes}").astype(np.int64)
