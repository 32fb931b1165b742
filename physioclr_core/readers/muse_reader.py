"""GE MUSE XML (``RestingECG``): eight stored leads, the other four computed; rhythm and median beats told apart."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from xml.etree.ElementTree import Element

from physioclr_core.errors import RecordError
from physioclr_core.readers.xml_document import clipped, number, parse_xml, text_at
from physioclr_core.readers.xml_facts import (
    age_in_years,
    age_of,
    clock_of,
    day_of,
    filters_text,
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
from physioclr_core.readers.xml_samples import base64_bytes, little_endian
from physioclr_core.record import Acquisition, DeviceMeasurement, DeviceReading, EcgRecord, Patient

FORMAT_NAME = "GE MUSE XML"
ROOT = "RestingECG"

# The document type of these files says MM-DD-YYYY; the others cannot be mistaken for it.
_DATE_FORMATS = ("%m-%d-%Y", "%m/%d/%Y", "%Y-%m-%d", "%Y%m%d", "%d-%b-%Y")
_UNITS = {"MICROVOLTS": "uV", "MICROVOLT": "uV", "MILLIVOLTS": "mV", "MILLIVOLT": "mV"}
_MEASUREMENTS = {
    "VentricularRate": ("heart rate", "bpm"),
    "AtrialRate": ("atrial rate", "bpm"),
    "PRInterval": ("PR", "ms"),
    "QRSDuration": ("QRS duration", "ms"),
    "QTInterval": ("QT", "ms"),
    # The formula is a setting of the cart, usually Bazett's, and is not in the file.
    "QTCorrected": ("QTc", "ms"),
    "QTcFrederica": ("QTc (Fridericia)", "ms"),
    "PAxis": ("P axis", "deg"),
    "RAxis": ("QRS axis", "deg"),
    "TAxis": ("T axis", "deg"),
    "QRSCount": ("QRS count", ""),
}
_PRESSURES = {"SystolicBP": "Systolic blood pressure", "DiastolicBP": "Diastolic blood pressure"}
# Samples of the median beat at ECGSampleBase.
_MARKS = {
    "POnset": "P onset",
    "POffset": "P offset",
    "QOnset": "QRS onset",
    "QOffset": "QRS offset",
    "TOffset": "T offset",
}
_FLAGS = {
    "LeadOff": "electrode off",
    "BaselineSway": "baseline sway",
    "ExcessiveACNoise": "mains noise",
    "MuscleNoise": "muscle noise",
}


@dataclass(frozen=True, slots=True)
class _Waveform:
    kind: str
    element: Element
    fs_hz: float
    leads: tuple[StoredLead, ...]


def read_muse(path: Path) -> EcgRecord:
    """Read a GE MUSE XML export.

    Raises
    ------
    RecordError
        If it cannot be read, or holds no rhythm.
    """
    document = parse_xml(path, ROOT)
    root, notes = document.root, Notes(warnings=list(document.warnings))
    rhythm, median = _choose(path, list(root.iter("Waveform")), notes)
    test = root.find("TestDemographics")
    day_text, clock = text_at(test, "AcquisitionDate"), clock_of(text_at(test, "AcquisitionTime"))
    day = day_of(day_text, *_DATE_FORMATS)
    if day is None and known(day_text):
        notes.ignored.append(f"recording date {clipped(day_text, 20)!r}: not the MM-DD-YYYY of this format")
    start = start_of(day, clock, notes.ignored)
    n_skipped = sum(len(root.findall(f".//{tag}")) for tag in ("MeasuredInterval", "MeasuredAmplitude"))
    if n_skipped:
        notes.ignored.append(f"{n_skipped} measurements of single leads and waves")
    return make_record(
        path,
        FORMAT_NAME,
        rhythm.leads,
        notes,
        _patient(root.find("PatientDemographics"), start, notes),
        Acquisition(
            start=start,
            device=known(text_at(test, "AcquisitionDevice")),
            filters=_filters(rhythm.element),
            comments=_comments(root, test),
        ),
        DeviceReading(
            statements=_statements(root),
            measurements=_measurements(root),
            status=_status(test),
            median=make_median(path, median.leads, notes) if median else None,
        ),
    )


def _choose(path: Path, elements: list[Element], notes: Notes) -> tuple[_Waveform, _Waveform | None]:
    """Return the rhythm and the median beats; an element without a type is the rhythm if there is no other."""
    by_kind: dict[str, Element] = {}
    for element in elements:
        kind = text_at(element, "WaveformType").casefold()
        if kind in by_kind:
            notes.ignored.append(f"a further waveform of the type {clipped(kind, 20)!r}")
        by_kind.setdefault(kind, element)
    if "rhythm" not in by_kind and "" in by_kind:
        by_kind["rhythm"] = by_kind.pop("")
        notes.warnings.append("The file does not say whether its waveform is the rhythm; it was taken as such.")
    if "rhythm" not in by_kind:
        kinds = ", ".join(clipped(kind, 20) for kind in by_kind if kind)
        raise RecordError(path, f"holds no rhythm waveform{f', only {kinds}' if kinds else ''}")
    notes.ignored += [
        f"waveform of the type {clipped(kind, 20)!r}" for kind in by_kind if kind not in ("rhythm", "median")
    ]
    rhythm = _waveform(path, "rhythm", by_kind["rhythm"], notes)
    if "median" not in by_kind:
        return rhythm, None
    try:
        return rhythm, _waveform(path, "median", by_kind["median"], notes)
    except RecordError as error:
        notes.ignored.append(f"median beats: the file {error.cause}")
        return rhythm, None


def _waveform(path: Path, kind: str, element: Element, notes: Notes) -> _Waveform:
    base, exponent = number(text_at(element, "SampleBase")), number(text_at(element, "SampleExponent") or "0")
    if base is None or exponent is None or abs(exponent) > 6:
        raise RecordError(path, f"does not state the sampling rate of its {kind}")
    fs_hz = check_fs_hz(path, base * 10.0**exponent, f"has a {kind}")
    lead_elements = element.findall("LeadData")
    check_pieces(path, len(lead_elements))
    stated = number(text_at(element, "NumberofLeads"))
    if stated is not None and stated != len(lead_elements):
        notes.warnings.append(f"The {kind} should have {stated:g} leads and has {len(lead_elements)}.")
    leads = tuple(_lead(path, kind, lead, fs_hz, notes) for lead in lead_elements)
    return _Waveform(kind, element, fs_hz, leads)


def _lead(path: Path, kind: str, element: Element, fs_hz: float, notes: Notes) -> StoredLead:
    name = text_at(element, "LeadID")
    what = f"lead {clipped(name, 20) or '?'} of its {kind}"
    raw = base64_bytes(path, text_at(element, "WaveFormData"), what)
    size = number(text_at(element, "LeadSampleSize") or "2")
    samples = little_endian(path, raw, int(size) if size is not None and 0 < size < 100 else 0, what)
    for tag, actual in (("LeadByteCountTotal", len(raw)), ("LeadSampleCountTotal", samples.size)):
        stated = number(text_at(element, tag))
        if stated is not None and stated != actual:
            counted = "bytes" if "Byte" in tag else "samples"
            raise RecordError(path, f"has {actual} {counted} in {what} where {stated:g} are stated")
    checksum = number(text_at(element, "LeadDataCRC32"))
    if checksum is not None and checksum != zlib.crc32(raw):
        notes.warnings.append(f"The samples do not match their checksum, so they may have changed: {what}.")
    if kind == "rhythm":
        flags = [text for tag, text in _FLAGS.items() if text_at(element, tag).casefold() in ("true", "yes", "1")]
        if flags:
            notes.warnings.append(f"The device notes for {name}: {', '.join(flags)}.")
    for tag in ("FirstSampleBaseline", "LeadOffsetFirstSample"):
        if number(text_at(element, tag)):
            notes.warnings.append(
                f"{tag} is {text_at(element, tag)[:12]} in {what}; nobody states what it means, so it is not applied."
            )
    start_ms = number(text_at(element, "LeadTimeOffset")) or 0.0
    if start_ms and kind == "rhythm":
        notes.warnings.append(f"{name} was placed {start_ms:g} ms after the start, as its LeadTimeOffset says.")
    unit = text_at(element, "LeadAmplitudeUnits")
    units_per_bit = number(text_at(element, "LeadAmplitudeUnitsPerBit"))
    return StoredLead(
        source_name=name,
        samples=samples,
        fs_hz=fs_hz,
        unit=_UNITS.get(unit.upper(), unit),
        # Without a scale, or with a negative one, the lead is left out: nothing in the format says what it would be.
        gain=1 / units_per_bit if units_per_bit and units_per_bit > 0 else 0.0,
        start_s=start_ms / 1000,
        fill=FILL_INT16 if size == 2 else None,
    )


def _patient(element: Element | None, start: date | None, notes: Notes) -> Patient:
    age = age_in_years(text_at(element, "PatientAge"), text_at(element, "AgeUnits"), notes.warnings)
    birth = day_of(text_at(element, "DateofBirth"), *_DATE_FORMATS)
    return Patient(
        patient_id=known(text_at(element, "PatientID")),
        name=person(text_at(element, "PatientLastName"), text_at(element, "PatientFirstName")),
        age_years=age_of(age, birth, start, notes.warnings),
        sex=sex_of(text_at(element, "Gender")),
    )


def _filters(waveform: Element) -> str | None:
    notch = next((value for value in map(number, map(text_at, waveform.findall("ACFilter"))) if value), None)
    high_pass = number(text_at(waveform, "HighPassFilter"))
    # Hundredths of a hertz.
    return filters_text(high_pass / 100 if high_pass else None, number(text_at(waveform, "LowPassFilter")), notch)


def _comments(root: Element, test: Element | None) -> tuple[str, ...]:
    reasons = (text_at(test, "TestReason"), text_at(root, "Order/ReasonForTest"))
    return tuple(f"Reason for the test: {text}" for text in dict.fromkeys(filter(known, reasons)))


def _statements(root: Element) -> tuple[str, ...]:
    """Return the reading that stands, then what the device had said where that was another."""
    current, original = _lines(root.find("Diagnosis")), _lines(root.find("OriginalDiagnosis"))
    if not current or current == original:
        return current or original
    return (*current, *(f"Before it was edited: {line}" for line in original))


def _lines(diagnosis: Element | None) -> tuple[str, ...]:
    """Return whole lines: statements are fragments until one that is flagged as a line's end."""
    lines: list[str] = []
    fragments: list[str] = []
    for statement in diagnosis.findall("DiagnosisStatement") if diagnosis is not None else ():
        text = text_at(statement, "StmtText")
        if text:
            fragments.append(text)
        if any(text_at(flag).upper() == "ENDSLINE" for flag in statement.findall("StmtFlag")):
            lines.append(" ".join(fragments))
            fragments = []
    # Without an end each statement is a line; with ends before it the rest is the last line.
    lines += fragments if not lines else [" ".join(fragments)]
    return tuple(line for line in lines if line)


