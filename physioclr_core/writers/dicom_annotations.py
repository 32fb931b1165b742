"""Interpretation and measurements as waveform annotations: the device's own, and apart from them this program's."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import DSfloat

from physioclr_core.ontology.snomed import snomed_concepts
from physioclr_core.readers.dicom_own import OWN_SCHEME
from physioclr_core.record import DeviceMeasurement, SignalSource
from physioclr_core.statements import statements
from physioclr_core.writers.computed import ComputedReading, software_name
from physioclr_core.writers.dicom_codes import (
    clean,
    code,
    computed_modifier,
    measurement_code,
    unit_code,
)

DEVICE_GROUP, COMPUTED_GROUP, FILE_GROUP = 1, 2, 3
_LONGEST_TEXT = 1024


def annotations_of(record: SignalSource, computed: ComputedReading | None, median_group: int | None) -> Sequence:
    """Return the annotations of a record.

    Parameters
    ----------
    record : SignalSource
    computed : ComputedReading or None
    median_group : int or None
        Number of the median beat's group where this program computed it.

    Returns
    -------
    Sequence
        Annotation group 1 is the device's own reading, 2 this program's, each of whose measurements says so in a
        modifier, and 3 what else the file said.
    """
    reading, items = record.device_reading, []
    for text in reading.statements:
        items.append(_text(text, DEVICE_GROUP))
    if reading.status:
        items.append(_coded("STATUS", "Status of the reading", DEVICE_GROUP, text=reading.status))
    for measurement in reading.measurements:
        items.append(_measurement(measurement, record, DEVICE_GROUP))
    if computed is not None and (computed.measurements or median_group):
        source = f"Computed by {software_name()}, not by the recording device; research use only"
        items.append(_coded("SOURCE", "Source", COMPUTED_GROUP, text=f"{source}; {computed.how}".rstrip("; ")))
        if median_group:
            where = f"Multiplex group {median_group}, the median beat, was computed by {software_name()}"
            items.append(_coded("MEDIAN", "Source of the median beat", COMPUTED_GROUP, text=where, group=median_group))
        for measurement in computed.measurements:
            item = _measurement(measurement, record, COMPUTED_GROUP)
            item.ConceptNameCodeSequence[0].ModifierCodeSequence = Sequence([computed_modifier()])
            items.append(item)
    return Sequence([*items, *_from_file(record)])


def _from_file(record: SignalSource) -> list[Dataset]:
    """Return codes and remarks that the file carried beside the device's reading."""
    acquisition, items = record.acquisition, []
    concepts = snomed_concepts()
    for snomed in acquisition.snomed_codes:
        meaning = concepts[snomed].name if snomed in concepts else f"SNOMED CT {snomed}"
        items.append(_coded("STATEMENT", "Statement in the file", FILE_GROUP, code(snomed, "SCT", meaning)))
    descriptions = {statement.code: statement.description for statement in statements()}
    for text in acquisition.statements:
        scheme = "SCPECG" if text in descriptions else OWN_SCHEME
        value = code(clean(text, 16), scheme, descriptions.get(text, clean(text, 64)))
        items.append(_coded("STATEMENT", "Statement in the file", FILE_GROUP, value))
    if acquisition.filters:
        items.append(_coded("FILTERS", "Filters", FILE_GROUP, text=acquisition.filters))
    if record.patient.over_89:
        items.append(_coded("AGE", "Age", FILE_GROUP, text="over 89 years"))
    if record.report.derived_leads:
        leads = ", ".join(record.report.derived_leads)
        items.append(_coded("DERIVED", "Leads computed from others", FILE_GROUP, text=leads))
    items += [_coded("COMMENT", "Comment", FILE_GROUP, text=line) for line in acquisition.comments if line.strip()]
    return items


def _measurement(measurement: DeviceMeasurement, record: SignalSource, number: int) -> Dataset:
    item = Dataset()
    item.MeasurementUnitsCodeSequence = Sequence([unit_code(measurement.unit)])
    item.ConceptNameCodeSequence = Sequence([measurement_code(measurement.name, measurement.lead)])
    names = record.lead_names
    channel = names.index(measurement.lead) + 1 if measurement.lead in names else 0
    item.ReferencedWaveformChannels = [1, channel]
    item.AnnotationGroupNumber = number
    item.NumericValue = DSfloat(measurement.value, auto_format=True)
    if measurement.lead is not None and not channel:
        # A lead that the object does not hold cannot be referred to, so the name says it.
        meaning = clean(f"{measurement.name} in {measurement.lead}", 64)
        item.ConceptNameCodeSequence = Sequence([code("LEAD", OWN_SCHEME, meaning)])
    return item


def _text(text: str, number: int) -> Dataset:
    item = Dataset()
    item.UnformattedTextValue = clean(text, _LONGEST_TEXT)
    item.ReferencedWaveformChannels = [1, 0]
    item.AnnotationGroupNumber = number
    return item


def _coded(
    value: str, meaning: str, number: int, coded: Dataset | None = None, text: str = "", group: int = 1
) -> Dataset:
    item = Dataset()
    item.ConceptNameCodeSequence = Sequence([code(value, OWN_SCHEME, meaning)])
    if coded is not None:
        item.ConceptCodeSequence = Sequence([coded])
    else:
        item.UnformattedTextValue = clean(text, _LONGEST_TEXT)
    item.ReferencedWaveformChannels = [group, 0]
    item.AnnotationGroupNumber = number
    return item
