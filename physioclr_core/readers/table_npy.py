"""NumPy's .npy: one array whose header is checked before anything of its size is taken; never objects."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
from numpy.lib import format as npy

from physioclr_core.errors import RecordError
from physioclr_core.readers.files import file_size, first_bytes
from physioclr_core.readers.stored_samples import Float64Array
from physioclr_core.readers.table_text import RawTable

MAX_BYTES = 2**31
_MAX_HEADER = 10_000


def read_npy_table(path: Path, max_samples: int | None = None) -> RawTable:
    """Read an array of one or two dimensions, or the beginning of each of its leads.

    Parameters
    ----------
    path : Path
    max_samples : int, optional
        For a first look: along the longer dimension.

    Raises
    ------
    RecordError
        If it is no array of numbers, has objects in it, or is shorter or larger than it may be.
    """
    size = file_size(path)
    first_bytes(path, 1)  # refuses what is no regular file
    with path.open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                version = npy.read_magic(file)
                read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, is_fortran, dtype = read_header(file, max_header_size=_MAX_HEADER)
        except Exception:  # noqa: BLE001  (its parser of Python literals raises whatever a damaged text brings out)
            raise RecordError(path, "has no header of a NumPy array that can be read") from None
        offset = file.tell()
    if dtype.hasobject:
        raise RecordError(path, "holds Python objects, which could run a program when opened; save numbers instead")
    if dtype.kind not in "iuf":
        raise RecordError(path, f"holds values of type {dtype.name}, not numbers")
    if not 1 <= len(shape) <= 2 or 0 in shape or any(length < 0 for length in shape):
        raise RecordError(path, f"holds an array of shape {_shape(shape)}; one lead, or leads by samples, are read")
    n_bytes = math.prod(shape) * dtype.itemsize
    if n_bytes > size - offset:
        raise RecordError(path, f"is cut short: shape {_shape(shape)} takes {n_bytes} bytes, {size - offset} are there")
    if n_bytes > MAX_BYTES:
        raise RecordError(path, f"is too large to be read at once ({n_bytes} bytes)")
    stored = np.memmap(path, dtype, "r", offset, tuple(shape), "F" if is_fortran else "C")
    table = stored.reshape(-1, 1) if len(shape) == 1 else stored
    if max_samples is not None:
        table = table[:max_samples, :max_samples]
    with np.errstate(all="ignore"):
        values: Float64Array = np.array(table, np.float64)
    read = size if values.size == math.prod(shape) else values.size * dtype.itemsize
    n_rows, n_columns = stored.shape if stored.ndim == 2 else (len(stored), 1)
    heads = ("",) * values.shape[1]
    return RawTable(values, heads, n_bytes_read=read, n_bytes=size, shape=(n_rows, n_columns))


def _shape(shape: tuple[int, ...]) -> str:
    text = " x ".join(str(length) for length in shape) or "()"
    return text if len(text) <= 60 else f"{text[:60]}..."
