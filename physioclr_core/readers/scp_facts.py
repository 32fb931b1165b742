"""Who was recorded, when and by what, and what the device said of it, from the text sections of an SCP-ECG file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time

from physioclr_core.readers.device_terms import MAX_PLAUSIBLE_AGE_YEARS, age_between, person_name
from physioclr_core.readers.scp_leads import LEAD_NAMES
from physioclr_core.readers.scp_sections import ScpFile
from physioclr_core.record import Acquisition, DeviceMeasurement, DeviceReading, MedianBeat, Patient, Sex

_SEXES: dict[int, Sex] = {1: "male", 2: "female"}
_YEARS_PER_UNIT = {1: 1.0, 2: 1 / 12, 3: 7 / 365.25, 4: 1 / 365.25, 5: 1 / 8766}
_MAKERS = (
    ",Burdick,Cambridge,Compumed,Datamed,Fukuda,Hewlett-Packard,Marquette Electronics,Mortara Instruments,Nihon Kohden,"
    "Okin,Quinton,Siemens,Spacelabs,Telemed,Hellige,ESA-OTE,Schiller,Picker-Schwarzer,et medical devices,Zwönitz"
).split(",")
_CODECS = {
    **{0x03: "iso8859_2", 0x0B: "iso8859_4", 0x13: "iso8859_5", 0x1B: "iso8859_6", 0x23: "iso8859_7"},
    **{0x2B: "iso8859_8", 0x33: "iso8859_11", 0x3B: "iso8859_15", 0x07: "utf-16-le", 0x0F: "shift_jis"},
    **{0x17: "euc_jp", 0x1F: "euc_jp", 0x27: "gb2312", 0x2F: "cp949", 0x37: "utf-8"},
}
# Not measured, wave not there, lead rejected.
_MISSING = frozenset((29999, 29998, 19999, 0xFFFF, -32768, -1))
_FORMULAS = {1: "QTc (Bazett)", 2: "QTc (Hodges)"}
_STATUS = {0: "unconfirmed", 1: "confirmed", 2: "over-read, not confirmed"}
_BY_LEAD = (
    *[(name, "ms") for name in ("P duration", "PR", "QRS duration", "QT", "Q duration", "R duration", "S duration")],
    *[(name, "ms") for name in ("R' duration", "S' duration")],
    *[(f"{wave} amplitude", "uV") for wave in ("Q", "R", "S", "R'", "S'", "J", "P+", "P-", "T+", "T-")],
)
_MAX_TEXT = 1000
_MAX_STATEMENTS = 200


@dataclass(slots=True)
class ScpFacts:
    """What the text sections say."""

    patient: Patient = field(default_factory=Patient)
    acquisition: Acquisition = field(default_factory=Acquisition)
    codec: str = "latin-1"
    confirmed_by: str | None = None


def read_facts(file: ScpFile) -> ScpFacts:
    """Return patient and acquisition (section 1); what is damaged there is left out with a warning."""
    facts = ScpFacts()
    tags: dict[int, list[bytes]] = {}
    for tag, value in _tags(file):
        tags.setdefault(tag, []).append(value)
    machine = next(iter(tags.get(14, [])), b"")
    if len(machine) > 16 and machine[16] & 1:
        facts.codec = _CODECS.get(machine[16], "latin-1")

    def text(tag: int) -> str:
        return _text(next(iter(tags.get(tag, [])), b""), facts.codec)

    def numbers(tag: int, layout: str) -> tuple[int, ...]:
        value = next(iter(tags.get(tag, [])), b"")
        return struct.unpack_from(layout, value) if len(value) >= struct.calcsize(layout) else ()

    day = _date(numbers(25, "<HBB"))
    clock = _time(numbers(26, "<BBB"))
    if day is None and clock is not None:
        file.ignored.append(f"start time {clock.isoformat()}: it has no date")
    start = datetime.combine(day, clock) if day is not None and clock is not None else day
    age_years = None
    if age := numbers(4, "<HB"):
        years = age[0] * _YEARS_PER_UNIT.get(age[1], 0.0)
        age_years = years if 0 < years <= MAX_PLAUSIBLE_AGE_YEARS else None
    if age_years is None:
        age_years = age_between(_date(numbers(5, "<HBB")), start)
    facts.patient = Patient(
        patient_id=text(2) or None,
        name=person_name(text(0), text(1)),
        age_years=age_years,
        sex=_SEXES.get((numbers(8, "<B") or (0,))[0]),
    )
    facts.confirmed_by = text(21) or None
    comments = [_text(value, facts.codec) for tag in (13, 30, 35) for value in tags.get(tag, [])]
    facts.acquisition = Acquisition(
        start=start,
        device=_device(machine, facts.codec),
        filters=_filters(numbers(27, "<H"), numbers(28, "<H"), numbers(29, "<B")),
        comments=tuple(comment for comment in comments if comment),
    )
    return facts


def read_device_reading(file: ScpFile, facts: ScpFacts, median: MedianBeat | None) -> DeviceReading:
    """Return the device's interpretation (sections 8 and 11) and measurements (sections 7 and 10)."""
    statements, status = _statements(file, 8, facts.codec)
    codes, code_status = _statements(file, 11, facts.codec)
    if not statements:
        statements, status = codes, code_status
    elif codes:
        file.ignored.append("section 11 (statement codes): section 8 says the same in words")
    if status == "confirmed" and facts.confirmed_by:
        status = f"confirmed by {facts.confirmed_by}"
    return DeviceReading(
        statements=tuple(statements),
        measurements=(*_global_measurements(file), *_lead_measurements(file)),
        status=status,
        median=median,
    )


