"""What this program's own DICOM exports say beyond the standard's codes; nothing of it passes for the device's."""

from __future__ import annotations

from dataclasses import replace

from pydicom.dataset import Dataset

from physioclr_core.readers.dicom_file import DicomFile, text_of
from physioclr_core.record import Acquisition, DeviceReading, Patient

# The coding scheme of names without a standard code, declared in each object.
OWN_SCHEME = "99PHYSIOCLR"
# AcquisitionDateTime may not be empty; no ECG was recorded digitally on that day.
UNKNOWN_TIME = "19000101000000"


def is_own_note(file: DicomFile, item: Dataset) -> bool:
    """Return whether an annotation is a note of this program, or a measurement that it computed."""
    for name in file.items(item, "ConceptNameCodeSequence")[:1]:
        if any(text_of(code, "CodingSchemeDesignator") == OWN_SCHEME for code in _modifiers(file, name)):
            return True
        return text_of(name, "CodingSchemeDesignator") == OWN_SCHEME and "NumericValue" not in item
    return False


def with_own_notes(
    file: DicomFile,
    notes: list[Dataset],
    patient: Patient,
    acquisition: Acquisition,
    reading: DeviceReading,
    ignored: list[str],
) -> tuple[Patient, Acquisition, DeviceReading]:
    """Return patient, acquisition and reading with what own notes say; ``ignored`` gets what this program computed."""
    if not notes:
        return patient, acquisition, reading
    n_computed = 0
    snomed: list[str] = []
    statements: list[str] = []
    comments = list(acquisition.comments)
    for item in notes:
        name = file.items(item, "ConceptNameCodeSequence")[0]
        text = text_of(item, "UnformattedTextValue")
        match text_of(name, "CodeValue"):
            case "STATUS":
                reading = replace(reading, status=text or None)
            case "AGE":
                patient = replace(patient, age_years=None, over_89=True)
            case "FILTERS":
                acquisition = replace(acquisition, filters=text or None)
            case "COMMENT":
                comments.append(text)
            case "STATEMENT":
                for code in file.items(item, "ConceptCodeSequence")[:1]:
                    is_snomed = text_of(code, "CodingSchemeDesignator") == "SCT"
                    (snomed if is_snomed else statements).append(text_of(code, "CodeValue"))
            case "MEDIAN":
                reading = replace(reading, median=None)
                ignored.append("median beat: computed by the program that wrote the file, not by the device")
            case _:
                n_computed += "NumericValue" in item
    if n_computed:
        ignored.append(f"{n_computed} measurements: computed by the program that wrote the file, not by the device")
    acquisition = replace(
        acquisition, comments=tuple(comments), snomed_codes=tuple(snomed), statements=tuple(statements)
    )
    return patient, acquisition, reading


def _modifiers(file: DicomFile, name: Dataset) -> list[Dataset]:
    return list(file.items(name, "ModifierCodeSequence"))
