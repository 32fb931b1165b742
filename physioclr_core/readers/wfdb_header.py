"""WFDB headers: a strict parser that says what is wrong.

References
----------
.. [1] WFDB Applications Guide, header(5) and signal(5), https://physionet.org/physiotools/wag/header-5.htm
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from physioclr_core.errors import RecordError
from physioclr_core.readers.files import read_bytes

MAX_HEADER_BYTES = 8 * 2**20
# header(5): what a signal line without a gain, or with gain 0, means.
DEFAULT_GAIN = 200.0
# Formats of signal(5) and the value that means "no sample here"; format 8 has none, 0 is a signal that is not stored.
INVALID_SAMPLE: dict[int, int | None] = {
    0: None,
    8: None,
    16: -(2**15),
    24: -(2**23),
    32: -(2**31),
    61: -(2**15),
    80: -(2**7),
    160: -(2**15),
    212: -(2**11),
    310: -(2**9),
    311: -(2**9),
    508: -(2**7),
    516: -(2**15),
    524: -(2**23),
}
FLAC_FORMATS = frozenset({508, 516, 524})
NULL_FILE = "~"
# Bounds far outside every ECG, so that a damaged number is found before it is used.
_FS_RANGE_HZ = (1e-3, 1e6)
_GAIN_RANGE = (1e-9, 1e15)
_MAX_INT = 2**31
_MAX_DIGITS = 18
_MAX_TEXT = 40
_Line = TypeVar("_Line")

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
# A name and a number of signals; whatever has not even that is no header with a fault but something else.
_RECORD_LINE = re.compile(r"\S+\s+[+-]?[0-9]+(?:\s|$)")
_RATE = re.compile(rf"({_NUMBER})(?:/({_NUMBER})(?:\(({_NUMBER})\))?)?")
_FORMAT = re.compile(r"([0-9]{1,12})(?:x([0-9]{1,12}))?(?::([0-9]{1,12}))?(?:\+([0-9]{1,12}))?")
_GAIN = re.compile(rf"({_NUMBER})(?:\(([+-]?[0-9]{{1,12}})\))?(?:/(\S+))?")
# The whole numbers of a signal line at once, which is most of the work of a header.
_INTEGERS = re.compile(r"(?:[+-]?[0-9]{1,18}(?: |$))*")
_INTEGER_FIELDS = ("the ADC resolution", "the ADC zero", "the initial value", "the checksum", "the block size")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d*)?)?", re.ASCII)
_DATE_NUMERIC = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_DATE_NAMED = re.compile(r"(\d{1,2})-([A-Za-z]{3})-(\d{4})", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# A name is one file in the header's own folder: no separators, no drive or stream colon.
_FILE_NAME = re.compile(r"[^\s/\\:]+")
# Tab and the line ends are the only control characters of a text header.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


class SignalSpec(NamedTuple):  # twelve dataclasses would cost as much as the rest of the parsing
    """One signal line. ``gain`` is in ADU per ``unit``.

    ``is_gain_stated`` is False where the line has no gain or gain 0, and ``gain`` is then WFDB's default.
    ``checksum`` and ``initial_adu`` are None where the line ends before them; ``unit`` and ``name`` are then empty.
    """

    file_name: str
    format: int
    samples_per_frame: int
    skew_frames: int
    byte_offset: int
    gain: float
    is_gain_stated: bool
    baseline_adu: int
    unit: str
    adc_bits: int
    adc_zero_adu: int
    initial_adu: int | None
    checksum: int | None
    block_size: int
    name: str


@dataclass(frozen=True, slots=True)
class SegmentSpec:
    """One segment line; ``name`` is "~" for a gap."""

    name: str
    n_frames: int


@dataclass(frozen=True, slots=True)
class WfdbHeader:
    """A WFDB header. A header has signals or segments, never both.

    ``n_frames`` is None where the header leaves the length open; a frame holds ``samples_per_frame`` samples of each
    signal and there are ``frame_fs_hz`` frames a second. ``notes`` are sentences about fields that were not understood
    and do not matter for the samples.
    """

    record_name: str
    n_signals: int
    frame_fs_hz: float
    counter_fs_hz: float | None
    base_counter: float | None
    n_frames: int | None
    base_time: time | None
    base_date: date | None
    signals: tuple[SignalSpec, ...]
    segments: tuple[SegmentSpec, ...]
    comments: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def is_multi_segment(self) -> bool:
        """Whether the signals are in further records."""
        return bool(self.segments)

    @property
    def is_layout(self) -> bool:
        """Whether this is the layout header of a multi-segment record, which holds no samples."""
        return bool(self.signals) and all(signal.file_name == NULL_FILE for signal in self.signals)


class HeaderError(ValueError):
    """What is wrong with a header's text, without the file's name."""


def read_header(path: Path) -> WfdbHeader:
    """Read and parse a header file.

    Raises
    ------
    RecordError
        If it is no WFDB header or breaks the format's rules; the text names the line.
    """
    raw = read_bytes(path, MAX_HEADER_BYTES)
    try:
        return parse_header(decode_text(raw))
    except HeaderError as error:
        raise RecordError(path, str(error)) from None


def decode_text(raw: bytes) -> str:
    """Decode a header as UTF-8, else as Windows-1252 (µ and names with accents in older files)."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def parse_header(text: str) -> WfdbHeader:
    """Parse a header's text.

    Raises
    ------
    HeaderError
        If the text breaks the format's rules.
    """
    if not text.strip():
        raise HeaderError("is empty; a WFDB header was expected")
    if _CONTROL.search(text):
        raise HeaderError("is not a WFDB header but a binary file")
    lines: list[tuple[int, str]] = []
    comments: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped.startswith("#"):
            comments.append(stripped.lstrip("#").strip())
        elif stripped:
            lines.append((number, stripped))
    if not lines:
        raise HeaderError("has comments but no record line")
    number, record_line = lines[0]
    if _RECORD_LINE.match(record_line) is None:
        raise HeaderError(f"is not a WFDB header: line {number} is {quoted(record_line)}, no record line")
    header = _parse_lines(_parse_record_line, lines[:1])[0]
    signals: list[SignalSpec] = []
    segments: list[SegmentSpec] = []
    if header.n_segments is None:
        signals = _parse_lines(_parse_signal_line, lines[1:])
        _check_signals(header, signals)
    else:
        segments = _parse_lines(_parse_segment_line, lines[1:])
        _check_segments(header, segments)
    return WfdbHeader(
        record_name=header.record_name,
        n_signals=header.n_signals,
        frame_fs_hz=header.frame_fs_hz,
        counter_fs_hz=header.counter_fs_hz,
        base_counter=header.base_counter,
        n_frames=header.n_frames,
        base_time=header.base_time,
        base_date=header.base_date,
        signals=tuple(signals),
        segments=tuple(segments),
        comments=tuple(comments),
        notes=header.notes,
    )


