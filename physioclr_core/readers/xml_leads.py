"""From the leads that an XML file stores to a record: scale, time axis, derived leads, report.

Leads that were recorded one after another keep their places; where a lead was not recorded it is NaN.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import RecordError
from physioclr_core.leads import LIMB_LEADS, derive_limb_leads, standard_name
from physioclr_core.readers.assemble import LeadSource, build_report, name_leads
from physioclr_core.readers.wfdb_samples import bring_to_length
from physioclr_core.readers.xml_document import clipped
from physioclr_core.record import (
    Acquisition,
    DeviceReading,
    EcgRecord,
    FloatArray,
    GainSource,
    MedianBeat,
    Patient,
    Provenance,
)
from physioclr_core.units import mv_per_unit

MAX_LEADS = 64
# A lead may come in pieces; a hundred of each lead are more than any recording has.
_MAX_PIECES = 4096
# A kilovolt, and four months: numbers beyond are damage, and would overflow.
_MAX_MV = 1e6
_MAX_START_S = 1e7
_MAX_NAME = 40
_MAX_NOTES = 40
_MAX_TEXTS = 400
_MAX_TEXT = 2000
# 12 leads x 40 min x 1000 Hz, or 120 MB: a file within the size limit cannot hold more, but may claim it.
MAX_SAMPLES = 30_000_000
FS_RANGE_HZ = (20.0, 100_000.0)
# Interpolating to much more than a file's own rate would be invention, and the filter for it would be huge.
MAX_RATE_RATIO = 50
# Of all leads together; a million take 0.3 s. Files with leads of two rates are short.
_MAX_INTERPOLATED = 3_000_000
# The lowest 16-bit number is -160 mV or less at any gain in use: devices write it where nothing was recorded.
FILL_INT16 = -(2**15)
# A tenth of a sample: times of leads are written with milliseconds.
_OFF_SAMPLE = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class StoredLead:
    """One lead, or a piece of it, as a file stores it: (samples - baseline) / gain in ``unit``.

    ``start_s`` is its place on the file's time axis; ``fill`` the sample that stands for "not recorded".
    """

    source_name: str
    samples: npt.NDArray[np.int64] | npt.NDArray[np.float64]
    fs_hz: float
    unit: str
    gain: float
    gain_source: GainSource = "stated"
    baseline: float = 0.0
    start_s: float = 0.0
    fill: int | None = None


@dataclass(slots=True)
class Notes:
    """What a reader has to say of its file, gathered while reading."""

    ignored: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    padding: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    signal_mv: FloatArray
    fs_hz: float
    lead_names: tuple[str, ...]
    sources: tuple[LeadSource, ...]
    derived: tuple[str, ...]


def make_record(
    path: Path,
    format_name: str,
    stored: Sequence[StoredLead],
    notes: Notes,
    patient: Patient,
    acquisition: Acquisition,
    reading: DeviceReading,
) -> EcgRecord:
    """Put a record together.

    Raises
    ------
    RecordError
        If there is no lead, the leads are no ECG by their rate or unit, or nothing in them is finite.
    """
    placed = _place(path, stored, notes)
    _warn_of_lengths(stored, notes)
    if not np.isfinite(placed.signal_mv).any():
        raise RecordError(path, "has no valid sample in any ECG lead")
    report = build_report(
        placed.signal_mv,
        placed.fs_hz,
        placed.lead_names,
        placed.sources,
        _at_most(notes.ignored, _MAX_NOTES),
        _at_most(notes.warnings, _MAX_NOTES),
        placed.derived,
        _at_most(notes.padding, _MAX_NOTES),
    )
    return EcgRecord(
        name=path.stem,
        signal_mv=placed.signal_mv,
        fs_hz=placed.fs_hz,
        lead_names=placed.lead_names,
        patient=patient,
        acquisition=replace(acquisition, comments=_at_most(acquisition.comments, _MAX_TEXTS)),
        provenance=Provenance(path=path, format=format_name, files=(path,)),
        report=report,
        device_reading=replace(
            reading,
            statements=_at_most(reading.statements, _MAX_TEXTS),
            measurements=reading.measurements[:_MAX_TEXTS],
        ),
    )


def make_median(path: Path, stored: Sequence[StoredLead], notes: Notes) -> MedianBeat | None:
    """Return the device's median beats, with the leads that follow from others; None, and a note, if unreadable."""
    if not stored:
        return None
    own = Notes()
    try:
        placed = _place(path, stored, own)
    except RecordError as error:
        notes.ignored.append(f"median beats: the file {error.cause}")
        return None
    notes.warnings += [f"Median beats: {text}" for text in own.warnings]
    notes.ignored += [f"median beats: {text}" for text in own.ignored]
    if own.padding:
        notes.padding.append(f"Median beats: parts of {len(own.padding)} leads hold the value for nothing recorded.")
    placed.signal_mv.setflags(write=False)
    return MedianBeat(placed.signal_mv, placed.fs_hz, placed.lead_names)


