"""Damaged and hostile DICOM and SCP-ECG files: a clear error or a record, in at most 2 s and 500 MB."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from dicom_files import channel, code, group, write
from fuzz_files import check_refused_or_read, truncations, variants
from real_records import real_signal_mv
from scp_files import DEFAULT_TABLE, assemble, leads_section, patient_section, with_right_checksums

from physioclr_core.errors import RecordError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.record import EcgRecord

Find = Callable[..., Path]

REAL_FILES = (
    "scp-ecg/ecgtoolkit_Example.scp",
    "dicom-ecg/ecgtoolkit_Example.dcm",
    "dicom-ecg/pydicom_waveform_ecg.dcm",
    "dicom-ecg/ecg2dcm_guangxi_teaching_sinus_rhythm.dcm",
)
N_VARIANTS = 1000
N_FAST = 20


def read_each(folder: Path, suffix: str, contents: Iterator[bytes]) -> list[EcgRecord | RecordError]:
    outcomes = []
    for number, content in enumerate(contents):
        path = folder / f"{number}{suffix}"
        path.write_bytes(content)
        outcomes.append(check_refused_or_read(path))
        path.unlink()
    return outcomes


def deflated(folder: Path) -> bytes:
    """Return a small 12-lead DICOM file in the deflated transfer syntax."""
    adu = np.round(real_signal_mv(3) * 1000).astype(np.int16)
    groups = [group(adu, [channel(name) for name in STANDARD_LEADS])]
    return write(folder / "deflated.dcm", groups, syntax="deflated").read_bytes()


@pytest.mark.parametrize("name", REAL_FILES)
def test_a_real_file_cut_at_every_5_percent_is_refused(name: str, test_data: Find, tmp_path: Path) -> None:
    # Refused, not read in part: what is missing at the end may be a lead.
    path = test_data("clinical-formats", *name.split("/"))
    for outcome in read_each(tmp_path, path.suffix, truncations(path.read_bytes())):
        assert isinstance(outcome, RecordError)


def test_a_deflated_file_cut_at_every_5_percent_is_refused(tmp_path: Path) -> None:
    *outcomes, _ = read_each(tmp_path, ".dcm", truncations(deflated(tmp_path)))  # the last byte only pads
    for outcome in outcomes:
        assert isinstance(outcome, RecordError)


@pytest.mark.parametrize("name", REAL_FILES)
def test_a_damaged_real_file_is_refused_or_read(name: str, test_data: Find, tmp_path: Path) -> None:
    path = test_data("clinical-formats", *name.split("/"))
    read_each(tmp_path, path.suffix, variants(path.read_bytes(), N_FAST, seed=1))


def test_a_damaged_scp_file_whose_checksums_were_made_right_is_refused_or_read(test_data: Find, tmp_path: Path) -> None:
    # Otherwise nearly every damage ends at a checksum, and what decodes the samples never sees one.
    content = test_data("clinical-formats", *REAL_FILES[0].split("/")).read_bytes()
    read_each(tmp_path, ".scp", map(with_right_checksums, variants(content, 2 * N_FAST, seed=2)))


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", REAL_FILES)
def test_a_real_file_damaged_in_1000_ways_is_refused_or_read(name: str, test_data: Find, tmp_path: Path) -> None:
    path = test_data("clinical-formats", *name.split("/"))
    outcomes = read_each(tmp_path, path.suffix, variants(path.read_bytes(), N_VARIANTS, seed=3))
    assert len(outcomes) == N_VARIANTS


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_scp_damaged_in_1000_ways_with_right_checksums_is_refused_or_read(test_data: Find, tmp_path: Path) -> None:
    content = test_data("clinical-formats", *REAL_FILES[0].split("/")).read_bytes()
    outcomes = read_each(tmp_path, ".scp", map(with_right_checksums, variants(content, N_VARIANTS, seed=4)))
    assert any(isinstance(outcome, EcgRecord) for outcome in outcomes)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_deflated_file_damaged_in_1000_ways_is_refused_or_read(tmp_path: Path) -> None:
    read_each(tmp_path, ".dcm", variants(deflated(tmp_path), N_VARIANTS, seed=5))


# --- DICOM made to hurt ----------------------------------------------------------------------------------------------


def dicom_head(syntax: str) -> bytes:
    """Return preamble and meta information with a transfer syntax."""
    uid = syntax.encode()
    uid += b"\0" * (len(uid) % 2)
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid
    return bytes(128) + b"DICM" + struct.pack("<HH2sHL", 2, 0, b"UL", 4, len(meta)) + meta


def element(group_number: int, number: int, representation: bytes, length: int, value: bytes = b"") -> bytes:
    """Return an explicit element with a stated length, which need not be the value's."""
    return struct.pack("<HH2sHL", group_number, number, representation, 0, length) + value


EXPLICIT, DEFLATED = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_OF_ANY_LENGTH = struct.pack("<HHL", 0xFFFE, 0xE000, 0), struct.pack("<HHL", 0xFFFE, 0xE000, UNDEFINED)


def deflate_bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(256))
    return dicom_head(DEFLATED) + packed + packer.flush()


