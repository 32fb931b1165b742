"""GE CardioSoft and CASE XML (``CardiologyXML``): strips of comma-separated samples.

The maker's description is not public; the layout is that of open readers for UK Biobank's exports.
"""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path
from xml.etree.ElementTree import Element

from physioclr_core.errors import RecordError
from physioclr_core.readers.xml_document import attribute_at, clipped, integers, number, parse_xml, text_at
from physioclr_core.readers.xml_facts import (
    age_in_years,
    age_of,
    filters_text,
    joined,
    known,
    measurements_of,
    person,
    sex_of,
    start_of,
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
from physioclr_core.record import Acquisition, DeviceMeasurement, DeviceReading, EcgRecord, MedianBeat, Patient

FORMAT_NAME = "GE CardioSoft XML"
ROOT = "CardiologyXML"

_UNITS = {"uvperlsb": "uV", "mvperlsb": "mV", "nvperlsb": "nV"}
_EMPTY_SAMPLE = re.compile(r",\s*,")
_MEASUREMENTS = {
    "VentricularRate": ("heart rate", "bpm"),
    "PDuration": ("P duration", "ms"),
    "PQInterval": ("PR", "ms"),
    "QRSDuration": ("QRS duration", "ms"),
    "QTInterval": ("QT", "ms"),
    # The formula is a setting of the program and is not in the file.
    "QTCInterval": ("QTc", "ms"),
    "RRInterval": ("RR", "ms"),
    "PPInterval": ("PP", "ms"),
    "PAxis": ("P axis", "deg"),
    "RAxis": ("QRS axis", "deg"),
    "TAxis": ("T axis", "deg"),
}


def read_cardiosoft(path: Path) -> EcgRecord:
    """Read a GE CardioSoft or CASE XML file: its first strip.

    Raises
    ------
    RecordError
        If it cannot be read, or holds no strip.
    """
    document = parse_xml(path, ROOT)
    root, notes = document.root, Notes(warnings=list(document.warnings))
    strips = [strip for strip in root.iter("StripData") if strip.find("WaveformData") is not None]
    if not strips:
        full = (
            " but full disclosure, whose order of samples is not known"
            if root.find(".//FullDisclosure") is not None
            else ""
        )
        raise RecordError(path, f"holds no strip{full}")
    if len(strips) > 1:
        notes.ignored.append(f"{len(strips) - 1} further strips of the same file")
    if root.find(".//FullDisclosure") is not None:
        notes.ignored.append("full disclosure: the order of its samples is not known")
    day, clock = _moment(root.find("ObservationDateTime"))
    start = start_of(day, clock, notes.ignored)
    info = root.find("PatientInfo")
    stated = age_in_years(text_at(info, "Age"), attribute_at(info, "Age", "units"), notes.warnings)
    return make_record(
        path,
        FORMAT_NAME,
        _leads(path, strips[0], "strip", notes),
        notes,
        Patient(
            patient_id=known(text_at(info, "PID")),
            name=person(text_at(info, "Name/FamilyName"), text_at(info, "Name/GivenName")),
            age_years=age_of(
                stated, _moment(info.find("BirthDateTime") if info is not None else None)[0], start, notes.warnings
            ),
            sex=sex_of(text_at(info, "Gender")),
        ),
        Acquisition(
            start=start,
            device=joined(text_at(root, "ClinicalInfo/DeviceInfo/Desc"), text_at(root, "Device-Type")),
            filters=_filters(root.find("FilterSetting")),
            comments=tuple(filter(known, (text_at(root, "ClinicalInfo/ObservationComment"),))),
        ),
        DeviceReading(
            statements=_statements(root),
            measurements=_measurements(root.find("RestingECGMeasurements")),
            status=known(text_at(root, "Interpretation/Status")),
            median=_median(path, root.find(".//MedianSamples"), notes),
        ),
    )


def _leads(path: Path, strip: Element, what: str, notes: Notes) -> list[StoredLead]:
    fs_hz = check_fs_hz(path, number(text_at(strip, "SampleRate")), f"has a {what}")
    rate_unit = attribute_at(strip, "SampleRate", "units")
    if rate_unit and rate_unit.casefold() != "hz":
        raise RecordError(
            path, f"states the sampling rate of its {what} in {clipped(rate_unit, 12)!r}, which is not known"
        )
    resolution, unit = number(text_at(strip, "Resolution")), attribute_at(strip, "Resolution", "units")
    if resolution is None or resolution <= 0 or unit.casefold() not in _UNITS:
        shown = clipped(f"{text_at(strip, 'Resolution')} {unit}".strip(), 20)
        raise RecordError(path, f"states the resolution {shown!r} for its {what}, so that amplitudes are unknown")
    count = number(text_at(strip, "ChannelSampleCountTotal"))
    elements = strip.findall("WaveformData")
    check_pieces(path, len(elements))
    stated = number(text_at(strip, "NumberOfLeads"))
    if stated is not None and stated != len(elements):
        notes.warnings.append(f"The {what} should have {stated:g} leads and has {len(elements)}.")
    leads: list[StoredLead] = []
    for element in elements:
        name, text = attribute_at(element, ".", "lead"), element.text or ""
        of_lead = f"lead {clipped(name, 20) or '?'} of its {what}"
        if _EMPTY_SAMPLE.search(text):
            raise RecordError(path, f"leaves samples out in {of_lead}")
        samples = integers(path, text, of_lead)
        if count is not None and samples.size != count:
            raise RecordError(path, f"has {samples.size} samples in {of_lead} where {count:g} are stated")
        leads.append(StoredLead(name, samples, fs_hz, _UNITS[unit.casefold()], 1 / resolution, fill=FILL_INT16))
    return leads


def _median(path: Path, samples: Element | None, notes: Notes) -> MedianBeat | None:
    if samples is None or samples.find("WaveformData") is None:
        return None
    try:
        leads = _leads(path, samples, "median beats", notes)
    except RecordError as error:
        notes.ignored.append(f"median beats: the file {error.cause}")
        return None
    return make_median(path, leads, notes)


def _moment(element: Element | None) -> tuple[date | None, time | None]:
    """Return date and time of day of elements for each part; what is missing or impossible is None."""
    parts = {tag: number(text_at(element, tag)) for tag in ("Year", "Month", "Day", "Hour", "Minute", "Second")}
    year, month, day, hour, minute, second = (None if part is None else int(part) for part in parts.values())
    try:
        on = date(year, month, day) if year and month and day else None
    except (ValueError, OverflowError):
        on = None
    try:
        at = time(hour, minute, second or 0) if hour is not None and minute is not None else None
    except (ValueError, OverflowError):
        at = None
    return on, at


def _filters(settings: Element | None) -> str | None:
    notch = next((hz for hz in (50, 60) if text_at(settings, f"Filter{hz}Hz").casefold() in ("yes", "true", "1")), None)
    return filters_text(number(text_at(settings, "HighPass")), number(text_at(settings, "LowPass")), notch)


def _statements(root: Element) -> tuple[str, ...]:
    texts = (
        text_at(element)
        for kind in ("Diagnosis", "Conclusion")
        for element in root.findall(f"Interpretation/{kind}/{kind}Text")
    )
    return tuple(dict.fromkeys(text for text in texts if known(text)))


def _measurements(values: Element | None) -> tuple[DeviceMeasurement, ...]:
    rows = []
    for tag, (name, unit) in _MEASUREMENTS.items():
        stated = attribute_at(values, tag, "units")
        rows.append((name, text_at(values, tag), stated or unit))
    return measurements_of(rows)
