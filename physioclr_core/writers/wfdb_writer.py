"""WFDB: a header and one file of 16-bit samples.

The header is written here: wfdb's own writer takes the counts of all leads in memory, has failed for a lead without
samples, and does not write the start's milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np

from physioclr_core.readers.wfdb_comments import parse_comments
from physioclr_core.record import DeviceMeasurement, SignalSource
from physioclr_core.writers.computed import ComputedReading, software_name
from physioclr_core.writers.options import WriteOptions
from physioclr_core.writers.scale import LeadScale, blocks_of, scales_of
from physioclr_core.writers.target import ExportError, all_or_none

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def wfdb_targets(out: Path) -> tuple[Path, ...]:
    """Return the signal file and the header of a record.

    Raises
    ------
    ExportError
        If the name is none that WFDB programs open.
    """
    stem = out.with_suffix("") if out.suffix.lower() in (".hea", ".dat") else out
    if _NAME.fullmatch(stem.name) is None:
        raise ExportError(
            f"{stem.name}: WFDB records are named with letters, digits, - and _ only; choose such a name."
        )
    # The header last: without it there is no record.
    return stem.with_name(f"{stem.name}.dat"), stem.with_name(f"{stem.name}.hea")


def write_wfdb(record: SignalSource, out: Path, options: WriteOptions, step: Callable[[], None]) -> tuple[str, ...]:
    """Write a record; return sentences on what the format does not hold.

    Parameters
    ----------
    record : SignalSource
    out : Path
        Header, or the path without extension.
    options : WriteOptions
    step : callable
        Called after each block of samples; what it raises ends the writing.
    """
    targets = wfdb_targets(out)
    scales = scales_of(record, has_whole_zero=True).scales
    sums = np.zeros(record.n_leads, np.int64)
    first = np.zeros(record.n_leads, np.int64)
    with all_or_none(targets) as (data, header):
        for number, block in enumerate(blocks_of(record, scales)):
            if number == 0:
                first = block[:, 0].astype(np.int64)
            sums += block.sum(axis=1, dtype=np.int64)
            data.write(np.ascontiguousarray(block.T, "<i2").tobytes())
            step()
        header.write(_header(record, targets[0], scales, first, sums, options.computed).encode())
    return ("The device's median beat is not kept: WFDB has no place for it.",) if record.device_reading.median else ()


def _header(
    record: SignalSource,
    data: Path,
    scales: tuple[LeadScale, ...],
    first: np.ndarray,
    sums: np.ndarray,
    computed: ComputedReading | None,
) -> str:
    start = record.acquisition.start
    fields = [data.stem, str(record.n_leads), f"{record.fs_hz:.12g}", str(record.n_samples)]
    if isinstance(start, datetime):
        fields += [f"{start:%H:%M:%S}.{start.microsecond // 1000:03d}", f"{start.day:02}/{start.month:02}/{start.year}"]
    lines = [" ".join(fields)]
    for name, scale, initial, total in zip(record.lead_names, scales, first.tolist(), sums.tolist(), strict=True):
        checksum = (total + 0x8000) % 0x10000 - 0x8000
        gain = f"{scale.gain_adu_mv:.12g}({scale.baseline_adu:.0f})/mV"
        lines.append(f"{data.name} 16 {gain} 16 0 {initial} {checksum} 0 {one_line(name)}")
    lines += [f"#{one_line(comment)}" for comment in comments_of(record, computed)]
    return "\n".join(lines) + "\n"


def comments_of(record: SignalSource, computed: ComputedReading | None = None) -> list[str]:
    """Return the comment lines of a header: the file's own, and what they do not say yet, as our reader takes it."""
    patient, acquisition, reading = record.patient, record.acquisition, record.device_reading
    known = parse_comments(acquisition.comments)
    start = acquisition.start
    lines: list[str] = []
    if patient.over_89 and not known.over_89:
        lines.append("Age: > 89")
    if patient.age_years is not None and known.age_years != patient.age_years:
        lines.append(f"Age: {patient.age_years:g}" if patient.age_years >= 1 else _months(patient.age_years))
    if patient.sex is not None and known.sex != patient.sex:
        lines.append(f"Sex: {patient.sex.capitalize()}")
    if patient.patient_id and known.patient_id != patient.patient_id:
        lines.append(f"patient_id: {patient.patient_id}")
    if patient.name:
        lines.append(f"patient_name: {patient.name}")
    if start is not None and not isinstance(start, datetime) and known.ecg_date != start:
        lines.append(f"ECG date: {start.day:02}/{start.month:02}/{start.year}")
    if acquisition.snomed_codes and known.snomed_codes != acquisition.snomed_codes:
        lines.append(f"Dx: {','.join(acquisition.snomed_codes)}")
    if acquisition.statements and not set(acquisition.statements) <= set(known.statements):
        lines.append(f"SCP: {', '.join(acquisition.statements)}")
    if acquisition.device:
        lines.append(f"device: {acquisition.device}")
    if acquisition.filters:
        lines.append(f"filters: {acquisition.filters}")
    if reading.status:
        lines.append(f"device reading: {reading.status}")
    lines += [f"device statement: {text}" for text in reading.statements]
    lines += [f"device measurement: {measurement_text(m)}" for m in reading.measurements]
    if computed is not None:
        lines += [f"computed by {software_name()}: {measurement_text(m)}" for m in computed.measurements]
    return [*lines, *acquisition.comments]


def measurement_text(measurement: DeviceMeasurement) -> str:
    """Return a measurement in words: "QRS duration in V1 98 ms"."""
    place = f" in {measurement.lead}" if measurement.lead else ""
    return f"{measurement.name}{place} {measurement.value:g} {measurement.unit}".rstrip()


def one_line(text: str) -> str:
    """Return foreign text without line ends and other control characters."""
    return _CONTROL.sub(" ", text).strip()


def _months(age_years: float) -> str:
    return f"Age: {round(age_years * 365.25)} days" if age_years < 1 / 12 else f"Age: {age_years * 12:g} months"
