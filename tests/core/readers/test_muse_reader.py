"""GE MUSE XML, on two real exports."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from ecgdatakit import FileParser
from reader_conformance import read_and_check

from physioclr_core.errors import RecordError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.record import EcgRecord

FULL = "ecg2dcm_guangxi_teaching_sinus_rhythm.xml"
BARE = "braveheart_example1.xml"
STORED = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")


@pytest.fixture
def muse(test_data: Callable[..., Path]) -> Callable[[str], Path]:
    return lambda name: test_data("clinical-formats", "ge-muse-xml", name)


@pytest.fixture
def changed(muse: Callable[[str], Path], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a real export with something replaced."""

    def change(*replacements: tuple[str, str], name: str = FULL, count: int = -1) -> Path:
        text = muse(name).read_text(encoding="utf-8" if name == FULL else "iso-8859-1")
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, count)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8" if name == FULL else "iso-8859-1")
        return path

    return change


def stored_uv(path: Path, kind: str) -> dict[str, np.ndarray]:
    """Return the leads of a waveform in uV, taken from the text without any parser."""
    text = path.read_bytes().decode("latin-1")
    waveform = next(part for part in text.split("<Waveform>") if f"<WaveformType>{kind}<" in part)
    return {
        re.search("<LeadID>(.*?)<", lead)[1]: np.frombuffer(  # type: ignore[index]
            base64.b64decode(re.search("<WaveFormData>(.*?)<", lead, re.DOTALL)[1]),  # type: ignore[index]
            "<i2",
        )
        * 4.88
        for lead in waveform.split("<LeadData>")[1:]
    }


@pytest.mark.parametrize("name", [FULL, BARE])
def test_rhythm_and_median_are_the_stored_samples_by_the_stated_gain(muse: Callable[[str], Path], name: str) -> None:
    record = read_and_check(muse(name))
    assert record.provenance.format == "GE MUSE XML"
    assert record.lead_names == STANDARD_LEADS
    assert (record.fs_hz, record.n_samples) == (500.0, 5000)
    median = record.device_reading.median
    assert median is not None
    assert (median.fs_hz, median.signal_mv.shape) == (500.0, (12, 600))
    for signal_mv, stored in (
        (record.signal_mv, stored_uv(muse(name), "Rhythm")),
        (median.signal_mv, stored_uv(muse(name), "Median")),
    ):
        assert tuple(stored) == STORED
        for lead, lead_uv in stored.items():
            np.testing.assert_allclose(signal_mv[STANDARD_LEADS.index(lead)], lead_uv / 1000, rtol=1e-6, atol=1e-7)


def test_the_same_samples_as_another_reader(muse: Callable[[str], Path]) -> None:
    other = {lead.label: lead.samples for lead in FileParser.parse(muse(FULL)).leads}
    record = read_record(muse(FULL))
    for lead in STORED:
        np.testing.assert_allclose(record.lead_mv(lead), other[lead], atol=1e-6)


def test_four_leads_are_computed_and_said_to_be(muse: Callable[[str], Path]) -> None:
    record = read_and_check(muse(FULL))
    lead_i, lead_ii = record.lead_mv("I"), record.lead_mv("II")
    for name, expected in {
        "III": lead_ii - lead_i,
        "aVR": -(lead_i + lead_ii) / 2,
        "aVL": lead_i - lead_ii / 2,
        "aVF": lead_ii - lead_i / 2,
    }.items():
        np.testing.assert_allclose(record.lead_mv(name), expected, atol=1e-6)
    assert record.report.derived_leads == ("III", "aVR", "aVL", "aVF")
    sources = {lead.name: lead.source_name for lead in record.report.leads}
    assert sources["aVF"] == "computed from I and II"
    assert sources["V1"] == "V1"


def test_what_the_file_says_of_patient_and_device(muse: Callable[[str], Path]) -> None:
    record = read_and_check(muse(FULL))
    patient, acquisition, reading = record.patient, record.acquisition, record.device_reading
    assert (patient.patient_id, patient.name, patient.age_years, patient.sex) == ("00000000", "Anonymous", 11.0, "male")
    assert "The age is stated as 11 years, but the date of birth gives 124." in record.report.warnings
    assert acquisition.start == datetime(2024, 1, 1, 10, 35, 17)
    assert (acquisition.device, acquisition.filters) == ("MAC P", "0.56-150 Hz, notch 50 Hz")
    assert reading.status == "confirmed by Doctor, Name"
    assert reading.statements[0] == "\u7aa6\u6027\u5fc3\u5f8b"  # sinus rhythm
    # The reviewer took "normal ECG" out: both readings are there, told apart.
    assert "Before it was edited: \u6b63\u5e38\u5fc3\u7535\u56fe" in reading.statements
    values = {measurement.name: (measurement.value, measurement.unit) for measurement in reading.measurements}
    assert values["heart rate"] == (97.0, "bpm")
    assert values["PR"] == (122.0, "ms")
    assert values["QTc (Fridericia)"] == (384.0, "ms")
    assert values["QRS axis"] == (63.0, "deg")
    # The device's own marks say the same as its own interval.
    assert (
        values["QRS offset in the median beat"][0] - values["QRS onset in the median beat"][0]
        == values["QRS duration"][0]
    )
    # 0 stands for a pressure that was not taken.
    assert "Systolic blood pressure" not in values


