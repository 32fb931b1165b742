from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest
from wfdb_files import CHAPMAN, SPECIAL

from physioclr_core.errors import RecordError
from physioclr_core.readers.wfdb_header import HeaderError, SignalSpec, WfdbHeader, parse_header, read_header

ONE_LEAD = "x.dat 16 200 12 0 1 2 0 I"


def one_lead(record_line: str = "x 1 360 1000", signal_line: str = ONE_LEAD) -> WfdbHeader:
    return parse_header(f"{record_line}\n{signal_line}\n")


def signal(line: str) -> SignalSpec:
    return one_lead(signal_line=line).signals[0]


# --- what is read ----------------------------------------------------------------------------------------------------


def test_every_field_of_a_signal_line_is_read() -> None:
    spec = signal("x.dat 212x4:3+24 -12.84(-1605)/mmHg 12 7 -943 -23651 512 ABP left  radial")
    assert spec == SignalSpec(
        file_name="x.dat",
        format=212,
        samples_per_frame=4,
        skew_frames=3,
        byte_offset=24,
        gain=-12.84,
        is_gain_stated=True,
        baseline_adu=-1605,
        unit="mmHg",
        adc_bits=12,
        adc_zero_adu=7,
        initial_adu=-943,
        checksum=-23651,
        block_size=512,
        name="ABP left  radial",
    )


def test_every_field_of_a_record_line_is_read() -> None:
    header = one_lead("x 1 360.5/1000(17) 650000 13:05:00.25 28/06/1987")
    assert header == WfdbHeader(
        record_name="x",
        n_signals=1,
        frame_fs_hz=360.5,
        counter_fs_hz=1000.0,
        base_counter=17.0,
        n_frames=650000,
        base_time=time(13, 5, 0, 250000),
        base_date=date(1987, 6, 28),
        signals=header.signals,
        segments=(),
        comments=(),
        notes=(),
    )


def test_fields_that_are_left_out_have_the_formats_defaults() -> None:
    spec = signal("x.dat 16")
    assert (spec.gain, spec.is_gain_stated, spec.unit, spec.baseline_adu) == (200.0, False, "", 0)
    assert (spec.samples_per_frame, spec.skew_frames, spec.byte_offset) == (1, 0, 0)
    assert (spec.checksum, spec.initial_adu, spec.name) == (None, None, "")


def test_gain_zero_is_no_gain() -> None:
    spec = signal("x.dat 16 0(5)/uV 16 0 0 0 0 I")
    assert (spec.gain, spec.is_gain_stated, spec.baseline_adu, spec.unit) == (200.0, False, 5, "uV")


def test_baseline_is_the_adc_zero_where_it_is_not_stated() -> None:
    assert signal("x.dat 212 200 11 1024 995 0 0 MLII").baseline_adu == 1024
    assert signal("x.dat 212 200(0) 11 1024 995 0 0 MLII").baseline_adu == 0


@pytest.mark.parametrize("record_line", ["x 1 360", "x 1 360 0"])
def test_length_may_be_left_open(record_line: str) -> None:
    assert one_lead(record_line).n_frames is None


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("08:38:14 02/08/1987", (time(8, 38, 14), date(1987, 8, 2))),
        ("05-Feb-2020 11:39:16", (time(11, 39, 16), date(2020, 2, 5))),  # CinC's order
        ("04-jun-2020", (None, date(2020, 6, 4))),
        ("8:26:04", (time(8, 26, 4), None)),
        ("26:04", (time(0, 26, 4), None)),
        ("8:26:04 26/10/1994", (time(8, 26, 4), date(1994, 10, 26))),
    ],
)
def test_start_is_read_in_the_forms_that_occur(start: str, expected: tuple[time | None, date | None]) -> None:
    header = one_lead(f"x 1 360 1000 {start}")
    assert (header.base_time, header.base_date) == expected
    assert not header.notes


@pytest.mark.parametrize(
    "start", ["25:00:00", "10:00:00 06/28/1987", "10:00:00 31/02/1987", "10:00:00 1987-06-28", "x"]
)
def test_a_start_that_is_none_is_left_out_and_said_never_guessed(start: str) -> None:
    header = one_lead(f"x 1 360 1000 {start}")
    assert header.base_date is None
    assert len(header.notes) == 1