def check_fs_hz(path: Path, fs_hz: float | None, what: str = "has leads") -> float:
    """Return a sampling rate that an ECG may have; raises ``RecordError`` for any other, and where there is none."""
    if fs_hz is None:
        raise RecordError(path, f"{what} without a sampling rate")
    if not FS_RANGE_HZ[0] <= fs_hz <= FS_RANGE_HZ[1]:
        low, high = FS_RANGE_HZ
        raise RecordError(path, f"{what} at {fs_hz:g} Hz; an ECG is sampled at {low:g} to {high:g} Hz")
    return fs_hz


def _warn_of_lengths(stored: Sequence[StoredLead], notes: Notes) -> None:
    """Tell of leads that are longer or shorter than the others of their time: a sample may be missing in the middle."""
    counts = Counter((lead.start_s, lead.fs_hz, lead.samples.size) for lead in stored)
    usual = {(start_s, fs_hz): size for (start_s, fs_hz, size), _ in reversed(counts.most_common())}
    for lead in stored:
        size = usual[lead.start_s, lead.fs_hz]
        if lead.samples.size != size:
            notes.warnings.append(
                f"{clipped(lead.source_name, _MAX_NAME)} has {lead.samples.size} samples and others {size}, so that "
                "part of it may be shifted."
            )


def _at_most(texts: Sequence[str], n_texts: int) -> tuple[str, ...]:
    """Return texts of a file cut to what a person may read."""
    shown = tuple(clipped(text, _MAX_TEXT) for text in texts[:n_texts])
    return shown if len(texts) <= n_texts else (*shown, f"... and {len(texts) - n_texts} more")


def check_pieces(path: Path, n_pieces: int) -> None:
    """Refuse more pieces of leads than any ECG has, before time is spent on each; raises ``RecordError``."""
    if n_pieces > _MAX_PIECES:
        raise RecordError(path, f"has {n_pieces} pieces of leads; at most {_MAX_PIECES} were expected")


def _place(path: Path, stored: Sequence[StoredLead], notes: Notes) -> _Placed:
    check_pieces(path, len(stored))
    kept: list[StoredLead] = []
    for lead in (replace(lead, source_name=clipped(lead.source_name.strip(), _MAX_NAME)) for lead in stored):
        if mv_per_unit(lead.unit) is None or not lead.unit.strip():
            notes.ignored.append(f"{lead.source_name}: its unit {lead.unit[:20]!r} is no voltage")
        elif not (math.isfinite(lead.gain) and lead.gain and math.isfinite(lead.baseline)):
            notes.ignored.append(f"{lead.source_name}: its gain is no number that can be used")
        elif lead.samples.size == 0:
            notes.ignored.append(f"{lead.source_name}: it has no samples")
        elif not abs(lead.start_s) < _MAX_START_S:
            raise RecordError(path, f"places {lead.source_name} {lead.start_s:.3g} s after its start")
        else:
            kept.append(lead)
    if not kept:
        raise RecordError(
            path, f"has no ECG lead that can be read ({'; '.join(notes.ignored[:3]) or 'none is stored'})"
        )
    fs_hz = max(check_fs_hz(path, lead.fs_hz) for lead in kept)
    if fs_hz > MAX_RATE_RATIO * min(lead.fs_hz for lead in kept):
        raise RecordError(path, f"has leads whose sampling rates differ more than {MAX_RATE_RATIO} times")
    rows = _rows(path, kept)
    first_s = min(lead.start_s for lead in kept)
    spans = [[_span(lead, first_s, fs_hz) for lead in row] for row in rows]
    n_samples = max(end for row in spans for _, end in row)
    if n_samples * len(rows) > MAX_SAMPLES:
        raise RecordError(
            path, f"places its leads over {n_samples / fs_hz:.0f} s, which is too long to be read at once"
        )

    interpolated = [
        end - begin
        for row, row_spans in zip(rows, spans, strict=True)
        for lead, (begin, end) in zip(row, row_spans, strict=True)
        if lead.fs_hz != fs_hz
    ]
    if sum(interpolated) > _MAX_INTERPOLATED:
        raise RecordError(path, f"has leads at several rates that are too long to be brought to {fs_hz:g} Hz")

    signal_mv = np.full((len(rows), n_samples), np.nan, np.float32)
    for row_mv, row, row_spans in zip(signal_mv, rows, spans, strict=True):
        for lead, (begin, end) in zip(row, row_spans, strict=True):
            lead_mv = _scaled_mv(path, lead, notes)
            bring_to_length(lead_mv[None], row_mv[None, begin:end])
        _add_row_notes(row, first_s, fs_hz, notes)
    lead_names = name_leads((row[0].source_name for row in rows), notes.warnings)
    sources = [
        LeadSource(row[0].source_name, row[0].unit, row[0].gain, row[0].gain_source, row[0].baseline, row[0].fs_hz)
        for row in rows
    ]
    return _with_derived(signal_mv, fs_hz, lead_names, sources)


