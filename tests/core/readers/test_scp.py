from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from ecgdatakit.parsing.parsers.hl7_aecg import HL7aECGParser
from ecgdatakit.parsing.parsers.scp_ecg import SCPECGParser
from reader_conformance import read_and_check
from real_records import real_signal_mv
from scp_files import (
    DEFAULT_TABLE,
    LEAD_NUMBERS,
    assemble,
    block,
    leads_section,
    patient_section,
    tag,
    to_bytes,
)

from physioclr_core.errors import RecordError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers import read_record
from physioclr_core.record import DeviceMeasurement, EcgRecord

Find = Callable[..., Path]
Samples = npt.NDArray[np.int64]

EXAMPLE = ("clinical-formats", "scp-ecg", "ecgtoolkit_Example.scp")


def real_adu(n_leads: int = 3) -> Samples:
    """Return a real ECG in steps of 5 uV, shape (n_leads, 1000)."""
    return np.round(real_signal_mv(5)[:n_leads] * 200).astype(np.int64)


def sections(
    adu: Samples, order: int = 2, is_huffman: bool = True, interval_us: int = 2000, step_nv: int = 5000
) -> dict[int, bytes]:
    """Return the sections that every file has, of leads I, II, III, ..."""
    leads = [(name, 1, adu.shape[1]) for name in STANDARD_LEADS[: len(adu)]]
    found = {
        1: patient_section(tag(2, b"P-1\0"), tag(25, struct.pack("<HBB", 2024, 2, 29))),
        3: leads_section(leads),
        6: block(list(adu), step_nv, interval_us, order, is_huffman),
    }
    if is_huffman:
        found[2] = DEFAULT_TABLE
    return found


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def leads_by_name(record: EcgRecord) -> dict[str, npt.NDArray[np.float32]]:
    return dict(zip(record.lead_names, record.signal_mv, strict=True))


# --- real file -------------------------------------------------------------------------------------------------------


def test_the_ecg_toolkit_record_is_the_same_in_scp_dicom_and_aecg(test_data: Find) -> None:
    scp = read_and_check(test_data(*EXAMPLE))
    dicom = read_and_check(test_data("clinical-formats", "dicom-ecg", "ecgtoolkit_Example.dcm"))
    aecg = HL7aECGParser().parse(test_data("clinical-formats", "hl7-aecg", "ecgtoolkit_Example_aECG.xml"))
    assert sorted(scp.lead_names) == sorted(dicom.lead_names) == sorted(STANDARD_LEADS)
    assert (scp.fs_hz, scp.n_samples) == (dicom.fs_hz, dicom.n_samples) == (500.0, 5000)
    in_dicom, in_scp = leads_by_name(dicom), leads_by_name(scp)
    for lead in aecg.leads:
        scale = {"uV": 1e-3, "mV": 1.0}[lead.resolution_unit]
        in_aecg = lead.samples * lead.resolution * scale
        assert np.abs(in_scp[lead.label] - in_dicom[lead.label]).max() < 1e-3
        assert np.abs(in_scp[lead.label] - in_aecg).max() < 1e-3
    assert (scp.patient.patient_id, scp.patient.name, scp.patient.age_years, scp.patient.sex) == (
        ("SBJ-123", "Clark", 49.0, "male")
    )
    assert scp.patient == dicom.patient
    assert scp.acquisition.start == dicom.acquisition.start == datetime(2002, 11, 22, 9, 10)


def test_the_example_has_its_median_beat_and_the_devices_measurements(test_data: Find) -> None:
    record = read_and_check(test_data(*EXAMPLE))
    median = record.device_reading.median
    assert median is not None
    assert (median.signal_mv.shape, median.fs_hz) == ((12, 599), 500.0)
    dicom = read_record(test_data("clinical-formats", "dicom-ecg", "ecgtoolkit_Example.dcm")).device_reading
    own = {measured.name: measured.value for measured in record.device_reading.measurements}
    same = {measured.name: measured.value for measured in dicom.measurements}
    assert same.items() <= own.items()
    assert same == {
        **{"PR": 148, "QRS duration": 120, "QT": 420, "QTc": 443},
        **{"P axis": 44, "QRS axis": -61, "T axis": 86},
    }
    lead = record.report.leads[0]
    assert (lead.unit, lead.gain, lead.gain_source) == ("mV", 400.0, "stated")


