"""HL7 annotated ECG (aECG, ``AnnotatedECG``): rhythm series, representative beats and annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from xml.etree.ElementTree import Element

from physioclr_core.errors import RecordError
from physioclr_core.leads import standard_name
from physioclr_core.readers.aecg_annotations import read_annotations
from physioclr_core.readers.xml_document import attribute_at, clipped, decimals, integers, number, parse_xml, text_at
from physioclr_core.readers.xml_facts import age_in_years, age_of, day_of, filters_text, joined, known, person, sex_of
from physioclr_core.readers.xml_leads import Notes, StoredLead, check_fs_hz, check_pieces, make_median, make_record
from physioclr_core.record import Acquisition, DeviceReading, EcgRecord, Patient
from physioclr_core.units import mv_per_unit

FORMAT_NAME = "HL7 aECG"
ROOT = "AnnotatedECG"

# HL7's point in time; it may stop after any part. Only years of four digits, and a zone of hours and minutes.
_POINT_IN_TIME = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?)?)?)?)?([-+]\d{4})?", re.ASCII
)
_SECONDS_PER_UNIT = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_LEAD_MARK = "_ECG_LEAD_"
_LOINC_REPORTED_AGE = "21612-7"


@dataclass(frozen=True, slots=True)
class _TimeAxis:
    fs_hz: float
    start_s: float | None
    start: datetime | date | None


def read_aecg(path: Path) -> EcgRecord:
    """Read an HL7 aECG file.

    Raises
    ------
    RecordError
        If it cannot be read, or holds no rhythm series.
    """
    document = parse_xml(path, ROOT)
    root, notes = document.root, Notes(warnings=list(document.warnings))
    rhythm, beats = _choose(path, root, notes)
    leads, start = _leads(path, rhythm, "rhythm series", notes)
    median = None
    if beats is not None:
        try:
            median = make_median(path, _leads(path, beats, "representative beats", notes)[0], notes)
        except RecordError as error:
            notes.ignored.append(f"representative beats: the file {error.cause}")
    start = start or next(
        filter(
            None,
            (
                point_in_time(attribute_at(element, at, "value"))
                for element in (rhythm, root)
                for at in ("effectiveTime/low", "effectiveTime/center", "effectiveTime")
            ),
        ),
        None,
    )
    found = read_annotations(rhythm, beats)
    if found.n_beats:
        notes.ignored.append(f"annotations of {found.n_beats} beats and waves")
    device = rhythm.find("author/seriesAuthor")
    return make_record(
        path,
        FORMAT_NAME,
        leads,
        notes,
        _patient(root, start, notes),
        Acquisition(
            start=start,
            device=joined(
                text_at(device, "manufacturerOrganization/name"),
                text_at(device, "manufacturedSeriesDevice/manufacturerModelName"),
            ),
            filters=_filters(rhythm),
            comments=tuple(
                filter(None, (text_at(e, "subjectFindingComment/text") for e in root.findall("pertainsTo")))
            ),
        ),
        DeviceReading(found.statements, found.measurements, found.status, median),
    )


def point_in_time(text: str) -> datetime | date | None:
    """Return an HL7 point in time: a date where no hour and minute are given, with its zone where that is stated."""
    found = _POINT_IN_TIME.fullmatch(text.strip())
    if found is None or found[3] is None:
        return None
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
        if found[5] is None:
            return day
        zone = None
        if found[8]:
            sign = -1 if found[8][0] == "-" else 1
            zone = timezone(sign * timedelta(hours=int(found[8][1:3]), minutes=int(found[8][3:5])))
        micro = int((found[7] or "0")[:6].ljust(6, "0"))
        return datetime(day.year, day.month, day.day, int(found[4]), int(found[5]), int(found[6] or 0), micro, zone)
    except ValueError:
        return None


def _choose(path: Path, root: Element, notes: Notes) -> tuple[Element, Element | None]:
    """Return the first rhythm series, and its representative beats or the file's."""
    series = root.findall("component/series")
    rhythms = [one for one in series if _code(one).upper() != "REPRESENTATIVE_BEAT"]
    if not rhythms:
        raise RecordError(path, "holds no rhythm series")
    if len(rhythms) > 1:
        notes.ignored.append(f"{len(rhythms) - 1} further rhythm series of the same file")
    beats = [
        one
        for one in (*rhythms[0].findall("derivation/derivedSeries"), *series)
        if _code(one).upper() == "REPRESENTATIVE_BEAT"
    ]
    if len(beats) > 1:
        notes.ignored.append(f"{len(beats) - 1} further series of representative beats")
    return rhythms[0], next(iter(beats), None)


def _code(element: Element) -> str:
    return attribute_at(element, "code", "code")


def _leads(path: Path, series: Element, what: str, notes: Notes) -> tuple[list[StoredLead], datetime | date | None]:
    """Return the leads of all sequence sets on one time axis, and the first set's start."""
    leads: list[StoredLead] = []
    first: _TimeAxis | None = None
    check_pieces(path, len(series.findall("component/sequenceSet/component/sequence")))
    for sequences in series.findall("component/sequenceSet"):
        axis = _time_axis(path, sequences, what)
        found = list(_sequences(path, sequences, what, axis, notes))
        if not found:
            continue
        first = first or axis
        start_s = _seconds_after(path, first, axis)
        leads += [replace(lead, start_s=start_s) for lead in found]
    if not leads:
        raise RecordError(path, f"has no ECG lead in its {what}")
    return leads, first.start if first else None


