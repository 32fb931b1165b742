"""From the signal files of one WFDB header to millivolts: sizes, decoding, checksums, gains, skew and rates."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import RecordError
from physioclr_core.readers.files import file_size, read_bytes
from physioclr_core.readers.wfdb_header import FLAC_FORMATS, INVALID_SAMPLE, NULL_FILE, SignalSpec, WfdbHeader, quoted
from physioclr_core.record import FloatArray
from physioclr_core.units import mv_per_unit

IntArray = npt.NDArray[np.signedinteger[Any]]

# Formats that are integers of numpy; wfdb has the second one in its tables but fails to read it.
PLAIN_DTYPES = {16: np.dtype("<i2"), 61: np.dtype(">i2")}
_BYTES_PER_SAMPLE = {8: 1, 80: 1, 16: 2, 61: 2, 160: 2, 24: 3, 32: 4}
# Three samples in four bytes.
_PACKED_FORMATS = (310, 311)
# Files above this are mapped rather than read whole.
_MAP_ABOVE_BYTES = 64 * 2**20
_SAMPLES_AT_ONCE = 2**20
# float32 holds every integer up to this.
_EXACT_IN_FLOAT32 = 2**24
# MATLAB v4: type, rows, columns, imaginary, length of the name; type 30 is a little-endian int16 matrix. CinC's
# ".mat" signal files are such a matrix with the 4-byte name "val", hence their byte offset of 24.
_MAT4_HEADER = struct.Struct("<5i")
_MAT4_OFFSET = 24
_MAT4_INT16 = 30


@dataclass(frozen=True, slots=True)
class FileGroup:
    """The consecutive signals that share one file. ``rows`` are their places among the header's signals."""

    path: Path
    format: int
    byte_offset: int
    rows: range
    samples_per_frame: int


def group_files(header_path: Path, header: WfdbHeader) -> list[FileGroup]:
    """Return the header's signal files in its order.

    Raises
    ------
    RecordError
        If some signals have no file, as in layout headers.
    """
    groups: list[FileGroup] = []
    signals = header.signals
    begin = 0
    for end in range(1, len(signals) + 1):
        if end < len(signals) and signals[end].file_name == signals[begin].file_name:
            continue
        first = signals[begin]
        if first.file_name == NULL_FILE:
            raise RecordError(header_path, f"has no signal file for {quoted(first.name)}")
        groups.append(
            FileGroup(
                path=header_path.parent / first.file_name,
                format=first.format,
                byte_offset=first.byte_offset,
                rows=range(begin, end),
                samples_per_frame=sum(signal.samples_per_frame for signal in signals[begin:end]),
            )
        )
        begin = end
    return groups


def check_sizes(header_path: Path, header: WfdbHeader, groups: list[FileGroup], warnings: list[str]) -> int:
    """Compare the files' sizes with the header and return the number of frames to read.

    Parameters
    ----------
    header_path : Path
    header : WfdbHeader
    groups : list of FileGroup
    warnings : list of str
        Gets a sentence for a file that is longer than the header says, and where the header states no length.

    Raises
    ------
    RecordError
        If a file is missing, shorter than the header says, or of a size that speaks for another sample format.
    """
    n_frames = header.n_frames
    available: list[int] = []
    for group in groups:
        try:
            size = file_size(group.path)
        except RecordError as error:
            raise RecordError(header_path, f"its signal file {group.path.name} {error.cause}") from None
        if size <= group.byte_offset:
            raise RecordError(header_path, f"its signal file {group.path.name} is empty")
        available.append(_frames_in(header_path, group, size))
    if n_frames is None:
        n_frames = min(available)
        warnings.append(f"The header does not state the length; the signal files hold {n_frames} samples of each lead.")
    if n_frames == 0:
        raise RecordError(header_path, "has no samples")
    for group, n_available in zip(groups, available, strict=True):
        if n_available < n_frames:
            raise RecordError(
                header_path,
                f"its signal file {group.path.name} is truncated or in another format: "
                f"it holds {n_available} samples of each lead, the header says {n_frames}",
            )
        if n_available > n_frames and header.n_frames is not None:
            _check_other_format(header_path, header, group, n_frames, n_available)
            warnings.append(
                f"{group.path.name} holds {n_available} samples of each lead, of which the header states the first "
                f"{n_frames}; the rest was left out."
            )
    return n_frames


