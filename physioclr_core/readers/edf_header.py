"""Headers of EDF, EDF+, BDF and BDF+: what is recorded, and where its samples lie.

Parsed here rather than by a library: ``edfio`` and ``ecgdatakit`` join the data records of a discontinuous file, and
their answer to a damaged header is neither bounded nor one sentence. Faults that leave no doubt about the samples are
forgiven and said; where amplitude or time would be a guess, the channel or the file is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite
from pathlib import Path

from physioclr_core.errors import NoEcgError, RecordError
from physioclr_core.leads import is_non_ecg, standard_name
from physioclr_core.readers.edf_annotations import block_starts, read_tals
from physioclr_core.readers.edf_fields import EdfSubject, FieldText, parse_subject
from physioclr_core.readers.files import file_size, first_bytes
from physioclr_core.readers.stored_samples import StoredHeader, StoredLead, StoredSamples
from physioclr_core.readers.wfdb_header import quoted
from physioclr_core.record import Acquisition
from physioclr_core.units import mv_per_unit

FS_RANGE_HZ = (20.0, 100_000.0)

_BDF_MAGIC = b"\xffBIOSEMI"
_FIXED = 256
_MAX_CHANNELS = 9999
_ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
# Width of each field of a channel, in the header's order.
_WIDTHS = {"label": 16, "transducer": 80, "unit": 8, "physical minimum": 8, "physical maximum": 8}
_WIDTHS |= {"digital minimum": 8, "digital maximum": 8, "prefiltering": 80, "samples": 8, "reserved": 32}
_ECG_NAME = re.compile(r"(?i)e[ck]g|lead\b")
# Extremes that no calibration of an ECG has; between them float32 holds every sample.
_ABSURD_MV = (1e-6, 1e6)
# A first data record that begins later than this after the start of the file has a wrong time.
_MAX_FIRST_S = 86400.0


@dataclass(frozen=True, slots=True)
class _Channel:
    name: str
    unit: str
    low: float
    high: float
    gain: float | None
    baseline_adu: float
    n_per_block: int
    offset_bytes: int
    filters: str
    fault: str = ""


def read_edf_header(path: Path, unit: str | None = None) -> StoredHeader:
    """Read the header of an EDF or BDF file, and the times in its annotation channel, but no samples.

    Parameters
    ----------
    path : Path
    unit : str, optional
        For channels that state none, from the person who opens the file.

    Raises
    ------
    RecordError
        If the header does not say for certain where which samples are, or the file is shorter than it says.
    """
    head = first_bytes(path, _FIXED)
    fields = FieldText()
    is_bdf_file = head[:8] == _BDF_MAGIC
    if len(head) < _FIXED:
        raise RecordError(path, "ends within its header")
    if not is_bdf_file and head[:8].strip(b" \0") != b"0":
        fields.faults.append("The file does not begin with EDF's version 0; everything else is as in EDF.")
    n_channels = fields.whole(head[252:256], "number of channels")
    if n_channels is None or not 1 <= n_channels <= _MAX_CHANNELS:
        stated = quoted(head[252:256].decode("latin-1").strip())
        raise RecordError(path, f"states {stated} channels, where a number from 1 to {_MAX_CHANNELS} belongs")
    header_bytes = _FIXED * (n_channels + 1)
    stored = first_bytes(path, header_bytes)
    if len(stored) < header_bytes:
        raise RecordError(path, f"ends within its header of {n_channels} channels")
    if fields.whole(head[184:192], "header size") != header_bytes:
        fields.faults.append(
            f"The header states its own size wrongly; the {header_bytes} bytes of {n_channels} channels were read."
        )
    sample_bytes = 3 if is_bdf_file else 2
    channels = _channels(path, stored[_FIXED:], n_channels, sample_bytes, fields)
    block_bytes = sum(channel.n_per_block for channel in channels) * sample_bytes
    block_s = fields.number(head[244:252], "duration of a data record")
    n_blocks = _n_blocks(path, fields, head[236:244], header_bytes, block_bytes)
    reserved = fields.text(head[192:236], "reserved field").upper()
    is_plus = reserved.startswith(("EDF+", "BDF+"))

    keepers = tuple(
        (c.offset_bytes, c.n_per_block * sample_bytes) for c in channels if c.name in _ANNOTATIONS and c.n_per_block
    )
    signals = [channel for channel in channels if channel.name not in _ANNOTATIONS]
    if not any(channel.n_per_block for channel in signals):
        if keepers:
            raise NoEcgError(path, "holds annotations but no signal")
        raise RecordError(path, "holds no samples in any channel")
    if block_s is None or block_s <= 0:
        stated = quoted(head[244:252].decode("latin-1").strip())
        raise RecordError(path, f"states {stated} as the seconds of a data record, so its sampling rates are unknown")
    ignored: list[str] = []
    warnings: list[str] = []
    leads = _ecg_leads(path, signals, block_s, sample_bytes, unit, ignored, warnings)
    samples = StoredSamples(path, sample_bytes, header_bytes, block_bytes, n_blocks, block_s, leads)

    tals = read_tals(samples, keepers) if keepers else None
    starts = block_starts(samples, tals.start_s, warnings) if tals else None
    if reserved.startswith(("EDF+D", "BDF+D")) and tals is None:
        raise RecordError(path, "says that it has gaps, but has no channel that says where")
    if starts is not None and not reserved.startswith(("EDF+D", "BDF+D")):
        warnings.append("The header calls the recording continuous, but its data records have gaps between them.")
    texts = [fields.text(head[at : at + size], what) for at, size, what in _SUBJECT_FIELDS]
    subject = parse_subject(texts[0], texts[1], texts[2], texts[3], is_plus)
    notes = list(tals.texts) if tals else []
    if tals and tals.n_texts > len(tals.texts):
        ignored.append(f"annotations after the first {len(tals.texts)}, of {tals.n_texts}: too many to list")
    first_s = float(tals.start_s[0]) if tals is not None and isfinite(tals.start_s[0]) else 0.0
    return StoredHeader(
        format=_format_name(is_bdf_file, reserved),
        samples=samples,
        patient=subject.patient,
        acquisition=_acquisition(subject, leads, channels, notes, first_s),
        block_start_s=starts,
        ignored=(*subject.ignored, *ignored),
        warnings=(*fields.faults, *subject.warnings, *warnings),
    )


_SUBJECT_FIELDS = ((8, 80, "patient field"), (88, 80, "recording field"), (168, 8, "date"), (176, 8, "time"))


def _format_name(is_bdf_file: bool, reserved: str) -> str:
    plain = "BDF" if is_bdf_file else "EDF"
    return reserved[:5] if reserved[:5] in (f"{plain}+C", f"{plain}+D") else plain


def _channels(path: Path, block: bytes, n_channels: int, sample_bytes: int, fields: FieldText) -> list[_Channel]:
    columns: dict[str, list[bytes]] = {}
    at = 0
    for what, width in _WIDTHS.items():
        columns[what] = [block[at + i * width : at + (i + 1) * width] for i in range(n_channels)]
        at += width * n_channels
    channels: list[_Channel] = []
    offset_bytes = 0
    for row in range(n_channels):
        name = fields.text(columns["label"][row], "channel names")
        n_per_block = fields.whole(columns["samples"][row], "samples of a channel")
        limits = [
            fields.number(columns[what][row], what)
            for what in ("physical minimum", "physical maximum", "digital minimum", "digital maximum")
        ]
        gain, baseline_adu, fault = _calibration(limits)
        if n_per_block is None or n_per_block < 0:
            raise RecordError(path, f"does not say how many samples a data record has of its channel {row + 1}")
        channels.append(
            _Channel(
                name=name,
                # The micro sign is no fault: EDF's own table of units predates it.
                unit="".join(columns["unit"][row].decode("latin-1").split("\0")).strip(),
                low=limits[0] or 0.0,
                high=limits[1] or 0.0,
                gain=gain,
                baseline_adu=baseline_adu,
                n_per_block=n_per_block,
                offset_bytes=offset_bytes,
                filters=fields.text(columns["prefiltering"][row], "filters"),
                fault=fault,
            )
        )
        offset_bytes += n_per_block * sample_bytes
    return channels


def _calibration(limits: list[float | None]) -> tuple[float | None, float, str]:
    """Return ADU per unit, the ADU of 0, and what is wrong with the limits."""
    physical_low, physical_high, digital_low, digital_high = limits
    if physical_low is None or physical_high is None or digital_low is None or digital_high is None:
        return None, 0.0, "its calibration is not in numbers"
    if physical_low == physical_high:
        return None, 0.0, f"its physical minimum and maximum are both {physical_low:g}, so its amplitude is unknown"
    if digital_low == digital_high:
        return None, 0.0, f"its digital minimum and maximum are both {digital_low:g}, so its amplitude is unknown"
    gain = (digital_high - digital_low) / (physical_high - physical_low)
    return gain, digital_low - physical_low * gain, ""


def _n_blocks(path: Path, fields: FieldText, raw: bytes, header_bytes: int, block_bytes: int) -> int:
    """Return the number of data records, checked against the file's size."""
    stated = fields.whole(raw, "number of data records")
    size = file_size(path) - header_bytes
    if block_bytes <= 0:
        raise RecordError(path, "holds no samples in any channel")
    n_whole, rest = divmod(size, block_bytes)
    if stated is None or stated < -1:
        raise RecordError(path, f"states {quoted(raw.decode('latin-1').strip())} as its number of data records")
    if stated == -1:
        fields.faults.append(
            f"The recording was not closed properly: the header leaves the number of data records open, and the file "
            f"holds {n_whole}{' and a part of one more' if rest else ''}."
        )
        stated = n_whole
    elif stated > n_whole:
        raise RecordError(path, f"is cut short: it holds {n_whole} data records, the header says {stated}")
    elif stated < n_whole or rest:
        fields.faults.append(f"The file goes on for {size - stated * block_bytes} bytes after its last data record.")
    if stated == 0:
        raise RecordError(path, "holds no data record")
    return stated


