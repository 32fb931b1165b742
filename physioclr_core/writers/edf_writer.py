"""EDF+: continuous (EDF+C), or with its gaps as gaps (EDF+D).

Written here: edfio, which reads what is written in the tests, holds all samples in memory as float64, and writes no
discontinuous file.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np

from physioclr_core.leads import standard_name
from physioclr_core.record import SignalSource
from physioclr_core.writers.computed import ComputedReading, software_name
from physioclr_core.writers.edf_layout import Limits, Stretch, limits_of, record_samples, seconds_text, stretches_of
from physioclr_core.writers.options import WriteOptions
from physioclr_core.writers.scale import BLOCK_SAMPLES, LeadScale, scales_of
from physioclr_core.writers.target import ExportError, all_or_none
from physioclr_core.writers.wfdb_writer import measurement_text, one_line

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_NO_DATE = "01.01.85"
_YEARS = range(1985, 2085)
_MOST_DATA_RECORDS = 99_999_999
_LONGEST_TEXT = 200
_LABEL = "EDF Annotations"
FILLED = "Filled up, not recorded"


def edf_targets(out: Path) -> tuple[Path, ...]:
    """Return the file to write."""
    return (out if out.suffix.lower() == ".edf" else out.with_name(f"{out.name}.edf"),)


@dataclass(frozen=True, slots=True)
class _Plan:
    rows: tuple[int, ...]
    scales: tuple[LeadScale, ...]
    limits: tuple[Limits, ...]
    stretches: tuple[Stretch, ...]
    n_samples: int
    duration_s: Fraction
    fs: Fraction
    tals: tuple[bytes, ...]
    tal_bytes: int


def write_edf(record: SignalSource, out: Path, options: WriteOptions, step: Callable[[], None]) -> tuple[str, ...]:
    """Write a record; return sentences on what the format does not hold. Parameters as those of ``write_wfdb``.

    Raises
    ------
    ExportError
        If a gap is not one of all leads, or the sampling rate does not fit.
    """
    notes: list[str] = []
    plan = _plan(record, options.computed, notes)
    n_at_once = max(1, BLOCK_SAMPLES // plan.n_samples)
    with all_or_none(edf_targets(out)) as (file,):
        file.write(_header(record, plan))
        done = 0
        for stretch in plan.stretches:
            n_records = ceil((stretch.end - stretch.start) / plan.n_samples)
            for first in range(0, n_records, n_at_once):
                last = min(n_records, first + n_at_once)
                file.write(_data_records(record, plan, stretch, first, last, done + first))
                step()
            done += n_records
    return tuple(notes)


def _plan(record: SignalSource, computed: ComputedReading | None, notes: list[str]) -> _Plan:
    scaled = scales_of(record)
    rows = tuple(row for row in range(record.n_leads) if scaled.n_valid[row])
    if not rows:
        raise ExportError(f"{record.name}: has no valid sample in any lead.")
    if len(rows) < record.n_leads:
        left_out = ", ".join(record.lead_names[row] for row in range(record.n_leads) if row not in rows)
        notes.append(f"Left out, because without a valid sample: {left_out}.")
    stretches = tuple(stretches_of(record, rows))
    n_samples, duration_s = record_samples(record, stretches, len(rows))
    n_records = sum(ceil((s.end - s.start) / n_samples) for s in stretches)
    if n_records > _MOST_DATA_RECORDS:
        raise ExportError(f"{record.name}: EDF+ holds at most {_MOST_DATA_RECORDS} data records.")
    fs = Fraction(n_samples) / duration_s
    texts, filled = _texts(record, computed), _filled(stretches, n_samples, fs)
    cut_s = [stretches[0].start / record.fs_hz, (record.n_samples - stretches[-1].end) / record.fs_hz]
    if any(cut_s):
        notes.append(f"The gap of {cut_s[0]:g} s at the beginning and of {cut_s[1]:g} s at the end is left out.")
    if filled:
        n_filled = sum(-(s.end - s.start) % n_samples for s in stretches)
        notes.append(
            f"{n_filled} samples at the end of a stretch repeat the last one, because EDF+ has no shorter data record; "
            "an annotation says so."
        )
    if record.patient.age_years is not None or record.patient.over_89:
        notes.append(
            "The age stands among the additional words of the patient field: EDF+ has a place for birthdays only."
        )
    if record.device_reading.median:
        notes.append("The device's median beat is not kept: EDF+ has no place for it.")
    tals = _tals(record, stretches, n_samples, fs, [*texts, *filled])
    scales = tuple(scaled.scales[row] for row in rows)
    ranges = [scaled.range_mv[row] for row in rows]
    return _Plan(
        rows,
        scales,
        tuple(limits_of(scale, low, high) for scale, (low, high) in zip(scales, ranges, strict=True)),
        stretches,
        n_samples,
        duration_s,
        fs,
        tals,
        2 * ceil(max(map(len, tals)) / 2),
    )


def _texts(record: SignalSource, computed: ComputedReading | None) -> list[tuple[Fraction, Fraction | None, str]]:
    acquisition, reading = record.acquisition, record.device_reading
    lines = [f"SNOMED CT {code}" for code in acquisition.snomed_codes]
    lines += [f"SCP {code}" for code in acquisition.statements]
    lines += [f"Device reading: {reading.status}"] if reading.status else []
    lines += [f"Device statement: {text}" for text in reading.statements]
    lines += [f"Device measurement: {measurement_text(m)}" for m in reading.measurements]
    lines += [f"Comment: {text}" for text in acquisition.comments if text.strip()]
    if computed is not None:
        lines += [f"Computed by {software_name()}: {measurement_text(m)}" for m in computed.measurements]
    return [(Fraction(0), None, one_line(line)[:_LONGEST_TEXT]) for line in lines]


def _filled(
    stretches: tuple[Stretch, ...], n_samples: int, fs: Fraction
) -> list[tuple[Fraction, Fraction | None, str]]:
    return [(s.end / fs, n / fs, FILLED) for s in stretches if (n := -(s.end - s.start) % n_samples)]


def _tals(
    record: SignalSource,
    stretches: tuple[Stretch, ...],
    n_samples: int,
    fs: Fraction,
    texts: list[tuple[Fraction, Fraction | None, str]],
) -> tuple[bytes, ...]:
    """Return the annotation bytes of every data record: its time, and the texts spread evenly over all of them."""
    start = _start(record, stretches)
    offset_s = Fraction(start.microsecond, 1_000_000) if isinstance(start, datetime) else Fraction(0)
    tals = [
        f"+{seconds_text((s.start + k * n_samples) / fs - stretches[0].start / fs + offset_s)}\x14\x14\0".encode()
        for s in stretches
        for k in range(ceil((s.end - s.start) / n_samples))
    ]
    origin_s = stretches[0].start / fs - offset_s
    entries = []
    for onset_s, duration_s, text in texts:
        onset_s = max(onset_s - origin_s, Fraction(0))
        length = f"\x15{seconds_text(duration_s)}" if duration_s is not None else ""
        entries.append(f"+{seconds_text(onset_s)}{length}\x14{text}\x14\0".encode())
    share = ceil(sum(map(len, entries)) / len(tals))
    row = used = 0
    for entry in entries:
        if used and used + len(entry) > share and row < len(tals) - 1:
            row, used = row + 1, 0
        tals[row] += entry
        used += len(entry)
    return tuple(tals)


def _data_records(record: SignalSource, plan: _Plan, stretch: Stretch, first: int, last: int, number: int) -> bytes:
    start, end = stretch.start + first * plan.n_samples, stretch.start + last * plan.n_samples
    block_mv = record.window_mv(start, min(end, stretch.end))[list(plan.rows)]
    counts = np.stack([scale.adu(row) for scale, row in zip(plan.scales, block_mv, strict=True)])
    if end > stretch.end:
        counts = np.pad(counts, ((0, 0), (0, end - stretch.end)), mode="edge")
    n_records, signal_bytes = last - first, len(plan.rows) * plan.n_samples * 2
    data = np.zeros((n_records, signal_bytes + plan.tal_bytes), np.uint8)
    by_record = counts.reshape(len(plan.rows), n_records, plan.n_samples).transpose(1, 0, 2)
    data[:, :signal_bytes] = np.ascontiguousarray(by_record, "<i2").reshape(n_records, -1).view(np.uint8)
    for row in range(n_records):
        tal = plan.tals[number + row]
        data[row, signal_bytes : signal_bytes + len(tal)] = np.frombuffer(tal, np.uint8)
    return data.tobytes()


def _header(record: SignalSource, plan: _Plan) -> bytes:
    start = _start(record, plan.stretches)
    day, clock = _NO_DATE, "00.00.00"
    if start is not None and start.year in _YEARS:
        day = f"{start:%d.%m.}{start.year % 100:02d}"
    if isinstance(start, datetime):
        clock = f"{start:%H.%M.%S}"
    n_signals = len(plan.rows) + 1
    kind = "EDF+D" if len(plan.stretches) > 1 else "EDF+C"
    fixed = (
        ("0", 8),
        (_patient(record), 80),
        (_recording(record, start), 80),
        (day, 8),
        (clock, 8),
        (str(256 * (n_signals + 1)), 8),
        (kind, 44),
        (str(len(plan.tals)), 8),
        (seconds_text(plan.duration_s), 8),
        (str(n_signals), 4),
    )
    names = [_label(record.lead_names[row]) for row in plan.rows]
    n = len(names)
    filters = _ascii(record.acquisition.filters or "")
    columns: tuple[tuple[list[str], int], ...] = (
        ([*names, _LABEL], 16),
        ([""] * n_signals, 80),
        ([*(limits.unit for limits in plan.limits), ""], 8),
        ([*(limits.physical[0] for limits in plan.limits), "-1"], 8),
        ([*(limits.physical[1] for limits in plan.limits), "1"], 8),
        ([*(str(limits.digital[0]) for limits in plan.limits), "-32768"], 8),
        ([*(str(limits.digital[1]) for limits in plan.limits), "32767"], 8),
        ([filters] * n + [""], 80),
        ([str(plan.n_samples)] * n + [str(plan.tal_bytes // 2)], 8),
        ([""] * n_signals, 32),
    )
    fields = [*fixed, *((text, width) for texts, width in columns for text in texts)]
    return b"".join(text[:width].ljust(width).encode("ascii") for text, width in fields)


def _patient(record: SignalSource) -> str:
    patient = record.patient
    sex = {"female": "F", "male": "M", None: "X"}[patient.sex]
    words = [_word(patient.patient_id), sex, "X", _word(patient.name)]
    if patient.over_89:
        words.append("Age_over_89")
    elif patient.age_years is not None:
        words.append(f"Age_{patient.age_years:.3g}")
    return " ".join(words)


def _start(record: SignalSource, stretches: Sequence[Stretch]) -> datetime | date | None:
    """Return when the first sample was recorded: a gap before it is no part of the file."""
    start = record.acquisition.start
    if isinstance(start, datetime):
        return start + timedelta(seconds=stretches[0].start / record.fs_hz)
    return start


def _recording(record: SignalSource, start: datetime | date | None) -> str:
    day = f"{start.day:02d}-{_MONTHS[start.month - 1]}-{start.year:04d}" if start is not None else "X"
    return f"Startdate {day} X X {_word(record.acquisition.device)}"


def _word(text: str | None) -> str:
    """Return a text as one word of a header field, X where it is unknown."""
    return re.sub(r"\s+", "_", _ascii(text or "")) or "X"


def _ascii(text: str) -> str:
    """Return a text in the letters that EDF allows: accents are dropped, other letters become "?"."""
    plain = unicodedata.normalize("NFKD", one_line(text))
    letters = (letter for letter in plain if not unicodedata.combining(letter))
    return "".join(letter if " " <= letter <= "~" else "?" for letter in letters).strip()


def _label(name: str) -> str:
    return f"ECG {name}" if standard_name(name) == name else _ascii(name)
