"""MFER files (ISO 22077-1): definitions one after another, and the frames of samples that they describe.

``ecgdatakit`` parses them. Corrected here: it joins frames whose pointers leave a gap, rounds rates to whole Hz, and
follows definitions nested without end, in time that grows with the square of the file.
"""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from physioclr_core.errors import RecordError
from physioclr_core.readers.assemble import build_report, name_leads
from physioclr_core.readers.files import read_bytes
from physioclr_core.readers.kit_adapter import kit_signal, known_texts, parse_with_kit
from physioclr_core.record import (
    Acquisition,
    DeviceReading,
    EcgRecord,
    MedianBeat,
    Patient,
    Provenance,
    Sex,
)

if TYPE_CHECKING:
    from ecgdatakit.models import ECGRecord, Lead

_MAX_BYTES = 64 * 2**20
_MAX_DEFINITIONS = 100_000
_MAX_DEPTH = 4
# Of one lead. Frames may be stated to lie days apart; that much emptiness is not worth memory.
_MAX_GAP_SAMPLES = 2**22
_MAX_COMMENTS = 100
_ATT, _SET, _END = 0x3F, 0x67, 0x80
# Frank's orthogonal leads, by MFER's codes 16 to 18.
_FRANK = {"X": "vx", "Y": "vy", "Z": "vz"}
_DOMINANT_BEAT = 9


def read_mfer(path: Path) -> EcgRecord:
    """Read an MFER file: rhythm frames as the record, dominant beats as the device's median.

    Raises
    ------
    RecordError
        If it has no rhythm of known rate and amplitude, or is cut short.
    """
    has_end = _check_definitions(path, read_bytes(path, _MAX_BYTES))
    kit, warnings = parse_with_kit(path, "mfer", "MFERParser", _MAX_BYTES)
    if not has_end:
        warnings.append("The file has no mark at its end, so frames may be missing there.")
    if any("no waveform data" in text or "missing sample(s)" in text for text in warnings):
        raise RecordError(path, "is cut short: it holds fewer samples than its frames are stated to have")
    if not kit.leads:
        raise RecordError(path, "holds representative beats and no rhythm")
    ignored: list[str] = []
    rates_hz = _exact_rates_hz(kit)
    _place_frames(path, kit, warnings)
    _rename(kit.leads)
    signal_mv, fs_hz, sources = kit_signal(path, kit.leads, rates_hz, ignored, warnings)
    lead_names = name_leads((source.source_name for source in sources), warnings)
    if kit.raw_metadata.get("sample_skew_ns"):
        warnings.append("The file states a skew between its channels, which was not corrected.")
    ignored += [f"{name}: a status channel" for name in kit.raw_metadata.get("status_channels", {})]
    return EcgRecord(
        name=path.stem,
        signal_mv=signal_mv,
        fs_hz=fs_hz,
        lead_names=lead_names,
        patient=_patient(kit),
        acquisition=_acquisition(kit),
        provenance=Provenance(path=path, format="MFER", files=(path,)),
        report=build_report(signal_mv, fs_hz, lead_names, sources, ignored, warnings),
        device_reading=DeviceReading(median=_median(path, kit, rates_hz[0])),
    )


def _check_definitions(path: Path, content: bytes) -> bool:
    """Return whether the definitions come to an end mark; too many, or too deeply nested, would take endless time."""
    ends: list[int] = []
    at = n_definitions = 0
    while at < len(content):
        while ends and at >= ends[-1]:
            ends.pop()
        tag = content[at]
        at += 1
        if tag == 0:  # padding, or the end of a definition of open length
            continue
        n_definitions += 1
        if n_definitions > _MAX_DEFINITIONS or len(ends) > _MAX_DEPTH:
            raise RecordError(path, "is no MFER file: its definitions are nested or repeated without end")
        if tag == _END and not ends:
            return True
        while tag == _ATT and at < len(content) and content[at] & 0x80:
            at += 1
        at += tag == _ATT
        if at >= len(content):
            return False
        length, at = content[at], at + 1
        if length > 0x80:
            n_bytes = length & 0x7F
            length = int.from_bytes(content[at : at + n_bytes], "big")
            at += n_bytes
        elif length == 0x80:
            # Of open length: only groups are, and how deep they go is all that matters here.
            ends.append(len(content))
            continue
        if tag in (_ATT, _SET):
            ends.append(at + length)
        else:
            at += length
    return False


