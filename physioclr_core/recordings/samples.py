"""What every long recording offers: stored numbers of any stretch, and how they become millivolts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import RecordError
from physioclr_core.readers.files import os_fault
from physioclr_core.record import FloatArray

CountArray = npt.NDArray[Any]
BoolArray = npt.NDArray[np.bool_]

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class StoredSignal(Protocol):
    """Samples that stay in their files until a stretch of them is asked for.

    Attributes
    ----------
    n_samples, n_leads : int
    dtype : numpy dtype
        int16 or int32: ADU as stored; float32: mV, where the gain changes within the record.
    files : tuple of Path
        The files that samples are read from.
    """

    @property
    def n_samples(self) -> int:
        """Samples of each lead."""

    @property
    def n_leads(self) -> int:
        """Number of leads."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a stored sample."""

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that samples are read from."""

    def counts(self, start: int, stop: int) -> tuple[CountArray, BoolArray | None]:
        """Return stored samples, shape (stop - start, n_leads), and where there is none (None: nowhere).

        Raises
        ------
        RecordError
            If a file can no longer be read as it was opened.
        """

    def to_mv(self, counts: CountArray, rows: Sequence[int]) -> FloatArray:
        """Return stored samples, shape (n_rows, n), of the leads ``rows`` in mV; order is kept or reversed by sign."""

    def is_inverted(self, row: int) -> bool:
        """Whether the larger of two counts is the lower voltage."""


def read_range(path: Path, offset: int, n_bytes: int) -> bytes:
    """Return a stretch of a file, without mapping it: mapped pages would count as this program's memory.

    Raises
    ------
    RecordError
        If the file cannot be read or ends before.
    """
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            if hasattr(os, "pread"):
                content = os.pread(descriptor, n_bytes, offset)
            else:
                os.lseek(descriptor, offset, os.SEEK_SET)
                content = os.read(descriptor, n_bytes)
            while len(content) < n_bytes:
                os.lseek(descriptor, offset + len(content), os.SEEK_SET)
                more = os.read(descriptor, n_bytes - len(content))
                if not more:
                    raise RecordError(path, "became shorter while it was open")
                content += more
            return content
        finally:
            os.close(descriptor)
    except OSError as error:
        raise os_fault(path, error) from None


def window_mv(signal: StoredSignal, start: int, stop: int, rows: Sequence[int] | None = None) -> FloatArray:
    """Return a stretch of a signal in mV at full resolution.

    Parameters
    ----------
    signal : StoredSignal
    start, stop : int
        Samples; what lies outside the record is not returned.
    rows : sequence of int, optional
        Leads; all by default.

    Returns
    -------
    ndarray of float32, shape (n_rows, n)
        NaN is a gap.
    """
    start, stop = max(0, start), min(stop, signal.n_samples)
    chosen = list(range(signal.n_leads)) if rows is None else list(rows)
    if stop <= start:
        return np.empty((len(chosen), 0), np.float32)
    counts, is_gap = signal.counts(start, stop)
    part = counts.T if rows is None else counts.T[chosen]
    found_mv = signal.to_mv(np.ascontiguousarray(part), chosen)
    if is_gap is not None:
        found_mv[is_gap.T if rows is None else is_gap.T[chosen]] = np.nan
    return found_mv