def _measurements(root: Element) -> tuple[DeviceMeasurement, ...]:
    values = root.find("RestingECGMeasurements")
    values = root.find("OriginalRestingECGMeasurements") if values is None else values
    rows = [(name, text_at(values, tag), unit) for tag, (name, unit) in _MEASUREMENTS.items()]
    rows.append(("RR", text_at(root, "QRSTimesTypes/GlobalRR"), "ms"))
    rows += [(name, text_at(values, tag), "mmHg") for tag, name in _PRESSURES.items()]
    base = number(text_at(values, "ECGSampleBase"))
    exponent = number(text_at(values, "ECGSampleExponent") or "0")
    if base and base > 0 and exponent is not None and abs(exponent) <= 6:
        for tag, name in _MARKS.items():
            position = number(text_at(values, tag))
            if position is not None:
                rows.append((f"{name} in the median beat", f"{1000 * position / (base * 10**exponent):g}", "ms"))
    return measurements_of(rows)


def _status(test: Element | None) -> str | None:
    status = known(text_at(test, "Status"))
    if status is None:
        return None
    reader = person(text_at(test, "OverreaderLastName"), text_at(test, "OverreaderFirstName"))
    return f"{status.lower()} by {reader}" if reader and status.upper() == "CONFIRMED" else status.lower()
