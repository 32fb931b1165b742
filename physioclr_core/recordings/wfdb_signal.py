"""WFDB signal files of formats in which the place of every sample is known: any stretch without what precedes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.readers.wfdb_header import INVALID_SAMPLE, SignalSpec, WfdbHeader
from physioclr_core.readers.wfdb_samples import FileGroup, scale_mv
from physioclr_core.record import FloatArray
from physioclr_core.recordings.samples import BoolArray, CountArray, read_range

# Bytes of a sample; format 212 holds two in three bytes.
_SAMPLE_BYTES = {16: 2, 61: 2, 80: 1, 160: 2, 24: 3, 32: 4}
_PAIR_BYTES = 3
SEEKABLE_FORMATS = frozenset({*_SAMPLE_BYTES, 212})
_WIDE_FORMATS = frozenset({24, 32})


def is_seekable(header: WfdbHeader, groups: Sequence[FileGroup], rows: Sequence[int]) -> bool:
    """Return whether any stretch of these leads can be read for itself: known places, one rate, plain files."""
    return (
        all(group.format in SEEKABLE_FORMATS and group.path.suffix.lower() != ".mat" for group in groups)
        and len({header.signals[row].samples_per_frame for row in rows}) == 1
    )


def decode(raw: bytes, fmt: int) -> npt.NDArray[Any]:
    """Return the samples in bytes of a seekable format; of format 212 the bytes start with a pair.

    Parameters
    ----------
    raw : bytes
    fmt : int
        One of ``SEEKABLE_FORMATS``.

    Returns
    -------
    ndarray of int16 or int32
    """
    match fmt:
        case 16:
            return np.frombuffer(raw, "<i2")
        case 61:
            return np.frombuffer(raw, ">i2").astype(np.int16)
        case 80:
            return np.frombuffer(raw, np.uint8).astype(np.int16) - np.int16(128)
        case 160:
            return (np.frombuffer(raw, "<u2") ^ np.uint16(0x8000)).view(np.int16)
        case 24:
            low = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int32)
            return (low[:, 0] | low[:, 1] << 8 | (low[:, 2] ^ 0x80) << 16) - 0x800000
        case 32:
            return np.frombuffer(raw, "<i4")
    pairs = np.frombuffer(raw[: len(raw) // 3 * 3], np.uint8).reshape(-1, 3).astype(np.int16)
    samples = np.empty(2 * len(pairs) + (len(raw) % 3 == 2), np.int16)
    samples[0 : 2 * len(pairs) : 2] = pairs[:, 0] | (pairs[:, 1] & 0x0F) << 8
    samples[1 : 2 * len(pairs) : 2] = pairs[:, 2] | (pairs[:, 1] & 0xF0) << 4
    if len(raw) % 3 == 2:  # an odd number of samples ends with two bytes
        samples[-1] = raw[-2] | (raw[-1] & 0x0F) << 8
    return ((samples ^ 0x800) - 0x800).astype(np.int16)


@dataclass(frozen=True, slots=True)
class WfdbSignal:
    """The leads ``rows`` of one header with signal lines, whose files have been checked for their sizes.

    ``rows`` are places among the header's signals, ascending; all have the same number of samples a frame.
    """

    header: WfdbHeader
    groups: tuple[FileGroup, ...]
    rows: tuple[int, ...]
    n_frames: int

    @property
    def specs(self) -> list[SignalSpec]:
        """Signal lines of the leads."""
        return [self.header.signals[row] for row in self.rows]

    @property
    def n_a_frame(self) -> int:
        """Samples of a lead in a frame."""
        return self.specs[0].samples_per_frame

    @property
    def n_samples(self) -> int:
        """Samples of each lead."""
        return self.n_frames * self.n_a_frame

    @property
    def n_leads(self) -> int:
        """Number of leads."""
        return len(self.rows)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a stored sample."""
        return np.dtype(np.int32 if any(spec.format in _WIDE_FORMATS for spec in self.specs) else np.int16)

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that samples are read from."""
        return tuple(group.path for group in self.groups)

    def counts(self, start: int, stop: int) -> tuple[CountArray, BoolArray | None]:
        """Return stored samples, shape (stop - start, n_leads), and where there is none."""
        n_a_frame = self.n_a_frame
        first, last = start // n_a_frame, -(-stop // n_a_frame)
        trim = slice(start - first * n_a_frame, stop - first * n_a_frame)
        parts: list[CountArray] = []
        gaps: list[BoolArray | None] = []
        for group in self.groups:
            local = [row for row in self.rows if row in group.rows]
            skews = sorted({self.header.signals[row].skew_frames for row in local})
            # Signals with the same skew are read together; almost always there is one skew, and it is 0.
            frames = {skew: self._frames(group, first + skew, last + skew) for skew in skews}
            if len(local) == group.samples_per_frame and skews == [0]:
                part, gap = frames[0], None
                part = part[trim]
            else:
                columns = [self._column(group, row, frames, first, last) for row in local]
                part = np.stack([samples[trim] for samples, _ in columns], axis=1)
                gap = None
                if any(is_gap is not None for _, is_gap in columns):
                    none = np.zeros(len(part), np.bool_)
                    gap = np.stack([none if g is None else g[trim] for _, g in columns], axis=1)
            invalid = INVALID_SAMPLE[group.format]
            if invalid is not None and part.size and part.min() == invalid:
                gap = (part == invalid) if gap is None else gap | (part == invalid)
            if local:
                parts.append(part)
                gaps.append(gap)
        counts = parts[0] if len(parts) == 1 else np.concatenate([part.astype(self.dtype) for part in parts], axis=1)
        if all(gap is None for gap in gaps):
            return counts, None
        is_gap = [np.zeros(p.shape, np.bool_) if g is None else g for p, g in zip(parts, gaps, strict=True)]
        return counts, np.concatenate(is_gap, axis=1)

    def to_mv(self, counts: CountArray, rows: Sequence[int]) -> FloatArray:
        """Return stored samples, shape (n_rows, n), of the leads ``rows`` in mV."""
        out_mv = np.empty(counts.shape, np.float32)
        if not counts.size:
            return out_mv
        specs = self.specs
        formats = [specs[row].format for row in rows]
        if len(set(formats)) == 1:
            scale_mv(counts, [specs[row] for row in rows], out_mv)
        else:
            for place, row in enumerate(rows):
                scale_mv(counts[place : place + 1], [specs[row]], out_mv[place : place + 1])
        return out_mv

    def is_inverted(self, row: int) -> bool:
        """Whether the larger of two counts is the lower voltage."""
        return self.specs[row].gain < 0

    def _frames(self, group: FileGroup, first: int, last: int) -> CountArray:
        """Return the frames that are there of [first, last), shape (n, samples a frame)."""
        first, last = min(first, self.n_frames), min(last, self.n_frames)
        width = group.samples_per_frame
        begin, end = first * width, last * width
        if group.format == 212:
            even = begin // 2 * 2
            n_bytes = (end - even) // 2 * _PAIR_BYTES + 2 * ((end - even) % 2)
            raw = read_range(group.path, group.byte_offset + even // 2 * _PAIR_BYTES, n_bytes)
            return decode(raw, 212)[begin - even : end - even].reshape(-1, width)
        size = _SAMPLE_BYTES[group.format]
        raw = read_range(group.path, group.byte_offset + begin * size, (end - begin) * size)
        return decode(raw, group.format).reshape(-1, width)

    def _column(
        self, group: FileGroup, row: int, frames: dict[int, CountArray], first: int, last: int
    ) -> tuple[CountArray, BoolArray | None]:
        """Return one signal of [first, last) frames; what its skew moves beyond the end is a gap."""
        spec = self.header.signals[row]
        at = sum(self.header.signals[other].samples_per_frame for other in group.rows if other < row)
        found = frames[spec.skew_frames][:, at : at + spec.samples_per_frame].reshape(-1)
        n_wanted = (last - first) * spec.samples_per_frame
        if len(found) == n_wanted:
            return found, None
        whole = np.zeros(n_wanted, found.dtype)
        whole[: len(found)] = found
        is_gap = np.ones(n_wanted, np.bool_)
        is_gap[: len(found)] = False
        return whole, is_gap
