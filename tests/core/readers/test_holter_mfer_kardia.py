"""ISHNE, MFER and AliveCor JSON on constructed files: no device file of these formats is given."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from constructed_files import ISHNE_CODES, ishne_content, kardia_content, mfer_content, mfer_definition, real_uv
from reader_conformance import read_and_check

from physioclr_core.errors import RecordError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.record import DeviceMeasurement, EcgRecord

Read = Callable[[bytes], EcgRecord]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that reads content under a name that tells nothing of its format."""

    def read_content(content: bytes, name: str = "record.bin") -> EcgRecord:
        (tmp_path / name).write_bytes(content)
        return read_and_check(tmp_path / name)

    return read_content


# --- ISHNE ---


def test_constructed_ishne_has_every_lead_patient_and_start(read: Read) -> None:
    uv = real_uv(12)
    record = read(ishne_content(uv, STANDARD_LEADS, text=b"walked at noon", pacemaker=3))
    assert record.provenance.format == "ISHNE"
    assert record.lead_names == STANDARD_LEADS
    np.testing.assert_allclose(record.signal_mv, uv / 1000, atol=1e-6)
    patient = record.patient
    assert (patient.patient_id, patient.name, patient.sex, patient.age_years) == ("H-17", "Jane Doe", "female", 73)
    assert record.acquisition.start == datetime(2024, 3, 2, 10, 14, 30)
    assert record.acquisition.comments == ("walked at noon", "Pacemaker: dual chamber, unipolar")
    assert record.report.warnings == ()
    assert {lead.gain_source for lead in record.report.leads} == {"stated"}


def test_constructed_ishne_leads_each_have_their_own_resolution(read: Read) -> None:
    uv = real_uv(2)
    content = bytearray(ishne_content(uv, ("vx", "V5")))
    struct.pack_into("<2h", content, 206, 2500, 500)
    content[8:10] = b"\0\0"
    record = read(bytes(content))
    assert record.lead_names == ("vx", "V5")
    np.testing.assert_allclose(record.signal_mv[0], uv[0] * 2.5 / 1000, rtol=1e-6)
    np.testing.assert_allclose(record.signal_mv[1], uv[1] * 0.5 / 1000, rtol=1e-6)


def test_constructed_ishne_lead_off_is_a_gap_and_a_flat_lead_is_flat(read: Read) -> None:
    uv = real_uv(2)
    uv[0, 100:200] = -32768
    uv[1] = 0
    record = read(ishne_content(uv, ("I", "II")))
    assert record.report.leads[0].gap_s == 1.0
    assert np.isnan(record.signal_mv[0, 100:200]).all()
    assert record.report.leads[1].is_flat


def test_constructed_ishne_with_a_wrong_checksum_is_read_with_a_warning(read: Read) -> None:
    assert any("own checksum" in text for text in read(ishne_content(real_uv(1), ("I",), crc=1)).report.warnings)
    assert read(ishne_content(real_uv(1), ("I",), crc=0)).report.warnings == ()


def test_constructed_ishne_count_that_does_not_fit_is_said(read: Read) -> None:
    record = read(ishne_content(real_uv(3), ("I", "II", "III"), n_stated=2000))
    assert any("states 2000 samples and the file holds 1000 of each lead" in text for text in record.report.warnings)
    assert read(ishne_content(real_uv(3), ("I", "II", "III"), n_stated=3000)).report.warnings == ()


def test_constructed_ishne_annotations_are_refused_by_name(read: Read) -> None:
    with pytest.raises(RecordError, match="holds the beats of an ISHNE recording and no signal"):
        read(ishne_content(real_uv(1), ("I",), magic=b"ANN  1.0"))


def test_constructed_ishne_without_resolution_or_with_absurd_numbers_is_refused(read: Read) -> None:
    with pytest.raises(RecordError, match="states no resolution"):
        read(ishne_content(real_uv(1), ("I",), resolution_nv=0))
    with pytest.raises(RecordError, match="sampling rate of -100 Hz"):
        read(ishne_content(real_uv(1), ("I",), fs_hz=-100))
    content = bytearray(ishne_content(real_uv(1), ("I",)))
    struct.pack_into("<h", content, 156, 300)
    with pytest.raises(RecordError, match="states 300 leads"):
        read(bytes(content))
    struct.pack_into("<i", content, 10, 2**31 - 1)
    with pytest.raises(RecordError, match="bytes of free text"):
        read(bytes(content))


def test_constructed_ishne_birth_after_the_recording_is_no_age(read: Read) -> None:
    assert read(ishne_content(real_uv(1), ("I",), born=date(2030, 1, 1))).patient.age_years is None
    assert len(ISHNE_CODES) == 16


