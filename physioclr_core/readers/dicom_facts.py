"""Who was recorded, when and by what, and what the device said of it, from the elements of a DICOM file."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date, datetime, time

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from physioclr_core.errors import RecordError
from physioclr_core.readers.device_terms import MAX_PLAUSIBLE_AGE_YEARS, age_between, person_name, usual_unit
from physioclr_core.readers.dicom_file import DicomFile, number_of, text_of
from physioclr_core.readers.dicom_own import UNKNOWN_TIME, is_own_note
from physioclr_core.record import Acquisition, DeviceMeasurement, DeviceReading, MedianBeat, Patient, Sex

_SEXES: dict[str, Sex] = {"M": "male", "F": "female"}
_YEARS_PER_UNIT = {"Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}
# PS3.16 CID 3227 to 3229, and the fields of SCP-ECG as carts number them. Every other code keeps the file's words.
_NAMES = {
    **{"2:16770": "heart rate", "8867-4": "heart rate", "2:16016": "ventricular rate", "2:16020": "atrial rate"},
    **{"2:16168": "RR", "2:15872": "PR", "2:16156": "QRS duration", "2:16160": "QT", "2:15876": "QTc"},
    **{"2:16140": "PP", "2:16184": "P duration", "2:15880": "QTc", "2:15892": "QTc"},
    **{"2:16128": "P axis", "2:16132": "QRS axis", "2:16136": "T axis"},
    **{"5.10.2.1-3": "RR", "5.10.2.1-5": "PP", "5.13.5-7": "PR", "5.13.5-9": "QRS duration", "5.13.5-11": "QT"},
    **{"5.10.2.5-5": "QTc", "5.10.3-11": "P axis", "5.10.3-13": "QRS axis", "5.10.3-15": "T axis"},
}
# CID 3227 gives Bazett and Framingham one code (2:15880), Fridericia and Hodges another: only the words tell.
_FORMULA = re.compile(r"bazett|framingham|hodges|fr[ei]dericia", re.IGNORECASE)
# A device that could not measure one of these writes 0.
_NEVER_ZERO = frozenset(
    ("heart rate", "ventricular rate", "atrial rate", "RR", "PP", "PR", "QRS duration", "QT", "QTc")
)
_AXES = frozenset(("P axis", "QRS axis", "T axis"))
_MARK_TAGS = frozenset(
    map(tag_for_keyword, ("ReferencedSamplePositions", "ReferencedTimeOffsets", "ReferencedDateTime"))
)
_VALUE_TAGS = frozenset(map(tag_for_keyword, ("NumericValue", "UnformattedTextValue")))
_CONCEPT_TAGS = frozenset(map(tag_for_keyword, ("ConceptCodeSequence", "ConceptNameCodeSequence")))
_UNKNOWN = re.compile(r"unknown|none|n/?a", re.IGNORECASE)


def read_patient(root: Dataset, start: datetime | date | None) -> Patient:
    """Return the patient; the stated age goes before the one that follows from the dates."""
    born = _date(text_of(root, "PatientBirthDate"))
    stated = re.fullmatch(r"(\d{1,3})([YMWD])", text_of(root, "PatientAge"))
    age_years = int(stated[1]) * _YEARS_PER_UNIT[stated[2]] if stated and int(stated[1]) else None
    if age_years is None or age_years > MAX_PLAUSIBLE_AGE_YEARS:
        age_years = age_between(born, start)
    # "Family^Given^Middle^Prefix^Suffix", possibly in ideographs as well ("=").
    parts = [part.strip() for part in text_of(root, "PatientName").split("=")[0].split("^")]
    return Patient(
        patient_id=text_of(root, "PatientID") or None,
        name=person_name(parts[0], " ".join(part for part in parts[1:3] if part)),
        age_years=age_years,
        sex=_SEXES.get(text_of(root, "PatientSex").upper()),
    )


def read_acquisition(root: Dataset, filters: str) -> Acquisition:
    """Return when and by what it was recorded; dates are the device's local ones."""
    names = [text_of(root, keyword) for keyword in ("Manufacturer", "ManufacturerModelName")]
    device = " ".join(name for name in names if name and not _UNKNOWN.fullmatch(name))
    comments = [
        text_of(root, keyword) for keyword in ("ReasonForStudy", "ReasonForTheRequestedProcedure", "VisitComments")
    ]
    return Acquisition(
        start=_start(root),
        device=device or None,
        filters=filters or None,
        comments=tuple(comment for comment in comments if comment),
    )


