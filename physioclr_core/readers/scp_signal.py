"""Rhythm and reference beat of an SCP-ECG file in millivolts (sections 2 to 6)."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from physioclr_core.errors import RecordError
from physioclr_core.readers.scp_huffman import HuffmanError, HuffmanTable, Int64Array, decode, read_tables
from physioclr_core.readers.scp_leads import LEAD_NAMES
from physioclr_core.readers.scp_sections import ScpFile
from physioclr_core.readers.wfdb_leads import check_dimensions
from physioclr_core.record import FloatArray

MV_PER_NV = 1e-6
_MAX_LEADS = 85
# Leads that were recorded one after another are spread out with gaps.
_MAX_CELLS = 2**25
_MAX_STORED_BYTES = 2**20
_MAX_SAMPLES = 2**21
_MAX_BEATS = 5000


class LeadDefinition(NamedTuple):
    """One lead of section 3: first and last sample, counted from 1, and the lead's number."""

    first: int
    last: int
    code: int

    @property
    def name(self) -> str:
        """The lead's name, its number where the standard has none for it."""
        return LEAD_NAMES.get(self.code, f"lead {self.code}")


class _Beat(NamedTuple):
    kind: int
    first: int
    fiducial: int
    last: int


class _Block(NamedTuple):
    """Section 5 or 6: amplitude of a step, sampling interval, flag, and the samples of each lead."""

    step_nv: int
    interval_us: int
    flag: int
    leads: list[Int64Array]


@dataclass(frozen=True, slots=True)
class ScpSignal:
    """Leads in mV, shape (n_leads, n_samples), and the reference beat of each."""

    names: tuple[str, ...]
    fs_hz: float
    step_nv: int
    signal_mv: FloatArray
    median_mv: FloatArray | None
    median_fs_hz: float


def read_signal(file: ScpFile) -> ScpSignal:
    """Restore the samples.

    Raises
    ------
    RecordError
        If a section is missing or damaged, or samples were left out in a way that cannot be undone.
    """
    if 6 not in file.bodies and any("section 12" in text for text in file.ignored):
        raise RecordError(file.path, "holds a long-term recording of SCP-ECG 3, which cannot be read")
    leads, is_subtracted = _leads(file)
    try:
        tables = read_tables(file.bodies[2]) if 2 in file.bodies else None
    except HuffmanError as error:
        raise RecordError(file.path, f"is damaged: {error}") from None
    length_ms, fiducial, beats = _beats(file, is_subtracted)
    median = _median(file, leads, tables, length_ms)
    rhythm = _block(file, 6, [lead.last - lead.first + 1 for lead in leads], tables)
    if rhythm.flag and file.version < 30 and (median is None or median.interval_us != rhythm.interval_us):
        raise RecordError(file.path, "is compressed with loss (bimodal), which cannot be read")
    if rhythm.step_nv == 0:
        raise RecordError(file.path, "states no amplitude for the steps of its samples")
    samples, unit_nv = rhythm.leads, rhythm.step_nv
    if is_subtracted:
        if median is None or not beats:
            raise RecordError(file.path, "stores the rhythm without its beats, and the beats are not complete")
        if median.interval_us != rhythm.interval_us or not median.step_nv:
            raise RecordError(file.path, "stores rhythm and reference beat at different rates, which cannot be read")
        samples, unit_nv = _add_beats(file, leads, rhythm, median, beats, fiducial)
    fs_hz = _rate_hz(rhythm.interval_us)
    return ScpSignal(
        names=tuple(lead.name for lead in leads),
        fs_hz=fs_hz,
        step_nv=rhythm.step_nv,
        signal_mv=_place(file, leads, samples, unit_nv, fs_hz),
        median_mv=None if median is None else _median_mv(median),
        median_fs_hz=fs_hz if median is None else _rate_hz(median.interval_us),
    )


def _leads(file: ScpFile) -> tuple[list[LeadDefinition], bool]:
    body = file.body(3, 2)
    n_leads, flags = body[0], body[1]
    if not 1 <= n_leads <= _MAX_LEADS or len(body) < 2 + 9 * n_leads:
        raise RecordError(file.path, f"states {n_leads} leads, but its section 3 (leads) does not describe them")
    leads = [LeadDefinition(*struct.unpack_from("<LLB", body, 2 + 9 * row)) for row in range(n_leads)]
    # A byte of a lead holds eight samples at most.
    if any(not 1 <= lead.first <= lead.last or lead.last - lead.first >= 8 * 2**16 for lead in leads):
        raise RecordError(file.path, "states an absurd number of samples for a lead")
    return leads, bool(flags & 1)


def _beats(file: ScpFile, is_subtracted: bool) -> tuple[int, int, list[_Beat]]:
    """Return the reference beat's length in ms, its reference point and the beats of the rhythm (section 4)."""
    body = file.bodies.get(4, b"")
    if len(body) < 6:
        return 0, 0, []
    length_ms, fiducial, n_beats = struct.unpack_from("<HHH", body)
    if not is_subtracted:
        return length_ms, fiducial, []
    if n_beats > _MAX_BEATS:
        raise RecordError(file.path, f"states {n_beats} beats, which is absurd")
    if len(body) < 6 + 14 * n_beats:
        raise RecordError(file.path, "is damaged: its section 4 (beats) is not complete")
    return length_ms, fiducial, [_Beat(*struct.unpack_from("<HLLL", body, 6 + 14 * row)) for row in range(n_beats)]