# --- MFER ---


def test_constructed_mfer_has_every_lead_patient_start_and_filters(read: Read) -> None:
    uv = real_uv(12)
    record = read(mfer_content([uv], STANDARD_LEADS))
    assert record.provenance.format == "MFER"
    assert record.lead_names == STANDARD_LEADS
    np.testing.assert_allclose(record.signal_mv, uv / 1000, atol=1e-6)
    patient = record.patient
    assert (patient.patient_id, patient.name, patient.sex, patient.age_years) == ("H-17", "Jane Doe", "female", 63)
    assert record.acquisition.start == datetime(2024, 3, 2, 10, 14, 30)
    assert record.acquisition.device == "Maker Model 1"
    assert record.acquisition.filters == "HPF=0.05; LPF=150"


def test_constructed_mfer_frames_with_a_gap_between_them_have_it_as_a_gap(read: Read) -> None:
    uv = real_uv(2)
    record = read(mfer_content([uv[:, :500], uv[:, 500:]], ("I", "II"), pointers=[0, 700]))
    assert record.report.gaps == ((5.0, 7.0),)
    np.testing.assert_allclose(record.signal_mv[:, 700:], uv[:, 500:] / 1000, atol=1e-6)
    with pytest.raises(RecordError, match="overlap in time"):
        read(mfer_content([uv[:, :500], uv[:, 500:]], ("I", "II"), pointers=[0, 400]))


def test_constructed_mfer_rate_with_a_fraction_is_not_rounded(read: Read) -> None:
    interval = struct.pack("<BbH", 1, -6, 3906)  # unit 1: seconds
    assert read(mfer_content([real_uv(1)], ("I",), interval=interval)).fs_hz == pytest.approx(1e6 / 3906)


def test_constructed_mfer_without_sensitivity_is_no_guess(read: Read) -> None:
    with pytest.raises(RecordError, match="states no resolution in a unit of voltage"):
        read(mfer_content([real_uv(1)], ("I",), sensitivity=None))


def test_constructed_mfer_nested_without_end_is_refused(read: Read) -> None:
    deep = mfer_content([real_uv(1)], ("I",), extra=b"\x67\x80" * 5000)
    with pytest.raises(RecordError, match="nested or repeated without end"):
        read(deep)
    with pytest.raises(RecordError, match="nested or repeated without end"):
        read(mfer_content([real_uv(1)], ("I",), extra=mfer_definition(0x16, b"") * 100_001))


# --- AliveCor ---


@pytest.mark.parametrize("n_leads", [1, 6])
def test_constructed_kardia_recording_has_its_leads_and_alivecors_own_reading(n_leads: int, read: Read) -> None:
    uv = real_uv(n_leads)
    record = read(kardia_content(uv, STANDARD_LEADS[:n_leads]))
    assert record.provenance.format == "AliveCor JSON"
    assert record.lead_names == STANDARD_LEADS[:n_leads]
    assert record.fs_hz == 300
    np.testing.assert_allclose(record.signal_mv, uv * 0.0005, atol=1e-6)
    assert record.device_reading.statements == ("normal",)
    assert DeviceMeasurement("QT", 400.0, "ms") in record.device_reading.measurements
    assert record.patient.patient_id == "H-17"
    assert record.acquisition.start == datetime(2024, 3, 2, 10, 14, 30)
    assert record.report.ignored == ("AliveCor's filtered copy of the leads (data.enhanced)",)


def test_constructed_kardia_recording_without_resolution_rate_or_leads_is_refused(read: Read) -> None:
    with pytest.raises(RecordError, match="states no resolution"):
        read(kardia_content(real_uv(1), ("I",), amplitudeResolution=None))
    with pytest.raises(RecordError, match="frequency"):
        read(kardia_content(real_uv(1), ("I",), frequency=-300))
    with pytest.raises(RecordError, match="no samples"):
        read(kardia_content(real_uv(1), ("I",), samples={}))
    document = json.loads(kardia_content(real_uv(1), ("I",)))
    document["data12L"] = document.pop("data")
    with pytest.raises(RecordError, match="12L"):
        read(json.dumps(document).encode())


def test_json_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_bytes(b'{"recordedAt":' + b"[" * 2_000_000)
    with pytest.raises(RecordError, match="no Kardia recording"):
        read_record(path)
    path.write_bytes(b'{"recordedAt":' + b"[" * 50_000)
    with pytest.raises(RecordError, match="cannot be read"):
        read_record(path)