def test_comments_and_blank_lines_may_stand_anywhere() -> None:
    header = parse_header(f"# first\n\nx 1 360 1000\n#second\n\n{ONE_LEAD}\n\n## third # x\n")
    assert header.comments == ("first", "second", "third # x")
    assert len(header.signals) == 1


def test_windows_line_ends_tabs_and_a_byte_order_mark_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "x.hea"
    path.write_bytes(b"\xef\xbb\xbfx\t1\t360  1000 \r\nx.dat 16 200 12 0 1 2 0 Lead  I \r\n# \xc2\xb5\r\n")
    header = read_header(path)
    assert header.signals[0].name == "Lead  I"
    assert header.comments == ("\u00b5",)


def test_older_headers_in_windows_1252_are_read(tmp_path: Path) -> None:
    path = tmp_path / "x.hea"
    path.write_bytes("x 1 360 1000\nx.dat 16 200/\u00b5V 12 0 1 2 0 I\n# J\u00f6rg\n".encode("cp1252"))
    header = read_header(path)
    assert header.signals[0].unit == "\u00b5V"
    assert header.comments == ("J\u00f6rg",)


def test_segments_are_read_in_order_with_gaps() -> None:
    header = parse_header("x/3 2 125 3000\nx_layout 0\nx_1 1000\n~ 2000\n")
    assert [(segment.name, segment.n_frames) for segment in header.segments] == [
        ("x_layout", 0),
        ("x_1", 1000),
        ("~", 2000),
    ]
    assert header.is_multi_segment
    assert not header.is_layout


def test_layout_header_is_recognised() -> None:
    assert parse_header("x 1 125 0\n~ 0 200/mV 12 0 0 0 0 II\n").is_layout


def test_real_headers_are_read() -> None:
    chapman = read_header(CHAPMAN.with_suffix(".hea"))
    assert (chapman.n_signals, chapman.frame_fs_hz, chapman.n_frames) == (12, 500.0, 5000)
    assert {(s.format, s.byte_offset, s.gain, s.unit) for s in chapman.signals} == {(16, 24, 1000.0, "mV")}
    mimic = read_header(SPECIAL / "03700181.hea")
    assert [(s.samples_per_frame, s.skew_frames, s.name) for s in mimic.signals] == [
        (4, 0, "MCL1"),
        (1, 0, "ABP"),
        (1, 4, "RESP"),
    ]


