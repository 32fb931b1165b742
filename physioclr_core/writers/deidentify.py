"""De-identification before export: every item of a record, what is there and what becomes of it.

It works on the record, so it is the same for every format and the preview is exact: what a plan lists is what the
writers get. For DICOM this is the Basic Application Level Confidentiality Profile of PS3.15 with the options to retain
patient characteristics (age and sex) and, where dates are shifted, modified dates.
"""

from __future__ import annotations

import hmac
import secrets
import uuid
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

from physioclr_core.leads import OTHER_LEADS, STANDARD_LEADS
from physioclr_core.ontology.cpsc import SNOMED_OF_TEXT_CODE
from physioclr_core.ontology.snomed import snomed_concepts
from physioclr_core.record import (
    Acquisition,
    DeviceMeasurement,
    DeviceReading,
    ImportReport,
    MedianBeat,
    Patient,
    Provenance,
    SignalSource,
)
from physioclr_core.statements import statement_codes
from physioclr_core.units import mv_per_unit
from physioclr_core.writers.measurement_names import is_usual_name, plain_filters, ucum_unit
from physioclr_core.writers.options import Dates

Fate = Literal["removed", "replaced", "kept"]
OLDEST_YEARS = 89
# Ten years back at most, and some hours either way, so that the time of day stays about what it was.
_MOST_DAYS, _MOST_SECONDS = 3650, 2 * 3600
_NOTHING = "not in the record"


@dataclass(frozen=True, slots=True)
class DeidentificationItem:
    """One item: ``field`` in words, what is ``found`` there, and what it ``becomes``; ``fate`` in one word."""

    field: str
    found: str
    becomes: str
    fate: Fate


@dataclass(frozen=True, slots=True, eq=False)
class DeidentificationPlan:
    """What goes and what stays.

    Attributes
    ----------
    items : tuple of DeidentificationItem
        Every item of the record, also those that are kept.
    record : SignalSource
        The record as it will be written; nothing else of the source is.
    name : str
        New name of the record and its files, that nothing can be told from.
    dates : "shift" or "remove"
    study_uid : str
        The same for records of one study within a batch.
    """

    items: tuple[DeidentificationItem, ...]
    record: SignalSource
    name: str
    dates: Dates
    study_uid: str


@dataclass(slots=True)
class DeidentificationBatch:
    """New identities, the same for the same patient throughout a batch; nothing of them is kept or can be derived.

    Attributes
    ----------
    dates : "shift" or "remove"
    """

    dates: Dates = "shift"
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    _patients: dict[str, tuple[str, timedelta]] = field(default_factory=dict, repr=False)
    _n_records: dict[str, int] = field(default_factory=dict, repr=False)

    def patient(self, patient: Patient) -> tuple[str, timedelta]:
        """Return a patient's new id and the offset of its dates; a patient without id and name is always a new one."""
        key = patient.patient_id or patient.name
        known = self._patients.get(key) if key else None
        if known is None:
            days = -1 - secrets.randbelow(_MOST_DAYS)
            seconds = secrets.randbelow(2 * _MOST_SECONDS + 1) - _MOST_SECONDS
            known = f"anon-{secrets.token_hex(5)}", timedelta(days=days, seconds=seconds)
            if key:
                self._patients[key] = known
        return known

    def next_name(self, new_id: str) -> str:
        """Return the next record's name of a patient."""
        self._n_records[new_id] = self._n_records.get(new_id, 0) + 1
        return f"{new_id}-{self._n_records[new_id]:03d}"

    def uid(self, original: str | None) -> str:
        """Return a new UID, the same for the same original one."""
        if original is None:
            return f"2.25.{uuid.uuid4().int}"
        digest = hmac.digest(self._secret, original.encode(), "sha256")
        return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"

    def plan(self, record: SignalSource, source_study: str | None = None) -> DeidentificationPlan:
        """Return what becomes of every item of a record.

        Parameters
        ----------
        record : SignalSource
        source_study : str, optional
            UID of the DICOM study that it comes from.
        """
        new_id, offset = self.patient(record.patient)
        name = self.next_name(new_id)
        return _Planner(self.dates, new_id, offset, name).plan(record, self.uid(source_study))