def test_what_is_not_in_the_file_is_unknown(muse: Callable[[str], Path]) -> None:
    record = read_and_check(muse(BARE))
    assert (record.patient.patient_id, record.patient.age_years, record.patient.sex) == (None, None, None)
    assert record.acquisition.start is None
    assert record.device_reading.status is None
    assert record.device_reading.statements == ()
    assert record.device_reading.measurements


def test_median_before_rhythm_alone_or_missing(changed: Callable[..., Path]) -> None:
    only_rhythm = changed(("<WaveformType>Median<", "<WaveformType>Other<"))
    record = read_and_check(only_rhythm)
    assert record.device_reading.median is None
    assert "waveform of the type 'other'" in record.report.ignored
    only_median = changed(("<WaveformType>Rhythm<", "<WaveformType>Other<"))
    with pytest.raises(RecordError, match="holds no rhythm waveform, only median, other"):
        read_record(only_median)


def test_export_of_one_waveform_alone(changed: Callable[..., Path], muse: Callable[[str], Path]) -> None:
    text = muse(FULL).read_text(encoding="utf-8")
    median = text[text.index("<Waveform>") : text.index("</Waveform>") + len("</Waveform>")]
    assert "<WaveformType>Median<" in median
    record = read_and_check(changed((median, "")))
    np.testing.assert_array_equal(record.signal_mv, read_record(muse(FULL)).signal_mv)
    assert record.device_reading.median is None


def test_export_of_twelve_stored_leads_computes_none(changed: Callable[..., Path]) -> None:
    names = (("V3", "III"), ("V4", "aVR"), ("V5", "aVL"), ("V6", "aVF"))
    record = read_and_check(changed(*((f"<LeadID>{old}<", f"<LeadID>{new}<") for old, new in names)))
    assert record.lead_names == ("I", "II", "V1", "V2", "III", "aVR", "aVL", "aVF")
    assert record.report.derived_leads == ()
    # What is stored under a limb lead's name is not overwritten by what would fit, but the misfit is told.
    assert any(text.startswith("The limb leads do not fit together") for text in record.report.warnings)


def test_one_waveform_without_a_type_is_the_rhythm_and_said_to_be_taken_so(changed: Callable[..., Path]) -> None:
    record = read_and_check(changed(("<WaveformType>Rhythm</WaveformType>", "")))
    assert record.n_samples == 5000
    assert any("does not say whether its waveform is the rhythm" in text for text in record.report.warnings)


@pytest.mark.parametrize(("base", "exponent", "fs_hz"), [("1000", "0", 1000.0), ("5", "2", 500.0), ("25", "1", 250.0)])
def test_rate_is_base_times_ten_to_the_exponent(
    changed: Callable[..., Path], base: str, exponent: str, fs_hz: float
) -> None:
    path = changed(("<SampleBase>500<", f"<SampleBase>{base}<"), ("<SampleExponent>0<", f"<SampleExponent>{exponent}<"))
    assert read_and_check(path).fs_hz == fs_hz


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        ("<SampleBase>500<", "<SampleBase>-500<", "at -500 Hz; an ECG is sampled at 20 to 100000 Hz"),
        ("<SampleBase>500<", "<SampleBase><", "does not state the sampling rate of its rhythm"),
        ("<SampleExponent>0<", "<SampleExponent>9999<", "does not state the sampling rate"),
        ("<LeadByteCountTotal>10000<", "<LeadByteCountTotal>2147483648<", "has 10000 bytes in lead I of its rhythm"),
        (
            "<LeadSampleCountTotal>5000<",
            "<LeadSampleCountTotal>4999<",
            "has 5000 samples in lead I of its rhythm where 4999",
        ),
        ("<LeadSampleSize>2<", "<LeadSampleSize>3<", "says that a sample has 3 bytes"),
        (
            "<LeadAmplitudeUnits>MICROVOLTS<",
            "<LeadAmplitudeUnits>MMHG<",
            "has no ECG lead that can be read (I: its unit",
        ),
        (
            "<LeadAmplitudeUnitsPerBit>4.88<",
            "<LeadAmplitudeUnitsPerBit><",
            "has no ECG lead that can be read (I: its gain",
        ),
        (
            "<LeadAmplitudeUnitsPerBit>4.88<",
            "<LeadAmplitudeUnitsPerBit>1e300<",
            "has amplitudes in I that are no voltage",
        ),
    ],
)
def test_what_cannot_be_known_is_refused(changed: Callable[..., Path], old: str, new: str, cause: str) -> None:
    with pytest.raises(RecordError) as caught:
        read_record(changed((old, new)))
    assert cause in caught.value.cause


