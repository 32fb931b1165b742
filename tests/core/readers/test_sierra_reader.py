"""Philips Sierra XML, on three real files of three versions and three devices."""

from __future__ import annotations

import base64
import re
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
from physioclr_core.readers.xli_codec import decode_xli

V1_03 = "1_03__129DYPRG.XML"
V1_04 = "1_04__3191723_ZZDEMOPTONLY_1-04_orig.xml"
V1_04_01 = "1_04_01__2020-5-18_15-48-11.xml"
# Where the device's zeros and its calibration pulse begin.
N_ECG = {V1_03: 5264, V1_04: 5300, V1_04_01: 5300}


@pytest.fixture
def sierra(test_data: Callable[..., Path]) -> Callable[[str], Path]:
    return lambda name: test_data("clinical-formats", "philips-sierra-xml", name)


def text_of(path: Path) -> str:
    content = path.read_bytes()
    return content.decode("utf-16" if content[:2] == b"\xff\xfe" else "utf-8")


@pytest.fixture
def changed(sierra: Callable[[str], Path], tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a real file, in UTF-8, with something replaced."""

    def change(*replacements: tuple[str, str], name: str = V1_04_01) -> Path:
        text = text_of(sierra(name))
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return change


@pytest.mark.filterwarnings("ignore")  # of the other reader
@pytest.mark.parametrize("name", [V1_03, V1_04, V1_04_01])
def test_the_same_samples_as_another_reader_without_the_calibration_pulse(
    sierra: Callable[[str], Path], name: str
) -> None:
    record = read_and_check(sierra(name))
    other = FileParser.parse(sierra(name))
    assert record.provenance.format == "Philips Sierra XML"
    assert record.lead_names == STANDARD_LEADS
    assert (record.fs_hz, record.n_samples) == (500.0, N_ECG[name])
    for lead in other.leads:
        np.testing.assert_allclose(record.lead_mv(lead.label), lead.samples[: N_ECG[name]], atol=1e-6)
        # The other reader hands the pulse of 1 mV on as if it were the patient's.
        np.testing.assert_allclose(lead.samples[5350:5450], 1.0)
    assert "calibration pulse of 1 mV and are cut off" in record.report.padding[0]
    # Rebuilt from what I and II do not say, so that the residual is that of the device's rounding.
    assert record.report.einthoven_residual_mv is not None
    assert record.report.einthoven_residual_mv < 0.01


def test_pulse_that_is_not_one_millivolt_puts_the_gain_in_doubt(changed: Callable[..., Path]) -> None:
    record = read_and_check(changed(('resolution="5"', 'resolution="2.5"')))
    assert record.n_samples == 5300
    assert any("pulse is 0.5 mV by the stated resolution" in text for text in record.report.warnings)


@pytest.mark.parametrize("name", [V1_04, V1_04_01])
def test_representative_beats_are_the_device_s_own_and_agree_with_its_amplitudes(
    sierra: Callable[[str], Path], name: str
) -> None:
    record = read_and_check(sierra(name))
    median = record.device_reading.median
    assert median is not None
    assert median.lead_names == STANDARD_LEADS
    assert median.fs_hz == {V1_04: 500.0, V1_04_01: 1000.0}[name]
    amplitudes = {m.lead: m for m in record.device_reading.measurements if m.name == "R amplitude"}
    assert set(amplitudes) == set(STANDARD_LEADS)
    for lead in ("II", "V5", "V6"):
        peak_uv = np.nanmax(median.signal_mv[STANDARD_LEADS.index(lead)]) * 1000
        assert amplitudes[lead].unit == "uV"
        assert abs(peak_uv - amplitudes[lead].value) < 10


def test_parts_of_representative_beats_that_were_not_computed_are_gaps(sierra: Callable[[str], Path]) -> None:
    record = read_and_check(sierra(V1_04))
    median = record.device_reading.median
    assert median is not None
    # 32767 at 2.5 uV would be 82 mV.
    assert np.nanmax(np.abs(median.signal_mv)) < 5.0
    assert np.isnan(median.signal_mv).any(axis=1).all()
    assert any("Median beats: parts of 12 leads" in text for text in record.report.padding)


def test_version_1_03_says_its_reading_in_its_own_words(sierra: Callable[[str], Path]) -> None:
    record = read_and_check(sierra(V1_03))
    patient, acquisition, reading = record.patient, record.acquisition, record.device_reading
    assert (patient.patient_id, patient.name, patient.age_years, patient.sex) == (
        "1112010721168bdc",
        None,
        50.0,
        "male",
    )
    assert acquisition.start == datetime(2011, 12, 1, 7, 27, 34)
    assert (acquisition.device, acquisition.filters) == ("HeartstartMRx", "0.05-150 Hz")
    assert reading.statements == (
        "Sinus bradycardia (rate< 50)",
        "Nonspecific intraventricular conduction delay (QRSd >115mS, not LBBB/RBBB)",
        "Inferior infarct, acute (LCx) (ST>0.10mV, II III aVF, STd V1-V3)",
        ">>> Acute MI <<<",
        "ABNORMAL ECG",
    )
    assert reading.status == "Unconfirmed diagnosis"
    assert reading.median is None
    values = {m.name: (m.value, m.unit) for m in reading.measurements if m.lead is None}
    assert values["heart rate"] == (41.0, "bpm")
    assert values["QTc"] == (393.0, "ms")
    assert values["QRS axis"] == (-21.0, "deg")


def test_version_1_04_01_in_utf_16(sierra: Callable[[str], Path]) -> None:
    record = read_and_check(sierra(V1_04_01))
    # 50 is what the device takes where no age is given; the date of birth says 69.
    assert record.patient.age_years == 69.0
    assert any(text.startswith("age 50: a default of the device") for text in record.report.ignored)
    assert record.patient.sex is None
    assert record.acquisition.device == "Philips Medical Products PageWriter TC"
    values = {m.name: m.value for m in record.device_reading.measurements if m.lead is None}
    assert (values["QTc (Bazett)"], values["QTc (Fridericia)"]) == (412.0, 408.0)
    assert "QTc" not in values


def test_default_age_alone_is_no_age(changed: Callable[..., Path]) -> None:
    record = read_and_check(changed(("<dateofbirth>1951-01-01</dateofbirth>", "<dateofbirth></dateofbirth>")))
    assert record.patient.age_years is None


def test_version_1_04_02_is_read(changed: Callable[..., Path]) -> None:
    path = changed(("<documentversion>1.04.01<", "<documentversion>1.04.02<"))
    assert read_and_check(path).n_samples == 5300


def plain(path: Path, n_samples: int = 5500) -> np.ndarray:
    """Return the file's samples of 12 leads, decoded and with the limb leads rebuilt."""
    record = read_record(path)
    return np.round(record.signal_mv[:, :n_samples] * 200).astype(np.int64)


@pytest.mark.parametrize("encoding", ["Base64", "Plain"])
def test_uncompressed_samples_are_one_lead_after_another(
    sierra: Callable[[str], Path], changed: Callable[..., Path], encoding: str
) -> None:
    adu = plain(sierra(V1_04_01), 5000)
    text = text_of(sierra(V1_04_01))
    stored = re.search(r"<parsedwaveforms[^>]*>(.*?)</parsedwaveforms>", text, re.DOTALL)
    assert stored is not None
    new = (
        base64.b64encode(adu.astype("<i2").tobytes()).decode()
        if encoding == "Base64"
        else " ".join(map(str, adu.ravel().tolist()))
    )
    path = changed(
        (stored.group(1), new),
        ('<parsedwaveforms dataencoding="Base64" compression="XLI"', f'<parsedwaveforms dataencoding="{encoding}"'),
        ('durationperchannel="11000"', 'durationperchannel="10000"'),
    )
    record = read_and_check(path)
    np.testing.assert_array_equal(record.signal_mv, read_record(sierra(V1_04_01)).signal_mv[:, :5000])
    assert record.report.padding == ()


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        (
            "<documentversion>1.04.01<",
            "<documentversion>9.9<",
            "is Philips XML of type PhilipsECG and version 9.9; known",
        ),
        ('durationperchannel="11000"', 'durationperchannel="2147483648000"', "does not state a duration"),
        (
            'durationperchannel="11000"',
            'durationperchannel="12000"',
            "has 5500 samples in its compressed lead 1 where 6000",
        ),
        ('samplespersecond="500"', 'samplespersecond="-500"', "at -500 Hz"),
        ('resolution="5"', 'resolution="0"', "does not state the resolution"),
        ('compression="XLI"', 'compression="ZIP"', "is compressed by 'ZIP' in 'Base64', which is not known"),
        (
            '<parsedwaveforms dataencoding="Base64"',
            '<parsedwaveforms dataencoding="Hex"',
            "is compressed by 'XLI' in 'Hex'",
        ),
        ('I II III aVR aVL aVF V1 V2 V3 V4 V5 V6"', " ".join(["V1"] * 70) + '"', "has 70 leads"),
    ],
)
def test_what_cannot_be_known_is_refused(changed: Callable[..., Path], old: str, new: str, cause: str) -> None:
    replacements = [(old, new)] if "V1 V1" not in new else [(old, new), ('numberofleads="12"', 'numberofleads="70"')]
    with pytest.raises(RecordError) as caught:
        read_record(changed(*replacements))
    assert cause in caught.value.cause


