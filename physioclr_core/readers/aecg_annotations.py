"""Annotations of an HL7 aECG: statements and measurements; marks of single beats and waves are counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from physioclr_core.leads import standard_name
from physioclr_core.readers.device_terms import usual_unit
from physioclr_core.readers.xml_document import attribute_at, number, text_at
from physioclr_core.readers.xml_facts import is_never_zero
from physioclr_core.record import DeviceMeasurement

_NAMES = {
    "MDC_ECG_HEART_RATE": "heart rate",
    "MDC_ECG_TIME_PD_RR": "RR",
    "MDC_ECG_TIME_PD_PP": "PP",
    "MDC_ECG_TIME_PD_P": "P duration",
    "MDC_ECG_TIME_PD_PR": "PR",
    "MDC_ECG_TIME_PD_PQ": "PR",
    "MDC_ECG_TIME_PD_QRS": "QRS duration",
    "MDC_ECG_TIME_PD_QT": "QT",
    "MDC_ECG_TIME_PD_QTC": "QTc",
    "MDC_ECG_TIME_PD_QTCB": "QTc (Bazett)",
    "MDC_ECG_TIME_PD_QTCF": "QTc (Fridericia)",
    "MDC_ECG_ANGLE_P_FRONT": "P axis",
    "MDC_ECG_ANGLE_QRS_FRONT": "QRS axis",
    "MDC_ECG_ANGLE_T_FRONT": "T axis",
    "MINDRAY_ECG_P_AXIS": "P axis",
    "MINDRAY_ECG_QRS_AXIS": "QRS axis",
    "MINDRAY_ECG_T_AXIS": "T axis",
    "MDC_ECG_QRS_COUNT": "QRS count",
}
_STATEMENTS = frozenset(
    {
        "MDC_ECG_INTERPRETATION",
        "MDC_ECG_INTERPRETATION_STATEMENT",
        "MDC_ECG_INTERPRETATION_SUMMARY",
        "MDC_ECG_INTERPRETATION_COMMENT",
        "MDC_ECG_RHY",
    }
)
_WAVES = ("MDC_ECG_BEAT", "MDC_ECG_WAVC")


@dataclass(slots=True)
class Annotations:
    """What the annotation sets of a series say."""

    found_statements: list[str] = field(default_factory=list)
    found_measurements: dict[tuple[str, str | None], DeviceMeasurement] = field(default_factory=dict)
    readers: list[str] = field(default_factory=list)
    n_beats: int = 0

    @property
    def statements(self) -> tuple[str, ...]:
        """Statements in the file's order, each once."""
        return tuple(dict.fromkeys(self.found_statements))

    @property
    def measurements(self) -> tuple[DeviceMeasurement, ...]:
        """Measurements in the file's order; of several for one name and lead the first."""
        return tuple(self.found_measurements.values())

    @property
    def status(self) -> str | None:
        """Who read the ECG, where a person did."""
        return f"read by {', '.join(dict.fromkeys(self.readers))}" if self.readers else None


def read_annotations(*series: Element | None) -> Annotations:
    """Return what the annotation sets of the series say; a person's before those of devices.

    Parameters
    ----------
    *series : Element or None
        Rhythm series and representative beats.
    """
    sets = [one for part in series if part is not None for one in part.findall("subjectOf/annotationSet")]
    found = Annotations()
    for one_set in sorted(sets, key=lambda one: not _reader(one)):
        before = len(found.found_statements), len(found.found_measurements)
        for annotation in one_set.findall("component/annotation"):
            _walk(annotation, found, None)
        reader = _reader(one_set)
        if reader and before != (len(found.found_statements), len(found.found_measurements)):
            found.readers.append(reader)
    return found


def _reader(annotation_set: Element) -> str:
    return text_at(annotation_set, "author/assignedEntity/assignedAuthorType/assignedPerson/name")


def _walk(annotation: Element, found: Annotations, lead: str | None) -> None:
    code = attribute_at(annotation, "code", "code")
    upper = code.upper()
    if upper.startswith(_WAVES):
        found.n_beats += 1
        return
    lead = _lead_of(annotation) or lead
    value = annotation.find("value")
    if upper in _STATEMENTS:
        text = text_at(value) or attribute_at(value, ".", "displayName") or attribute_at(value, ".", "code")
        if text:
            found.found_statements.append(text)
    elif code and (quantity := number(attribute_at(value, ".", "value"))) is not None:
        unit = attribute_at(value, ".", "unit")
        name = _NAMES.get(upper.removesuffix("_GL"), code)
        if quantity or not is_never_zero(name):
            measurement = DeviceMeasurement(name, quantity, usual_unit(unit), lead)
            found.found_measurements.setdefault((name, lead), measurement)
    for part in annotation.findall("component/annotation"):
        _walk(part, found, lead)


def _lead_of(annotation: Element) -> str | None:
    """Return the lead to which an annotation is restricted."""
    for boundary in annotation.findall("support/supportingROI/component/boundary"):
        code = attribute_at(boundary, "code", "code")
        if "_ECG_LEAD_" in code.upper():
            suffix = code[code.upper().index("_ECG_LEAD_") + 10 :]
            return standard_name(suffix) or code
    return None
