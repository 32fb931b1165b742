"""Block-wise recordings (EDF, BDF, ISHNE) read into memory as a whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from physioclr_core.errors import RecordError
from physioclr_core.readers.assemble import build_report, name_leads
from physioclr_core.readers.edf_header import read_edf_header
from physioclr_core.readers.ishne_header import read_ishne_header
from physioclr_core.readers.stored_samples import StoredHeader
from physioclr_core.readers.table_options import TableOptions
from physioclr_core.readers.wfdb_leads import check_dimensions
from physioclr_core.readers.wfdb_samples import bring_to_length
from physioclr_core.record import EcgRecord, FloatArray, Provenance

_BYTES_AT_ONCE = 2**23
# Of all leads together. A small file may be stated to hold days of gaps; those are not worth memory.
_GAP_SAMPLES = 2**25


def read_edf(path: Path, unit: str | None = None) -> EcgRecord:
    """Read an EDF, EDF+, BDF or BDF+ file; the gaps of a discontinuous one are NaN.

    Parameters
    ----------
    path : Path
    unit : str, optional
        Of channels that state none, from the person who opens the file.

    Returns
    -------
    EcgRecord
        ECG leads in mV at the highest of their rates; other channels are named in ``report.ignored``.

    Raises
    ------
    RecordError
        If the file cannot be read in full.
    """
    return _record(read_edf_header(path, unit))


def read_edf_given(path: Path, given: TableOptions) -> EcgRecord:
    """Read an EDF or BDF file with the unit that a person gives for the channels that state none.

    Raises
    ------
    RecordError
        If anything else is given: the format states it.
    """
    if given != TableOptions(unit=given.unit):
        raise RecordError(path, "states rate and leads itself; only the unit of channels without one can be given")
    return read_edf(path, given.unit)


def read_ishne(path: Path) -> EcgRecord:
    """Read an ISHNE Holter recording.

    Raises
    ------
    RecordError
        If it holds annotations, or cannot be read.
    """
    return _record(read_ishne_header(path))


def _record(header: StoredHeader) -> EcgRecord:
    samples, warnings = header.samples, list(header.warnings)
    path = samples.path
    signal_mv, fs_hz = read_signal(header)
    if not any(np.isfinite(lead_mv).any() for lead_mv in signal_mv):
        raise RecordError(path, "has no valid sample in any ECG lead")
    warnings += [
        f"{lead.source_name} was interpolated from {lead.fs_hz:g} Hz to the record's {fs_hz:g} Hz."
        for lead in samples.leads
        if lead.fs_hz != fs_hz
    ]
    lead_names = name_leads((lead.source_name for lead in samples.leads), warnings)
    sources = [lead.source for lead in samples.leads]
    return EcgRecord(
        name=path.stem,
        signal_mv=signal_mv,
        fs_hz=fs_hz,
        lead_names=lead_names,
        patient=header.patient,
        acquisition=header.acquisition,
        provenance=Provenance(path=path, format=header.format, files=(path,)),
        report=build_report(signal_mv, fs_hz, lead_names, sources, header.ignored, warnings),
        device_reading=header.device_reading,
    )


def read_signal(header: StoredHeader) -> tuple[FloatArray, float]:
    """Return all leads in mV on one time axis, shape (n_leads, n_samples), and its rate; gaps are NaN.

    Raises
    ------
    RecordError
        If the record is too long for that.
    """
    samples = header.samples
    top = max(samples.leads, key=lambda lead: lead.n_per_block)
    fs_hz = top.fs_hz
    runs = runs_of_blocks(header, fs_hz)
    last_block, last_end, last_start = runs[-1]
    n_samples = last_start + (last_end - last_block) * top.n_per_block
    n_leads = len(samples.leads)
    check_dimensions(samples.path, n_leads, n_samples, fs_hz)
    if (n_samples - samples.n_blocks * top.n_per_block) * n_leads > _GAP_SAMPLES:
        raise RecordError(
            samples.path,
            f"has {samples.duration_s:g} s of signal within {n_samples / fs_hz / 3600:.1f} h, too much gap to be read "
            "at once",
        )
    signal_mv = np.full((n_leads, n_samples), np.nan, np.float32)
    with samples.path.open("rb") as file:
        for begin, end, start in runs:
            n_top = (end - begin) * top.n_per_block
            parts = [
                out if lead.n_per_block == top.n_per_block else np.empty((end - begin) * lead.n_per_block, np.float32)
                for lead, out in zip(samples.leads, signal_mv[:, start : start + n_top], strict=True)
            ]
            at_once = max(1, _BYTES_AT_ONCE // samples.block_bytes)
            file.seek(samples.data_offset + begin * samples.block_bytes)
            for first in range(begin, end, at_once):
                n_blocks = min(at_once, end - first)
                blocks = file.read(n_blocks * samples.block_bytes)
                if len(blocks) < n_blocks * samples.block_bytes:
                    raise RecordError(samples.path, "became shorter while it was read")
                for lead, part in zip(samples.leads, parts, strict=True):
                    at = (first - begin) * lead.n_per_block
                    part[at : at + n_blocks * lead.n_per_block] = samples.lead_mv(blocks, lead)
            for lead, part, out in zip(samples.leads, parts, signal_mv, strict=True):
                if lead.n_per_block != top.n_per_block:
                    bring_to_length(part[None], out[None, start : start + n_top])
    return signal_mv, fs_hz


def runs_of_blocks(header: StoredHeader, fs_hz: float) -> list[tuple[int, int, int]]:
    """Return (first block, block after the last, first sample) of each stretch without a gap.

    Parameters
    ----------
    header : StoredHeader
    fs_hz : float
        Rate of the time axis on which the first sample is counted.
    """
    samples = header.samples
    if header.block_start_s is None:
        return [(0, samples.n_blocks, 0)]
    start_s = header.block_start_s
    # Starts of contiguous blocks are exact to float64's digits; a gap is at least a sample.
    after_gap = np.flatnonzero(np.diff(start_s) - samples.block_s > 0.25 / fs_hz) + 1
    firsts = [0, *after_gap.tolist()]
    ends = [*after_gap.tolist(), samples.n_blocks]
    n_per_block = round(samples.block_s * fs_hz)
    runs: list[tuple[int, int, int]] = []
    free = 0
    for begin, end in zip(firsts, ends, strict=True):
        # Half a sample of rounding at each gap may never put a stretch over the one before it.
        start = max(free, round(float(start_s[begin]) * fs_hz))
        runs.append((begin, end, start))
        free = start + (end - begin) * n_per_block
    return runs
