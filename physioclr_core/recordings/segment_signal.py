"""WFDB records in segments read stretch by stretch; what no segment holds is a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from physioclr_core.record import FloatArray
from physioclr_core.recordings.samples import BoolArray, CountArray, window_mv
from physioclr_core.recordings.wfdb_signal import WfdbSignal


@dataclass(frozen=True, slots=True)
class Placed:
    """A segment in the record: its samples begin at ``start``; ``leads`` are the record's leads that it holds."""

    start: int
    signal: WfdbSignal
    leads: tuple[int, ...]


class SegmentSignal:
    """Segments on one time axis. Stored samples are mV: every segment has gains of its own.

    Parameters
    ----------
    placed : sequence of Placed
        In order of time, not overlapping.
    n_leads, n_samples : int
        Of the record.
    """

    def __init__(self, placed: Sequence[Placed], n_leads: int, n_samples: int) -> None:
        self._placed = tuple(placed)
        self._n_leads, self._n_samples = n_leads, n_samples
        self._ends = np.array([part.start + part.signal.n_samples for part in placed])

    @property
    def n_samples(self) -> int:
        """Samples of each lead, gaps included."""
        return self._n_samples

    @property
    def n_leads(self) -> int:
        """Number of leads."""
        return self._n_leads

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a stored sample."""
        return np.dtype(np.float32)

    @property
    def files(self) -> tuple[Path, ...]:
        """Files that samples are read from."""
        return tuple(dict.fromkeys(path for part in self._placed for path in part.signal.files))

    def counts(self, start: int, stop: int) -> tuple[CountArray, BoolArray | None]:
        """Return samples in mV, shape (stop - start, n_leads), and where there is none."""
        found = np.full((self._n_leads, stop - start), np.nan, np.float32)
        for part in self._placed[int(np.searchsorted(self._ends, start, "right")) :]:
            begin, end = max(start, part.start), min(stop, part.start + part.signal.n_samples)
            if part.start >= stop:
                break
            found[list(part.leads), begin - start : end - start] = window_mv(
                part.signal, begin - part.start, end - part.start
            )
        is_gap = np.isnan(found.T)
        return found.T, is_gap if is_gap.any() else None

    def to_mv(self, counts: CountArray, rows: Sequence[int]) -> FloatArray:
        """Return samples as they are."""
        return np.asarray(counts, np.float32)

    def is_inverted(self, row: int) -> bool:
        """Never: the samples are voltages already."""
        return False


def placed_leads(rows: Mapping[int, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the record's leads and the segment's signals of {lead: signal}, by ascending signal."""
    ordered = sorted(rows.items(), key=lambda item: item[1])
    return tuple(lead for lead, _ in ordered), tuple(signal for _, signal in ordered)
