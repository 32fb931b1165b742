"""The samples of DICOM multiplex groups in millivolts: bits, signs, padding and delays of channels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from physioclr_core.errors import RecordError
from physioclr_core.readers.assemble import LeadSource, name_leads
from physioclr_core.readers.dicom_channels import Channel, read_channels
from physioclr_core.readers.dicom_file import DicomFile, bytes_of, number_of, text_of
from physioclr_core.readers.wfdb_leads import check_dimensions
from physioclr_core.record import FloatArray

Codes = npt.NDArray[np.integer]
Mask = npt.NDArray[np.bool_]

_DTYPES = {
    **{(8, "SB"): "i1", (8, "UB"): "u1", (16, "SS"): "i2", (16, "US"): "u2"},
    **{(32, "SL"): "i4", (32, "UL"): "u4", (64, "SV"): "i8", (64, "UV"): "u8"},
}
_SIGNED = {8: "SB", 16: "SS", 32: "SL", 64: "SV"}
# A padding value that the signal itself passes through marks a gap only where it stays this long; no beating heart
# keeps a lead at one exact value for a fifth of a second.
_PADDING_RUN_S = 0.2
# Padding further outside the signal than this share of its range is no part of it, however short.
_APART = 0.05
_MEDIAN_WORDS = ("MEDIAN", "REPRESENTATIVE", "AVERAGE", "TEMPLATE")
_MAX_MEDIAN_S = 3.0


@dataclass(slots=True, eq=False)
class WaveGroup:
    """The ECG leads of one multiplex group, shape (n_leads, n_samples)."""

    number: int
    title: str
    is_called_median: bool
    is_median: bool
    fs_hz: float
    start_s: float | None
    names: tuple[str, ...]
    sources: tuple[LeadSource, ...]
    signal_mv: FloatArray
    filters: str
    channel_names: dict[int, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    padding: list[str] = field(default_factory=list)


def read_group(file: DicomFile, group: Dataset, number: int, is_ecg_class: bool) -> WaveGroup:
    """Read one multiplex group.

    Parameters
    ----------
    file : DicomFile
    group : Dataset
        Item of the waveform sequence.
    number : int
        From 1, for error texts.
    is_ecg_class : bool
        See ``read_channels``.

    Returns
    -------
    WaveGroup
        Without leads where no channel is one.

    Raises
    ------
    RecordError
        If the group's samples are not complete, or its description contradicts them.
    """
    label = text_of(group, "MultiplexGroupLabel")
    title = f"group {number} ({label})" if label else f"group {number}"
    fs_hz = number_of(group, "SamplingFrequency")
    if fs_hz is None:
        raise RecordError(file.path, f"states no sampling rate for its {title}")
    check_dimensions(file.path, 0, 0, fs_hz)
    offset_ms = number_of(group, "MultiplexGroupTimeOffset")
    found = WaveGroup(
        number=number,
        title=title,
        is_called_median=any(word in label.upper() for word in _MEDIAN_WORDS),
        is_median=False,
        fs_hz=fs_hz,
        start_s=None if offset_ms is None else offset_ms / 1000,
        names=(),
        sources=(),
        signal_mv=np.empty((0, 0), np.float32),
        filters="",
    )
    channels = read_channels(file, group, fs_hz, is_ecg_class, found.ignored, found.warnings)
    if not channels:
        return found
    codes = _codes(file, group, title, found.warnings)
    check_dimensions(file.path, len(channels), codes.shape[0], fs_hz)
    originality = text_of(group, "WaveformOriginality").upper()
    is_short = codes.shape[0] / fs_hz <= _MAX_MEDIAN_S
    found.is_median = found.is_called_median or (originality == "DERIVED" and is_short)
    padding = bytes_of(group, "WaveformPaddingValue")
    pad_value: int | None = None
    if padding:
        if len(padding) >= codes.dtype.itemsize:
            pad_value = int(np.frombuffer(padding, codes.dtype, 1)[0])
        else:
            found.warnings.append(f"The padding value of {title} is not complete and was not used.")
    found.signal_mv = _to_mv(file, codes, channels, pad_value, found)
    found.names = name_leads((channel.name for channel in channels), found.warnings)
    found.sources = tuple(_source(channel, fs_hz) for channel in channels)
    found.channel_names = {channel.column + 1: name for channel, name in zip(channels, found.names, strict=True)}
    filters = {channel.filters for channel in channels}
    found.filters = filters.pop() if len(filters) == 1 else "not the same for all leads"
    return found


def _source(channel: Channel, fs_hz: float) -> LeadSource:
    # As an ECG amplifier is described: ADU per unit, and the ADU that is 0 mV.
    baseline_adu = -channel.baseline / channel.lsb
    return LeadSource(channel.source_name, channel.unit, 1 / channel.lsb, "stated", baseline_adu + 0.0, fs_hz)


def _codes(file: DicomFile, group: Dataset, title: str, warnings: list[str]) -> Codes:
    """Return the samples as stored, shape (n_samples, n_channels)."""
    n_channels, n_samples, bits = (
        int(number_of(group, keyword) or 0)
        for keyword in ("NumberOfWaveformChannels", "NumberOfWaveformSamples", "WaveformBitsAllocated")
    )
    interpretation = text_of(group, "WaveformSampleInterpretation").upper()
    if not interpretation and bits in _SIGNED:
        interpretation = _SIGNED[bits]
        warnings.append(f"The file does not say whether the samples of {title} have a sign; they were read with one.")
    code = _DTYPES.get((bits, interpretation))
    if code is None:
        raise RecordError(
            file.path, f"stores the samples of {title} as {bits} bits {interpretation!r}, which is unknown"
        )
    data = bytes_of(group, "WaveformData") or b""
    if n_samples < 1:
        raise RecordError(file.path, f"has no samples in its {title}")
    dtype = np.dtype(code).newbyteorder("<" if group.original_encoding[1] else ">")
    n_needed = n_channels * n_samples * dtype.itemsize
    if not n_needed <= len(data) <= n_needed + max(dtype.itemsize, 2):
        held = len(data) // (n_channels * dtype.itemsize)
        raise RecordError(file.path, f"holds {held} samples of each channel in its {title}, but states {n_samples}")
    return np.frombuffer(data, dtype, n_channels * n_samples).reshape(n_samples, n_channels)


def _to_mv(file: DicomFile, codes: Codes, channels: list[Channel], pad: int | None, found: WaveGroup) -> FloatArray:
    n_samples = codes.shape[0]
    shifts = [round(channel.delay_s * found.fs_hz) if abs(channel.delay_s) < 1e6 else n_samples for channel in channels]
    if max(shifts) - min(shifts) >= n_samples:
        raise RecordError(file.path, f"states absurd delays between the channels of its {found.title}")
    first = min(shifts)
    signal_mv = np.full((len(channels), n_samples + max(shifts) - first), np.nan, np.float32)
    repaired: list[str] = []
    padded: list[tuple[str, int]] = []
    kept = unset = 0
    for row, (channel, shift) in enumerate(zip(channels, shifts, strict=True)):
        column = np.ascontiguousarray(codes[:, channel.column])
        is_gap = None
        if pad is not None:
            is_gap, n_kept = _padding(column, pad, round(_PADDING_RUN_S * found.fs_hz))
            kept += n_kept
            padded.append((channel.name, int(is_gap.sum())))
        is_gap, n_unset = _without_unset(column, is_gap)
        unset += n_unset
        column, is_repaired = _with_sign(column, channel.bits_stored, is_gap)
        if is_repaired:
            repaired.append(channel.name)
        physical = column.astype(np.float64) * channel.lsb + channel.baseline
        lead_mv = (physical * channel.mv_per_unit).astype(np.float32)
        if is_gap is not None:
            lead_mv[is_gap] = np.nan
        signal_mv[row, shift - first : shift - first + n_samples] = lead_mv
    if found.start_s is not None:
        found.start_s += first / found.fs_hz
    if unset:
        lowest = np.iinfo(codes.dtype).min
        found.padding.append(f"{unset} samples of the lowest number {lowest}, far from the signal, are gaps.")
    _tell(found, channels, shifts, repaired, padded, kept, pad)
    return signal_mv


def _padding(column: Codes, pad: int, run: int) -> tuple[Mask, int]:
    """Return which samples are filled in, and how many of the padding value are taken as signal."""
    is_pad = column == pad
    if not is_pad.any() or is_pad.all():
        return is_pad, 0
    others = column[~is_pad]
    low, high = int(others.min()), int(others.max())
    apart = _APART * (high - low)
    limits = np.iinfo(column.dtype)
    if pad < low - apart or pad > high + apart or (pad in (limits.min, limits.max) and limits.min < 0):
        return is_pad, 0
    edges = np.flatnonzero(np.diff(is_pad.astype(np.int8), prepend=0, append=0))
    is_gap = np.zeros_like(is_pad)
    for begin, end in edges.reshape(-1, 2).tolist():
        if end - begin >= run:
            is_gap[begin:end] = True
    return is_gap, int(is_pad.sum() - is_gap.sum())


def _without_unset(column: Codes, is_gap: Mask | None) -> tuple[Mask | None, int]:
    """Return the gaps together with samples that were never set, and how many those are.

    Some writers fill with the lowest number and state no padding value. A lead that is driven to its limit gets there
    by way of numbers in between; drawn, a single sample of -32768 is a spike of up to 100 mV.
    """
    if column.dtype.kind != "i":
        return is_gap, 0
    lowest = np.iinfo(column.dtype).min
    is_lowest = (column == lowest) if is_gap is None else (column == lowest) & ~is_gap
    n_lowest = int(is_lowest.sum())
    if not n_lowest:
        return is_gap, 0
    others = column[~is_lowest] if is_gap is None else column[~(is_lowest | is_gap)]
    if others.size and int(others.min()) - lowest <= int(others.max()) - int(others.min()):
        return is_gap, 0
    return is_lowest if is_gap is None else is_lowest | is_gap, n_lowest


def _with_sign(column: Codes, bits: int | None, is_gap: Mask | None) -> tuple[Codes, bool]:
    """Return samples of fewer bits than they are stored in with their sign, where the writer left it out.

    The upper bits of a negative sample must repeat its sign. Where they are 0 instead, the lead jumps by its whole
    range at every crossing of zero; that, and not the range alone, tells it from a lead that is above zero throughout.
    """
    n_bits = column.dtype.itemsize * 8
    if bits is None or not 1 < bits < n_bits or column.dtype.kind != "i":
        return column, False
    valid = column if is_gap is None else column[~is_gap]
    half = 1 << (bits - 1)
    if valid.size < 2 or valid.min() < 0 or not half <= valid.max() < 2 * half:
        return column, False
    extended = ((valid.astype(np.int64) ^ half) - half).astype(column.dtype)
    jumps = [np.abs(np.diff(x.astype(np.int64))).sum() for x in (valid, extended)]
    if jumps[1] >= jumps[0]:
        return column, False
    return ((column.astype(np.int64) ^ half) - half).astype(column.dtype), True


def _tell(
    found: WaveGroup,
    channels: list[Channel],
    shifts: list[int],
    repaired: list[str],
    padded: list[tuple[str, int]],
    kept: int,
    pad: int | None,
) -> None:
    """Add to a group's report what was done to its samples."""
    most = max((n for _, n in padded), default=0)
    if most:
        names = ", ".join(name for name, n in padded if n)
        found.padding.append(
            f"Samples of the padding value {pad} are gaps: up to {most / found.fs_hz:.3g} s in {names}."
        )
    if kept:
        found.padding.append(
            f"The padding value {pad} is also within the signal: {kept} samples of that value were kept as signal, "
            f"only {_PADDING_RUN_S:g} s and more of it are gaps."
        )
    if repaired:
        found.warnings.append(
            f"Samples of fewer bits were stored without their sign, which was restored: {', '.join(repaired)}."
        )
    late = [
        f"{channel.name} by {1000 * channel.delay_s:g} ms"
        for channel, shift in zip(channels, shifts, strict=True)
        if shift != min(shifts)
    ]
    if late:
        found.warnings.append(f"Channels that began later were shifted: {', '.join(late)}.")
    spread_s = max(channel.delay_s for channel in channels) - min(channel.delay_s for channel in channels)
    if spread_s > 0 and not late:
        found.warnings.append(f"Channels were sampled up to {1000 * spread_s:.3g} ms apart, which was not corrected.")
