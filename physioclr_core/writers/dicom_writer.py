"""DICOM 12-lead, General and Ambulatory ECG objects, each written new: nothing of a source object is copied."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from physioclr_core.readers.dicom_own import UNKNOWN_TIME
from physioclr_core.record import MedianBeat, Patient, SignalSource
from physioclr_core.writers.computed import software_name, software_version
from physioclr_core.writers.dicom_annotations import annotations_of
from physioclr_core.writers.dicom_class import SopClass, sop_class
from physioclr_core.writers.dicom_codes import clean, code, own_scheme
from physioclr_core.writers.dicom_groups import median_group, rhythm_group
from physioclr_core.writers.options import Dates, WriteOptions
from physioclr_core.writers.target import all_or_none

# Names this program as the writer of a file; a UID by UUID, as PS3.5 B.2 allows.
_IMPLEMENTATION_UID = UID("2.25.306527383520461402925930735871063217437")
_PROFILE = "DICOM PS3.15 Basic Application Level Confidentiality Profile; new object"
_PROFILE_CODES = (
    ("113100", "Basic Application Confidentiality Profile"),
    ("113108", "Retain Patient Characteristics Option"),
)
_SHIFTED_CODE = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")


def dicom_targets(out: Path) -> tuple[Path, ...]:
    """Return the file to write."""
    return (out if out.suffix.lower() in (".dcm", ".dicom") else out.with_name(f"{out.name}.dcm"),)


def write_dicom(record: SignalSource, out: Path, options: WriteOptions, step: Callable[[], None]) -> tuple[str, ...]:
    """Write a record; return sentences on the class chosen and what it does not hold.

    Parameters as those of ``write_wfdb``.

    Raises
    ------
    ExportError
        If no class of DICOM allows the record.
    """
    dataset, chosen = dicom_object(record, options, step)
    with all_or_none(dicom_targets(out)) as (file,):
        dataset.save_as(file, enforce_file_format=True)
    return (chosen.why,)


def dicom_object(record: SignalSource, options: WriteOptions, step: Callable[[], None]) -> tuple[FileDataset, SopClass]:
    """Return the object of a record, and its class with the reason."""
    computed = options.computed
    median = record.device_reading.median
    is_ours = median is None and computed is not None and computed.median is not None
    if is_ours and computed is not None:
        median = computed.median
    chosen = sop_class(record, len(median.lead_names) if median is not None else 0)
    groups = [rhythm_group(record, step)]
    if chosen.has_median and isinstance(median, MedianBeat):
        groups.append(median_group(median))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(chosen.uid)
    meta.MediaStorageSOPInstanceUID = new_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = _IMPLEMENTATION_UID
    meta.ImplementationVersionName = "PHYSIOCLR"
    dataset = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    _add_identity_(dataset, record, options, meta)
    dataset.WaveformSequence = Sequence(groups)
    annotations = annotations_of(record, computed, len(groups) if is_ours and chosen.has_median else None)
    if annotations:
        dataset.WaveformAnnotationSequence = annotations
    return dataset, chosen


def _add_identity_(dataset: Dataset, record: SignalSource, options: WriteOptions, meta: FileMetaDataset) -> None:
    start = record.acquisition.start
    day = f"{start:%Y%m%d}" if start is not None else ""
    clock = f"{start:%H%M%S}" if isinstance(start, datetime) else ""
    fraction = f".{start.microsecond:06d}" if isinstance(start, datetime) and start.microsecond else ""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.StudyDate, dataset.StudyTime = day, f"{clock}{fraction}" if clock else ""
    # The content is of the acquisition; where that is unknown, both dates say so by a day before there were any.
    dataset.ContentDate, dataset.ContentTime = day or UNKNOWN_TIME[:8], clock or "000000"
    dataset.AcquisitionDateTime = f"{day}{clock}{fraction}" if day else UNKNOWN_TIME
    dataset.AccessionNumber = ""
    dataset.Modality = "ECG"
    dataset.Manufacturer = ""
    if record.acquisition.device:
        dataset.ManufacturerModelName = clean(record.acquisition.device, 64)
    dataset.ReferringPhysicianName = ""
    dataset.CodingSchemeIdentificationSequence = own_scheme()
    _add_patient_(dataset, record.patient)
    dataset.StudyInstanceUID = UID(options.study_uid) if options.study_uid else new_uid()
    dataset.SeriesInstanceUID = new_uid()
    dataset.StudyID = ""
    dataset.SeriesNumber, dataset.InstanceNumber = "1", "1"
    dataset.AcquisitionContextSequence = Sequence([])
    dataset.ContributingEquipmentSequence = Sequence([_this_program()])
    if options.deidentified is not None:
        _add_deidentification_(dataset, options.deidentified)


def _add_patient_(dataset: Dataset, patient: Patient) -> None:
    dataset.PatientName = clean(patient.name, 64) if patient.name else ""
    dataset.PatientID = clean(patient.patient_id, 64) if patient.patient_id else ""
    dataset.PatientBirthDate = ""
    dataset.PatientSex = {"male": "M", "female": "F", None: ""}[patient.sex]
    if patient.over_89:
        dataset.PatientAge = "090Y"
    elif patient.age_years is not None:
        dataset.PatientAge = age_text(patient.age_years)


def age_text(age_years: float) -> str:
    """Return an age as DICOM writes it, in years, or below two in months, or below two months in days."""
    if age_years >= 2:
        return f"{min(int(age_years + 1e-6), 999):03d}Y"
    if age_years * 12 >= 2:
        return f"{int(age_years * 12 + 1e-6):03d}M"
    return f"{int(age_years * 365.25 + 1e-6):03d}D"


def _this_program() -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = Sequence([code("109103", "DCM", "Modifying Equipment")])
    item.Manufacturer = "physioclr"
    item.ManufacturerModelName = software_name()
    item.SoftwareVersions = software_version()
    item.ContributionDescription = "Object written from an ECG record; for research use only"
    return item


def _add_deidentification_(dataset: Dataset, dates: Dates) -> None:
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = _PROFILE
    codes = [*_PROFILE_CODES, *([_SHIFTED_CODE] if dates == "shift" else [])]
    dataset.DeidentificationMethodCodeSequence = Sequence([code(value, "DCM", meaning) for value, meaning in codes])
    dataset.LongitudinalTemporalInformationModified = "MODIFIED" if dates == "shift" else "REMOVED"


def new_uid() -> UID:
    """Return a UID that nothing can be told from: random, under the root for UUIDs."""
    return UID(f"2.25.{uuid.uuid4().int}")
