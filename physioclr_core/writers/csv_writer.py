"""CSV: time in seconds and every lead in millivolts, with digits enough to get the samples back."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from math import ceil, log10
from pathlib import Path

import numpy as np

from physioclr_core.record import SignalSource
from physioclr_core.writers.options import WriteOptions
from physioclr_core.writers.target import all_or_none
from physioclr_core.writers.wfdb_writer import one_line

# Rows of text are long: a block takes some 2 MB.
_ROWS = 1 << 14
# Time is read back as k / fs: to a thousandth of a sample, over the longest record.
_TIME_DECIMALS = (6, 12)


def csv_targets(out: Path) -> tuple[Path, ...]:
    """Return the file to write."""
    return (out if out.suffix.lower() == ".csv" else out.with_name(f"{out.name}.csv"),)


def n_steps(record: SignalSource) -> int:
    """Return how often ``write_csv`` calls ``step``."""
    return ceil(record.n_samples / _ROWS)


def write_csv(record: SignalSource, out: Path, options: WriteOptions, step: Callable[[], None]) -> tuple[str, ...]:
    """Write a record; return sentences on what the format does not hold. Parameters as those of ``write_wfdb``.

    A gap is an empty cell. Numbers are the shortest that give the same float32 sample again.
    """
    low, high = _TIME_DECIMALS
    decimals = min(high, max(low, ceil(log10(record.fs_hz)) + 4))
    with all_or_none(csv_targets(out)) as (file,):
        head = io.StringIO(newline="")
        csv.writer(head, lineterminator="\n").writerow(
            ["time_s", *(f"{one_line(name)} [mV]" for name in record.lead_names)]
        )
        file.write(head.getvalue().encode())
        for start in range(0, record.n_samples, _ROWS):
            block_mv = record.window_mv(start, min(start + _ROWS, record.n_samples))
            times = [f"{k / record.fs_hz:.{decimals}f}" for k in range(start, start + block_mv.shape[1])]
            columns = [np.where(np.isnan(row), "", row.astype(str)).tolist() for row in block_mv]
            file.write("".join(f"{','.join(cells)}\n" for cells in zip(times, *columns, strict=True)).encode())
            step()
    return ("CSV holds the samples only: patient, time and reading are not in it.",)