# --- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record_line", "cause"),
    [
        ("x", "is not a WFDB header: line 1 is 'x', no record line"),
        ("x 1", "sampling rate is missing"),
        ("x one 360 1000", "is not a WFDB header: line 1 is 'x one 360 1000', no record line"),
        ("x -1 360 1000", "cannot be negative"),
        ("x 0 360 1000", "0 leads"),
        ("x 1 0 1000", "must be positive"),
        ("x 1 -360 1000", "must be positive"),
        ("x 1 1e9 1000", "absurd"),
        ("x 1 1e999 1000", "absurd"),
        ("x 1 1e-30 1000", "absurd"),
        ("x 1 nan 1000", "not a number"),
        ("x 1 inf 1000", "not a number"),
        ("x 1 \u0663\u0666\u0660 1000", "not a number"),
        ("x 1 360 -5", "cannot be negative"),
        ("x 1 360 1e3", "not a whole number"),
        ("x 1 360 1_000", "not a whole number"),
        (f"x 1 360 {'9' * 5000}", "not a whole number"),
        ("../x 1 360 1000", "record name '..' is not the name of a file"),
        ("x/0 1 360 1000", "number of segments is 0"),
        ("x/ 1 360 1000", "number of segments is missing"),
        ("C:x 1 360 1000", "not the name of a file"),
    ],
)
def test_a_wrong_record_line_is_refused_with_the_field(record_line: str, cause: str) -> None:
    with pytest.raises(HeaderError, match=cause) as caught:
        one_lead(record_line)
    assert "line 1" in str(caught.value)


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("x.dat", "needs a file name and a format"),
        ("x.dat sixteen 200 12 0 1 2 0 I", "not a WFDB signal format"),
        ("x.dat 17 200 12 0 1 2 0 I", "format '17' is unknown"),
        ("x.dat 16x0 200 12 0 1 2 0 I", "0 samples per frame"),
        ("x.dat 16x99999999999 200 12 0 1 2 0 I", "absurd"),
        ("x.dat 16:-3 200 12 0 1 2 0 I", "not a WFDB signal format"),
        ("x.dat 16+x 200 12 0 1 2 0 I", "not a WFDB signal format"),
        ("x.dat 16 two 12 0 1 2 0 I", "gain 'two'"),
        ("x.dat 16 1e999 12 0 1 2 0 I", "gain '1e999' is absurd"),
        ("x.dat 16 1e-20 12 0 1 2 0 I", "gain '1e-20' is absurd"),
        ("x.dat 16 200(1.5)/mV 12 0 1 2 0 I", "gain"),
        ("x.dat 16 200(99999999999)/mV 12 0 1 2 0 I", "baseline"),
        ("x.dat 16 200 twelve 0 1 2 0 I", "ADC resolution 'twelve'"),
        ("x.dat 16 200 12 zero 1 2 0 I", "ADC zero 'zero'"),
        ("x.dat 16 200 12 0 one 2 0 I", "initial value 'one'"),
        ("x.dat 16 200 12 0 1 two 0 I", "checksum 'two'"),
        ("x.dat 16 200 12 0 1 2 none I", "block size 'none'"),
        ("../../etc/passwd 16 200 12 0 1 2 0 I", "not the name of a file in the header's own folder"),
        ("/etc/passwd 16 200 12 0 1 2 0 I", "not the name of a file in the header's own folder"),
        ("a\\b.dat 16 200 12 0 1 2 0 I", "not the name of a file in the header's own folder"),
        ("C:x.dat 16 200 12 0 1 2 0 I", "not the name of a file in the header's own folder"),
        (".. 16 200 12 0 1 2 0 I", "not the name of a file in the header's own folder"),
        ("- 16 200 12 0 1 2 0 I", "standard input"),
        ("~ 16 200 12 0 1 2 0 I", "does not go with the file"),
        ("x.dat 0 200 12 0 1 2 0 I", "does not go with the file"),
    ],
)
def test_a_wrong_signal_line_is_refused_with_the_field(line: str, cause: str) -> None:
    with pytest.raises(HeaderError, match=cause.replace("(", r"\(")):
        signal(line)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("# only\n# comments\n", "no record line"),
        ("x 1 360\x001000\n", "binary"),
        ("<?xml version='1.0'?>\n<ecg/>\n", "is not a WFDB header: line 1 is"),
        ("x 2 360 1000\n" + ONE_LEAD, "says 2 leads but has 1 signal lines"),
        ("x 1 360 1000\n" + ONE_LEAD + "\n" + ONE_LEAD, "says 1 leads but has 2 signal lines"),
        ("x 2 360 1000\nx.dat 16\nx.dat 212\n", "different formats"),
        ("x 2 360 1000\nx.dat 16+24\nx.dat 16+32\n", "different formats or byte offsets"),
        ("x 3 360 1000\nx.dat 16\ny.dat 16\nx.dat 16\n", "not in consecutive lines"),
        ("x/2 1 360 1000\nx1 1000\n", "says 2 segments but has 1"),
        ("x/1 1 360 1000\nx1 900\n", "says 1000 samples but its segments have 900"),
        ("x/1 1 360 1000\nx 1000\n", "names itself"),
        ("x/1 1 360 1000\n../y 1000\n", "not the name of a file"),
        ("x/1 1 360 1000\ny 1000 5\n", "a segment line is"),
        ("x/1 1 360 1000\ny -1\n", "cannot be negative"),
    ],
)
def test_a_wrong_header_is_refused_with_the_cause(text: str, cause: str) -> None:
    with pytest.raises(HeaderError, match=cause):
        parse_header(text)


def test_error_names_the_file_and_quotes_only_printable_short_text(tmp_path: Path) -> None:
    path = tmp_path / "x.hea"
    path.write_text(f"x 1 360 1000\nx.dat 16 {'g' * 200}\u202e 12\n", encoding="utf-8")
    with pytest.raises(RecordError) as caught:
        read_header(path)
    assert str(caught.value).startswith("x.hea: line 2 of the header: the gain 'ggg")
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


def test_a_file_far_too_large_for_a_header_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "x.hea"
    with path.open("wb") as file:
        file.truncate(2**34)
    with pytest.raises(RecordError, match="too large"):
        read_header(path)
