from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydicom
import pytest
from dicom_files import (
    AMBULATORY,
    EEG,
    GENERAL,
    GENERAL_32,
    HEMODYNAMIC,
    LEAD_NUMBERS,
    SYNTAXES,
    TWELVE_LEAD,
    annotation,
    channel,
    code,
    group,
    write,
)
from reader_conformance import read_and_check
from real_records import real_signal_mv

from physioclr_core.errors import RecordError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.record import DeviceMeasurement

Find = Callable[..., Path]


def real_uv(n_leads: int = 12, n_samples: int = 1000) -> npt.NDArray[np.int16]:
    """Return a real ECG in whole microvolts, shape (n_leads, n_samples)."""
    return np.round(real_signal_mv(3)[:n_leads, :n_samples] * 1000).astype(np.int16)


def channels(names: tuple[str, ...] = STANDARD_LEADS, **changes: Any) -> list[pydicom.Dataset]:
    return [channel(name, **changes) for name in names]


def one_lead(path: Path, samples: npt.NDArray[Any], sop_class: str = GENERAL, **changes: Any) -> Path:
    """Write lead I alone; ``changes`` are of the channel."""
    return write(path, [group(samples[None], [channel("I", **changes)])], sop_class)


# --- real files ------------------------------------------------------------------------------------------------------


def test_the_rhythm_of_a_mortara_file_is_read_and_its_median_beat_kept_beside_it(test_data: Find) -> None:
    record = read_and_check(test_data("clinical-formats", "dicom-ecg", "pydicom_waveform_ecg.dcm"))
    assert (record.n_samples, record.fs_hz, record.lead_names) == (10_000, 1000.0, STANDARD_LEADS)
    median = record.device_reading.median
    assert median is not None
    assert (median.signal_mv.shape, median.fs_hz) == ((12, 1200), 1000.0)
    assert record.device_reading.statements == ("RITMO SINUSALE", "ECG NORMALE")
    assert DeviceMeasurement("QRS duration", 75.0, "ms") in record.device_reading.measurements
    assert DeviceMeasurement("P axis", 74.0, "deg") in record.device_reading.measurements
    assert "PP of 0 ms, which is no measurement" in record.report.ignored
    assert record.acquisition.device == "Mortara Instrument, Inc. el250"
    assert record.acquisition.filters == "0.05-300 Hz"
    assert record.acquisition.start == datetime(2013, 1, 25, 10, 59, 19)
    assert (record.patient.sex, record.patient.age_years) == ("female", 42.0)
    lead = record.report.leads[0]
    assert (lead.source_name, lead.unit, lead.gain, lead.gain_source) == ("Lead I (Einthoven)", "uV", 0.8, "stated")