def _tags(file: ScpFile) -> Iterator[tuple[int, bytes]]:
    body, position = file.bodies.get(1, b""), 0
    while position + 3 <= len(body):
        tag, length = struct.unpack_from("<BH", body, position)
        position += 3
        if tag == 255:
            return
        if position + length > len(body):
            file.warnings.append("Section 1 (patient) is damaged; what follows the damage was left out.")
            return
        yield tag, body[position : position + length]
        position += length


def _text(value: bytes, codec: str) -> str:
    """Return a text that ends with its first NUL, on one line."""
    if codec == "utf-16-le":
        text = value[: len(value) // 2 * 2].decode(
            "utf-16" if value[:2] in (b"\xff\xfe", b"\xfe\xff") else codec, "replace"
        )
    else:
        text = value.decode(codec, "replace")
    text = text.split("\0", 1)[0]
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_MAX_TEXT]


def _date(numbers: tuple[int, ...]) -> date | None:
    try:
        return date(*numbers) if numbers and numbers[0] else None
    except ValueError:
        return None


def _time(numbers: tuple[int, ...]) -> time | None:
    try:
        return time(numbers[0], numbers[1], numbers[2]) if numbers else None
    except ValueError:
        return None


def _device(machine: bytes, codec: str) -> str | None:
    """Return maker and model of the acquiring machine (tag 14)."""
    if len(machine) < 36:
        return None
    texts = machine[36:].split(b"\0")
    maker = _text(texts[4], codec) if len(texts) > 4 else ""
    if not maker and machine[7] < len(_MAKERS):
        maker = _MAKERS[machine[7]]
    return " ".join(part for part in (maker, _text(machine[8:14], codec)) if part) or None


def _filters(low: tuple[int, ...], high: tuple[int, ...], bits: tuple[int, ...]) -> str | None:
    low_hz = f"{low[0] / 100:g}" if low and low[0] else ""
    high_hz = f"{high[0]:g}" if high and high[0] else ""
    band = f"{low_hz}-{high_hz} Hz" if low_hz and high_hz else f"from {low_hz} Hz" if low_hz else f"to {high_hz} Hz"
    notch = {1: "notch 60 Hz", 2: "notch 50 Hz"}.get(bits[0] & 3) if bits else None
    return ", ".join(part for part in (band if low_hz or high_hz else "", notch or "") if part) or None