def _median(
    file: ScpFile, leads: list[LeadDefinition], tables: list[HuffmanTable] | None, length_ms: int
) -> _Block | None:
    """Return the reference beats of section 5, None where there are none."""
    body = file.bodies.get(5, b"")
    if len(body) < 6:
        return None
    (interval_us,) = struct.unpack_from("<H", body, 2)
    n_samples = round(length_ms * 1000 / interval_us) if interval_us else 0
    if n_samples < 1:
        file.ignored.append("the reference beats of section 5: their length is not stated")
        return None
    return _block(file, 5, [n_samples] * len(leads), tables)


def _block(file: ScpFile, number: int, n_samples: list[int], tables: list[HuffmanTable] | None) -> _Block:
    n_leads = len(n_samples)
    body = file.body(number, 6 + 2 * n_leads)
    step_nv, interval_us, differences, flag = struct.unpack_from("<HHBB", body)
    sizes = struct.unpack_from(f"<{n_leads}H", body, 6)
    position = 6 + 2 * n_leads
    if interval_us == 0:
        raise RecordError(file.path, f"states no sampling rate in section {number}")
    if sum(n_samples) > _MAX_SAMPLES:
        raise RecordError(file.path, f"states {sum(n_samples)} samples in section {number}, which is absurd")
    if differences > 2 or sum(sizes) > min(len(body) - position, _MAX_STORED_BYTES):
        raise RecordError(file.path, f"is damaged: the samples of section {number} are not complete")
    leads = []
    for row, (size, n) in enumerate(zip(sizes, n_samples, strict=True), start=1):
        data = body[position : position + size]
        position += size
        try:
            samples = decode(data, n, tables) if tables is not None else _plain(data, n)
        except HuffmanError as error:
            raise RecordError(file.path, f"is damaged: lead {row} of section {number}: {error}") from None
        leads.append(_undo_differences(samples, differences))
    return _Block(step_nv, interval_us, flag, leads)


def _plain(data: bytes, n_samples: int) -> Int64Array:
    if len(data) < 2 * n_samples:
        raise HuffmanError(f"it holds {len(data) // 2} of {n_samples} samples")
    return np.frombuffer(data, "<i2", n_samples).astype(np.int64)


def _undo_differences(samples: Int64Array, order: int) -> Int64Array:
    """Return amplitudes; the first one or two samples are stored as such. Sums wrap, as 16-bit encoders compute."""
    if order == 1:
        samples = np.cumsum(samples)
    elif order == 2 and len(samples) > 2:
        slopes = np.concatenate([samples[1:2] - samples[:1], samples[2:]])
        samples = np.concatenate([samples[:1], samples[:1] + np.cumsum(np.cumsum(slopes))])
    return samples.astype(np.int16).astype(np.int64)


def _add_beats(
    file: ScpFile, leads: list[LeadDefinition], rhythm: _Block, median: _Block, beats: list[_Beat], fiducial: int
) -> tuple[list[Int64Array], int]:
    """Return the rhythm with its reference beats, and the nV of a step: the largest that divides both blocks' steps."""
    unit_nv = math.gcd(rhythm.step_nv, median.step_nv)
    dominant = sorted((beat for beat in beats if beat.kind == 0), key=lambda beat: beat.first)
    restored = []
    for lead, residual, reference in zip(leads, rhythm.leads, median.leads, strict=True):
        samples = residual * (rhythm.step_nv // unit_nv)
        reference = reference * (median.step_nv // unit_nv)
        end = 0
        for beat in dominant:
            shift = beat.fiducial - fiducial  # from the reference beat's samples to the rhythm's, both counted from 1
            first = max(beat.first, lead.first, shift + 1)
            last = min(beat.last, lead.last, shift + len(reference))
            if first > last:
                continue
            if first <= end:
                raise RecordError(file.path, "is damaged: beats of section 4 overlap")
            samples[first - lead.first : last - lead.first + 1] += reference[first - shift - 1 : last - shift]
            end = last
        restored.append(samples)
    return restored, unit_nv


def _place(
    file: ScpFile, leads: list[LeadDefinition], samples: list[Int64Array], unit_nv: int, fs_hz: float
) -> FloatArray:
    """Return the leads on one time axis; where one begins later or ends earlier than others it has a gap."""
    begin = min(lead.first for lead in leads)
    n_samples = max(lead.last for lead in leads) - begin + 1
    if len(leads) * n_samples > _MAX_CELLS:
        raise RecordError(file.path, "states leads too far apart in time")
    check_dimensions(file.path, len(leads), n_samples, fs_hz)
    signal_mv = np.full((len(leads), n_samples), np.nan, np.float32)
    for row, lead, adu in zip(signal_mv, leads, samples, strict=True):
        row[lead.first - begin : lead.last - begin + 1] = adu * (unit_nv * MV_PER_NV)
    return signal_mv


def _median_mv(median: _Block) -> FloatArray | None:
    if not median.step_nv:
        return None
    median_mv = (np.stack(median.leads) * (median.step_nv * MV_PER_NV)).astype(np.float32)
    median_mv.setflags(write=False)
    return median_mv


def _rate_hz(interval_us: int) -> float:
    """Return the rate; a whole number of Hz where the interval is that rate's, rounded to microseconds as stored."""
    whole = round(1e6 / interval_us)
    return float(whole) if whole and round(1e6 / whole) == interval_us else 1e6 / interval_us
