"""EDF, BDF and ISHNE recordings read stretch by stretch; gaps between data records are gaps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from physioclr_core.readers.stored_reader import runs_of_blocks
from physioclr_core.readers.stored_samples import StoredHeader
from physioclr_core.record import FloatArray
from physioclr_core.recordings.samples import BoolArray, CountArray, read_range


def is_seekable(header: StoredHeader) -> bool:
    """Return whether all leads have one rate; others would have to be interpolated as a whole."""
    return len({lead.n_per_block for lead in header.samples.leads}) == 1


class BlockSignal:
    """The leads of a block-wise file.

    Parameters
    ----------
    header : StoredHeader
        Seekable.
    """

    def __init__(self, header: StoredHeader) -> None:
        self._samples = header.samples
        self._leads = header.samples.leads
        self._n_per_block = self._leads[0].n_per_block
        runs = runs_of_blocks(header, self._leads[0].fs_hz)
        self._first_block = np.array([run[0] for run in runs])
        self._end_block = np.array([run[1] for run in runs])
        self._first_sample = np.array([run[2] for run in runs])
        self._end_sample = self._first_sample + (self._end_block - self._first_block) * self._n_per_block

    @property
    def n_samples(self) -> int:
        """Samples of each lead, gaps included."""
        return int(self._end_sample[-1])

    @property
    def n_leads(self) -> int:
        """Number of leads."""
        return len(self._leads)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a stored sample."""
        return np.dtype(np.int16 if self._samples.sample_bytes == 2 else np.int32)

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that samples are read from."""
        return (self._samples.path,)

    def counts(self, start: int, stop: int) -> tuple[CountArray, BoolArray | None]:
        """Return stored samples, shape (stop - start, n_leads), and where there is none."""
        counts = np.zeros((stop - start, self.n_leads), self.dtype)
        is_gap = np.ones(counts.shape, np.bool_)
        first_run = int(np.searchsorted(self._end_sample, start, "right"))
        for run in range(first_run, len(self._first_sample)):
            begin, end = max(start, int(self._first_sample[run])), min(stop, int(self._end_sample[run]))
            if begin >= stop:
                break
            if end > begin:
                self._fill_(counts, is_gap, run, begin, end, start)
        return counts, is_gap if is_gap.any() else None

    def to_mv(self, counts: CountArray, rows: Sequence[int]) -> FloatArray:
        """Return stored samples, shape (n_rows, n), of the leads ``rows`` in mV."""
        if not len(rows):
            return np.empty(counts.shape, np.float32)
        return np.stack([self._leads[row].to_mv(lead) for row, lead in zip(rows, counts, strict=True)])

    def is_inverted(self, row: int) -> bool:
        """Whether the larger of two counts is the lower voltage."""
        return self._leads[row].gain < 0

    def _fill_(self, counts: CountArray, is_gap: BoolArray, run: int, begin: int, end: int, start: int) -> None:
        """Write the samples [begin, end), all of one run, to their places."""
        samples, width = self._samples, self._n_per_block
        run_start = int(self._first_sample[run])
        first_block, last_block = (begin - run_start) // width, -(-(end - run_start) // width)
        offset = samples.data_offset + (int(self._first_block[run]) + first_block) * samples.block_bytes
        blocks = read_range(samples.path, offset, (last_block - first_block) * samples.block_bytes)
        trim = slice(begin - run_start - first_block * width, end - run_start - first_block * width)
        place = slice(begin - start, end - start)
        for row, lead in enumerate(self._leads):
            found = samples.lead_adu(blocks, lead)[trim]
            counts[place, row] = found
            is_gap[place, row] = False if samples.invalid_adu is None else found == samples.invalid_adu