def _ecg_leads(
    path: Path,
    channels: list[_Channel],
    block_s: float,
    sample_bytes: int,
    unit: str | None,
    ignored: list[str],
    warnings: list[str],
) -> tuple[StoredLead, ...]:
    names_ecg = any(_is_ecg_name(channel.name) for channel in channels)
    leads: list[StoredLead] = []
    for place, channel in enumerate(channels, start=1):
        name = channel.name or f"channel {place}"
        fs_hz = channel.n_per_block / block_s
        channel_unit = channel.unit or unit or ""
        factor = mv_per_unit(channel_unit) if channel_unit else None
        reason = channel.fault
        if is_non_ecg(channel.name):
            reason = "no ECG lead by its name"
        elif channel_unit and factor is None:
            reason = f"its unit {quoted(channel_unit)} is no voltage"
        elif names_ecg and not _is_ecg_name(channel.name):
            reason = "not named as an ECG, as others are"
        elif not channel_unit:
            reason = "it states no unit, so its amplitude is unknown (if you know it, give it with --unit)"
            warnings.append(f"{name} states no unit and was left out.")
        elif channel.n_per_block == 0:
            reason = "it holds no samples"
        elif not channel.fault and factor is not None and not _is_plausible(channel, factor):
            reason = "its calibration is absurd"
        elif not FS_RANGE_HZ[0] <= fs_hz <= FS_RANGE_HZ[1]:
            reason = f"{fs_hz:g} Hz is no sampling rate of an ECG"
        if reason or factor is None or channel.gain is None:
            ignored.append(f"{name}: {reason}")
            continue
        if channel.gain < 0:
            warnings.append(f"The calibration of {name} is upside down in the header, so the lead was inverted.")
        leads.append(
            StoredLead(
                source_name=channel.name,
                unit=channel_unit,
                mv_per_unit=factor,
                gain=channel.gain,
                gain_source="stated" if channel.unit else "given",
                baseline_adu=channel.baseline_adu,
                fs_hz=fs_hz,
                offset_bytes=channel.offset_bytes,
                n_per_block=channel.n_per_block,
                stride_bytes=sample_bytes,
            )
        )
    if not leads:
        raise RecordError(path, f"has no ECG lead of known amplitude ({'; '.join(ignored[:3])})")
    if not names_ecg:
        warnings.append("No channel is named as an ECG; every voltage was taken that is not named as something else.")
    return tuple(leads)