def read_device_reading(
    file: DicomFile,
    channel_names: dict[tuple[int, int], str],
    median: MedianBeat | None,
    ignored: list[str],
    own_notes: list[Dataset],
) -> tuple[DeviceReading, list[str]]:
    """Return what the annotations say, and warnings about them.

    Parameters
    ----------
    file : DicomFile
    channel_names : dict of (int, int) to str
        Lead of each (group, channel), both counted from 1.
    median : MedianBeat or None
    ignored : list of str
        Gets what was left out.
    own_notes : list of Dataset
        Gets the annotations that this program wrote, which are not the device's.
    """
    statements: list[str] = []
    measurements: list[DeviceMeasurement] = []
    wrong_axes: list[str] = []
    left_out: Counter[str] = Counter()
    warnings: list[str] = []
    try:
        for item in file.items(file.root, "WaveformAnnotationSequence"):
            # Most are marks on waves, of which a file may have thousands: they are told without decoding them.
            tags = set(map(int, item.keys()))
            if not tags & _VALUE_TAGS and (tags & _MARK_TAGS or not tags & _CONCEPT_TAGS):
                what = "the device's marks on waves and beats" if tags & _MARK_TAGS else "annotations without content"
                left_out[what] += 1
                continue
            if is_own_note(file, item):
                own_notes.append(item)
                continue
            code, name = _concept(file, item, "ConceptNameCodeSequence")
            value, text = number_of(item, "NumericValue"), text_of(item, "UnformattedTextValue")
            if value is not None:
                measured = _measurement(file, item, code, name, value, channel_names)
                if measured.value == 0 and measured.name in _NEVER_ZERO:
                    left_out[f"{measured.name} of 0 {measured.unit}, which is no measurement"] += 1
                    continue
                if measured.name in _AXES and measured.unit == "ms":
                    wrong_axes.append(measured.name)
                    measured = DeviceMeasurement(measured.name, measured.value, "deg", measured.lead)
                measurements.append(measured)
            elif text:
                statements.append(text)
            elif (meaning := _concept(file, item, "ConceptCodeSequence")[1]) or name:
                statements.append(f"{name}: {meaning}" if name and meaning else meaning or name)
            else:
                left_out["annotations without content"] += 1
    except RecordError as error:
        # They are not the ECG: it is shown without what could not be read of them.
        warnings.append(f"The device's annotations were not read in full: the file {error.cause}.")
    if wrong_axes:
        warnings.append(f"The file gives its axes in ms; they were taken as degrees ({', '.join(wrong_axes)}).")
    ignored += [what if n == 1 else f"{what} ({n})" for what, n in left_out.items()]
    reader = person_name(text_of(file.root, "NameOfPhysiciansReadingStudy").replace("^", " "))
    reading = DeviceReading(tuple(statements), tuple(measurements), f"read by {reader}" if reader else None, median)
    return reading, warnings


def _measurement(
    file: DicomFile, item: Dataset, code: str, name: str, value: float, channel_names: dict[tuple[int, int], str]
) -> DeviceMeasurement:
    units = next(iter(file.items(item, "MeasurementUnitsCodeSequence")), None)
    unit = "" if units is None else text_of(units, "CodeValue") or text_of(units, "CodeMeaning")
    usual = _NAMES.get(code)
    if usual == "QTc" and (formula := _FORMULA.search(name)):
        usual = f"QTc ({formula[0].capitalize().replace('Fredericia', 'Fridericia')})"
    return DeviceMeasurement(
        name=usual or name or code or "measurement without a name",
        value=value,
        unit=usual_unit(unit),
        lead=_lead(item, channel_names),
    )


def _lead(item: Dataset, channel_names: dict[tuple[int, int], str]) -> str | None:
    """Return the one lead that an annotation is about; pairs of (group, channel), in which channel 0 is all of them."""
    numbers = [int(text) for text in text_of(item, "ReferencedWaveformChannels").split(", ") if text.isdigit()]
    if len(numbers) != 2:
        return None
    return channel_names.get((numbers[0], numbers[1]))


def _concept(file: DicomFile, item: Dataset, keyword: str) -> tuple[str, str]:
    concept = next(iter(file.items(item, keyword)), None)
    if concept is None:
        return "", ""
    return text_of(concept, "CodeValue"), text_of(concept, "CodeMeaning")


def _start(root: Dataset) -> datetime | date | None:
    if text_of(root, "AcquisitionDateTime") == UNKNOWN_TIME:
        return None
    stamp = re.match(r"(\d{8})(\d{2,6})?", text_of(root, "AcquisitionDateTime"))
    moments = [(stamp[1], stamp[2] or "")] if stamp else []
    moments += [
        (text_of(root, f"{what}Date"), text_of(root, f"{what}Time")) for what in ("Acquisition", "Content", "Study")
    ]
    for day_text, time_text in moments:
        day = _date(day_text)
        if day is None:
            continue
        clock = re.match(r"(\d\d)(\d\d)?(\d\d)?", time_text.replace(":", ""))
        if clock is None:
            return day
        try:
            return datetime.combine(day, time(int(clock[1]), int(clock[2] or 0), int(clock[3] or 0)))
        except ValueError:
            return day
    return None


def _date(text: str) -> date | None:
    match = re.match(r"(\d{4})\.?(\d\d)\.?(\d\d)", text)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None
