"""HL7 aECG, on three real files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pydicom
import pytest
from ecgdatakit import FileParser
from reader_conformance import read_and_check

from physioclr_core.errors import RecordError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.readers.aecg_reader import point_in_time

TOOLKIT = "ecgtoolkit_Example_aECG.xml"
MINIMUM = "fda_minimum_aecg.xml"


@pytest.fixture
def aecg(test_data: Callable[..., Path]) -> Callable[[str], Path]:
    return lambda name: test_data("clinical-formats", "hl7-aecg", name)


@pytest.fixture
def changed(aecg: Callable[[str], Path], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a real file with something replaced."""

    def change(*replacements: tuple[str, str], name: str = MINIMUM, count: int = -1) -> Path:
        text = aecg(name).read_text(encoding="utf-8")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, count)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return change


def test_the_same_record_as_dicom_to_1_uv(aecg: Callable[[str], Path], test_data: Callable[..., Path]) -> None:
    record = read_and_check(aecg(TOOLKIT))
    dataset = pydicom.dcmread(test_data("clinical-formats", "dicom-ecg", "ecgtoolkit_Example.dcm"))
    group = dataset.WaveformSequence[0]
    names = [
        channel.ChannelSourceSequence[0].CodeMeaning.removeprefix("Lead ")
        for channel in group.ChannelDefinitionSequence
    ]
    dicom_uv = dataset.waveform_array(0).T
    assert sorted(names) == sorted(record.lead_names) == sorted(STANDARD_LEADS)
    assert (record.fs_hz, record.n_samples) == (float(group.SamplingFrequency), dicom_uv.shape[1]) == (500.0, 5000)
    for name, lead_uv in zip(names, dicom_uv, strict=True):
        assert np.abs(record.lead_mv(name) * 1000 - lead_uv).max() < 1.0
    assert record.report.derived_leads == ()


def test_the_same_samples_as_another_reader(aecg: Callable[[str], Path]) -> None:
    for name in (TOOLKIT, "fda_subject1_0.xml"):
        record, other = read_and_check(aecg(name)), FileParser.parse(aecg(name))
        for lead in other.leads:
            np.testing.assert_allclose(record.lead_mv(lead.label), lead.samples, atol=1e-6)
        median = record.device_reading.median
        assert median is not None
        assert median.signal_mv.shape == (12, 599)
        for beat in other.median_beats:
            np.testing.assert_allclose(
                median.signal_mv[median.lead_names.index(beat.label)],
                beat.samples * 1e-3 if beat.units == "uV" else beat.samples,
                atol=1e-6,
            )


def test_what_the_file_says_of_patient_and_device(aecg: Callable[[str], Path]) -> None:
    record = read_and_check(aecg(TOOLKIT))
    patient, acquisition, reading = record.patient, record.acquisition, record.device_reading
    assert record.provenance.format == "HL7 aECG"
    assert (patient.patient_id, patient.name, patient.age_years, patient.sex) == ("SBJ-123", "Clark", 46.0, "male")
    assert "The age is stated as 46 years, but the date of birth gives 49." in record.report.warnings
    assert acquisition.start == datetime(2002, 11, 22, 9, 10)
    assert (acquisition.device, acquisition.filters) == (
        "Mortara Instrument, Inc. ELI250",
        "low-pass 150 Hz, notch 60 Hz",
    )
    assert acquisition.comments == ("Subject felt dizzy 2 minutes prior to ECG collection",)
    assert reading.statements == ("Sinus Rhythm",)
    values = {measurement.name: (measurement.value, measurement.unit) for measurement in reading.measurements}
    assert values["PR"] == (148.0, "ms")
    assert values["QTc"] == (443.0, "ms")
    assert values["QRS axis"] == (-61.0, "deg")
    assert reading.status is None
    assert "annotations of 22 beats and waves" in record.report.ignored