def read_mv(
    header_path: Path, header: WfdbHeader, groups: list[FileGroup], n_frames: int, wanted: tuple[int, ...]
) -> tuple[FloatArray, list[int]]:
    """Decode leads, scale them to mV, undo their skew and bring them to the highest rate among them.

    Parameters
    ----------
    header_path : Path
    header : WfdbHeader
    groups : list of FileGroup
        Of this header, with sizes that were checked.
    n_frames : int
    wanted : tuple of int
        Places among the header's signals, ascending.

    Returns
    -------
    signal_mv : ndarray of float32, shape (n_wanted, n_frames * highest samples per frame)
        NaN is a gap.
    bad_checksums : list of int
        The signals whose samples do not have the checksum that the header states.
    """
    is_plain = all(group.format in PLAIN_DTYPES for group in groups)
    is_uniform = all(signal.samples_per_frame == 1 and signal.skew_frames == 0 for signal in header.signals)
    if is_plain and is_uniform:
        return _read_uniform_mv(header_path, header, groups, n_frames, wanted)
    if is_plain:
        samples = _decode_plain(header_path, header, groups, n_frames)
    else:
        samples = _decode_with_wfdb(header_path, header, n_frames)
    return _align_mv(header, samples, n_frames, wanted)


def _read_uniform_mv(
    header_path: Path, header: WfdbHeader, groups: list[FileGroup], n_frames: int, wanted: tuple[int, ...]
) -> tuple[FloatArray, list[int]]:
    signal_mv = np.empty((len(wanted), n_frames), np.float32)
    bad_checksums: list[int] = []
    row = 0
    for group in groups:
        local = [signal - group.rows.start for signal in wanted if signal in group.rows]
        if not local:
            continue
        signals = [header.signals[group.rows.start + place] for place in local]
        frames = _plain_frames(header_path, group, n_frames)
        rows_mv = signal_mv[row : row + len(local)]
        row += len(local)
        sums = np.zeros(len(local), np.int16)
        chunk = max(1, _SAMPLES_AT_ONCE // frames.shape[1])
        for begin in range(0, n_frames, chunk):
            block = np.ascontiguousarray(frames[begin : begin + chunk].T)
            if len(local) < len(block):
                block = block[local]
            sums += block.sum(axis=1, dtype=np.int16)  # a checksum is a sum modulo 2**16, so it may wrap
            scale_mv(block, signals, rows_mv[:, begin : begin + chunk])
        for place, signal, total in zip(local, signals, sums.tolist(), strict=True):
            if signal.checksum is not None and (total - signal.checksum) % 2**16:
                bad_checksums.append(group.rows.start + place)
    return signal_mv, bad_checksums


def _plain_frames(header_path: Path, group: FileGroup, n_frames: int) -> npt.NDArray[np.int16]:
    """Return the samples as (n_frames, n_signals) without copying them."""
    shape = (n_frames, group.samples_per_frame)
    if n_frames * group.samples_per_frame * 2 > _MAP_ABOVE_BYTES:
        try:
            return np.memmap(group.path, PLAIN_DTYPES[group.format], "r", offset=group.byte_offset, shape=shape)
        except (OSError, ValueError) as error:
            raise RecordError(header_path, f"its signal file {group.path.name} cannot be read ({error})") from None
    try:
        content = read_bytes(group.path)
    except RecordError as error:
        raise RecordError(header_path, f"its signal file {group.path.name} {error.cause}") from None
    if group.byte_offset == _MAT4_OFFSET and group.path.suffix.lower() == ".mat":
        _check_mat4(header_path, group, content, n_frames)
    flat = np.frombuffer(content, PLAIN_DTYPES[group.format], shape[0] * shape[1], group.byte_offset)
    return flat.reshape(shape)


def _check_mat4(header_path: Path, group: FileGroup, content: bytes, n_frames: int) -> None:
    """Compare the matrix's own header with the WFDB header: it tells a wrong number of leads, which no size does."""
    kind, n_rows, n_columns, is_complex, _ = _MAT4_HEADER.unpack_from(content)
    if kind != _MAT4_INT16 or is_complex:
        raise RecordError(header_path, f"its signal file {group.path.name} is not a MATLAB 4 matrix of 16-bit integers")
    if n_rows != len(group.rows) or n_columns < n_frames:
        raise RecordError(
            header_path,
            f"its signal file {group.path.name} holds {n_rows} leads of {n_columns} samples, "
            f"the header says {len(group.rows)} leads of {n_frames}",
        )


def _decode_plain(
    header_path: Path, header: WfdbHeader, groups: list[FileGroup], n_frames: int
) -> list[npt.NDArray[np.int16]]:
    samples: list[npt.NDArray[np.int16]] = []
    for group in groups:
        frames = _plain_frames(header_path, group, n_frames)
        begin = 0
        for row in group.rows:
            end = begin + header.signals[row].samples_per_frame
            samples.append(frames[:, begin:end].reshape(-1))
            begin = end
    return samples


def _align_mv(
    header: WfdbHeader, samples: Sequence[IntArray], n_frames: int, wanted: tuple[int, ...]
) -> tuple[FloatArray, list[int]]:
    """Scale signals of any skew and rate and put them on one time axis, as ``read_mv`` returns them."""
    top_rate = max(header.signals[row].samples_per_frame for row in wanted)
    signal_mv = np.empty((len(wanted), n_frames * top_rate), np.float32)
    bad_checksums: list[int] = []
    for lead_mv, row in zip(signal_mv, wanted, strict=True):
        signal = header.signals[row]
        samples_adu = samples[row]
        if signal.checksum is not None and (int(samples_adu.sum(dtype=np.int64)) - signal.checksum) % 2**16:
            bad_checksums.append(row)
        rate = signal.samples_per_frame
        own_mv = lead_mv[None] if rate == top_rate else np.empty((1, n_frames * rate), np.float32)
        scale_mv(samples_adu[None], [signal], own_mv)
        if signal.skew_frames:
            shift_earlier_(own_mv, min(signal.skew_frames, n_frames) * rate)
        if rate != top_rate:
            bring_to_length(own_mv, lead_mv[None])
    return signal_mv, bad_checksums


def _decode_with_wfdb(header_path: Path, header: WfdbHeader, n_frames: int) -> list[IntArray]:
    """Return the stored samples of every signal, without skew, gain or smoothing."""
    try:
        import wfdb  # 0.3 s, and not needed for plain 16-bit records

        # pn_dir stays unset: with it wfdb would fetch from the network.
        record = wfdb.rdrecord(
            str(header_path.absolute().with_suffix("")), physical=False, smooth_frames=False, ignore_skew=True
        )
    except Exception as error:  # noqa: BLE001  (wfdb raises whatever its arithmetic meets)
        raise RecordError(header_path, f"its signals cannot be decoded ({_first_line(error)})") from None
    # wfdb parses the header itself, by looser rules; samples count only where both agree on what is stored.
    stated = [(s.file_name, str(s.format), s.samples_per_frame, s.byte_offset) for s in header.signals]
    offsets = [offset or 0 for offset in record.byte_offset or []]
    parsed = list(zip(record.file_name or [], record.fmt or [], record.samps_per_frame or [], offsets, strict=False))
    samples = record.e_d_signal
    if stated != parsed or samples is None or len(samples) != len(stated):
        raise RecordError(header_path, "is read in two different ways by two WFDB parsers, so it is not read at all")
    for signal, samples_adu in zip(header.signals, samples, strict=True):
        if len(samples_adu) < n_frames * signal.samples_per_frame:
            raise RecordError(header_path, f"its signal {quoted(signal.name)} has fewer samples than the header says")
    return [
        np.asarray(samples_adu[: n_frames * signal.samples_per_frame])
        for signal, samples_adu in zip(header.signals, samples, strict=True)
    ]


def scale_mv(samples_adu: IntArray, signals: list[SignalSpec], out_mv: FloatArray) -> None:
    """Write (samples - baseline) / gain in mV to ``out_mv``; samples with the format's invalid value become NaN."""
    gains = [signal.gain for signal in signals]
    baselines = [signal.baseline_adu for signal in signals]
    factors = [mv_per_unit(signal.unit) or math.nan for signal in signals]
    if samples_adu.dtype.itemsize <= 2 and _is_exact_in_float32(gains, baselines, factors):
        # A float32 quotient of values that float32 holds exactly is the float64 quotient rounded, at half the time.
        gain = np.array(gains, np.float32)[:, None]
        if any(baselines):
            np.subtract(samples_adu, np.array(baselines)[:, None], out=out_mv, dtype=np.float32, casting="unsafe")
            np.divide(out_mv, gain, out=out_mv)
        else:
            np.divide(samples_adu, gain, out=out_mv)
    else:
        samples = samples_adu - np.array(baselines, np.float64)[:, None]
        out_mv[...] = samples / np.array(gains)[:, None] * np.array(factors)[:, None]
    invalid = INVALID_SAMPLE[signals[0].format]
    if invalid is not None and samples_adu.min() == invalid:
        out_mv[samples_adu == invalid] = np.nan


def _is_exact_in_float32(gains: list[float], baselines: list[int], factors: list[float]) -> bool:
    return (
        set(factors) == {1.0}
        and max(baselines) < _EXACT_IN_FLOAT32 - 2**15
        and min(baselines) > 2**15 - _EXACT_IN_FLOAT32
        and all(float(np.float32(gain)) == gain for gain in set(gains))
    )


def shift_earlier_(signal_mv: FloatArray, n_samples: int) -> None:
    """Move a signal to earlier samples in place; its end becomes a gap."""
    if n_samples < signal_mv.shape[1]:
        signal_mv[:, :-n_samples] = signal_mv[:, n_samples:].copy()
    signal_mv[:, max(signal_mv.shape[1] - n_samples, 0) :] = np.nan


def bring_to_length(signal_mv: FloatArray, out_mv: FloatArray) -> None:
    """Write leads to ``out_mv``, resampled where its length over the same duration is another.

    Polyphase interpolation, because repetition would draw stairs into slopes that a reader measures. Where the rates
    are in a whole ratio, every stored sample keeps its value; the filter alone would be off by up to 0.1 %.
    """
    if signal_mv.shape == out_mv.shape:
        out_mv[...] = signal_mv
        return
    from physioclr_core.signal.resample import resample

    new_mv = resample(signal_mv, float(signal_mv.shape[1]), float(out_mv.shape[1]))
    n_samples = min(new_mv.shape[1], out_mv.shape[1])
    out_mv[:, :n_samples] = new_mv[:, :n_samples]
    out_mv[:, n_samples:] = np.nan
    ratio, rest = divmod(out_mv.shape[1], signal_mv.shape[1])
    if rest == 0:
        out_mv[:, ::ratio] = signal_mv


def _stored_bytes(fmt: int, n_samples: int) -> int:
    """Return the size of samples in a format without compression."""
    if fmt == 212:
        return (3 * n_samples + 1) // 2
    if fmt in _PACKED_FORMATS:
        return (4 * n_samples + 2) // 3
    return n_samples * _BYTES_PER_SAMPLE[fmt]


def _frames_in(header_path: Path, group: FileGroup, size: int) -> int:
    if group.format in FLAC_FORMATS:
        return _frames_in_flac(header_path, group)
    stored = size - group.byte_offset
    if group.format == 212:
        n_samples = stored * 2 // 3
    elif group.format in _PACKED_FORMATS:
        n_samples = stored * 3 // 4
    else:
        n_samples = stored // _BYTES_PER_SAMPLE[group.format]
    return n_samples // group.samples_per_frame


def _frames_in_flac(header_path: Path, group: FileGroup) -> int:
    try:
        import soundfile

        info = soundfile.info(str(group.path))
    except Exception as error:  # noqa: BLE001  (libsndfile's own errors, or the library is missing)
        reason = _first_line(error)
        raise RecordError(header_path, f"its signal file {group.path.name} is no FLAC file ({reason})") from None
    n_channels = int(info.channels)
    if n_channels != len(group.rows):
        raise RecordError(
            header_path,
            f"its signal file {group.path.name} holds {n_channels} leads, the header says {len(group.rows)}",
        )
    # All signals of a FLAC file have the same number of samples per frame; header(5)'s byte offset counts samples here.
    return max(0, int(info.frames) - group.byte_offset) // max(1, group.samples_per_frame // n_channels)


def _check_other_format(
    header_path: Path, header: WfdbHeader, group: FileGroup, n_frames: int, n_available: int
) -> None:
    """Refuse a file that is too long where its size is exactly that of another sample format.

    The checksums of a plain file tell whether the header is wrong about the length instead.
    """
    if group.format in FLAC_FORMATS:
        return
    stored = file_size(group.path) - group.byte_offset
    n_samples = n_frames * group.samples_per_frame
    formats = (*_BYTES_PER_SAMPLE, 212)
    others = [fmt for fmt in formats if fmt != group.format and stored == _stored_bytes(fmt, n_samples)]
    if not others or _is_whole_file_checked(header_path, header, group, n_available):
        return
    raise RecordError(
        header_path,
        f"says {n_frames} samples in format {group.format}, but {group.path.name} has the size of format {others[0]} "
        f"or of {n_available} samples, and nothing tells which of them is right",
    )


def _is_whole_file_checked(header_path: Path, header: WfdbHeader, group: FileGroup, n_frames: int) -> bool:
    signals = [header.signals[row] for row in group.rows]
    if group.format not in PLAIN_DTYPES or any(s.checksum is None or s.samples_per_frame > 1 for s in signals):
        return False
    sums = _plain_frames(header_path, group, n_frames).sum(axis=0, dtype=np.int16).tolist()
    return all((total - (signal.checksum or 0)) % 2**16 == 0 for total, signal in zip(sums, signals, strict=True))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