def _exact_rates_hz(kit: ECGRecord) -> list[float]:
    exact: list[float] = list(kit.raw_metadata.get("sampling_rates", ()))
    if len(exact) == len(kit.leads) and all(math.isfinite(rate_hz) for rate_hz in exact):
        return exact
    return [float(lead.sampling_rate) for lead in kit.leads]


def _place_frames(path: Path, kit: ECGRecord, warnings: list[str]) -> None:
    """Put each rhythm frame where its pointer says; what lies between two frames becomes NaN."""
    frames: list[dict[str, Any]] = [
        frame for frame in kit.raw_metadata["frames"] if frame["waveform_type"] != _DOMINANT_BEAT
    ]
    warnings[:] = [text for text in warnings if "concatenated without a gap" not in text]
    n_loaded = kit.leads[0].samples.size
    gaps: list[tuple[int, int]] = []
    stored, end = 0, int(frames[0]["pointer"])
    for frame in frames:
        if stored >= n_loaded:
            break
        late = int(frame["pointer"]) - end
        if late < 0:
            raise RecordError(path, "its frames of samples overlap in time")
        if late:
            gaps.append((stored, late))
        stored += int(frame["samples"])
        end = int(frame["pointer"]) + int(frame["samples"])
    if not gaps:
        return
    if any(lead.samples.size != n_loaded for lead in kit.leads):
        raise RecordError(path, "has gaps between frames whose channels have different rates, which cannot be placed")
    if sum(late for _, late in gaps) > _MAX_GAP_SAMPLES:
        raise RecordError(path, "has longer gaps between its frames than can be read at once")
    places = np.repeat([place for place, _ in gaps], [late for _, late in gaps])
    for lead in kit.leads:
        lead.samples = np.insert(lead.samples, places, np.nan)


def _rename(leads: list[Lead]) -> None:
    for lead in leads:
        lead.label = _FRANK.get(lead.label, lead.label)


def _patient(kit: ECGRecord) -> Patient:
    patient = kit.patient
    sexes: dict[str, Sex] = {"M": "male", "F": "female"}
    name = " ".join(part for part in (patient.first_name, patient.last_name) if part)
    return Patient(
        patient_id=patient.patient_id or None,
        name=name or None,
        age_years=float(patient.age) if patient.age is not None else None,
        sex=sexes.get(patient.sex or ""),
    )


def _acquisition(kit: ECGRecord) -> Acquisition:
    device = kit.recording.device
    day = kit.raw_metadata.get("acquisition_date")
    events = [
        f"Event {event.get('code', '')} at sample {event.get('start', 'unknown')}: {event.get('description', '')}"
        for event in kit.raw_metadata.get("events", ())[:_MAX_COMMENTS]
    ]
    return Acquisition(
        start=kit.recording.date or (date.fromisoformat(day) if day else None),
        device=" ".join(part for part in (device.manufacturer, device.model) if part) or None,
        filters="; ".join(kit.raw_metadata.get("filters", ())) or None,
        comments=(
            *known_texts((("Recording", device.acquisition_type), ("Comment", kit.annotations.get("comment")))),
            *(text.rstrip(": ") for text in events),
        ),
    )


def _median(path: Path, kit: ECGRecord, fs_hz: float) -> MedianBeat | None:
    beats = kit.median_beats
    if not beats:
        return None
    try:
        rates_hz = [float(lead.sampling_rate) for lead in beats]
        signal_mv, fs_hz, sources = kit_signal(path, beats, rates_hz, [], [])
    except RecordError:
        return None
    signal_mv.setflags(write=False)
    return MedianBeat(signal_mv, fs_hz, name_leads((source.source_name for source in sources), []))