def record_and_segments(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a header's record name and the names of its segments, by a look at little of the text.

    Parameters
    ----------
    text : str
        A header, which need not be correct.

    Returns
    -------
    name : str
    segments : tuple of str
        Empty where the record is not in segments.
    """
    lines = (line.strip() for line in text.split("\n"))
    body = (line for line in lines if line and not line.startswith("#"))
    name, slash, _ = next(body, " ").partition(" ")[0].partition("/")
    return name, tuple(line.split()[0] for line in body) if slash else ()


def _parse_lines(parse: Callable[[str], _Line], lines: list[tuple[int, str]]) -> list[_Line]:
    parsed: list[_Line] = []
    for number, line in lines:
        try:
            parsed.append(parse(line))
        except HeaderError as error:
            raise HeaderError(f"line {number} of the header: {error}") from None
    return parsed


def quoted(text: str) -> str:
    """Return foreign text fit for an error sentence: in quotes, printable, short."""
    return repr(text if len(text) <= _MAX_TEXT else text[:_MAX_TEXT] + "...")


@dataclass(frozen=True, slots=True)
class _RecordLine:
    record_name: str
    n_segments: int | None
    n_signals: int
    frame_fs_hz: float
    counter_fs_hz: float | None
    base_counter: float | None
    n_frames: int | None
    base_time: time | None
    base_date: date | None
    notes: tuple[str, ...]


def _parse_record_line(line: str) -> _RecordLine:
    fields = line.split()
    name, slash, n_segments = fields[0].partition("/")
    _check_file_name(name, "the record name")
    n_signals = _non_negative(fields[1], "the number of signals")
    if n_signals == 0:
        raise HeaderError("the record has 0 leads")
    if len(fields) < 3:
        raise HeaderError("the sampling rate is missing")
    frame_fs_hz, counter_fs_hz, base_counter = _parse_rate(fields[2])
    n_frames = _non_negative(fields[3], "the number of samples") if len(fields) > 3 else 0
    base_time, base_date, notes = _parse_start(fields[4:])
    return _RecordLine(
        record_name=name,
        n_segments=_positive(n_segments, "the number of segments") if slash else None,
        n_signals=n_signals,
        frame_fs_hz=frame_fs_hz,
        counter_fs_hz=counter_fs_hz,
        base_counter=base_counter,
        n_frames=n_frames or None,  # header(5): 0 leaves the length open
        base_time=base_time,
        base_date=base_date,
        notes=notes,
    )


def _parse_rate(field: str) -> tuple[float, float | None, float | None]:
    match = _RATE.fullmatch(field)
    if match is None:
        raise HeaderError(f"the sampling rate {quoted(field)} is not a number")
    fs_hz = float(match[1])
    if not fs_hz > 0:
        raise HeaderError(f"the sampling rate is {match[1]} Hz; it must be positive")
    if not _FS_RANGE_HZ[0] <= fs_hz <= _FS_RANGE_HZ[1]:
        raise HeaderError(f"the sampling rate of {fs_hz:g} Hz is absurd")
    counter = float(match[2]) if match[2] is not None else None
    base = float(match[3]) if match[3] is not None else None
    return fs_hz, counter, base


def _parse_start(fields: list[str]) -> tuple[time | None, date | None, tuple[str, ...]]:
    """Find time and date, in either order: CinC headers put the date first."""
    base_time: time | None = None
    base_date: date | None = None
    notes: list[str] = []
    for field in fields:
        if ":" in field and base_time is None:
            base_time = _parse_time(field)
            if base_time is None:
                notes.append(f"The start time {quoted(field)} is not a time of day and was left out.")
        elif base_date is None and (parsed := parse_date(field)) is not None:
            base_date = parsed
        else:
            notes.append(f"The record line's {quoted(field)} is no date of the form day/month/year and was left out.")
    return base_time, base_date, tuple(notes)


def _parse_time(field: str) -> time | None:
    match = _TIME.fullmatch(field)
    if match is None:
        return None
    fraction = (match[4] or "0").ljust(6, "0")
    # header(5): with two fields they are minutes and seconds.
    hms = (match[1], match[2], match[3]) if match[3] is not None else ("0", match[1], match[2])
    try:
        return time(int(hms[0]), int(hms[1]), int(hms[2]), int(fraction))
    except ValueError:
        return None


def parse_date(text: str) -> date | None:
    """Return the date of "28/06/1987" (WFDB: always day/month/year) or "04-Jun-2020", None where it is none."""
    if match := _DATE_NUMERIC.fullmatch(text):
        day, month, year = int(match[1]), int(match[2]), int(match[3])
    elif (match := _DATE_NAMED.fullmatch(text)) and match[2].lower() in _MONTHS:
        day, month, year = int(match[1]), _MONTHS.index(match[2].lower()) + 1, int(match[3])
    else:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _parse_signal_line(line: str) -> SignalSpec:
    fields = line.split(None, 8)
    n_fields = len(fields)
    if n_fields < 2:
        raise HeaderError(f"a signal line needs a file name and a format, this is {quoted(line)}")
    file_name = fields[0]
    _check_file_name(file_name, "the signal file")
    fmt, samples_per_frame, skew, byte_offset = _parse_format(fields[1])
    gain, is_stated, baseline, unit = _parse_gain(fields[2]) if n_fields > 2 else (DEFAULT_GAIN, False, None, "")
    integers = fields[3:8]
    if _INTEGERS.fullmatch(" ".join(integers)) is None:
        for field, what in zip(integers, _INTEGER_FIELDS, strict=False):
            _integer(field, what)  # raises for the one that is wrong
    n_integers = len(integers)
    adc_zero = int(integers[1]) if n_integers > 1 else 0
    return SignalSpec(
        file_name,
        fmt,
        samples_per_frame,
        skew,
        byte_offset,
        gain,
        is_stated,
        adc_zero if baseline is None else baseline,  # header(5)
        unit,
        int(integers[0]) if n_integers > 0 else 0,
        adc_zero,
        int(integers[2]) if n_integers > 2 else None,
        int(integers[3]) if n_integers > 3 else None,
        int(integers[4]) if n_integers > 4 else 0,
        fields[8] if n_fields > 8 else "",
    )


# The lines of a record mostly share these fields.
@lru_cache(maxsize=256)
def _parse_format(field: str) -> tuple[int, int, int, int]:
    match = _FORMAT.fullmatch(field)
    if match is None:
        raise HeaderError(f"{quoted(field)} is not a WFDB signal format")
    fmt, samples_per_frame, skew, byte_offset = (int(group) if group else 0 for group in match.groups())
    if fmt not in INVALID_SAMPLE:
        known = ", ".join(str(code) for code in INVALID_SAMPLE if code)
        raise HeaderError(f"the signal format {quoted(match[1])} is unknown (WFDB has {known})")
    if max(samples_per_frame, skew, byte_offset) >= _MAX_INT:
        raise HeaderError(f"the signal format {quoted(field)} has an absurd number")
    if match[2] is not None and samples_per_frame == 0:
        raise HeaderError(f"the signal format {quoted(field)} has 0 samples per frame")
    return fmt, samples_per_frame or 1, skew, byte_offset


@lru_cache(maxsize=1024)
def _parse_gain(field: str) -> tuple[float, bool, int | None, str]:
    match = _GAIN.fullmatch(field)
    if match is None:
        raise HeaderError(f"the gain {quoted(field)} is not of the form gain(baseline)/unit")
    gain = float(match[1])
    baseline = int(match[2]) if match[2] is not None else None
    unit = match[3] or ""
    if baseline is not None and abs(baseline) >= _MAX_INT:
        raise HeaderError(f"the baseline {quoted(match[2])} is absurd")
    if gain == 0:
        return DEFAULT_GAIN, False, baseline, unit
    if not math.isfinite(gain) or not _GAIN_RANGE[0] <= abs(gain) <= _GAIN_RANGE[1]:
        raise HeaderError(f"the gain {quoted(match[1])} is absurd")
    return gain, True, baseline, unit


def _parse_segment_line(line: str) -> SegmentSpec:
    fields = line.split()
    if len(fields) != 2:
        raise HeaderError(f"a segment line is a record name and a number of samples, this is {quoted(line)}")
    _check_file_name(fields[0], "the segment")
    return SegmentSpec(name=fields[0], n_frames=_non_negative(fields[1], "the segment's number of samples"))


def _check_signals(header: _RecordLine, signals: list[SignalSpec]) -> None:
    if len(signals) != header.n_signals:
        raise HeaderError(f"says {header.n_signals} leads but has {len(signals)} signal lines")
    previous: SignalSpec | None = None
    seen: set[str] = set()
    for signal in signals:
        is_null = signal.file_name == NULL_FILE
        if is_null != (signal.format == 0):
            raise HeaderError(f"signal format {signal.format} does not go with the file {quoted(signal.file_name)}")
        if previous is not None and signal.file_name == previous.file_name:
            if signal.format != previous.format or signal.byte_offset not in (0, previous.byte_offset):
                raise HeaderError(f"the signals of {quoted(signal.file_name)} have different formats or byte offsets")
        elif signal.file_name in seen and not is_null:
            raise HeaderError(f"the signals of {quoted(signal.file_name)} are not in consecutive lines")
        seen.add(signal.file_name)
        previous = signal


def _check_segments(header: _RecordLine, segments: list[SegmentSpec]) -> None:
    if len(segments) != header.n_segments:
        raise HeaderError(f"says {header.n_segments} segments but has {len(segments)} segment lines")
    total = sum(segment.n_frames for segment in segments)
    if header.n_frames is not None and total != header.n_frames:
        raise HeaderError(f"says {header.n_frames} samples but its segments have {total}")
    if any(segment.name == header.record_name for segment in segments):
        raise HeaderError("names itself as one of its segments")


@lru_cache(maxsize=256)
def _check_file_name(name: str, what: str) -> None:
    if _FILE_NAME.fullmatch(name) is None or name in (".", ".."):
        raise HeaderError(f"{what} {quoted(name)} is not the name of a file in the header's own folder")
    if name == "-":
        raise HeaderError(f"{what} is standard input, which a record on disk cannot have")


def _integer(field: str, what: str) -> int:
    if not field:
        raise HeaderError(f"{what} is missing")
    digits = field[1:] if field[0] in "+-" else field
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _MAX_DIGITS):
        raise HeaderError(f"{what} {quoted(field)} is not a whole number")
    return int(field)


def _non_negative(field: str, what: str) -> int:
    value = _integer(field, what)
    if value < 0:
        raise HeaderError(f"{what} is {value}; it cannot be negative")
    return value


def _positive(field: str, what: str) -> int:
    value = _non_negative(field, what)
    if value == 0:
        raise HeaderError(f"{what} is 0")
    return value
