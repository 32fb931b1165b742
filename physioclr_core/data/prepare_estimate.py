"""What preparing a source will take, from reading some of its records."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from physioclr_core.data.prepare import MIN_FOR_PROCESSES, RECORDS_A_SHARD
from physioclr_core.data.prepare_shard import rows_path, shard_path, write_shard
from physioclr_core.data.sources.source import Source

_N_SAMPLED = 64
# Start of a process with its imports; measured 0.4 s on an idle machine.
_START_S = 1.0
# Where the system does not say what a process used; measured 136 MB with resampling, most of it libraries.
_PROCESS_MB = 200.0
# A record's entry in the list; measured 0.4 kB without labels.
_LIST_MB_PER_RECORD = 0.001


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is to be expected; ``cause`` is why the first of the ``n_failed`` sampled records cannot be read."""

    n_sampled: int
    n_failed: int
    cause: str
    n_bytes: float
    memory_mb: float
    time_s: float


def estimate(source: Source, fs_hz: float, n_processes: int) -> Estimate:
    """Prepare up to 64 records, evenly over the source, in a temporary folder, and extrapolate.

    Parameters
    ----------
    source : Source
        With at least one record.
    fs_hz : float
    n_processes : int
    """
    n_records = len(source.records)
    step = max(1, n_records // _N_SAMPLED)
    sample = source.records[::step][:_N_SAMPLED]
    with tempfile.TemporaryDirectory() as folder:
        # The first of all loads libraries.
        write_shard(Path(folder), 0, sample[:1], fs_hz, source.folder, lambda n: None)
        started_s = time.perf_counter()
        write_shard(Path(folder), 1, sample, fs_hz, source.folder, lambda n: None)
        per_record_s = (time.perf_counter() - started_s) / len(sample)
        n_bytes = shard_path(Path(folder), 1).stat().st_size
        left_out = json.loads(rows_path(Path(folder), 1).read_text(encoding="utf-8"))["left_out"]
    n_shards = -(-n_records // RECORDS_A_SHARD)
    n_used = min(n_processes, n_shards) if n_records >= MIN_FOR_PROCESSES else 1
    return Estimate(
        n_sampled=len(sample),
        n_failed=len(left_out),
        cause=left_out[0]["reason"] if left_out else "",
        n_bytes=n_bytes / max(len(sample) - len(left_out), 1) * n_records,
        memory_mb=_peak_mb() * (1 if n_used == 1 else n_used + 1) + n_records * _LIST_MB_PER_RECORD,
        time_s=per_record_s * n_records / n_used + (_START_S if n_used > 1 else 0.0),
    )


def _peak_mb() -> float:
    """Return the most memory that this process, which has just done the same work, has used."""
    try:
        import resource
    except ImportError:  # Windows
        return _PROCESS_MB
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