def xli_chunk(packed: bytes) -> bytes:
    """Return a chunk of LZW codes of ten bits."""
    return len(packed).to_bytes(4, "little") + b"\0\0\0\0" + packed


def test_compressed_bomb_is_stopped() -> None:
    # Each code is the string before it and one byte more: 6 kB stand for 19 MB.
    codes = [0, *range(256, 1023), *[1022] * 4000]
    bits = "".join(f"{code:010b}" for code in codes)
    packed = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    with pytest.raises(RecordError, match="has more than 120000 samples in its compressed lead 1"):
        decode_xli(Path("file.xml"), xli_chunk(packed), 1, 10)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "lead 1 of 1 is not all there"),
        (xli_chunk(b"\0" * 20)[:-1], "lead 1 of 1 is not all there"),
        ((2**31 - 1).to_bytes(4, "little") + b"\0\0\0\0abc", "lead 1 of 1 is not all there"),
        ((2**32 - 5).to_bytes(4, "little") + b"\0\0\0\0abc", "lead 1 of 1 is not all there"),
        (xli_chunk(b"\xaa\xaa\xaa\xaa"), "has a code that stands for nothing"),
        (xli_chunk(b"\0\0\0"), "has 1 samples in its compressed lead 1 where 10 are stated"),
    ],
)
def test_damaged_compression_is_refused(content: bytes, cause: str) -> None:
    with pytest.raises(RecordError) as caught:
        decode_xli(Path("file.xml"), content, 1, 10)
    assert cause in caught.value.cause