HOSTILE_DICOM: dict[str, Callable[[], bytes]] = {
    "256 MB that unpack from 256 kB": deflate_bomb,
    "a sequence that claims 2 GB": lambda: dicom_head(EXPLICIT) + element(0x5400, 0x100, b"SQ", 2**31, ITEM),
    "samples that claim 4 GB": lambda: dicom_head(EXPLICIT) + element(0x5400, 0x1010, b"OW", 2**32 - 2, bytes(64)),
    "two million empty items": lambda: (
        dicom_head(EXPLICIT) + element(0x5400, 0x100, b"SQ", 8 * 2_000_000, ITEM * 2_000_000)
    ),
    "two million empty items without end": lambda: (
        dicom_head(EXPLICIT) + element(0x5400, 0x100, b"SQ", UNDEFINED, ITEM * 2_000_000)
    ),
    "two million elements": lambda: (
        dicom_head(EXPLICIT)
        + b"".join(struct.pack("<HH2sH", 8 + (n >> 16), n & 0xFFFF, b"SH", 0) for n in range(2_000_000))
    ),
    "sequences 100,000 deep": lambda: (
        dicom_head(EXPLICIT) + (element(0x5400, 0x100, b"SQ", UNDEFINED) + ITEM_OF_ANY_LENGTH) * 100_000
    ),
    "only a head": lambda: dicom_head(EXPLICIT),
    "meta information that claims 4 GB": lambda: (
        bytes(128) + b"DICM" + struct.pack("<HH2sHL", 2, 1, b"OB", 0, 2**32 - 1) + bytes(100)
    ),
    "an unknown transfer syntax": lambda: dicom_head("1.2.3") + bytes(100),
    "random bytes": lambda: dicom_head(EXPLICIT) + np.random.default_rng(0).bytes(100_000),
    "compressed random bytes": lambda: dicom_head(DEFLATED) + np.random.default_rng(0).bytes(100_000),
}


@pytest.mark.parametrize("name", HOSTILE_DICOM)
def test_constructed_a_hostile_dicom_file_is_refused_in_bounded_time_and_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(HOSTILE_DICOM[name]())
    assert isinstance(check_refused_or_read(path), RecordError)
    if "claim" in name or "unpack" in name:  # tracing millions of small objects takes far longer than reading them
        assert isinstance(check_refused_or_read(path, measure_memory=True), RecordError)


def test_constructed_100_000_annotations_are_not_waited_for(tmp_path: Path) -> None:
    lead = group(np.round(real_signal_mv(3)[:1] * 1000).astype(np.int16), [channel("I")])
    path = write(tmp_path / "x.dcm", [lead])
    mark = ITEM_OF_ANY_LENGTH + struct.pack("<HH2sH", 0x40, 0xA130, b"CS", 0) + struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
    marks = element(0x40, 0xB020, b"SQ", len(mark) * 100_000, mark * 100_000)
    content = path.read_bytes()
    place = content.index(struct.pack("<HH2s", 0x5400, 0x100, b"SQ"))
    path.write_bytes(content[:place] + marks + content[place:])
    outcome = check_refused_or_read(path)
    assert isinstance(outcome, EcgRecord)
    assert any("annotations were not read in full" in warning for warning in outcome.report.warnings)


def test_constructed_delays_that_would_fill_memory_are_refused(tmp_path: Path) -> None:
    adu = np.round(real_signal_mv(3)[:2] * 1000).astype(np.int16)
    for changes in ({"ChannelSampleSkew": "1e15"}, {"ChannelOffset": "1e9"}, {"ChannelTimeSkew": "-5000"}):
        path = write(tmp_path / "x.dcm", [group(adu, [channel("I"), channel("II", **changes)])])
        outcome = check_refused_or_read(path)
        assert isinstance(outcome, RecordError)
        assert "absurd delays" in str(outcome)


def test_constructed_groups_a_day_apart_are_refused_before_memory_is_taken(tmp_path: Path) -> None:
    adu = np.round(real_signal_mv(3) * 1000).astype(np.int16)
    groups = [
        group(adu, [channel(name) for name in STANDARD_LEADS], MultiplexGroupTimeOffset=str(offset_ms))
        for offset_ms in (0, 86_000_000)
    ]
    outcome = check_refused_or_read(write(tmp_path / "x.dcm", groups), measure_memory=True)
    assert isinstance(outcome, RecordError)
    assert "gaps too long" in str(outcome)


def test_constructed_text_that_is_no_text_stays_on_one_line(tmp_path: Path) -> None:
    lead = group(
        np.ones((1, 500), np.int16), [channel("?", ChannelSourceSequence=[code("x", "99", "a\nb\x1b[2J" * 99)])]
    )
    outcome = check_refused_or_read(write(tmp_path / "x.dcm", [lead], elements={"PatientName": "A\r\nB^C\x00D"}))
    assert isinstance(outcome, EcgRecord)
    assert outcome.patient.name == "C D, A B" or outcome.patient.name == "A B, C D"
    assert outcome.lead_names[0].isprintable()


# --- SCP-ECG made to hurt --------------------------------------------------------------------------------------------