def test_the_least_that_the_format_allows(aecg: Callable[[str], Path]) -> None:
    record = read_and_check(aecg(MINIMUM))
    assert record.lead_names == ("II",)
    assert (record.fs_hz, record.n_samples) == (500.0, 13)
    np.testing.assert_allclose(record.lead_mv("II")[:5], np.array([-2, -2, -2, -2, -3]) * 0.0025, rtol=1e-6)
    assert (record.patient.name, record.patient.age_years, record.acquisition.device) == (None, None, None)
    assert record.device_reading.measurements == ()


DIGITS = "-2 -2 -2 -2 -3 -4 -3 -5 -5 -4 -6 -9 -9"


def test_scale_and_origin_have_units_of_their_own(changed: Callable[..., Path]) -> None:
    record = read_and_check(
        changed(
            ('origin value="0" unit="uV"', 'origin value="0.1" unit="mV"'),
            ('scale value="2.5" unit="uV"', 'scale value="5" unit="uV"'),
        )
    )
    np.testing.assert_allclose(record.lead_mv("II")[:2], 0.1 - 2 * 0.005, rtol=1e-5)
    lead = record.report.leads[0]
    assert (lead.unit, lead.gain, lead.baseline) == ("uV", 0.2, -20.0)


def test_decimal_digits_are_read(changed: Callable[..., Path]) -> None:
    record = read_and_check(changed((DIGITS, "0.5 1.5 -2.25")))
    np.testing.assert_allclose(record.lead_mv("II"), np.array([0.5, 1.5, -2.25]) * 0.0025, rtol=1e-6)


@pytest.mark.parametrize(
    ("value", "unit", "fs_hz"),
    [
        ("2", "ms", 500.0),
        ("0.001", "s", 1000.0),
        ("4000", "us", 250.0),
        ("0.00390625", "s", 256.0),
        ("0.0033", "s", 303.030303),
    ],
)
def test_rate_is_that_of_the_interval_and_not_rounded(
    changed: Callable[..., Path], value: str, unit: str, fs_hz: float
) -> None:
    assert read_and_check(changed(('value="0.002" unit="s"', f'value="{value}" unit="{unit}"'))).fs_hz == pytest.approx(
        fs_hz, rel=1e-8
    )


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        (
            'increment value="0.002"',
            'increment value="-0.002"',
            "does not state the sampling interval of its rhythm series",
        ),
        ('increment value="0.002"', 'increment value="1e-300"', "an ECG is sampled at 20 to 100000 Hz"),
        ('value="0.002" unit="s"', 'value="0.002" unit=""', "in '', which is no time"),
        ("TIME_ABSOLUTE", "TIME_OF_DAY", "has no time axis in its rhythm series"),
        ('code="RHYTHM"', 'code="REPRESENTATIVE_BEAT"', "holds no rhythm series"),
        ("MDC_ECG_LEAD_II", "MDC_PRESS_BLD", "has no ECG lead in its rhythm series"),
        ('scale value="2.5" unit="uV"', 'scale value="2.5" unit="mm[Hg]"', "its unit 'mm[Hg]' is no voltage"),
        ('scale value="2.5" unit="uV"', 'scale value="2.5"', "its unit '' is no voltage"),
        ('scale value="2.5"', 'scale value="0"', "its gain is no number that can be used"),
        (
            'origin value="0" unit="uV"',
            'origin value="1" unit="s"',
            "states the origin of MDC_ECG_LEAD_II of its rhythm",
        ),
        (DIGITS, "1 2 x", "has samples that are no whole numbers in MDC_ECG_LEAD_II"),
        (DIGITS, " ", "II: it has no samples"),
    ],
)
def test_what_cannot_be_known_is_refused(changed: Callable[..., Path], old: str, new: str, cause: str) -> None:
    with pytest.raises(RecordError) as caught:
        read_record(changed((old, new)))
    assert cause in caught.value.cause


def sequence_set(lead: str, head: str, digits: str, kind: str = "TIME_ABSOLUTE") -> str:
    unit = ' unit="s"' if kind == "TIME_RELATIVE" else ""
    return f"""<component><sequenceSet>
<component><sequence><code code="{kind}"/><value><head value="{head}"{unit}/><increment value="0.002" unit="s"/></value>
</sequence></component>
<component><sequence><code code="MDC_ECG_LEAD_{lead}"/><value><origin value="0" unit="uV"/>
<scale value="2.5" unit="uV"/>
<digits>{digits}</digits></value></sequence></component></sequenceSet></component>"""