def test_millivolts_are_not_taken_for_microvolts(changed: Callable[..., Path], muse: Callable[[str], Path]) -> None:
    path = changed(
        ("<LeadAmplitudeUnits>MICROVOLTS<", "<LeadAmplitudeUnits>MILLIVOLTS<"),
        ("<LeadAmplitudeUnitsPerBit>4.88<", "<LeadAmplitudeUnitsPerBit>0.00488<"),
    )
    np.testing.assert_allclose(read_and_check(path).signal_mv, read_record(muse(FULL)).signal_mv, atol=1e-6)


def test_ages_in_other_units_and_dates_of_other_countries(changed: Callable[..., Path]) -> None:
    record = read_and_check(
        changed(
            ("<PatientAge>11<", "<PatientAge>10<"),
            ("<AgeUnits>YEARS<", "<AgeUnits>DAYS<"),
            ("<DateofBirth>01-01-1900<", "<DateofBirth><"),
            ("<AcquisitionDate>01-01-2024<", "<AcquisitionDate>25-12-2023<"),
        )
    )
    assert record.patient.age_years == pytest.approx(10 / 365.25, abs=1e-4)
    # Day before month would also fit 05-06-2023: such a file's dates are not guessed.
    assert record.acquisition.start is None
    assert any("recording date '25-12-2023'" in text for text in record.report.ignored)
    record = read_and_check(
        changed(("<AgeUnits>YEARS<", "<AgeUnits><"), ("<DateofBirth>01-01-1900<", "<DateofBirth><"))
    )
    assert record.patient.age_years is None
    assert any("has no unit" in text for text in record.report.warnings)


def test_checksum_that_does_not_fit_is_told(changed: Callable[..., Path]) -> None:
    record = read_and_check(changed(("<LeadDataCRC32>3097469524<", "<LeadDataCRC32>1<")))
    assert (
        "The samples do not match their checksum, so they may have changed: lead I of its rhythm."
        in record.report.warnings
    )


def with_lead(
    changed: Callable[..., Path], muse: Callable[[str], Path], lead: str, samples: np.ndarray, offset: str
) -> EcgRecord:
    """Read the export with other samples and another offset for one lead of the rhythm."""
    text = muse(FULL).read_text(encoding="utf-8")
    rhythm = text[text.index("<WaveformType>Rhythm<") :]
    block = next(part for part in rhythm.split("<LeadData>") if f"<LeadID>{lead}<" in part)
    raw = samples.astype("<i2").tobytes()
    new = re.sub("<WaveFormData>.*?</", f"<WaveFormData>{base64.b64encode(raw).decode()}</", block, flags=re.DOTALL)
    new = re.sub("<LeadByteCountTotal>.*?<", f"<LeadByteCountTotal>{len(raw)}<", new)
    new = re.sub("<LeadSampleCountTotal>.*?<", f"<LeadSampleCountTotal>{samples.size}<", new)
    new = re.sub("<LeadDataCRC32>.*?<", f"<LeadDataCRC32>{zlib.crc32(raw)}<", new)
    new = re.sub("<LeadTimeOffset>.*?<", f"<LeadTimeOffset>{offset}<", new)
    return read_and_check(changed((block, new)))


def test_lead_that_was_recorded_later_has_its_place(changed: Callable[..., Path], muse: Callable[[str], Path]) -> None:
    samples = np.round(stored_uv(muse(FULL), "Rhythm")["V6"] / 4.88)[2500:3750]
    record = with_lead(changed, muse, "V6", samples, "5000")
    whole = read_record(muse(FULL)).lead_mv("V6")
    assert record.n_samples == 5000
    assert np.isnan(record.lead_mv("V6")[:2500]).all()
    np.testing.assert_array_equal(record.lead_mv("V6")[2500:3750], whole[2500:3750])
    assert np.isnan(record.lead_mv("V6")[3750:]).all()
    assert any("V6 was placed 5000 ms after the start" in text for text in record.report.warnings)


def test_lowest_number_is_a_gap_and_not_minus_160_millivolts(
    changed: Callable[..., Path], muse: Callable[[str], Path]
) -> None:
    samples = np.round(stored_uv(muse(FULL), "Rhythm")["V2"] / 4.88)
    samples[1000:1500] = -32768
    record = with_lead(changed, muse, "V2", samples, "0")
    assert np.isnan(record.lead_mv("V2")[1000:1500]).all()
    assert np.isfinite(record.lead_mv("V2")[1500:]).all()
    assert record.report.padding == ("V2: 1 s hold -32768, which means not recorded.",)


def test_lead_that_is_shorter_than_the_others_is_told(
    changed: Callable[..., Path], muse: Callable[[str], Path]
) -> None:
    record = with_lead(changed, muse, "V3", np.round(stored_uv(muse(FULL), "Rhythm")["V3"] / 4.88)[:4990], "0")
    assert any(text.startswith("V3 has 4990 samples and others 5000") for text in record.report.warnings)
    assert np.isnan(record.lead_mv("V3")[4990:]).all()