@pytest.mark.parametrize(
    "name", ["pydicom_waveform_ecg.dcm", "ecgtoolkit_Example.dcm", "ecg2dcm_guangxi_teaching_sinus_rhythm.dcm"]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_samples_equal_those_of_pydicom_in_every_real_file(name: str, test_data: Find) -> None:
    path = test_data("clinical-formats", "dicom-ecg", name)
    record = read_and_check(path)
    theirs = pydicom.dcmread(path)
    median = record.device_reading.median
    assert median is not None
    for ours_mv, number in ((record.signal_mv, 0), (median.signal_mv, 1)):
        theirs_mv = theirs.waveform_array(number).T / 1000
        assert ours_mv.shape == theirs_mv.shape
        is_gap = np.isnan(ours_mv)
        assert (is_gap == (theirs_mv < -50)).all()
        assert np.abs(ours_mv - theirs_mv)[~is_gap].max() < 1e-6


def test_a_last_sample_that_a_writer_left_at_its_lowest_number_is_no_spike_of_82_mv(test_data: Find) -> None:
    record = read_and_check(test_data("clinical-formats", "dicom-ecg", "ecgtoolkit_Example.dcm"))
    assert record.device_reading.median is not None
    median_mv = record.device_reading.median.signal_mv
    assert np.isnan(median_mv[:, 599]).all()
    assert np.abs(median_mv[:, :599]).max() < 5
    assert any("Median beat: 12 samples of the lowest number -32768" in text for text in record.report.padding)


def test_samples_of_0_stay_samples_where_0_is_the_padding_value_too(test_data: Find) -> None:
    # The file has 58 to 180 true zeros in each lead; reading each of them as a gap is a known fault of a parser.
    record = read_and_check(test_data("clinical-formats", "dicom-ecg", "ecgtoolkit_Example.dcm"))
    assert np.isfinite(record.signal_mv).all()
    assert (record.signal_mv == 0).sum() == 1269
    assert "1269 samples of that value were kept as signal" in record.report.padding[0]
    assert all(lead.gap_s == 0 for lead in record.report.leads)


def test_axes_that_a_file_gives_in_ms_are_degrees_and_it_is_said(test_data: Find) -> None:
    record = read_and_check(test_data("clinical-formats", "dicom-ecg", "ecgtoolkit_Example.dcm"))
    assert DeviceMeasurement("QRS axis", -61.0, "deg") in record.device_reading.measurements
    assert any("axes in ms" in warning for warning in record.report.warnings)


def test_sensitivity_and_correction_factor_are_multiplied(test_data: Find) -> None:
    # The file states 1 uV and a correction of 4.88: without it every amplitude is a fifth.
    record = read_and_check(test_data("clinical-formats", "dicom-ecg", "ecg2dcm_guangxi_teaching_sinus_rhythm.dcm"))
    assert record.report.leads[0].gain == pytest.approx(1 / 4.88)
    assert 0.5 < np.ptp(record.lead_mv("II")) < 5
    assert record.acquisition.filters == "0.56-150 Hz, notch 50 Hz"


# What people report of viewers is tested here and below: vendors' files that fail without a word or are drawn wrongly.
# "Lead I" is not found because "I" is looked for; the median beat is drawn as the rhythm; leads are drawn twice; 12
# bits in 16 are misread; a wave is another one than in other viewers; the baseline is not scaled; a file does not open.


# --- what vendors do (constructed files) -----------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("sop_class", [TWELVE_LEAD, GENERAL, AMBULATORY])
def test_constructed_every_transfer_syntax_and_ecg_class_gives_the_same_samples(
    syntax: str, sop_class: str, tmp_path: Path
) -> None:
    record = read_and_check(write(tmp_path / "x.dcm", [group(real_uv(), channels())], sop_class, syntax))
    assert np.array_equal(np.round(record.signal_mv * 1000).astype(int), real_uv())
    assert record.lead_names == STANDARD_LEADS
    assert record.patient.name == "Doe, Jane Q"
    assert (record.patient.patient_id, record.patient.sex, record.patient.age_years) == ("P-1", "female", 63.0)
    assert record.acquisition.start == datetime(2024, 2, 29, 12, 34, 56)
    assert record.acquisition.device == "Example Cart 1"


@pytest.mark.parametrize("syntax", ["implicit", "explicit", "big endian"])
def test_constructed_a_file_without_preamble_is_known_by_its_content(syntax: str, tmp_path: Path) -> None:
    path = write(tmp_path / "export", [group(real_uv(), channels())], TWELVE_LEAD, syntax, preamble=False)
    record = read_and_check(path)
    assert np.array_equal(np.round(record.signal_mv * 1000).astype(int), real_uv())
    assert any("no DICOM preamble" in warning for warning in record.report.warnings)


def test_constructed_12_ecg_leads_hidden_in_a_hemodynamic_file_are_read_and_its_pressure_left_out(
    tmp_path: Path,
) -> None:
    # As GE Marquette's cath labs write: 240 Hz, SCPECG codes, one group with pressures.
    leads = [
        channel(name, ChannelSourceSequence=[code(f"5.6.3-9-{LEAD_NUMBERS[name]}", "SCPECG", f"Lead {name}")])
        for name in STANDARD_LEADS
    ]
    pressure = channel(
        "I",
        ChannelSourceSequence=[code("109016", "DCM", "Aortic pressure")],
        ChannelSensitivityUnitsSequence=[code("mm[Hg]", "UCUM", "millimeter of mercury")],
    )
    samples = np.concatenate([real_uv(), np.full((1, 1000), 90, np.int16)])
    record = read_and_check(write(tmp_path / "cath.dcm", [group(samples, [*leads, pressure], 240)], HEMODYNAMIC))
    assert (record.lead_names, record.fs_hz) == (STANDARD_LEADS, 240.0)
    assert np.array_equal(np.round(record.signal_mv * 1000).astype(int), real_uv())
    assert record.report.ignored == ("Aortic pressure: its unit 'mm[Hg]' is no voltage",)


def test_constructed_an_eeg_is_no_ecg_but_the_ecg_channel_in_it_is(tmp_path: Path) -> None:
    names = ("Fp1", "O2", "EKG")
    leads = [channel("?", ChannelSourceSequence=[code("x", "99TEST", name)]) for name in names]
    record = read_and_check(write(tmp_path / "eeg.dcm", [group(real_uv(3), leads)], EEG))
    assert record.lead_names == ("EKG",)
    assert record.report.ignored == ("Fp1: not known to be an ECG lead", "O2: not known to be an ECG lead")
    with pytest.raises(RecordError, match="has no ECG lead"):
        read_record(write(tmp_path / "no_ecg.dcm", [group(real_uv(2), leads[:2])], EEG))


@pytest.mark.parametrize(
    ("source", "label", "lead"),
    [
        (("2:62", "MDC", "Lead aVR"), "", "aVR"),
        (("5.6.3-9-64", "SCPECG", "aVF, augmented voltage, foot"), "", "aVF"),
        (("MDC_ECG_LEAD_V3", "MDC", ""), "", "V3"),
        (("131073", "MDC", ""), "", "I"),
        (("131330", "MDC", "MDC_ECG_ELEC_POTL_II"), "", "II"),
        (("X1", "99VENDOR", "Lead I (Einthoven)"), "", "I"),
        (("X1", "99VENDOR", "II"), "", "II"),
        (("X1", "99VENDOR", "channel"), "Lead V6", "V6"),
        (("2:16", "MDC", "Lead X"), "", "vx"),
        (("2:65", "MDC", "-aVR"), "", "-aVR"),
    ],
)
def test_constructed_a_lead_is_known_by_code_by_meaning_or_by_label(
    source: tuple[str, str, str], label: str, lead: str, tmp_path: Path
) -> None:
    changes = {"ChannelLabel": label} if label else {}
    path = one_lead(tmp_path / "x.dcm", real_uv()[0], ChannelSourceSequence=[code(*source)], **changes)
    assert read_and_check(path).lead_names == (lead,)


def test_constructed_a_lead_called_otherwise_than_coded_is_warned_of(tmp_path: Path) -> None:
    path = one_lead(tmp_path / "x.dcm", real_uv()[0], ChannelSourceSequence=[code("2:2", "MDC", "Lead I")])
    record = read_and_check(path)
    assert record.lead_names == ("II",)
    assert any("'Lead I' is coded as lead II" in warning for warning in record.report.warnings)


@pytest.mark.parametrize(
    ("dtype", "sop_class", "bits"),
    [
        ("i1", AMBULATORY, 8),
        ("u1", AMBULATORY, 8),
        ("i2", GENERAL, 16),
        ("u2", GENERAL, 16),
        ("i2", GENERAL, 12),
        ("i4", GENERAL_32, 32),
        ("u4", GENERAL_32, 32),
        ("i4", GENERAL_32, 24),
    ],
)
@pytest.mark.parametrize("syntax", ["explicit", "big endian"])
def test_constructed_samples_of_every_size_and_sign_are_read_with_their_baseline(
    dtype: str, sop_class: str, bits: int, syntax: str, tmp_path: Path
) -> None:
    wanted = real_uv(1) // (8 if bits == 8 else 1)
    wanted = np.clip(wanted, -100, 100) if bits == 8 else wanted
    offset = 2 ** (bits - 1) if dtype[0] == "u" else 0
    samples = (wanted.astype(np.int64) + offset).astype(dtype)
    definition = channel("II", ChannelBaseline=str(-offset * 2), ChannelSensitivity="2", WaveformBitsStored=bits)
    record = read_and_check(write(tmp_path / "x.dcm", [group(samples, [definition])], sop_class, syntax))
    assert np.abs(record.signal_mv - wanted * 0.002).max() < 1e-5
    lead = record.report.leads[0]
    assert (lead.gain, lead.baseline) == (0.5, offset)


def test_constructed_12_bits_without_their_sign_get_it_back(tmp_path: Path) -> None:
    wanted = real_uv(1)[0] + 0
    stored = (wanted.astype(np.int64) & 0xFFF).astype(np.int16)
    assert stored.max() > 2048
    record = read_and_check(one_lead(tmp_path / "x.dcm", stored, WaveformBitsStored=12))
    assert np.array_equal(np.round(record.signal_mv[0] * 1000).astype(int), wanted)
    assert any("without their sign" in warning for warning in record.report.warnings)


def test_constructed_12_bits_around_the_middle_of_their_range_are_left_alone(tmp_path: Path) -> None:
    stored = (real_uv(1)[0] + 2048).astype(np.int16)
    record = read_and_check(one_lead(tmp_path / "x.dcm", stored, WaveformBitsStored=12, ChannelBaseline="-2048"))
    assert np.array_equal(np.round(record.signal_mv[0] * 1000).astype(int), real_uv(1)[0])


@pytest.mark.parametrize(
    ("sensitivity", "unit", "correction", "mv"),
    [
        ("1", "uV", "1", 1e-3),
        ("0.0025", "mV", "1", 2.5e-3),
        ("2500", "nV", None, 2.5e-3),
        ("1", "uV", "4.88", 4.88e-3),
        ("1e-6", "V", "0.5", 5e-4),
    ],
)
def test_constructed_each_channel_has_its_own_unit_sensitivity_and_correction(
    sensitivity: str, unit: str, correction: str | None, mv: float, tmp_path: Path
) -> None:
    first = channel(
        "I",
        ChannelSensitivity=sensitivity,
        ChannelSensitivityUnitsSequence=[code(unit, "UCUM", unit)],
        ChannelSensitivityCorrectionFactor=correction,
    )
    record = read_and_check(write(tmp_path / "x.dcm", [group(real_uv(2), [first, channel("II")])]))
    assert np.allclose(record.lead_mv("I"), real_uv()[0] * mv, rtol=1e-5)
    assert np.allclose(record.lead_mv("II"), real_uv()[1] * 1e-3, rtol=1e-5)


def test_constructed_a_channel_without_sensitivity_or_unit_is_not_guessed_at(tmp_path: Path) -> None:
    first = channel("I", ChannelSensitivity=None)
    second = channel("II", ChannelSensitivityUnitsSequence=None)
    record = read_and_check(write(tmp_path / "x.dcm", [group(real_uv(3), [first, second, channel("III")])]))
    assert record.lead_names == ("III",)
    assert [text.partition(" for it")[0] for text in record.report.ignored] == [
        "Lead I: the file states no sensitivity",
        "Lead II: the file states no unit",
    ]


# --- padding, delays, groups -----------------------------------------------------------------------------------------


def test_constructed_padding_outside_the_signal_is_a_gap_however_short(tmp_path: Path) -> None:
    samples = real_uv(2).copy()
    samples[0, 10:13] = samples[1, 990:] = -32768
    padded = group(samples, [channel("I"), channel("II")], WaveformPaddingValue=b"\x00\x80")
    record = read_and_check(write(tmp_path / "x.dcm", [padded]))
    assert np.flatnonzero(np.isnan(record.signal_mv[0])).tolist() == [10, 11, 12]
    assert np.flatnonzero(np.isnan(record.signal_mv[1])).tolist() == list(range(990, 1000))
    assert "padding value -32768" in record.report.padding[0]


def test_constructed_padding_of_0_is_a_gap_where_it_lasts(tmp_path: Path) -> None:
    samples = real_uv(1).copy()
    samples[0, 600:] = 0
    n_zeros = int((samples[0, :600] == 0).sum())
    assert n_zeros > 0
    padded = group(samples, [channel("II")], WaveformPaddingValue=b"\0\0")
    record = read_and_check(write(tmp_path / "x.dcm", [padded]))
    assert np.isfinite(record.signal_mv[0, :600]).all()
    assert np.isnan(record.signal_mv[0, 601:]).all()
    assert f"{n_zeros} samples of that value were kept" in record.report.padding[1]


def test_constructed_channels_that_begin_later_are_shifted_and_it_is_said(tmp_path: Path) -> None:
    late = [
        channel("I"),
        channel("II", ChannelSampleSkew="5"),
        channel("III", ChannelSampleSkew=None, ChannelTimeSkew="0.02"),
        channel("aVR", ChannelOffset="0.004"),
    ]
    record = read_and_check(write(tmp_path / "x.dcm", [group(real_uv(4), late)]))
    assert record.n_samples == 1010
    for lead, shift in enumerate((0, 5, 10, 2)):
        row = np.round(record.signal_mv[lead] * 1000)
        assert np.array_equal(row[shift : shift + 1000].astype(int), real_uv()[lead])
        assert np.isnan(row[:shift]).all()
        assert np.isnan(row[shift + 1000 :]).all()
    assert any("II by 10 ms, III by 20 ms, aVR by 4 ms" in warning for warning in record.report.warnings)


def test_constructed_the_rhythm_is_the_record_even_where_the_median_comes_first(tmp_path: Path) -> None:
    median = group(real_uv(12, 300), channels(), label="Median beat", WaveformOriginality="DERIVED")
    record = read_and_check(write(tmp_path / "x.dcm", [median, group(real_uv(), channels(), label="")]))
    assert (record.n_samples, record.lead_names) == (1000, STANDARD_LEADS)
    assert record.device_reading.median is not None
    assert record.device_reading.median.signal_mv.shape == (12, 300)


def test_constructed_a_short_derived_group_beside_the_rhythm_is_the_median_whatever_it_is_called(
    tmp_path: Path,
) -> None:
    median = group(real_uv(12, 600), channels(), label="GROUP 2", WaveformOriginality="DERIVED")
    record = read_and_check(write(tmp_path / "x.dcm", [group(real_uv(), channels(), label="GROUP 1"), median]))
    assert record.n_samples == 1000
    assert record.device_reading.median is not None
    alone = read_and_check(write(tmp_path / "y.dcm", [group(real_uv(12, 600), channels(), label="GROUP 2")]))
    assert alone.device_reading.median is None


def test_constructed_short_derived_leads_that_are_nowhere_else_are_no_median_beat(tmp_path: Path) -> None:
    # A cart that stores columns of 2.5 s, and calls the augmented leads derived, which they are.
    columns = [
        group(
            real_uv()[3 * n : 3 * n + 3, :900],
            channels(STANDARD_LEADS[3 * n : 3 * n + 3]),
            360,
            f"COLUMN {n + 1}",
            WaveformOriginality="DERIVED" if n == 1 else "ORIGINAL",
            MultiplexGroupTimeOffset=2500 * n,
        )
        for n in range(4)
    ]
    record = read_and_check(write(tmp_path / "x.dcm", columns))
    assert record.lead_names == STANDARD_LEADS
    assert record.device_reading.median is None


def test_constructed_a_median_beat_alone_is_no_rhythm(tmp_path: Path) -> None:
    median = group(real_uv(12, 600), channels(), label="MEDIAN BEAT")
    with pytest.raises(RecordError, match="holds the device's median beat but no rhythm"):
        read_record(write(tmp_path / "x.dcm", [median]))


def test_constructed_groups_of_different_leads_are_put_where_they_were_recorded(tmp_path: Path) -> None:
    # An old cart: three leads at a time, 2 s each.
    groups = [
        group(
            real_uv()[3 * n : 3 * n + 3], channels(STANDARD_LEADS[3 * n : 3 * n + 3]), MultiplexGroupTimeOffset=2000 * n
        )
        for n in range(4)
    ]
    record = read_and_check(write(tmp_path / "x.dcm", groups))
    assert (record.lead_names, record.n_samples) == (STANDARD_LEADS, 4000)
    for lead, row in enumerate(np.round(record.signal_mv * 1000)):
        begin = 1000 * (lead // 3)
        assert np.array_equal(row[begin : begin + 1000].astype(int), real_uv()[lead])
        assert np.isnan(row).sum() == 3000


def test_constructed_groups_of_the_same_leads_in_succession_have_their_gap_between_them(tmp_path: Path) -> None:
    two = ("I", "II")
    first = group(real_uv(2), channels(two), MultiplexGroupTimeOffset="0")
    second = group(real_uv(2), channels(two), MultiplexGroupTimeOffset="5000")
    record = read_and_check(write(tmp_path / "x.dcm", [first, second]))
    assert record.n_samples == 3500
    assert record.report.gaps == ((2.0, 5.0),)


def test_constructed_groups_without_a_time_are_shown_together_and_it_is_said(tmp_path: Path) -> None:
    limb, chest = STANDARD_LEADS[:6], STANDARD_LEADS[6:]
    groups = [group(real_uv()[:6], channels(limb)), group(real_uv()[6:], channels(chest), label="CHEST")]
    record = read_and_check(write(tmp_path / "x.dcm", groups))
    assert (record.lead_names, record.n_samples) == (STANDARD_LEADS, 1000)
    assert "The file does not say when group 2 (CHEST) began; it is shown as if with the first." in (
        record.report.warnings
    )


def test_constructed_leads_are_not_drawn_twice(tmp_path: Path) -> None:
    strip = group(real_uv(2)[1:], [channel("II")], label="STRIP", MultiplexGroupTimeOffset="0")
    rhythm = group(real_uv(), channels(), MultiplexGroupTimeOffset="0")
    record = read_and_check(write(tmp_path / "x.dcm", [rhythm, strip]))
    assert record.lead_names == STANDARD_LEADS
    assert "group 2 (STRIP): the same leads at the same time as group 1 (RHYTHM)" in record.report.ignored
    other_rate = group(real_uv(2)[1:], [channel("II")], 250, "STRIP")
    record = read_and_check(write(tmp_path / "y.dcm", [rhythm, other_rate]))
    assert "group 2 (STRIP): at 250 Hz, the record is at 500 Hz" in record.report.ignored


# --- what the device said --------------------------------------------------------------------------------------------


def test_constructed_annotations_are_the_devices_own(tmp_path: Path) -> None:
    ms, uv = code("ms", "UCUM", "millisecond"), code("uV", "UCUM", "microvolt")
    annotations = [
        annotation(UnformattedTextValue="Sinus bradycardia"),
        annotation(
            ConceptNameCodeSequence=[code("2:16160", "MDC", "QT interval global")],
            MeasurementUnitsCodeSequence=[ms],
            NumericValue="400",
            ReferencedWaveformChannels=[1, 0],
        ),
        annotation(
            ConceptNameCodeSequence=[code("9:1", "99TEST", "R amplitude")],
            MeasurementUnitsCodeSequence=[uv],
            NumericValue="1200",
            ReferencedWaveformChannels=[1, 2],
        ),
        annotation(
            ConceptNameCodeSequence=[code("2:16770", "MDC", "Heart rate")],
            MeasurementUnitsCodeSequence=[code("{H.B.}/min", "UCUM", "BPM")],
            NumericValue="55",
        ),
        annotation(
            ConceptNameCodeSequence=[code("18", "99TEST", "Rhythm")],
            ConceptCodeSequence=[code("49710005", "SCT", "Sinus bradycardia")],
        ),
        annotation(
            ConceptNameCodeSequence=[code("5.10.3-1", "SCPECG", "P Onset")],
            TemporalRangeType="POINT",
            ReferencedSamplePositions=17,
        ),
    ]
    elements = {"WaveformAnnotationSequence": annotations, "NameOfPhysiciansReadingStudy": "Roe^Richard"}
    record = read_and_check(write(tmp_path / "x.dcm", [group(real_uv(), channels())], elements=elements))
    reading = record.device_reading
    assert reading.statements == ("Sinus bradycardia", "Rhythm: Sinus bradycardia")
    assert reading.measurements == (
        DeviceMeasurement("QT", 400.0, "ms"),
        DeviceMeasurement("R amplitude", 1200.0, "uV", "II"),
        DeviceMeasurement("heart rate", 55.0, "bpm"),
    )
    assert reading.status == "read by Roe Richard"
    assert record.acquisition.statements == ()  # never shown as anybody else's
    assert record.report.ignored == ("the device's marks on waves and beats",)


@pytest.mark.parametrize(
    ("value", "meaning", "name"),
    [
        ("2:15880", "QTc global using Bazett formula", "QTc (Bazett)"),
        ("2:15880", "QTc global using Framingham formula", "QTc (Framingham)"),
        ("2:15892", "QTc global using Fredericia formula", "QTc (Fridericia)"),
        ("2:15892", "QTc global using Hodges formula", "QTc (Hodges)"),
        ("2:15892", "QTc", "QTc"),
        ("2:15876", "QTc interval global", "QTc"),
    ],
)
def test_constructed_the_formula_of_a_qtc_is_told_by_its_words_as_two_formulas_share_a_code(
    value: str, meaning: str, name: str, tmp_path: Path
) -> None:
    qtc = annotation(
        ConceptNameCodeSequence=[code(value, "MDC", meaning)],
        MeasurementUnitsCodeSequence=[code("ms", "UCUM", "millisecond")],
        NumericValue="430",
    )
    path = write(tmp_path / "x.dcm", [group(real_uv(), channels())], elements={"WaveformAnnotationSequence": [qtc]})
    assert read_and_check(path).device_reading.measurements == (DeviceMeasurement(name, 430.0, "ms"),)


@pytest.mark.parametrize(
    ("elements", "age_years", "start"),
    [
        ({"PatientAge": "042Y"}, 42.0, datetime(2024, 2, 29, 12, 34, 56)),
        ({"PatientAge": "006M"}, 0.5, datetime(2024, 2, 29, 12, 34, 56)),
        ({"PatientAge": "000Y", "PatientBirthDate": ""}, None, datetime(2024, 2, 29, 12, 34, 56)),
        ({"AcquisitionDateTime": "20240229"}, 63.0, date(2024, 2, 29)),
        ({"AcquisitionDateTime": "", "StudyDate": "20230101"}, 62.0, date(2023, 1, 1)),
        ({"AcquisitionDateTime": "2024023099"}, None, None),
    ],
)
def test_constructed_age_and_date_come_from_what_is_stated(
    elements: dict[str, str], age_years: float | None, start: datetime | date | None, tmp_path: Path
) -> None:
    record = read_and_check(write(tmp_path / "x.dcm", [group(real_uv(), channels())], elements=elements))
    assert (record.patient.age_years, record.acquisition.start) == (age_years, start)


# --- faults ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        (
            {"NumberOfWaveformSamples": 1001},
            "holds 1000 samples of each channel in its group 1 (RHYTHM), but states 1001",
        ),
        ({"NumberOfWaveformSamples": 2**32 - 1}, "but states 4294967295"),
        ({"NumberOfWaveformSamples": 0}, "has no samples in its group 1"),
        ({"NumberOfWaveformChannels": 13}, "describes 12 of its 13 channels"),
        ({"SamplingFrequency": "-500"}, "has leads at -500 Hz"),
        ({"SamplingFrequency": "0"}, "has leads at 0 Hz"),
        ({"SamplingFrequency": "1e30"}, "has leads at 1e+30 Hz"),
        ({"SamplingFrequency": ""}, "states no sampling rate for its group 1"),
        ({"WaveformBitsAllocated": 12}, "as 12 bits 'SS', which is unknown"),
        ({"WaveformSampleInterpretation": "MB"}, "as 16 bits 'MB', which is unknown"),
    ],
)
def test_constructed_a_group_that_contradicts_itself_is_refused(
    changes: dict[str, Any], cause: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.dcm", [group(real_uv(), channels(), **changes)])
    with pytest.raises(RecordError) as caught:
        read_record(path)
    assert cause in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"ChannelSensitivity": "0"}, "absurd sensitivity or baseline for Lead I"),
        ({"ChannelSensitivity": "1e20"}, "absurd sensitivity or baseline for Lead I"),
        ({"ChannelBaseline": "1e20"}, "absurd sensitivity or baseline for Lead I"),
    ],
)
def test_constructed_an_absurd_scale_is_refused(changes: dict[str, Any], cause: str, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=cause):
        read_record(one_lead(tmp_path / "x.dcm", real_uv()[0], **changes))


def test_constructed_an_image_is_said_to_be_one(tmp_path: Path) -> None:
    path = write(tmp_path / "ct.dcm", [], "1.2.840.10008.5.1.4.1.1.2")
    with pytest.raises(RecordError, match=r"ct\.dcm: holds no waveform \(CT Image Storage\)\."):
        read_record(path)


def test_opening_other_files_never_loads_pydicom(tmp_path: Path) -> None:
    code_lines = (
        "import sys\nfrom pathlib import Path\nfrom physioclr_core.readers import FORMATS, find_format\n"
        "find_format(Path(sys.argv[1]))\nassert not {'pydicom', 'ecgdatakit'} & set(sys.modules), 'loaded'\n"
    )
    path = write(tmp_path / "x.dcm", [group(real_uv(), channels())])
    subprocess.run([sys.executable, "-c", code_lines, str(path)], check=True)