def scp_of(**changed: bytes) -> bytes:
    n_leads = 12
    found = {
        1: patient_section(),
        2: DEFAULT_TABLE,
        3: leads_section([(name, 1, 500_000) for name in STANDARD_LEADS]),
        6: struct.pack("<HHBB", 1000, 2000, 2, 0) + struct.pack("<12H", *[65_000] * n_leads) + bytes(65_000 * n_leads),
    }
    found |= {int(number.removeprefix("section_")): body for number, body in changed.items()}
    return assemble(found)


def many_codes() -> bytes:
    """Return 8 tables of 4,096 codes."""
    rows = b"".join(struct.pack("<BBBhL", 12, 12, 1, 0, int(f"{number:012b}"[::-1], 2)) for number in range(4096))
    return struct.pack("<H", 8) + 8 * (struct.pack("<H", 4096) + rows)


def endless_switch() -> bytes:
    """Return a table whose every code leads to itself."""
    return struct.pack("<HHBBBhL", 1, 1, 1, 1, 0, 1, 0)


def switching() -> bytes:
    """Return two tables, each of which has a one-bit sample and leads to the other."""
    row = struct.pack("<BBBhL", 1, 1, 1, 1, 1)
    return struct.pack("<H", 2) + b"".join(
        struct.pack("<H", 2) + struct.pack("<BBBhL", 1, 1, 0, other, 0) + row for other in (2, 1)
    )


HOSTILE_SCP: dict[str, Callable[[], bytes]] = {
    "six million samples of one bit": scp_of,
    "85 leads of 500,000 samples": lambda: scp_of(
        section_3=leads_section([(number, 1, 500_000) for number in range(1, 86)]),
        section_6=struct.pack("<HHBB", 1000, 2000, 2, 0) + struct.pack("<85H", *[65_000] * 85) + bytes(65_000 * 85),
    ),
    "leads that claim 4 G samples": lambda: scp_of(section_3=leads_section([("I", 1, 2**32 - 1)])),
    "a lead that begins 4 G samples later": lambda: scp_of(
        section_3=leads_section([("I", 1, 1000), ("II", 2**32 - 1000, 2**32 - 1)])
    ),
    "32,768 codes in 8 tables": lambda: scp_of(
        section_2=many_codes(),
        section_3=leads_section([("I", 1, 40_000)]),
        section_6=struct.pack("<HHBBH", 1000, 2000, 2, 0, 65_000) + bytes(65_000),
    ),
    "a code table that leads to itself for ever": lambda: scp_of(
        section_2=endless_switch(), section_3=leads_section([(name, 1, 1000) for name in STANDARD_LEADS])
    ),
    "two million samples of one bit": lambda: scp_of(
        section_3=leads_section([(name, 1, 170_000) for name in STANDARD_LEADS])
    ),
    "two million samples of two bits, each with a switch of tables": lambda: scp_of(
        section_2=switching(),
        section_3=leads_section([(name, 1, 170_000) for name in STANDARD_LEADS]),
    ),
    "65,535 beats": lambda: scp_of(
        section_3=leads_section([("I", 1, 500_000)], flags=5),
        section_4=struct.pack("<HHH", 60_000, 1, 65_535) + struct.pack("<HLLL", 0, 1, 1, 500_000) * 65_535,
    ),
    "a reference beat of a million samples": lambda: scp_of(
        section_4=struct.pack("<HHH", 65_535, 1, 0),
        section_5=struct.pack("<HHBB", 1, 1, 0, 0) + struct.pack("<12H", *[65_000] * 12) + bytes(65_000 * 12),
    ),
    "statements that claim more than there is": lambda: scp_of(
        section_3=leads_section([("I", 1, 1000)]),
        section_6=struct.pack("<HHBBH", 1000, 2000, 2, 0, 65_000) + bytes(65_000),
        section_8=b"\0" * 8 + b"\xff" + b"\x01\xff\xff",
        section_10=struct.pack("<HH", 65_535, 0) + bytes(8),
        section_7=b"\xff\xff" + bytes(20),
    ),
}


@pytest.mark.parametrize("name", HOSTILE_SCP)
def test_constructed_a_hostile_scp_file_takes_bounded_time_and_memory(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.scp"
    path.write_bytes(HOSTILE_SCP[name]())
    check_refused_or_read(path)
    check_refused_or_read(path, measure_memory=True)


def test_constructed_every_pointer_of_an_scp_file_may_lead_anywhere(tmp_path: Path) -> None:
    content = scp_of(
        section_3=leads_section([("I", 1, 1000)]),
        section_6=struct.pack("<HHBBH", 1000, 2000, 2, 0, 2000) + bytes(2000),
    )
    places = range(22, 22 + 120, 10)
    values = (0, 1, 7, 16, len(content) - 1, len(content), 2**31, 2**32 - 1)
    for place, value, part in itertools.product(places, values, (2, 6)):
        changed = bytearray(content)
        struct.pack_into("<L", changed, place + part, value)
        (tmp_path / "x.scp").write_bytes(changed)
        check_refused_or_read(tmp_path / "x.scp")