def _rows(path: Path, leads: Sequence[StoredLead]) -> list[list[StoredLead]]:
    """Return the pieces of each lead together; a lead that is stored twice for one time stays two leads."""
    rows: list[list[StoredLead]] = []
    for lead in leads:
        name = standard_name(lead.source_name) or lead.source_name
        end_s = lead.start_s + lead.samples.size / lead.fs_hz
        for row in rows:
            if (standard_name(row[0].source_name) or row[0].source_name) == name and all(
                end_s <= other.start_s + 0.5 / other.fs_hz
                or lead.start_s >= other.start_s + (other.samples.size - 0.5) / other.fs_hz
                for other in row
            ):
                row.append(lead)
                break
        else:
            rows.append([lead])
            if len(rows) > MAX_LEADS:
                raise RecordError(path, f"has more leads than the {MAX_LEADS} that were expected")
    return rows


def _span(lead: StoredLead, first_s: float, fs_hz: float) -> tuple[int, int]:
    begin = round((lead.start_s - first_s) * fs_hz)
    return begin, begin + round(lead.samples.size * fs_hz / lead.fs_hz)


def _scaled_mv(path: Path, lead: StoredLead, notes: Notes) -> FloatArray:
    factor = mv_per_unit(lead.unit) or math.nan
    with np.errstate(over="ignore", invalid="ignore"):
        exact_mv = (lead.samples - lead.baseline) / lead.gain * factor
    if not np.abs(exact_mv).max() <= _MAX_MV:
        raise RecordError(path, f"has amplitudes in {lead.source_name} that are no voltage of a body")
    lead_mv = exact_mv.astype(np.float32)
    if lead.fill is not None and (is_fill := lead.samples == lead.fill).any():
        lead_mv[is_fill] = np.nan
        notes.padding.append(
            f"{lead.source_name}: {is_fill.sum() / lead.fs_hz:.3g} s hold {lead.fill}, which means not recorded."
        )
    return lead_mv


def _add_row_notes(row: Sequence[StoredLead], first_s: float, fs_hz: float, notes: Notes) -> None:
    lead = row[0]
    for piece in row:
        position = (piece.start_s - first_s) * fs_hz
        if abs(position - round(position)) > _OFF_SAMPLE:
            off_ms = 1000 * (position - round(position)) / fs_hz
            notes.warnings.append(
                f"{piece.source_name} lies between the samples of the others and was moved {off_ms:.2g} ms."
            )
    if any((other.gain, other.baseline, other.unit) != (lead.gain, lead.baseline, lead.unit) for other in row):
        notes.warnings.append(f"The gain of {lead.source_name} changes between its pieces; each was scaled by its own.")
    if lead.fs_hz != fs_hz:
        notes.warnings.append(
            f"{lead.source_name} was interpolated from {lead.fs_hz:g} Hz to the record's {fs_hz:g} Hz."
        )


def _with_derived(
    signal_mv: FloatArray, fs_hz: float, lead_names: tuple[str, ...], sources: Sequence[LeadSource]
) -> _Placed:
    """Add the limb leads that follow from two that are stored, in the standard order before the others."""
    row_of = {name: row for row, name in enumerate(lead_names)}
    stored_limb = [name for name in LIMB_LEADS if name in row_of]
    derived = derive_limb_leads({name: signal_mv[row_of[name]] for name in stored_limb})
    if not derived:
        return _Placed(signal_mv, fs_hz, lead_names, tuple(sources), ())
    names = (*LIMB_LEADS, *(name for name in lead_names if name not in LIMB_LEADS))
    origin = sources[row_of[stored_limb[0]]]._replace(source_name=f"computed from {' and '.join(stored_limb[:2])}")
    return _Placed(
        np.ascontiguousarray([derived[name] if name in derived else signal_mv[row_of[name]] for name in names]),
        fs_hz,
        names,
        tuple(origin if name in derived else sources[row_of[name]] for name in names),
        tuple(derived),
    )