def test_samples_and_median_equal_those_of_ecgdatakit(test_data: Find) -> None:
    path = test_data(*EXAMPLE)
    record, theirs = read_and_check(path), SCPECGParser().parse(path)
    assert record.device_reading.median is not None
    for ours_mv, leads in (
        (record.signal_mv, theirs.leads),
        (record.device_reading.median.signal_mv, theirs.median_beats),
    ):
        assert [lead.label for lead in leads] == list(record.lead_names)
        theirs_mv = np.stack([lead.samples * lead.resolution / 1000 for lead in leads])
        assert np.abs(ours_mv - theirs_mv).max() < 1e-6


# People report that SCP-ECG is not read at all, or not where its samples are not compressed.


# --- every way to store samples (constructed files) ------------------------------------------------------------------


@pytest.mark.parametrize("is_huffman", [True, False], ids=["huffman", "uncompressed"])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_constructed_samples_are_restored_exactly(order: int, is_huffman: bool, tmp_path: Path) -> None:
    adu = real_adu(12)
    path = written(tmp_path / "x.scp", assemble(sections(adu, order, is_huffman)))
    record = read_and_check(path)
    assert (record.lead_names, record.fs_hz) == (STANDARD_LEADS, 500.0)
    assert np.array_equal(np.round(record.signal_mv * 200).astype(int), adu)
    assert record.report.leads[0].gain == pytest.approx(200)
    theirs = SCPECGParser().parse(path)
    assert np.array_equal(np.stack([lead.samples for lead in theirs.leads]), adu)


def test_constructed_steps_larger_than_8_bits_and_16_bits_wrap_as_encoders_do(tmp_path: Path) -> None:
    adu = np.array([[0, 5, -300, 32767, -32768, 20000, -20000, 127, -128, 128, 8, -8, 9] * 10])
    record = read_and_check(written(tmp_path / "x.scp", assemble(sections(adu, 2, step_nv=1))))
    assert np.allclose(record.signal_mv * 1e6, adu, rtol=1e-6, atol=1e-3)


def test_constructed_a_file_with_tables_of_its_own_that_switch_is_decoded(tmp_path: Path) -> None:
    # Table 1: 0 -> 0, 10 -> 1, 11 -> go to table 2. Table 2: 0 -> -1, 10 -> 16 bits follow, 11 -> back to table 1.
    def table(*rows: tuple[int, int, int, int, int]) -> bytes:
        return struct.pack("<H", len(rows)) + b"".join(struct.pack("<BBBhL", *row) for row in rows)

    own = struct.pack("<H", 2)
    own += table((1, 1, 1, 0, 0b0), (2, 2, 1, 1, 0b01), (2, 2, 0, 2, 0b11))
    own += table((1, 1, 1, -1, 0b0), (2, 18, 1, 0, 0b01), (2, 2, 0, 1, 0b11))
    bits = "0" + "10" + "11" + "0" + "10" + f"{-1234 & 0xFFFF:016b}" + "11" + "10" + "0"
    wanted = np.array([[0, 1, -1, -1234, 1, 0]])
    data = to_bytes(bits)
    found = sections(wanted)
    found[2] = own
    found[6] = struct.pack("<HHBBH", 1000, 2000, 0, 0, len(data)) + data
    path = written(tmp_path / "x.scp", assemble(found))
    record = read_and_check(path)
    assert np.array_equal(np.round(record.signal_mv * 1000).astype(int), wanted)
    assert np.array_equal(SCPECGParser().parse(path).leads[0].samples, wanted[0])