def _seconds_after(path: Path, first: _TimeAxis, axis: _TimeAxis) -> float:
    if axis is first:
        return 0.0
    if axis.start_s is not None and first.start_s is not None:
        return axis.start_s - first.start_s
    if isinstance(axis.start, datetime) and isinstance(first.start, datetime):
        if (axis.start.tzinfo is None) == (first.start.tzinfo is None):
            return (axis.start - first.start).total_seconds()
    raise RecordError(path, "has several sets of leads, and their times do not say how they lie to each other")


def _time_axis(path: Path, sequences: Element, what: str) -> _TimeAxis:
    for sequence in sequences.findall("component/sequence"):
        code = _code(sequence).upper()
        if code not in ("TIME_ABSOLUTE", "TIME_RELATIVE"):
            continue
        step, unit = number(attribute_at(sequence, "value/increment", "value")), _unit(sequence, "value/increment")
        if step is None or step <= 0:
            raise RecordError(path, f"does not state the sampling interval of its {what}")
        if unit not in _SECONDS_PER_UNIT:
            raise RecordError(
                path, f"states the sampling interval of its {what} in {clipped(unit, 12)!r}, which is no time"
            )
        # 0.002 s is 500 Hz: the digits of the interval, not those of its binary form.
        fs_hz = check_fs_hz(path, float(f"{1 / (step * _SECONDS_PER_UNIT[unit]):.9g}"))
        head = attribute_at(sequence, "value/head", "value")
        if code == "TIME_ABSOLUTE":
            return _TimeAxis(fs_hz, None, point_in_time(head))
        start, factor = number(head), _SECONDS_PER_UNIT.get(_unit(sequence, "value/head"))
        return _TimeAxis(fs_hz, None if start is None or factor is None else start * factor, None)
    raise RecordError(path, f"has no time axis in its {what}")


def _unit(sequence: Element, at: str) -> str:
    return attribute_at(sequence, at, "unit")


def _sequences(path: Path, sequences: Element, what: str, axis: _TimeAxis, notes: Notes) -> Iterator[StoredLead]:
    for sequence in sequences.findall("component/sequence"):
        code = _code(sequence)
        if code.upper().startswith("TIME_"):
            continue
        digits = sequence.find("value/digits")
        if _LEAD_MARK not in code.upper() or digits is None:
            reason = "no ECG lead by its code" if digits is not None else "its values are not listed as digits"
            notes.ignored.append(f"{clipped(code, 40) or 'a sequence without a code'}: {reason}")
            continue
        suffix = code[code.upper().index(_LEAD_MARK) + len(_LEAD_MARK) :]
        text = digits.text or ""
        of_lead = f"{clipped(code, 40)} of its {what}"
        samples = (decimals if "." in text else integers)(path, text, of_lead)
        scale, origin = (
            number(attribute_at(sequence, "value/scale", "value")),
            _origin_in_scale(path, sequence, of_lead),
        )
        yield StoredLead(
            source_name=suffix if standard_name(suffix) else code,
            samples=samples,
            fs_hz=axis.fs_hz,
            unit=_unit(sequence, "value/scale"),
            gain=1 / scale if scale else 0.0,
            baseline=-origin / scale if scale and origin else 0.0,
        )


def _origin_in_scale(path: Path, sequence: Element, what: str) -> float:
    """Return the value of the digit 0 in the unit of the scale; 0 where none is stated."""
    origin = number(attribute_at(sequence, "value/origin", "value"))
    if not origin:
        return 0.0
    own, scale = mv_per_unit(_unit(sequence, "value/origin")), mv_per_unit(_unit(sequence, "value/scale"))
    if own is None or scale is None:
        raise RecordError(
            path, f"states the origin of {what} in {_unit(sequence, 'value/origin')[:12]!r}, which is no voltage"
        )
    return origin * own / scale


def _patient(root: Element, start: datetime | date | None, notes: Notes) -> Patient:
    subject = root.find("componentOf/timepointEvent/componentOf/subjectAssignment/subject/trialSubject")
    individual = subject.find("subjectDemographicPerson") if subject is not None else None
    stated = None
    for observation in root.findall("controlVariable/relatedObservation"):
        if _code(observation) == _LOINC_REPORTED_AGE:
            value = observation.find("value")
            stated = age_in_years(
                attribute_at(value, ".", "value"), attribute_at(value, ".", "unit") or "a", notes.warnings
            )
    birth = day_of(attribute_at(individual, "birthTime", "value")[:8], "%Y%m%d")
    given, family = (
        " ".join(text_at(part) for part in individual.findall(f"name/{kind}")) if individual is not None else ""
        for kind in ("given", "family")
    )
    return Patient(
        patient_id=known(attribute_at(subject, "id", "extension")),
        name=person(family, given) or known(text_at(individual, "name")),
        age_years=age_of(stated, birth, start, notes.warnings),
        sex=sex_of(attribute_at(individual, "administrativeGenderCode", "code")),
    )


def _filters(series: Element) -> str | None:
    found: dict[str, float | None] = {}
    for variable in series.findall("controlVariable/controlVariable"):
        kind = _code(variable).upper().rpartition("_FILTER_")[2]
        for part in variable.findall("component/controlVariable"):
            unit = {"Hz": 1.0, "kHz": 1e3}.get(attribute_at(part, "value", "unit"))
            value = number(attribute_at(part, "value", "value"))
            if _code(part).upper().endswith(("_CUTOFF_FREQ", "_NOTCH_FREQ")) and unit and value:
                found[kind] = value * unit
    return filters_text(found.get("HIGH_PASS"), found.get("LOW_PASS"), found.get("NOTCH"))