def _statements(file: ScpFile, number: int, codec: str) -> tuple[list[str], str | None]:
    """Return the statements of section 8 (text) or 11 (codes), and whether anybody confirmed them."""
    body = file.bodies.get(number, b"")
    if len(body) < 9:
        return [], None
    found: list[str] = []
    position = 9
    for _ in range(min(body[8], _MAX_STATEMENTS)):
        length = struct.unpack_from("<H", body, position + 1)[0] if position + 3 <= len(body) else len(body)
        value = body[position + 3 : position + 3 + length]
        position += 3 + length
        if position > len(body):
            file.warnings.append(f"Section {number} (interpretation) is not complete.")
            break
        # A code statement begins with its kind; its parts are separated by NUL.
        value = value[1:] if number == 11 else value
        parts = [value] if codec == "utf-16-le" else value.split(b"\0")
        line = " ".join(text for part in parts if (text := _text(part, codec)))
        if line:
            found.append(line)
    return found, _STATUS.get(body[0])


def _global_measurements(file: ScpFile) -> list[DeviceMeasurement]:
    """Return the measurements of section 7: intervals between the wave boundaries that it stores, and axes."""
    body = file.bodies.get(7, b"")
    if len(body) < 6:
        return []
    n_blocks, n_spikes, rr, pp = struct.unpack_from("<BBHH", body)
    found = [("RR", rr, "ms"), ("PP", pp, "ms")]
    measured = [DeviceMeasurement(name, float(x), unit) for name, x, unit in found if x and x not in _MISSING]
    end = 6 + 16 * n_blocks + 10 * n_spikes
    if end > len(body):
        file.warnings.append("Section 7 (measurements) is not complete.")
        return measured
    if n_blocks:
        *bounds, p_axis, qrs_axis, t_axis = struct.unpack_from("<5H3h", body, 6)
        p_on, p_off, qrs_on, qrs_off, t_off = (x if x not in _MISSING else None for x in bounds)
        spans = (("P duration", p_on, p_off), ("PR", p_on, qrs_on), ("QRS duration", qrs_on, qrs_off))
        for name, begin, stop in (*spans, ("QT", qrs_on, t_off)):
            if begin is not None and stop is not None and stop > begin:
                measured.append(DeviceMeasurement(name, float(stop - begin), "ms"))
        for name, degrees in (("P axis", p_axis), ("QRS axis", qrs_axis), ("T axis", t_axis)):
            if -360 <= degrees <= 360:
                measured.append(DeviceMeasurement(name, float(degrees), "deg"))
    if n_spikes:
        measured.append(DeviceMeasurement("pacemaker spikes", float(n_spikes), ""))
    return measured + _rates(body, end)


def _rates(body: bytes, position: int) -> list[DeviceMeasurement]:
    """Return the rates and the corrected QT, which follow the kinds of the beats where they are stored."""
    if position + 2 > len(body):
        return []
    position += 2 + struct.unpack_from("<H", body, position)[0]
    if position + 7 > len(body):
        return []
    ventricular, atrial, qtc, formula = struct.unpack_from("<3HB", body, position)
    found = [("ventricular rate", ventricular, "bpm"), ("atrial rate", atrial, "bpm")]
    found.append((_FORMULAS.get(formula, "QTc"), qtc, "ms"))
    return [DeviceMeasurement(name, float(x), unit) for name, x, unit in found if x and x not in _MISSING]


def _lead_measurements(file: ScpFile) -> list[DeviceMeasurement]:
    body = file.bodies.get(10, b"")
    if len(body) < 4:
        return []
    # Some writers count the four bytes of a block's head in its length.
    blocks = _lead_blocks(body, 0)
    if blocks is None:
        blocks = _lead_blocks(body, 4)
    if blocks is None:
        file.warnings.append("Section 10 (measurements by lead) is not complete.")
        return []
    return [
        DeviceMeasurement(name, float(value), unit, LEAD_NAMES.get(code, f"lead {code}"))
        for code, block in blocks
        for (name, unit), (value,) in zip(_BY_LEAD, struct.iter_unpack("<h", block), strict=False)
        if value not in _MISSING and (unit != "ms" or value > 0)
    ]


def _lead_blocks(body: bytes, n_counted: int) -> list[tuple[int, bytes]] | None:
    blocks, position = [], 4
    for _ in range(struct.unpack_from("<H", body)[0]):
        if position + 4 > len(body):
            return None
        code, length = struct.unpack_from("<HH", body, position)
        length -= n_counted
        if length < 0 or position + 4 + length > len(body):
            return None
        blocks.append((code, body[position + 4 : position + 4 + length // 2 * 2]))
        position += 4 + length
    return blocks
