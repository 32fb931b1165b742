"""Mortara (Welch Allyn, Hillrom) ELI XML: root ``ECG``, one ``CHANNEL`` a lead, ``TYPICAL_CYCLE`` for median beats.

The makers publish no description; the layout is that of open readers which were made with real exports.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from xml.etree.ElementTree import Element

from physioclr_core.errors import RecordError
from physioclr_core.readers.xml_document import attribute_at, clipped, integers, number, parse_xml
from physioclr_core.readers.xml_facts import (
    age_in_years,
    age_of,
    day_of,
    filters_text,
    joined,
    known,
    measurements_of,
    person,
    sex_of,
)
from physioclr_core.readers.xml_leads import (
    FILL_INT16,
    Notes,
    StoredLead,
    check_fs_hz,
    check_pieces,
    make_median,
    make_record,
)
from physioclr_core.readers.xml_samples import base64_bytes, little_endian
from physioclr_core.record import Acquisition, DeviceMeasurement, DeviceReading, EcgRecord, MedianBeat, Patient

FORMAT_NAME = "Mortara ELI XML"
ROOT = "ECG"

_LIST = re.compile(r"\s*[-+]?\d+(?:[\s,;]+[-+]?\d+)+[\s,;]*")
_CYCLE = {
    "P_DURATION": ("P duration", "ms"),
    "PR_DURATION": ("PR", "ms"),
    "QRS_DURATION": ("QRS duration", "ms"),
    "QT": ("QT", "ms"),
    # The formula is a setting of the cart and is not in the file.
    "QTC": ("QTc", "ms"),
    "QTB": ("QTc (Bazett)", "ms"),
    "QTF": ("QTc (Fridericia)", "ms"),
    "P_AXIS": ("P axis", "deg"),
    "QRS_AXIS": ("QRS axis", "deg"),
    "T_AXIS": ("T axis", "deg"),
}
_ROOT_VALUES = {
    "VENT_RATE": ("heart rate", "bpm"),
    "AVERAGE_RR": ("RR", "ms"),
    "NUM_QRS": ("QRS count", ""),
    "SYSTOLIC_BP": ("Systolic blood pressure", "mmHg"),
    "DIASTOLIC_BP": ("Diastolic blood pressure", "mmHg"),
}
# Labels of demographic fields are in the cart's language; their numbers are not.
_FIELDS = {"1": "last", "7": "first", "2": "id", "3": "age", "4": "sex", "16": "birth"}
_UNCONFIRMED = re.compile(r"\bunconfirmed\b", re.IGNORECASE)


def read_eli(path: Path) -> EcgRecord:
    """Read a Mortara ELI XML file.

    Raises
    ------
    RecordError
        If it cannot be read, or holds no rhythm.
    """
    document = parse_xml(path, ROOT)
    root, notes = document.root, Notes(warnings=list(document.warnings))
    channels = list(root.iter("CHANNEL"))
    if not channels:
        raise RecordError(path, "holds no rhythm channel")
    check_pieces(path, len(channels))
    leads = [_lead(path, channel, channel, f"channel {n}", notes) for n, channel in enumerate(channels, start=1)]
    cycle = root.find("TYPICAL_CYCLE")
    start = _start(root, notes)
    return make_record(
        path,
        FORMAT_NAME,
        leads,
        notes,
        _patient(root, start, notes),
        Acquisition(
            start=start,
            device=joined(attribute_at(root, "SOURCE", "MANUFACTURER"), attribute_at(root, "SOURCE", "MODEL")),
            filters=filters_text(None, number(attribute_at(root, "SOURCE", "LOW_PASS_FILTER")), None),
            comments=tuple(filter(known, (attribute_at(root, ".", "COMMENT"),))),
        ),
        _reading(root, cycle, _median(path, cycle, notes)),
    )


def _lead(path: Path, element: Element, form: Element, what: str, notes: Notes) -> StoredLead:
    """Return one lead, whose sample format the channel itself or its cycle states."""
    name = attribute_at(element, ".", "NAME")
    what = f"lead {clipped(name, 20)}" if name else what
    bits, sign, encoding = (
        attribute_at(form, ".", key).upper() or usual
        for key, usual in (("BITS", "16"), ("FORMAT", "SIGNED"), ("ENCODING", "BASE64"))
    )
    if (bits, sign, encoding) != ("16", "SIGNED", "BASE64"):
        raise RecordError(
            path,
            f"stores {what} as {clipped(f'{bits} bits, {sign}, {encoding}', 40)}; known is 16 bits, SIGNED, BASE64",
        )
    text = element.get("DATA") or element.text or ""
    # Some exports hold a list of numbers where they say Base64; several numbers in a row are no Base64.
    is_list = len(text) < 10 * 2**20 and _LIST.fullmatch(text) is not None
    samples = integers(path, text, what) if is_list else little_endian(path, base64_bytes(path, text, what), 2, what)
    fs_hz = check_fs_hz(path, number(attribute_at(form, ".", "SAMPLE_FREQ")), f"has {what}")
    duration = number(attribute_at(form, ".", "DURATION"))
    # A number of samples; some writers give milliseconds.
    if duration and duration not in (samples.size, round(samples.size * 1000 / fs_hz)):
        raise RecordError(path, f"has {samples.size} samples in {what} where {duration:g} are stated")
    if number(attribute_at(element, ".", "OFFSET")):
        offset = clipped(attribute_at(element, ".", "OFFSET"), 12)
        notes.warnings.append(f"OFFSET is {offset} in {what}; nobody states what it means, so it is not applied.")
    units_per_mv = number(attribute_at(form, ".", "UNITS_PER_MV"))
    return StoredLead(
        name, samples, fs_hz, "mV", units_per_mv if units_per_mv and units_per_mv > 0 else 0.0, fill=FILL_INT16
    )


def _median(path: Path, cycle: Element | None, notes: Notes) -> MedianBeat | None:
    if cycle is None:
        return None
    try:
        channels = cycle.findall("TYPICAL_CYCLE_CHANNEL")
        leads = [_lead(path, channel, cycle, f"median {n}", Notes()) for n, channel in enumerate(channels, start=1)]
    except RecordError as error:
        notes.ignored.append(f"median beats: the file {error.cause}")
        return None
    return make_median(path, leads, notes)


def _start(root: Element, notes: Notes) -> datetime | date | None:
    iso, plain = attribute_at(root, ".", "ACQUISITION_TIME_XML"), attribute_at(root, ".", "ACQUISITION_TIME")
    for text, read in ((iso, datetime.fromisoformat), (plain, lambda text: datetime.strptime(text, "%Y%m%d%H%M%S"))):
        try:
            if known(text):
                return read(text)
        except ValueError:
            notes.ignored.append(f"start {clipped(text, 24)!r}: no date and time of this format")
    return None


def _patient(root: Element, start: date | None, notes: Notes) -> Patient:
    fields = {
        _FIELDS[number_]: (field.get("VALUE", ""), field.get("UNITS", ""))
        for field in root.findall("DEMOGRAPHIC_FIELDS/DEMOGRAPHIC_FIELD")
        if (number_ := field.get("ID", "").strip()) in _FIELDS
    }

    def pick(subject: str, field: str) -> str:
        return known(attribute_at(root, "SUBJECT", subject)) or fields.get(field, ("", ""))[0]

    age_text, unit = attribute_at(root, ".", "AGE"), attribute_at(root, ".", "AGE_UNITS")
    if not age_text:
        age_text, unit = fields.get("age", ("", ""))
    birth = day_of(pick("DOB_XML", "birth") or attribute_at(root, "SUBJECT", "DOB"), "%Y%m%d", "%Y-%m-%d")
    birth = birth or day_of(attribute_at(root, "SUBJECT", "DOB"), "%Y%m%d", "%Y-%m-%d")
    # Years are what the cart writes no unit for.
    stated = age_in_years(age_text, unit.strip() or "years", notes.warnings)
    return Patient(
        patient_id=known(pick("ID", "id")),
        name=person(pick("LAST_NAME", "last"), pick("FIRST_NAME", "first")),
        age_years=age_of(stated, birth, start, notes.warnings),
        sex=sex_of(pick("GENDER", "sex")),
    )


def _reading(root: Element, cycle: Element | None, median: MedianBeat | None) -> DeviceReading:
    statements: list[str] = []
    status = None
    for statement in root.findall("AUTOMATIC_INTERPRETATION/STATEMENT"):
        text = statement.get("TEXT", "").strip() or (statement.text or "").strip()
        reason = statement.get("REASON", "").strip()
        if _UNCONFIRMED.search(text):
            status = text.lower()
        elif text:
            statements.append(f"{text} ({reason})" if reason else text)
    severity = known(attribute_at(root, ".", "SEVERITY"))
    return DeviceReading(
        statements=(*statements, severity) if severity else tuple(statements),
        measurements=_measurements(root, cycle),
        status=status,
        median=median,
    )


def _measurements(root: Element, cycle: Element | None) -> tuple[DeviceMeasurement, ...]:
    return measurements_of(
        (name, attribute_at(element, ".", key), unit)
        for element, table in ((root, _ROOT_VALUES), (cycle, _CYCLE))
        for key, (name, unit) in table.items()
    )
