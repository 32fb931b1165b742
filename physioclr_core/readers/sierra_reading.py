"""What a Philips Sierra file holds of the device's own reading: statements, severity, measurements, status."""

from __future__ import annotations

from itertools import islice
from xml.etree.ElementTree import Element

from physioclr_core.leads import standard_name
from physioclr_core.readers.xml_document import attribute_at, text_at
from physioclr_core.readers.xml_facts import known, measurements_of
from physioclr_core.readers.xml_leads import MAX_LEADS, Notes
from physioclr_core.record import DeviceMeasurement, DeviceReading, MedianBeat

# 1.04 names first, then those of 1.03.
_GLOBAL = (
    ("heart rate", "bpm", ("heartrate", "meanventrate")),
    ("atrial rate", "bpm", ("atrialrate",)),
    ("RR", "ms", ("rrint",)),
    ("P duration", "ms", ("pdur",)),
    ("PR", "ms", ("print", "meanprint")),
    ("QRS duration", "ms", ("qrsdur", "meanqrsdur")),
    ("QT", "ms", ("qtint", "meanqtint")),
    ("QTc (Bazett)", "ms", ("qtcb",)),
    ("QTc (Fridericia)", "ms", ("qtcf",)),
    # The file does not say by which formula.
    ("QTc", "ms", ("meanqtc",)),
    ("P axis", "deg", ("pfrontaxis",)),
    ("QRS axis", "deg", ("qrsfrontaxis",)),
    ("ST axis", "deg", ("stfrontaxis",)),
    ("T axis", "deg", ("tfrontaxis",)),
)
_OF_A_LEAD = (
    ("P amplitude", "uV", "pamp"),
    ("Q amplitude", "uV", "qamp"),
    ("R amplitude", "uV", "ramp"),
    ("S amplitude", "uV", "samp"),
    ("T amplitude", "uV", "tamp"),
)
_PLACES = (
    "interpretations/interpretation/globalmeasurements",
    "interpretations/interpretation/interpretationmeasurements",
    "internalmeasurements/crossleadmeasurements",
    "measurements/globalmeasurements",
)


def read_interpretation(root: Element, median: MedianBeat | None, notes: Notes) -> DeviceReading:
    """Return the device's reading; a second interpretation of the same file is told and left out."""
    interpretations = root.findall("interpretations/interpretation")
    if len(interpretations) > 1:
        notes.ignored.append(f"{len(interpretations) - 1} further interpretations of the same file")
    interpretation = interpretations[0] if interpretations else None
    return DeviceReading(
        statements=_statements(interpretation),
        measurements=(*_global(root), *_of_leads(root)),
        status=_status(root, interpretation),
        median=median,
    )


def _statements(interpretation: Element | None) -> tuple[str, ...]:
    if interpretation is None:
        return ()
    lines: list[str] = []
    for statement in interpretation.findall("statement"):
        finding, reason = text_at(statement, "leftstatement"), text_at(statement, "rightstatement")
        if finding or reason:
            lines.append(f"{finding} ({reason})" if finding and reason else finding or reason)
    severity = text_at(interpretation, "severity").strip("- ")
    return (*lines, severity) if severity else tuple(lines)


def _global(root: Element) -> tuple[DeviceMeasurement, ...]:
    places = [place for place in map(root.find, _PLACES) if place is not None]
    rows = [(name, text_at(place, tag), unit) for name, unit, tags in _GLOBAL for place in places for tag in tags]
    rows += [
        (f"QTc ({attribute_at(one, '.', 'methodname')})", text_at(one), "ms")
        for place in places
        for one in place.findall("qtco")
    ]
    found = measurements_of(rows)
    # The 1.03 name stands beside the formulas of 1.04 in one file; it is Bazett's then.
    has_formula = any(measurement.name.startswith("QTc (") for measurement in found)
    return tuple(measurement for measurement in found if not (has_formula and measurement.name == "QTc"))


def _of_leads(root: Element) -> tuple[DeviceMeasurement, ...]:
    found: list[DeviceMeasurement] = []
    for element in islice(root.iter("leadmeasurement"), MAX_LEADS):
        label = attribute_at(element, ".", "leadname")
        lead = standard_name(label) or label
        if lead:
            found += measurements_of(((name, text_at(element, tag), unit) for name, unit, tag in _OF_A_LEAD), lead)
    return tuple(found)


def _status(root: Element, interpretation: Element | None) -> str | None:
    """Return the signature line, else who confirmed it, else the state of the document."""
    signature = known(text_at(interpretation, "mdsignatureline"))
    clinician = known(text_at(interpretation, "confirmingclinician"))
    if signature is not None:
        return signature
    return f"confirmed by {clinician}" if clinician else known(attribute_at(root, ".", "status"))
