"""Recordings of hours and days, made of real ones: MIT-BIH records one after another, each time with other noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.signal.resample import resample

GAIN = 200
_NOISE_ADU = 4.0
_PIECE_S = 600.0


def write_long_record(
    stem: Path,
    sources: Sequence[Path],
    duration_s: float,
    fs_hz: float,
    lead_names: Sequence[str] = STANDARD_LEADS,
    gaps_s: Sequence[tuple[float, float]] = (),
    start: str = "08:00:00 01/03/2024",
) -> Path:
    """Write a 16-bit WFDB record; return its header's path.

    Parameters
    ----------
    stem : Path
    sources : sequence of Path
        Headers of real records; they are put one after another and around again.
    duration_s, fs_hz : float
    lead_names : sequence of str
        Each lead is one of the source's leads, or half the sum of two, and noise of its own.
    gaps_s : sequence of tuple of float
        (start_s, end_s) without samples in any lead.
    start : str
        Time and day of the first sample.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    n_samples, rng = round(duration_s * fs_hz), np.random.default_rng(0)
    gaps = [(round(a * fs_hz), round(b * fs_hz)) for a, b in gaps_s]
    parts: list[npt.NDArray[np.float32]] = []
    for path in sources:
        record = read_record(path)
        parts.append(np.nan_to_num(resample(record.signal_mv[:2], record.fs_hz, fs_hz)).astype(np.float32))
    sums = np.zeros(len(lead_names), np.int64)
    with stem.with_name(stem.name + ".dat").open("wb") as file:
        done = turn = 0
        while done < n_samples:
            source = parts[turn % len(parts)]
            piece = round(_PIECE_S * fs_hz)
            for at in range(0, min(source.shape[1], n_samples - done), piece):
                part = source[:, at : min(at + piece, n_samples - done)]
                weights = np.array([[(2 - k % 3) / 2, (k % 3) / 2] for k in range(len(lead_names))], np.float32)
                leads = weights @ part * np.float32(GAIN)
                leads += _NOISE_ADU * rng.standard_normal(leads.shape, np.float32)
                adu = np.round(leads).astype("<i2")
                for first, last in gaps:
                    adu[:, max(0, first - done - at) : max(0, last - done - at)] = -(2**15)
                sums += adu.sum(axis=1, dtype=np.int64)
                file.write(np.ascontiguousarray(adu.T).tobytes())
            done += min(source.shape[1], n_samples - done)
            turn += 1
    lines = [f"{stem.name} {len(lead_names)} {fs_hz:g} {n_samples} {start}"]
    for lead, total in zip(lead_names, sums.tolist(), strict=True):
        lines.append(f"{stem.name}.dat 16 {GAIN}(0)/mV 16 0 0 {total % 65536} 0 {lead}")
    header = stem.with_name(stem.name + ".hea")
    header.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return header