def with_subtracted_beats(rhythm_nv: int, median_nv: int) -> tuple[dict[int, bytes], Samples]:
    """Return the sections of a rhythm that is stored without its beats, and the rhythm in units of 1000 nV."""
    reference = np.round(40 * np.hanning(101)).astype(np.int64)[None] * np.array([[1], [-2]])
    rest = real_adu(2)
    whole = rest * (rhythm_nv // 1000)
    beats, zones = [(120, 0), (420, 1), (700, 0), (960, 0)], b""
    for fiducial, kind in beats:
        first, last = fiducial - 50, min(fiducial + 50, 1000)
        zones += struct.pack("<HLLL", kind, first, fiducial, last)
        if kind == 0:
            whole[:, first - 1 : last] += reference[:, : last - first + 1] * (median_nv // 1000)
    found = sections(rest, step_nv=rhythm_nv)
    found[3] = leads_section([("I", 1, 1000), ("II", 1, 1000)], flags=5)
    found[4] = struct.pack("<HHH", 202, 51, len(beats)) + zones
    found[5] = block(list(reference), median_nv, 2000, 2, True)
    return found, whole


@pytest.mark.parametrize(("rhythm_nv", "median_nv"), [(5000, 5000), (4000, 2000), (3000, 5000)])
def test_constructed_reference_beats_are_added_where_the_rhythm_is_stored_without_them(
    rhythm_nv: int, median_nv: int, tmp_path: Path
) -> None:
    found, whole = with_subtracted_beats(rhythm_nv, median_nv)
    path = written(tmp_path / "x.scp", assemble(found))
    record = read_and_check(path)
    assert np.array_equal(np.round(record.signal_mv * 1000).astype(int), whole)
    theirs = SCPECGParser().parse(path)
    assert np.allclose([lead.samples * lead.resolution for lead in theirs.leads], whole)
    assert record.device_reading.median is not None
    assert record.device_reading.median.signal_mv.shape == (2, 101)


def test_constructed_leads_recorded_one_after_another_are_not_drawn_as_simultaneous(tmp_path: Path) -> None:
    # ecgdatakit gives three leads of 400 samples and leaves their beginning in an annotation.
    adu = real_adu(3)[:, :400]
    found = sections(adu)
    found[3] = leads_section([("I", 1, 400), ("II", 401, 800), ("V1", 801, 1200)], flags=0)
    record = read_and_check(written(tmp_path / "x.scp", assemble(found)))
    assert (record.lead_names, record.n_samples) == (("I", "II", "V1"), 1200)
    for lead, row in enumerate(record.signal_mv):
        part = row[400 * lead : 400 * lead + 400]
        assert np.array_equal(np.round(part * 200).astype(int), adu[lead])
        assert np.isnan(row).sum() == 800


@pytest.mark.parametrize(("interval_us", "fs_hz"), [(2000, 500.0), (4000, 250.0), (3906, 256.0), (1042, 960.0)])
def test_constructed_the_rate_is_the_one_whose_interval_is_stored(
    interval_us: int, fs_hz: float, tmp_path: Path
) -> None:
    record = read_and_check(written(tmp_path / "x.scp", assemble(sections(real_adu(), interval_us=interval_us))))
    assert record.fs_hz == fs_hz


def test_constructed_leads_have_the_standards_names(tmp_path: Path) -> None:
    numbers = (1, 9, 12, 16, 61, 65, 66, 31, 84, 200)
    adu = np.tile(real_adu(1), (len(numbers), 1))
    found = sections(adu[:1])
    found[3] = leads_section([(number, 1, 1000) for number in numbers])
    found[6] = block(list(adu), 5000, 2000, 2, True)
    record = read_and_check(written(tmp_path / "x.scp", assemble(found)))
    assert record.lead_names == ("I", "V7", "V4R", "vx", "III", "-aVR", "V8", "I-cal", "lead 84", "lead 200")


# --- what the device said --------------------------------------------------------------------------------------------


def test_constructed_patient_date_device_and_filters_are_read(tmp_path: Path) -> None:
    machine = struct.pack("<HHHBB6sBBBBB17s", 1, 2, 3, 0, 17, b"AT-10\0", 20, 0xA0, 0, 8, 1, bytes(17))
    found = sections(real_adu())
    found[1] = patient_section(
        tag(0, b"Doe\0"),
        tag(1, b"Jane\0"),
        tag(2, b"P-17\0"),
        tag(4, struct.pack("<HB", 63, 1)),
        tag(8, b"\x02"),
        tag(14, machine + b"\0\0\0\0\0"),
        tag(25, struct.pack("<HBB", 2024, 2, 29)),
        tag(26, bytes((12, 34, 56))),
        tag(27, struct.pack("<H", 5)),
        tag(28, struct.pack("<H", 150)),
        tag(29, b"\x02"),
        tag(30, b"at rest\0"),
    )
    record = read_and_check(written(tmp_path / "x.scp", assemble(found)))
    assert (record.patient.name, record.patient.patient_id) == ("Doe, Jane", "P-17")
    assert (record.patient.age_years, record.patient.sex) == (63.0, "female")
    assert record.acquisition.start == datetime(2024, 2, 29, 12, 34, 56)
    assert record.acquisition.device == "Schiller AT-10"
    assert record.acquisition.filters == "0.05-150 Hz, notch 50 Hz"
    assert record.acquisition.comments == ("at rest",)


def test_constructed_a_name_in_another_script_is_read_by_the_files_language_code(tmp_path: Path) -> None:
    machine = struct.pack("<HHHBB6sBBBBB17s", 1, 2, 3, 0, 255, b"X\0", 20, 0xA0, 0x37, 8, 1, bytes(17))
    found = sections(real_adu())
    found[1] = patient_section(tag(0, "Müller\0".encode()), tag(14, machine))
    assert read_and_check(written(tmp_path / "x.scp", assemble(found))).patient.name == "Müller"


def test_constructed_an_impossible_date_is_unknown(tmp_path: Path) -> None:
    found = sections(real_adu())
    found[1] = patient_section(tag(25, struct.pack("<HBB", 2024, 2, 30)), tag(26, bytes((12, 0, 0))))
    record = read_and_check(written(tmp_path / "x.scp", assemble(found)))
    assert record.acquisition.start is None
    assert record.report.ignored == ("start time 12:00:00: it has no date",)
    found[1] = patient_section(tag(25, struct.pack("<HBB", 2024, 2, 29)), tag(26, bytes((99, 0, 0))))
    assert read_and_check(written(tmp_path / "x.scp", assemble(found))).acquisition.start == date(2024, 2, 29)


@pytest.mark.parametrize(
    ("byte", "status"),
    [(0, "unconfirmed"), (1, "confirmed by Dr Roe"), (2, "over-read, not confirmed"), (9, None)],
)
def test_constructed_the_interpretation_says_whether_anybody_confirmed_it(
    byte: int, status: str | None, tmp_path: Path
) -> None:
    lines = [b"Sinus rhythm\0", b"Left bundle branch block\0"]
    body = struct.pack("<BHBBBBBB", byte, 2024, 2, 29, 12, 0, 0, len(lines))
    body += b"".join(struct.pack("<BH", row, len(line)) + line for row, line in enumerate(lines, start=1))
    found = sections(real_adu())
    found[1] = patient_section(tag(21, b"Dr Roe\0"))
    found[8] = body
    record = read_and_check(written(tmp_path / "x.scp", assemble(found)))
    assert record.device_reading.statements == ("Sinus rhythm", "Left bundle branch block")
    assert record.device_reading.status == status
    assert record.acquisition.statements == ()


def test_constructed_statement_codes_are_shown_where_there_is_no_text(tmp_path: Path) -> None:
    value = b"\x01" + b"SR\0\0" + b"PROB\0"
    found = sections(real_adu())
    found[11] = struct.pack("<BHBBBBBB", 0, 2024, 2, 29, 12, 0, 0, 1) + struct.pack("<BH", 1, len(value)) + value
    record = read_and_check(written(tmp_path / "x.scp", assemble(found)))
    assert record.device_reading.statements == ("SR PROB",)


def test_constructed_measurements_are_global_and_by_lead_and_what_was_not_measured_is_left_out(tmp_path: Path) -> None:
    spikes = struct.pack("<Hh", 100, 2000) + struct.pack("<BBHH", 2, 1, 1, 500)
    found = sections(real_adu())
    found[7] = (
        struct.pack("<BBHH", 1, 1, 800, 29999)
        + struct.pack("<5H3h", 100, 200, 260, 350, 29999, 44, -30, 999)
        + spikes
        + struct.pack("<HB", 1, 0)
        + struct.pack("<3HB", 75, 29999, 440, 1)
    )
    block_10 = struct.pack("<15h", 90, 160, 29999, 400, 0, 40, 30, 0, 0, -100, 1200, -300, 0, 0, 19999)
    found[10] = struct.pack("<HH", 1, 0) + struct.pack("<HH", LEAD_NUMBERS["II"], len(block_10)) + block_10
    measurements = read_and_check(written(tmp_path / "x.scp", assemble(found))).device_reading.measurements
    assert [measured for measured in measurements if measured.lead is None] == [
        DeviceMeasurement("RR", 800.0, "ms"),
        DeviceMeasurement("P duration", 100.0, "ms"),
        DeviceMeasurement("PR", 160.0, "ms"),
        DeviceMeasurement("QRS duration", 90.0, "ms"),
        DeviceMeasurement("P axis", 44.0, "deg"),
        DeviceMeasurement("QRS axis", -30.0, "deg"),
        DeviceMeasurement("pacemaker spikes", 1.0, ""),
        DeviceMeasurement("ventricular rate", 75.0, "bpm"),
        DeviceMeasurement("QTc (Bazett)", 440.0, "ms"),
    ]
    by_lead = {measured.name: measured.value for measured in measurements if measured.lead == "II"}
    assert by_lead["PR"] == 160.0
    assert by_lead["R amplitude"] == 1200.0
    assert not {"QRS duration", "Q duration", "J amplitude"} & set(by_lead)


# --- checksums and faults --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("checksums", ["none", "wrong"])
def test_constructed_a_writer_that_computes_no_checksum_right_is_read_with_a_warning(
    checksums: str, tmp_path: Path
) -> None:
    record = read_and_check(written(tmp_path / "x.scp", assemble(sections(real_adu()), checksums=checksums)))
    assert any("No checksum of the file is right" in warning for warning in record.report.warnings)


def test_one_changed_byte_in_the_rhythm_is_damage(test_data: Find, tmp_path: Path) -> None:
    content = bytearray(test_data(*EXAMPLE).read_bytes())
    content[20_000] ^= 1
    with pytest.raises(RecordError, match=r"is damaged: the checksum is wrong in section 6 \(rhythm\)"):
        read_record(written(tmp_path / "x.scp", bytes(content)))


def test_one_changed_byte_in_the_patients_name_is_warned_of(test_data: Find, tmp_path: Path) -> None:
    content = test_data(*EXAMPLE).read_bytes().replace(b"Clark\0", b"Clerk\0")
    record = read_and_check(written(tmp_path / "x.scp", content))
    assert any("checksum is wrong" in warning and "1 (patient)" in warning for warning in record.report.warnings)


def changed(number: int, body: bytes | None) -> Callable[[dict[int, bytes]], None]:
    def change(found: dict[int, bytes]) -> None:
        del found[number]
        if body is not None:
            found[number] = body

    return change


def first_bytes(number: int, offset: int, layout: str, *values: int) -> Callable[[dict[int, bytes]], None]:
    def change(found: dict[int, bytes]) -> None:
        body = bytearray(found[number])
        struct.pack_into(layout, body, offset, *values)
        found[number] = bytes(body)

    return change


def bimodal(found: dict[int, bytes]) -> None:
    found[6] = block(list(real_adu()), 5000, 8000, 2, True, flag=1)


def long_term(found: dict[int, bytes]) -> None:
    del found[6]
    found[12] = bytes(100)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (changed(3, None), "has no section 3 (leads)"),
        (changed(6, None), "has no section 6 (rhythm)"),
        (changed(6, b"\0\0"), "has a section 6 (rhythm) that is too short"),
        (long_term, "holds a long-term recording of SCP-ECG 3"),
        (bimodal, "is compressed with loss (bimodal)"),
        (changed(2, b"\x01"), "section 2 (code tables) is not complete"),
        (changed(2, struct.pack("<H", 0)), "section 2 states 0 code tables"),
        (changed(2, struct.pack("<HH", 1, 400)), "section 2 (code tables) is not complete"),
        (changed(2, struct.pack("<HHBBBhL", 1, 1, 1, 1, 0, 7, 0)), "refers to code table 7, which is not there"),
        (changed(2, struct.pack("<HHBBBhL", 1, 1, 0, 1, 1, 7, 0)), "a code of an impossible length"),
        (first_bytes(3, 0, "<B", 200), "states 200 leads"),
        (first_bytes(3, 0, "<B", 0), "states 0 leads"),
        (first_bytes(3, 2, "<LL", 1, 2**32 - 1), "absurd number of samples"),
        (first_bytes(3, 2, "<LL", 500, 1), "absurd number of samples"),
        (first_bytes(3, 2, "<LL", 1, 5000), "its bits end too early"),
        (first_bytes(3, 2, "<LL", 2**31, 2**31 + 999), "states leads too far apart in time"),
        (first_bytes(6, 0, "<H", 0), "states no amplitude"),
        (first_bytes(6, 2, "<H", 0), "states no sampling rate in section 6"),
        (first_bytes(6, 2, "<H", 60_000), "has leads at 16.6667 Hz"),
        (first_bytes(6, 4, "<B", 3), "the samples of section 6 are not complete"),
        (first_bytes(6, 6, "<H", 65_535), "the samples of section 6 are not complete"),
        (first_bytes(6, 6, "<H", 0), "cannot hold 1000 samples"),
    ],
)
def test_constructed_a_fault_is_said(change: Callable[[dict[int, bytes]], None], cause: str, tmp_path: Path) -> None:
    found = sections(real_adu())
    change(found)
    with pytest.raises(RecordError) as caught:
        read_record(written(tmp_path / "x.scp", assemble(found)))
    assert cause in str(caught.value)


