"""De-identification: identifiers seeded into every text of a record and of a DICOM file appear in no output."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence
from real_records import real_signal_mv

from physioclr_core.cli import main
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.record import (
    Acquisition,
    DeviceMeasurement,
    DeviceReading,
    EcgRecord,
    ImportReport,
    LeadReport,
    MedianBeat,
    Patient,
    Provenance,
)
from physioclr_core.writers import OUTPUT_FORMATS, export_record, output_format
from physioclr_core.writers.deidentify import DeidentificationBatch, names_in
from physioclr_core.writers.options import WriteOptions

# One for each field, so that a leak names the field it came from.
SEEDS: list[str] = []


def seed(field: str) -> str:
    text = f"Zq{len(SEEDS):02d}{field}Müller"
    SEEDS.append(text)
    return text


def seeded_record() -> EcgRecord:
    """Return a real ECG with an identifier in every text field there is."""
    SEEDS.clear()
    signal_mv = np.concatenate([real_signal_mv(2), real_signal_mv(2)[:1]])
    names = (*STANDARD_LEADS, seed("Lead"))
    reports = tuple(
        LeadReport(name, seed(f"Source{k}"), "mV", 1000.0, "stated", 0.0, 250.0) for k, name in enumerate(names)
    )
    return EcgRecord(
        name=seed("Record"),
        signal_mv=signal_mv,
        fs_hz=250.0,
        lead_names=names,
        patient=Patient(seed("Id"), seed("Name"), 93.0, False, "female"),
        acquisition=Acquisition(
            start=datetime(1987, 6, 28, 10, 14, 33),
            device=seed("Device"),
            filters=seed("Filter"),
            snomed_codes=("426783006", "98765432101"),
            statements=("NORM", seed("Statement")),
            comments=(seed("Comment"), f"Age: 93, {seed('InComment')}"),
        ),
        provenance=Provenance(Path(f"/{seed('Folder')}/{seed('File')}.hea"), "WFDB", (Path(seed("Files")),)),
        report=ImportReport(
            leads=reports,
            derived_leads=(names[-1],),
            unknown_leads=(names[-1],),
            ignored=(seed("Ignored"),),
            padding=(seed("Padding"),),
            warnings=(seed("Warning"),),
        ),
        device_reading=DeviceReading(
            statements=(seed("DeviceStatement"),),
            measurements=(
                DeviceMeasurement("QT", 400.0, "ms"),
                DeviceMeasurement(seed("MeasurementName"), 1.0, "ms"),
                DeviceMeasurement("QRS duration", 98.0, seed("Unit")),
                DeviceMeasurement("R amplitude", 1.2, "mV", seed("MeasurementLead")),
            ),
            status=seed("Status"),
            median=MedianBeat(signal_mv[:2, :100], 250.0, ("I", seed("MedianLead"))),
        ),
    )


def texts_of(value: Any) -> Iterator[str]:
    """Yield every text in a record, whatever field it is in: a field that is added later is seeded or fails here."""
    if isinstance(value, str | Path):
        yield str(value)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from texts_of(getattr(value, field.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from texts_of(item)


def leaks_in(files: Iterator[Path], secrets: list[str]) -> list[str]:
    """Return which secrets are in files or their names, in any of the encodings that ECG files are written in."""
    found = []
    for file in files:
        # New UIDs are random digits, in which a short number may turn up.
        content = re.sub(rb"2\.25\.\d+", b"", file.read_bytes())
        for secret in secrets:
            plain = secret.encode("ascii", "ignore").decode()[:20]
            for text in {secret, plain, secret.replace(" ", "_"), secret.upper()}:
                encodings = ("utf-8", "latin-1", "utf-16-le", "utf-16-be", "utf-32-le")
                if text in file.name or any(text.encode(encoding) in content for encoding in encodings):
                    found.append(f"{secret} in {file.name}")
    return found


def test_the_seeded_record_leaks_where_nothing_is_taken_out(tmp_path: Path) -> None:
    record = seeded_record()
    for entry in OUTPUT_FORMATS:
        export_record(record, tmp_path / "plain", entry)
    assert len(leaks_in(tmp_path.iterdir(), SEEDS)) > 20


@pytest.mark.parametrize("dates", ["shift", "remove"])
@pytest.mark.parametrize("key", [entry.key for entry in OUTPUT_FORMATS])
def test_no_seeded_identifier_is_in_any_output(tmp_path: Path, key: str, dates: Any) -> None:
    record = seeded_record()
    plan = DeidentificationBatch(dates).plan(record)
    options = WriteOptions(deidentified=plan.dates, study_uid=plan.study_uid)
    export_record(plan.record, tmp_path / plan.name, output_format(key), options)
    # With the year: another day of 1987, or 28 June of another year, is what a shift may make of a date.
    days = ["19870628", "1987-06-28", "28.06.87", "28-JUN-1987", "28/06/1987"]
    others = ["98765432101", *days, "101433", "10:14:33", "10.14.33"]
    assert leaks_in(tmp_path.iterdir(), SEEDS + others) == []


def test_every_text_of_a_record_is_seeded_and_none_survives_in_the_plans_record() -> None:
    record = seeded_record()
    usual = {*STANDARD_LEADS, "mV", "ms", "stated", "female", "WFDB", "QT", "QRS duration", "R amplitude", "NORM"}
    unseeded = {t for t in texts_of(record) if "Müller" not in t} - usual - {"426783006", "98765432101"}
    assert unseeded == set()
    left = {text for text in texts_of(DeidentificationBatch().plan(record).record) if "Zq" in text or "Müller" in text}
    assert left == set()


def test_the_plan_lists_everything_that_goes_and_what_stays() -> None:
    record = seeded_record()
    plan = DeidentificationBatch().plan(record)
    listed = "\n".join(item.found for item in plan.items)
    hidden = {"Ignored", "Padding", "Warning", "Source", "Folder", "Files", "Lead"}
    for text in SEEDS:
        assert text in listed or any(word in text for word in hidden)
    fates = {item.field: item.fate for item in plan.items}
    assert fates["Patient name"] == "removed"
    assert fates["Patient ID"] == fates["Time of recording"] == "replaced"
    assert fates["Sex"] == fates["Samples"] == "kept"
    kept = [item for item in plan.items if item.fate == "kept"]
    assert all("Müller" not in item.becomes for item in plan.items)
    assert any("QT" in item.found for item in kept)


def test_old_age_is_aggregated_and_a_usual_age_kept() -> None:
    record = seeded_record()
    assert DeidentificationBatch().plan(record).record.patient.over_89
    for age_years, kept in ((89.0, 89.0), (63.7, 63.0), (0.5, 0.5)):
        patient = replace(record.patient, age_years=age_years)
        assert DeidentificationBatch().plan(replace(record, patient=patient)).record.patient.age_years == kept


def test_one_patients_records_keep_their_distance_in_time_and_others_do_not() -> None:
    record = seeded_record()
    later = replace(record, acquisition=replace(record.acquisition, start=datetime(1987, 7, 5, 12, 0, 0)))
    other = replace(record, patient=replace(record.patient, patient_id="other"))
    batch = DeidentificationBatch()
    first, second, third = (batch.plan(each).record for each in (record, later, other))
    assert isinstance(first.acquisition.start, datetime)
    assert isinstance(second.acquisition.start, datetime)
    assert second.acquisition.start - first.acquisition.start == later.acquisition.start - record.acquisition.start  # type: ignore[operator]
    assert first.patient.patient_id == second.patient.patient_id != third.patient.patient_id
    assert first.name != second.name
    assert third.acquisition.start != first.acquisition.start
    day = replace(record, acquisition=replace(record.acquisition, start=date(1987, 6, 28)))
    assert batch.plan(day).record.acquisition.start != date(1987, 6, 28)
    assert DeidentificationBatch("remove").plan(record).record.acquisition.start is None


def test_uids_are_replaced_consistently_within_a_batch_only() -> None:
    batch = DeidentificationBatch()
    record = seeded_record()
    one, two, three = (batch.plan(record, uid).study_uid for uid in ("1.2.3", "1.2.3", "1.2.4"))
    assert one == two != three
    assert DeidentificationBatch().plan(record, "1.2.3").study_uid != one
    assert "1.2.3" not in one.removeprefix("2.25.") or one != "1.2.3"


def test_a_dicom_object_says_that_and_how_it_was_deidentified(tmp_path: Path) -> None:
    for dates, modified, codes in (
        ("shift", "MODIFIED", {"113100", "113107", "113108"}),
        ("remove", "REMOVED", {"113100", "113108"}),
    ):
        plan = DeidentificationBatch(dates).plan(seeded_record())  # type: ignore[arg-type]
        options = WriteOptions(deidentified=plan.dates, study_uid=plan.study_uid)
        dataset = dcmread(export_record(plan.record, tmp_path / dates, output_format("dicom"), options).files[0])
        assert dataset.PatientIdentityRemoved == "YES"
        assert "Basic Application Level Confidentiality Profile" in dataset.DeidentificationMethod
        assert {code.CodeValue for code in dataset.DeidentificationMethodCodeSequence} == codes
        assert dataset.LongitudinalTemporalInformationModified == modified
        assert dataset.StudyInstanceUID == plan.study_uid
        assert dataset.PatientAge == "090Y"
        assert not any(element.tag.is_private for element in dataset.iterall())
        assert (dataset.StudyDate == "") == (dates == "remove")


def test_a_dicom_file_full_of_identifiers_yields_none(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    path = source / "ZqFileMueller.dcm"
    record = seeded_record()
    plain = replace(record, lead_names=STANDARD_LEADS, signal_mv=record.signal_mv[:12].copy(), report=ImportReport())
    export_record(replace(plain, device_reading=DeviceReading()), path, output_format("dicom"))
    dataset = dcmread(path)
    secrets = _fill_(dataset)
    block = dataset.private_block(0x0029, "ZqPrivate Mueller", create=True)
    block.add_new(0x10, "LO", "ZqPrivateValue Mueller")
    dataset.save_as(path)
    secrets += ["ZqPrivate Mueller", "ZqPrivateValue Mueller", "ZqFileMueller"]
    uids = [str(dataset.StudyInstanceUID), str(dataset.SeriesInstanceUID), str(dataset.SOPInstanceUID)]
    read_record(path)
    for key in ("dicom", "wfdb", "edf", "csv"):
        out = tmp_path / key
        assert main(["convert", str(source), "--to", key, "--out", str(out), "--deidentify"]) == 0
        assert len(list(out.iterdir())) == (2 if key == "wfdb" else 1)
        assert leaks_in(out.iterdir(), secrets + uids) == []


def _fill_(dataset: Dataset) -> list[str]:
    """Write an identifier into every element that a device or hospital may fill with text; return them all."""
    secrets = []
    keywords = (
        *("InstitutionName", "InstitutionAddress", "StationName", "StudyDescription", "SeriesDescription"),
        *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "NameOfPhysiciansReadingStudy"),
        *("PatientName", "PatientID", "OtherPatientNames", "PatientComments", "PatientAddress", "EthnicGroup"),
        *("AccessionNumber", "StudyID", "DeviceSerialNumber", "SoftwareVersions", "ManufacturerModelName"),
        *("ProtocolName", "ImageComments", "VisitComments", "CurrentPatientLocation", "AdditionalPatientHistory"),
        *("ReasonForTheRequestedProcedure", "RequestingPhysician", "Manufacturer", "InstitutionalDepartmentName"),
    )
    for number, keyword in enumerate(keywords):
        text = f"Zq{number} Mueller"
        setattr(dataset, keyword, text)
        secrets.append(text)
    statement = Dataset()
    statement.UnformattedTextValue = "ZqText read by Dr Mueller"
    statement.ReferencedWaveformChannels = [1, 0]
    dataset.WaveformAnnotationSequence = Sequence([*dataset.get("WaveformAnnotationSequence", []), statement])
    dataset.WaveformSequence[0].MultiplexGroupLabel = "ZqLabel Mueller"
    return [*secrets, "ZqText", "ZqLabel", "Mueller"]


@pytest.mark.parametrize("name", ["Mueller-ecg", "ecg_4711-22", "x471122y", "a-original-b"])
def test_a_file_name_that_shows_who_it_is_is_found(name: str) -> None:
    record = replace(
        seeded_record(),
        name="original",
        patient=Patient("4711-22", "Mueller, Hans"),
        provenance=Provenance(Path("original.hea"), "WFDB"),
    )
    assert names_in(record, name) is not None
    assert names_in(record, "anon-0001") is None
