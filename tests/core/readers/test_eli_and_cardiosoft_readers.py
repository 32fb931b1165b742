"""Mortara ELI and GE CardioSoft XML, on constructed files: none of a device is given."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from constructed_xml import (
    CARDIOSOFT_UV,
    ELI_UNITS_PER_MV,
    cardiosoft_xml,
    eli_xml,
    real_adu,
    write_cardiosoft,
    write_eli,
)
from ecgdatakit import FileParser
from reader_conformance import read_and_check

from physioclr_core.errors import RecordError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record

ELI_ADU = real_adu(ELI_UNITS_PER_MV)
CARDIOSOFT_ADU = real_adu(1000 / CARDIOSOFT_UV)
EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
ROWS_OF_EIGHT = [STANDARD_LEADS.index(name) for name in EIGHT]


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "ecg.xml"
    path.write_text(text, encoding=encoding)
    return path


def test_constructed_eli_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = read_and_check(write_eli(tmp_path / "ecg.xml"))
    assert record.provenance.format == "Mortara ELI XML"
    assert (record.lead_names, record.fs_hz) == (STANDARD_LEADS, 100.0)
    np.testing.assert_allclose(record.signal_mv, ELI_ADU / ELI_UNITS_PER_MV, rtol=1e-6, atol=1e-7)
    patient, acquisition, reading = record.patient, record.acquisition, record.device_reading
    assert (patient.patient_id, patient.name, patient.age_years, patient.sex) == ("P-17", "Doe, Jane", 63.0, "female")
    assert acquisition.start == datetime(2023, 12, 1, 12)
    assert (acquisition.device, acquisition.filters) == ("Mortara Instrument, Inc. ELI 250", "low-pass 150 Hz")
    assert acquisition.comments == ("after exercise",)
    assert reading.statements == ("SINUS RHYTHM", "LEFT AXIS DEVIATION (QRS AXIS < -30)")
    assert reading.status == "unconfirmed report"
    values = {m.name: (m.value, m.unit) for m in reading.measurements}
    assert values["heart rate"] == (72.0, "bpm")
    assert values["PR"] == (163.0, "ms")
    # An interval of 0 was not measured; an axis of 0 was.
    assert "QT" not in values
    assert values["P axis"] == (0.0, "deg")
    assert reading.median is not None
    np.testing.assert_allclose(reading.median.signal_mv, (ELI_ADU[:, :80] // 2) / 200, rtol=1e-6, atol=1e-7)


def test_constructed_eli_is_the_same_to_another_reader(tmp_path: Path) -> None:
    path = write_eli(tmp_path / "ecg.xml")
    record = read_record(path)
    for lead in FileParser.parse(path).leads:
        np.testing.assert_allclose(record.lead_mv(lead.label), lead.samples, atol=1e-6)


def test_constructed_eli_of_eight_leads_has_twelve(tmp_path: Path) -> None:
    record = read_and_check(written(tmp_path, eli_xml(ELI_ADU[ROWS_OF_EIGHT], EIGHT)))
    assert record.lead_names == STANDARD_LEADS
    assert record.report.derived_leads == ("III", "aVR", "aVL", "aVF")


def test_constructed_eli_keeps_the_zone_of_its_start(tmp_path: Path) -> None:
    record = read_and_check(
        written(tmp_path, eli_xml(ELI_ADU, root='ACQUISITION_TIME_XML="2023-12-01T12:00:00-06:00"'))
    )
    assert isinstance(record.acquisition.start, datetime)
    assert record.acquisition.start.utcoffset() == timedelta(hours=-6)


@pytest.mark.parametrize(
    ("channel", "cause"),
    [
        ('SAMPLE_FREQ="0"', "at 0 Hz; an ECG is sampled"),
        ('SAMPLE_FREQ=""', "without a sampling rate"),
        ('DURATION="2147483647"', "has 1000 samples in lead I where 2.14748e+09 are stated"),
        ('BITS="24"', "stores lead I as 24 bits, SIGNED, BASE64; known is 16 bits"),
        ('ENCODING="ZIP"', "stores lead I as 16 bits, SIGNED, ZIP"),
        ('UNITS_PER_MV=""', "has no ECG lead that can be read (I: its gain"),
        ('UNITS_PER_MV="-400"', "has no ECG lead that can be read (I: its gain"),
    ],
)
def test_constructed_eli_that_leaves_something_open_is_refused(tmp_path: Path, channel: str, cause: str) -> None:
    with pytest.raises(RecordError) as caught:
        read_record(written(tmp_path, eli_xml(ELI_ADU, channel=channel)))
    assert cause in caught.value.cause


def test_constructed_eli_with_an_offset_says_that_it_was_not_applied(tmp_path: Path) -> None:
    record = read_and_check(written(tmp_path, eli_xml(ELI_ADU, channel='OFFSET="12"')))
    assert "OFFSET is 12 in lead I; nobody states what it means, so it is not applied." in record.report.warnings


def test_constructed_eli_with_a_lead_at_another_rate_is_interpolated_and_told(tmp_path: Path) -> None:
    text = eli_xml(ELI_ADU)
    last = text[text.rindex("<CHANNEL ") : text.rindex("</ECG>")]
    half = eli_xml(ELI_ADU[-1:, ::2], ("V6",), channel='SAMPLE_FREQ="50"')
    record = read_and_check(
        written(tmp_path, text.replace(last, half[half.index("<CHANNEL ") : half.rindex("</ECG>")]))
    )
    assert (record.fs_hz, record.n_samples) == (100.0, 1000)
    np.testing.assert_allclose(record.lead_mv("V6")[::2], ELI_ADU[-1, ::2] / ELI_UNITS_PER_MV, atol=1e-6)
    assert "V6 was interpolated from 50 Hz to the record's 100 Hz." in record.report.warnings
    assert record.report.leads[-1].fs_hz == 50.0


def test_other_xml_with_the_root_ecg_is_not_taken_for_eli(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is not of a format that can be read"):
        read_record(written(tmp_path, '<?xml version="1.0"?><ECG><trace>1 2 3</trace></ECG>'))


def test_constructed_cardiosoft_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = read_and_check(write_cardiosoft(tmp_path / "ecg.xml"))
    assert record.provenance.format == "GE CardioSoft XML"
    assert (record.lead_names, record.fs_hz) == (STANDARD_LEADS, 100.0)
    np.testing.assert_allclose(record.signal_mv, CARDIOSOFT_ADU * CARDIOSOFT_UV / 1000, rtol=1e-6, atol=1e-7)
    patient, acquisition, reading = record.patient, record.acquisition, record.device_reading
    assert (patient.patient_id, patient.name, patient.age_years, patient.sex) == (
        "42",
        "M\u00fcller, Eva",
        57.0,
        "female",
    )
    assert acquisition.start == datetime(2015, 11, 3, 14, 5, 9)
    assert (acquisition.device, acquisition.filters) == ("CardioSoft", "0.01-100 Hz, notch 50 Hz")
    assert reading.statements == ("Sinus rhythm", "Normal ECG")
    values = {m.name: (m.value, m.unit) for m in reading.measurements}
    assert values["heart rate"] == (61.0, "bpm")
    assert values["QRS axis"] == (-12.0, "deg")
    assert reading.median is not None
    np.testing.assert_allclose(
        reading.median.signal_mv, (CARDIOSOFT_ADU[:, :80] // 2) * CARDIOSOFT_UV / 1000, rtol=1e-6, atol=1e-7
    )
    assert "full disclosure: the order of its samples is not known" in record.report.ignored


def test_constructed_cardiosoft_with_the_strip_deeper_in_the_file(tmp_path: Path) -> None:
    text = (
        cardiosoft_xml(CARDIOSOFT_ADU)
        .replace("<StripData>", "<Strip><StripData>")
        .replace("</StripData>", "</StripData></Strip>")
    )
    assert read_and_check(written(tmp_path, text, "iso-8859-1")).n_samples == 1000


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        (
            'units="uVperLsb"',
            'units="LSB"',
            "states the resolution '5 LSB' for its strip, so that amplitudes are unknown",
        ),
        ("<Resolution", "<Res", ""),
        (
            '<SampleRate units="Hz">100<',
            '<SampleRate units="kHz">100<',
            "states the sampling rate of its strip in 'kHz'",
        ),
        (
            "<ChannelSampleCountTotal>1000<",
            "<ChannelSampleCountTotal>999<",
            "has 1000 samples in lead I of its strip where 999",
        ),
        ("<StripData>", "<Other>", ""),
    ],
)
def test_constructed_cardiosoft_that_leaves_something_open_is_refused(
    tmp_path: Path, old: str, new: str, cause: str
) -> None:
    text = cardiosoft_xml(CARDIOSOFT_ADU)
    assert old in text
    with pytest.raises(RecordError) as caught:
        read_record(written(tmp_path, text.replace(old, new), "iso-8859-1"))
    assert cause in caught.value.cause


def test_constructed_cardiosoft_with_a_sample_left_out_is_refused(tmp_path: Path) -> None:
    text = cardiosoft_xml(CARDIOSOFT_ADU)
    first = ",".join(map(str, CARDIOSOFT_ADU[0, :3].tolist()))
    assert first in text
    with pytest.raises(RecordError, match="leaves samples out in lead I of its strip"):
        read_record(written(tmp_path, text.replace(first, first.replace(",", ",,", 1)), "iso-8859-1"))


def test_constructed_cardiosoft_of_full_disclosure_alone_is_refused(tmp_path: Path) -> None:
    text = (
        "<CardiologyXML><FullDisclosure><FullDisclosureData>1,2</FullDisclosureData></FullDisclosure></CardiologyXML>"
    )
    with pytest.raises(RecordError, match="holds no strip but full disclosure, whose order of samples is not known"):
        read_record(written(tmp_path, text))