def test_constructed_beats_that_are_missing_or_overlap_are_said(tmp_path: Path) -> None:
    found, _ = with_subtracted_beats(5000, 5000)
    for number in (4, 5):
        lacking = {key: body for key, body in found.items() if key != number}
        with pytest.raises(RecordError, match="stores the rhythm without its beats, and the beats are not complete"):
            read_record(written(tmp_path / "x.scp", assemble(lacking)))
    found[4] = struct.pack("<HHH", 202, 51, 2) + 2 * struct.pack("<HLLL", 0, 100, 150, 200)
    with pytest.raises(RecordError, match="beats of section 4 overlap"):
        read_record(written(tmp_path / "x.scp", assemble(found)))
    found[4] = struct.pack("<HHH", 202, 51, 60_000)
    with pytest.raises(RecordError, match="states 60000 beats, which is absurd"):
        read_record(written(tmp_path / "x.scp", assemble(found)))


@pytest.mark.parametrize(
    ("offset", "layout", "values", "cause"),
    [
        (2, "<L", (2**31,), "is truncated: it has"),
        (2, "<L", (10,), "states a length of 10 bytes"),
        (34, "<L", (2**31,), "section 1 lies outside the file"),
        (38, "<L", (2**32 - 1,), "section 1 lies outside the file"),
        (38, "<L", (0,), "section 1 lies outside the file"),
        (38, "<L", (7,), "at the place of section 1 there is section 0"),
        (42, "<HLL", (1, 20, 7), "has more than one section 1"),
    ],
)
def test_constructed_pointers_that_lead_astray_are_said(
    offset: int, layout: str, values: tuple[int, ...], cause: str, tmp_path: Path
) -> None:
    content = bytearray(assemble(sections(real_adu())))
    struct.pack_into(layout, content, offset, *values)
    with pytest.raises(RecordError) as caught:
        read_record(written(tmp_path / "x.scp", bytes(content)))
    assert cause in str(caught.value)


def test_constructed_the_manufacturers_own_sections_are_named_as_ignored(tmp_path: Path) -> None:
    found = sections(real_adu())
    found[9] = b"something"
    content = assemble(found) + b"trailer"
    record = read_and_check(written(tmp_path / "x.scp", content))
    assert record.report.ignored == ("7 bytes after the record's end", "section 9, which is the manufacturer's own")
