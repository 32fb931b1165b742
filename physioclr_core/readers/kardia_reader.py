"""AliveCor Kardia recordings as JSON: lead I of a KardiaMobile, or the six limb leads of a KardiaMobile 6L."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physioclr_core.errors import RecordError
from physioclr_core.readers.assemble import build_report, name_leads
from physioclr_core.readers.files import read_bytes
from physioclr_core.readers.kit_adapter import kit_signal, known_texts, parse_with_kit
from physioclr_core.record import Acquisition, DeviceMeasurement, DeviceReading, EcgRecord, Patient, Provenance

if TYPE_CHECKING:
    from ecgdatakit.models import ECGRecord

# Five minutes of six leads, raw and filtered, are 6 MB; parsed JSON takes up to twenty times its size.
_MAX_BYTES = 16 * 2**20
# The parser's tree of values would take far more memory than the text where brackets are nested without end.
_MAX_BRACKETS = 100_000
_MEASUREMENTS = (
    ("heart_rate", "heart rate", "/min"),
    ("rr_interval", "RR", "ms"),
    ("qt_interval", "QT", "ms"),
    ("qtc_bazett", "QTc Bazett", "ms"),
    ("qtc_fridericia", "QTc Fridericia", "ms"),
)


def read_kardia(path: Path) -> EcgRecord:
    """Read a Kardia recording: the unfiltered leads, and AliveCor's own reading as the device's.

    Raises
    ------
    RecordError
        If it has no unfiltered leads of stated resolution.
    """
    content = read_bytes(path, _MAX_BYTES)
    if len(re.findall(rb"[\[{]", content)) > _MAX_BRACKETS:
        raise RecordError(path, "is JSON, but no Kardia recording")
    kit, warnings = parse_with_kit(path, "alivecor_kardia", "AliveCorKardiaParser", _MAX_BYTES)
    ignored = ["AliveCor's filtered copy of the leads (data.enhanced)"] if kit.leads_enhanced else []
    rate_hz = float(kit.raw_metadata["raw"]["frequency"])
    signal_mv, fs_hz, sources = kit_signal(path, kit.leads, [rate_hz] * len(kit.leads), ignored, warnings)
    lead_names = name_leads((source.source_name for source in sources), warnings)
    start, comments = _start(kit.recording.date)
    notes: dict[str, Any] = kit.annotations
    device = kit.recording.device
    return EcgRecord(
        name=path.stem,
        signal_mv=signal_mv,
        fs_hz=fs_hz,
        lead_names=lead_names,
        patient=Patient(patient_id=kit.patient.patient_id or None),
        acquisition=Acquisition(
            start=start,
            device=" ".join(part for part in (device.manufacturer, device.model) if part) or None,
            comments=(
                *comments,
                *known_texts((("Note", notes.get("note")), ("Tags", notes.get("tags")))),
                *known_texts((("Mains frequency in Hz", notes.get("mains_frequency_hz")),)),
            ),
        ),
        provenance=Provenance(path=path, format="AliveCor JSON", files=(path,)),
        report=build_report(signal_mv, fs_hz, lead_names, sources, ignored, warnings),
        device_reading=_reading(kit),
    )


def _start(stated: datetime | None) -> tuple[datetime | None, tuple[str, ...]]:
    """Return the start without a zone, as every other format has it, and the zone in words."""
    if stated is None or stated.tzinfo is None:
        return stated, ()
    try:
        return stated.astimezone(UTC).replace(tzinfo=None), ("The time of recording is in UTC.",)
    except OverflowError:
        return None, ()


def _reading(kit: ECGRecord) -> DeviceReading:
    statements = tuple(text for text, _ in kit.interpretation.statements)
    measured = [(name, getattr(kit.measurements, field, None), unit) for field, name, unit in _MEASUREMENTS]
    return DeviceReading(
        statements=statements,
        measurements=tuple(
            DeviceMeasurement(name, float(value), unit) for name, value, unit in measured if value is not None
        ),
    )