def test_leads_recorded_one_after_another_have_their_places(changed: Callable[..., Path]) -> None:
    later = sequence_set("V1", "20021122091000.100", "4 4 4") + sequence_set("V1", "20021122091000.200", "8 8")
    record = read_and_check(changed(("</component>\n\t\t</series>", f"</component>{later}\n\t\t</series>")))
    assert record.lead_names == ("II", "V1")
    assert record.n_samples == 102
    assert np.isnan(record.lead_mv("II")[13:]).all()
    assert np.isnan(record.lead_mv("V1")[:50]).all()
    np.testing.assert_allclose(record.lead_mv("V1")[50:53], 0.01)
    assert np.isnan(record.lead_mv("V1")[53:100]).all()
    np.testing.assert_allclose(record.lead_mv("V1")[100:], 0.02)


def test_sets_whose_times_do_not_go_together_are_refused(changed: Callable[..., Path]) -> None:
    for later in (sequence_set("V1", "0.1", "4 4", "TIME_RELATIVE"), sequence_set("V1", "20021122", "4 4")):
        with pytest.raises(RecordError, match="do not say how they lie to each other"):
            read_record(changed(("</component>\n\t\t</series>", f"</component>{later}\n\t\t</series>")))


def test_absurd_distance_between_sets_takes_no_memory(changed: Callable[..., Path]) -> None:
    later = sequence_set("V1", "20021222091000", "4 4")
    with pytest.raises(RecordError, match="too long to be read at once"):
        read_record(changed(("</component>\n\t\t</series>", f"</component>{later}\n\t\t</series>")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20021122091000", datetime(2002, 11, 22, 9, 10)),
        ("200211220910", datetime(2002, 11, 22, 9, 10)),
        ("20021122091000.25", datetime(2002, 11, 22, 9, 10, 0, 250_000)),
        ("20021122091000+0000", datetime(2002, 11, 22, 9, 10, tzinfo=UTC)),
        ("20021122091000-0530", datetime(2002, 11, 22, 9, 10, tzinfo=timezone(-timedelta(hours=5, minutes=30)))),
        # No time of day is made up.
        ("20021122", date(2002, 11, 22)),
        ("2002112209", date(2002, 11, 22)),
        ("200211", None),
        ("20021322091000", None),
        ("20021122091000+9900", None),
        ("", None),
        ("soon", None),
    ],
)
def test_points_in_time_keep_their_precision_and_zone(text: str, expected: datetime | date | None) -> None:
    found = point_in_time(text)
    assert found == expected
    assert type(found) is type(expected)
    if isinstance(expected, datetime):
        assert isinstance(found, datetime)
        assert found.utcoffset() == expected.utcoffset()


def test_what_a_person_read_goes_before_what_the_device_said(changed: Callable[..., Path]) -> None:
    def annotations(author: str, statement: str, qt_ms: int) -> str:
        return f"""<subjectOf><annotationSet><author><assignedEntity><assignedAuthorType>{author}</assignedAuthorType>
</assignedEntity></author><component><annotation><code code="MDC_ECG_INTERPRETATION"/><component><annotation>
<code code="MDC_ECG_INTERPRETATION_STATEMENT"/><value>{statement}</value></annotation></component></annotation>
</component><component><annotation><code code="MDC_ECG_TIME_PD_QT"/><value value="{qt_ms}" unit="ms"/></annotation>
</component></annotationSet></subjectOf>"""

    sets = annotations("<assignedDevice/>", "Atrial fibrillation", 400) + annotations(
        "<assignedPerson><name>Dr Roe</name></assignedPerson>", "Sinus rhythm", 420
    )
    reading = read_and_check(changed(("</series>", f"{sets}</series>"))).device_reading
    assert reading.statements == ("Sinus rhythm", "Atrial fibrillation")
    assert [(m.name, m.value) for m in reading.measurements] == [("QT", 420.0)]
    assert reading.status == "read by Dr Roe"