def _is_plausible(channel: _Channel, mv_per_unit_: float) -> bool:
    """Return whether the samples of a channel have a size in mV that one can compute with."""
    smallest_mv, largest_mv = _ABSURD_MV
    span_mv = (channel.high - channel.low) * mv_per_unit_
    extreme_mv = max(abs(channel.high), abs(channel.low)) * mv_per_unit_
    return smallest_mv < abs(span_mv) and extreme_mv < largest_mv


def _is_ecg_name(name: str) -> bool:
    return standard_name(name) is not None or _ECG_NAME.match(name.strip()) is not None


def _acquisition(
    subject: EdfSubject, leads: tuple[StoredLead, ...], channels: list[_Channel], notes: list[str], first_s: float
) -> Acquisition:
    offsets = {lead.offset_bytes for lead in leads}
    used = [c.filters for c in channels if c.offset_bytes in offsets and c.n_per_block and c.filters]
    acquisition = Acquisition(
        start=subject.start,
        device=subject.device,
        filters="; ".join(dict.fromkeys(used)) or None,
        comments=(*subject.comments, *notes),
    )
    if 0 < first_s < _MAX_FIRST_S and isinstance(subject.start, datetime):
        # EDF+ keeps the fraction of the starting second in the first data record's time.
        return replace(acquisition, start=subject.start + timedelta(seconds=first_s))
    return acquisition