class _Planner:
    def __init__(self, dates: Dates, new_id: str, offset: timedelta, name: str) -> None:
        self._dates, self._new_id, self._offset, self._name = dates, new_id, offset, name
        self._items: list[DeidentificationItem] = []

    def plan(self, record: SignalSource, study_uid: str) -> DeidentificationPlan:
        self._add("File and record name", f"{record.name} ({record.provenance.path.name})", self._name, "replaced")
        patient = self._patient(record.patient)
        start = self._start(record.acquisition.start)
        leads = self._leads(record)
        acquisition = self._acquisition(record.acquisition, start)
        reading = self._reading(record.device_reading, leads)
        report = self._report(record, leads)
        self._add(
            "Everything else in the source file",
            "institution, staff, accession and serial numbers, UIDs, private elements, notices of the import",
            "nothing of it is written: a new file is made",
            "removed",
        )
        duration = f"{record.n_leads} leads of {record.duration_s:g} s at {record.fs_hz:g} Hz"
        self._add(
            "Samples", duration, "kept as they are; an ECG by itself may be matched with others of the person", "kept"
        )
        path = Path(self._name)
        new = replace(
            record,
            name=self._name,
            lead_names=tuple(leads[name] for name in record.lead_names),
            patient=patient,
            acquisition=acquisition,
            provenance=Provenance(path=path, format=record.provenance.format),
            report=report,
            device_reading=reading,
        )
        return DeidentificationPlan(tuple(self._items), new, self._name, self._dates, study_uid)

    def _add(self, field: str, found: str, becomes: str, fate: Fate) -> None:
        self._items.append(DeidentificationItem(field, found, becomes, fate))

    def _drop(self, field: str, found: str | None) -> None:
        if found:
            self._add(field, found, "removed", "removed")

    def _patient(self, patient: Patient) -> Patient:
        self._add("Patient ID", patient.patient_id or _NOTHING, self._new_id, "replaced")
        self._add("Patient name", patient.name or _NOTHING, "removed", "removed")
        age_years, over_89 = patient.age_years, patient.over_89
        if over_89 or (age_years is not None and age_years > OLDEST_YEARS):
            found = "over 89 years" if age_years is None else f"{age_years:g} years"
            self._add("Age", found, "over 89 years", "kept" if age_years is None else "replaced")
            age_years, over_89 = None, True
        elif age_years is not None:
            # Parts of a year tell the birthday to a few weeks; of a small child's age months matter.
            whole = float(int(age_years + 1e-6)) if age_years >= 2 else int(age_years * 12 + 1e-6) / 12
            is_same = abs(whole - age_years) < 1e-6
            text = f"{whole:g} years" if whole >= 2 else f"{round(whole * 12)} months"
            self._add("Age", f"{age_years:g} years", text, "kept" if is_same else "replaced")
            age_years = whole
        if patient.sex is not None:
            self._add("Sex", patient.sex, patient.sex, "kept")
        return Patient(patient_id=self._new_id, age_years=age_years, over_89=over_89, sex=patient.sex)

    def _start(self, start: datetime | date | None) -> datetime | date | None:
        if start is None:
            return None
        found = start.isoformat(" ") if isinstance(start, datetime) else start.isoformat()
        if self._dates == "remove":
            self._add("Time of recording", found, "removed", "removed")
            return None
        moved: datetime | date
        try:
            if isinstance(start, datetime):
                moved = start.replace(tzinfo=None, microsecond=0) + self._offset
            else:
                moved = start + timedelta(days=self._offset.days)
        except OverflowError:
            self._add("Time of recording", found, "removed, because it cannot be shifted", "removed")
            return None
        text = moved.isoformat(" ") if isinstance(moved, datetime) else moved.isoformat()
        self._add("Time of recording", found, f"{text} (shifted by the same time for this patient)", "replaced")
        return moved

    def _leads(self, record: SignalSource) -> dict[str, str]:
        """Return each lead's new name: a name that is no usual one may say anything."""
        new: dict[str, str] = {}
        for number, name in enumerate(record.lead_names, start=1):
            is_usual = name in STANDARD_LEADS or name in OTHER_LEADS
            new[name] = name if is_usual else f"Lead {number}"
            if not is_usual:
                self._add("Lead name", name, new[name], "replaced")
        usual = [name for name in record.lead_names if new[name] == name]
        if usual:
            self._add("Lead names", ", ".join(usual), ", ".join(usual), "kept")
        return new

    def _acquisition(self, acquisition: Acquisition, start: datetime | date | None) -> Acquisition:
        self._drop("Device", acquisition.device)
        filters = plain_filters(acquisition.filters) if acquisition.filters else None
        if acquisition.filters and filters is None:
            self._drop("Filters (free text)", acquisition.filters)
        elif acquisition.filters and filters:
            self._add("Filters", acquisition.filters, filters, "kept")
        statements = self._codes("SCP statement", acquisition.statements, {*statement_codes(), *SNOMED_OF_TEXT_CODE})
        snomed = self._codes("SNOMED CT code", acquisition.snomed_codes, set(snomed_concepts()))
        for comment in acquisition.comments:
            self._drop("Comment", comment)
        return Acquisition(start=start, filters=filters, snomed_codes=snomed, statements=statements)

    def _codes(self, field: str, found: tuple[str, ...], known: set[str]) -> tuple[str, ...]:
        kept = tuple(code for code in found if code in known)
        for code in found:
            if code not in known:
                self._drop(f"{field} that is not in this program's tables", code)
        if kept:
            self._add(f"{field}s", ", ".join(kept), ", ".join(kept), "kept")
        return kept

    def _reading(self, reading: DeviceReading, leads: dict[str, str]) -> DeviceReading:
        for text in reading.statements:
            self._drop("Device statement", text)
        self._drop("Status of the reading", reading.status)
        kept = []
        for measurement in reading.measurements:
            where = f" in {measurement.lead}" if measurement.lead else ""
            found = f"{measurement.name}{where} {measurement.value:g} {measurement.unit}".rstrip()
            new = _plain_measurement(measurement, leads)
            if new is None:
                self._drop("Device measurement with a free name", found)
            else:
                kept.append(new)
        if kept:
            names = ", ".join(dict.fromkeys(measurement.name for measurement in kept))
            self._add(f"Device measurements ({len(kept)})", names, names, "kept")
        median = reading.median
        if median is not None:
            new_names = tuple(_lead_name(name, leads, k) for k, name in enumerate(median.lead_names, start=1))
            self._add("Median beat of the device", ", ".join(median.lead_names), ", ".join(new_names), "kept")
            median = MedianBeat(median.signal_mv, median.fs_hz, new_names)
        return DeviceReading(measurements=tuple(kept), median=median)

    def _report(self, record: SignalSource, leads: dict[str, str]) -> ImportReport:
        """Return gain and gaps of each lead, which the writers need, without any sentence of the import."""
        report = record.report
        names = tuple(leads[name] for name in record.lead_names)
        return ImportReport(
            leads=tuple(
                replace(lead, name=name, source_name=name, unit=lead.unit if mv_per_unit(lead.unit) else "mV")
                for lead, name in zip(report.leads, names, strict=False)
            ),
            derived_leads=tuple(leads[name] for name in report.derived_leads if name in leads),
            unknown_leads=tuple(name for name in names if name not in STANDARD_LEADS),
            gaps=report.gaps,
        )


def _plain_measurement(measurement: DeviceMeasurement, leads: dict[str, str]) -> DeviceMeasurement | None:
    if not is_usual_name(measurement.name) or ucum_unit(measurement.unit) is None:
        return None
    lead = measurement.lead
    return replace(measurement, lead=None if lead is None else _lead_name(lead, leads, 0))


def _lead_name(name: str, leads: dict[str, str], number: int) -> str:
    if name in leads:
        return leads[name]
    return name if name in STANDARD_LEADS or name in OTHER_LEADS else f"Lead {number or 'unknown'}"


def names_in(record: SignalSource, text: str) -> str | None:
    """Return what of a record's identity a new file name shows, None where it shows nothing.

    Parameters
    ----------
    record : SignalSource
        As it was read.
    text : str
        The name of a file.
    """
    plain = _letters(text)
    identities = [
        record.patient.patient_id,
        record.patient.name,
        *(record.patient.name or "").replace(",", " ").split(),
    ]
    identities += [record.name, record.provenance.path.stem]
    for identity in identities:
        letters = _letters(identity or "")
        if len(letters) >= 3 and letters in plain:
            return identity
    return None


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
