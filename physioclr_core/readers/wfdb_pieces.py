"""Long WFDB records piece by piece, so that a day of signal needs no day of memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physioclr_core.errors import RecordError
from physioclr_core.readers.assemble import name_leads
from physioclr_core.readers.wfdb_header import WfdbHeader, read_header
from physioclr_core.readers.wfdb_leads import FS_RANGE_HZ, ecg_signals
from physioclr_core.readers.wfdb_reader import find_header, is_wfdb
from physioclr_core.readers.wfdb_samples import PLAIN_DTYPES, FileGroup, check_sizes, group_files, scale_mv
from physioclr_core.record import FloatArray

LONG_S = 3600.0
_PIECE_S = 60.0


@dataclass(frozen=True, slots=True)
class PieceReader:
    """A record whose samples are read when they are asked for.

    ``rows`` are the places of the ECG leads among the header's signals, ascending.
    """

    name: str
    fs_hz: float
    n_samples: int
    lead_names: tuple[str, ...]
    header: WfdbHeader
    groups: tuple[FileGroup, ...]
    rows: tuple[int, ...]

    def read_mv(self, start: int, end: int) -> FloatArray:
        """Return the samples from ``start`` to before ``end``, shape (n_leads, end - start), NaN is a gap.

        Raises
        ------
        RecordError
            If a file can no longer be read.
        """
        parts: list[FloatArray] = []
        for group in self.groups:
            local = [row - group.rows.start for row in self.rows if row in group.rows]
            if not local:
                continue
            dtype, width = PLAIN_DTYPES[group.format], group.samples_per_frame
            offset = group.byte_offset + start * width * dtype.itemsize
            try:
                flat = np.fromfile(group.path, dtype, (end - start) * width, offset=offset)
            except OSError as error:
                raise RecordError(group.path, f"cannot be read ({error.strerror})") from None
            if len(flat) < (end - start) * width:
                raise RecordError(group.path, "became shorter while it was read")
            block = np.ascontiguousarray(flat.reshape(-1, width).T[local])
            part = np.empty(block.shape, np.float32)
            scale_mv(block, [self.header.signals[group.rows.start + place] for place in local], part)
            parts.append(part)
        return np.concatenate(parts)

    def pieces(self, rows: list[int], piece_s: float = _PIECE_S) -> Iterator[FloatArray]:
        """Yield the given leads, a minute at a time by default."""
        step = max(1, round(piece_s * self.fs_hz))
        for start in range(0, self.n_samples, step):
            yield self.read_mv(start, min(start + step, self.n_samples))[rows]


def open_pieces(path: Path, longer_than_s: float = LONG_S) -> PieceReader | None:
    """Open a record for reading in pieces.

    Parameters
    ----------
    path : Path
    longer_than_s : float
        Shorter records are better read at once.

    Returns
    -------
    PieceReader or None
        None where the record is short, in segments, or not of 16-bit samples at one rate without skew; it is to be
        read whole then.

    Raises
    ------
    RecordError
        If the record cannot be read.
    """
    if not is_wfdb(path):
        return None
    header_path = find_header(path)
    header = read_header(header_path)
    if header.is_layout or header.is_multi_segment:
        return None
    if any(signal.samples_per_frame != 1 or signal.skew_frames for signal in header.signals):
        return None
    ignored: list[str] = []
    rows = ecg_signals(header_path, header.signals, ignored)
    groups = group_files(header_path, header)
    n_samples = check_sizes(header_path, header, groups, ignored)
    fs_hz = header.frame_fs_hz
    is_plain = all(group.format in PLAIN_DTYPES and group.path.suffix.lower() != ".mat" for group in groups)
    if not is_plain or not FS_RANGE_HZ[0] <= fs_hz <= FS_RANGE_HZ[1] or n_samples <= longer_than_s * fs_hz:
        return None
    lead_names = name_leads((header.signals[row].name for row in rows), ignored)
    return PieceReader(header_path.stem, fs_hz, n_samples, lead_names, header, tuple(groups), rows)
