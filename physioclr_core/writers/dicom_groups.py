"""Rhythm and median beat as multiplex groups of a DICOM object."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.valuerep import DSfloat

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.record import MedianBeat, SignalSource
from physioclr_core.writers.dicom_codes import clean, code, lead_code
from physioclr_core.writers.scale import GAP_ADU, LeadScale, blocks_of, scales_of, scales_of_array

RHYTHM, MEDIAN = "RHYTHM", "MEDIAN BEAT"
_BAND_HZ = re.compile(
    r"(?<![\d.])(\d+(?:\.\d+)?)\s*(?:Hz)?\s*(?:-|\u2013|to|\.\.)\s*(\d+(?:\.\d+)?)\s*Hz", re.IGNORECASE
)


def rhythm_group(record: SignalSource, step: Callable[[], None]) -> Dataset:
    """Return the record's samples as a group; ``step`` is called after each block of them."""
    scales = scales_of(record).scales
    data = bytearray()
    has_gap = False
    for block in blocks_of(record, scales):
        has_gap = has_gap or bool((block == GAP_ADU).any())
        data += np.ascontiguousarray(block.T, "<i2").tobytes()
        step()
    derived = set(record.report.derived_leads) >= set(record.lead_names)
    group = _group(RHYTHM, record.lead_names, record.fs_hz, scales, bytes(data), has_gap, derived)
    band = _BAND_HZ.search(record.acquisition.filters or "")
    if band and float(band[1]) < float(band[2]):
        for channel in group.ChannelDefinitionSequence:
            channel.FilterLowFrequency = DSfloat(float(band[1]), auto_format=True)
            channel.FilterHighFrequency = DSfloat(float(band[2]), auto_format=True)
    return group


def median_group(median: MedianBeat) -> Dataset:
    """Return a median beat as a group; it is derived from the rhythm and says so."""
    scales = scales_of_array(median.signal_mv)
    adu = np.stack([scale.adu(row) for scale, row in zip(scales, median.signal_mv, strict=True)])
    data = np.ascontiguousarray(adu.T, "<i2").tobytes()
    return _group(MEDIAN, median.lead_names, median.fs_hz, scales, data, bool((adu == GAP_ADU).any()), True)


def _group(
    label: str,
    lead_names: tuple[str, ...],
    fs_hz: float,
    scales: tuple[LeadScale, ...],
    data: bytes,
    has_gap: bool,
    is_derived: bool,
) -> Dataset:
    group = Dataset()
    group.MultiplexGroupTimeOffset = "0"
    group.WaveformOriginality = "DERIVED" if is_derived else "ORIGINAL"
    group.NumberOfWaveformChannels = len(lead_names)
    group.NumberOfWaveformSamples = len(data) // 2 // len(lead_names)
    group.SamplingFrequency = DSfloat(fs_hz, auto_format=True)
    group.MultiplexGroupLabel = label
    group.ChannelDefinitionSequence = Sequence(
        [_channel(number, name, scale) for number, (name, scale) in enumerate(zip(lead_names, scales, strict=True), 1)]
    )
    group.WaveformBitsAllocated = 16
    group.WaveformSampleInterpretation = "SS"
    if has_gap:
        group.add_new("WaveformPaddingValue", "OW", GAP_ADU.to_bytes(2, "little", signed=True))
    group.add_new("WaveformData", "OW", data)
    return group


def _channel(number: int, name: str, scale: LeadScale) -> Dataset:
    channel = Dataset()
    channel.WaveformChannelNumber = number
    channel.ChannelLabel = clean(f"Lead {name}" if name in STANDARD_LEADS else name, 16)
    channel.ChannelSourceSequence = Sequence([lead_code(name)])
    size_uv = 1000.0 / scale.gain_adu_mv
    channel.ChannelSensitivity = DSfloat(size_uv, auto_format=True)
    channel.ChannelSensitivityUnitsSequence = Sequence([code("uV", "UCUM", "microvolt")])
    channel.ChannelSensitivityCorrectionFactor = "1"
    channel.ChannelBaseline = DSfloat(-scale.baseline_adu * size_uv + 0.0, auto_format=True)
    channel.ChannelSampleSkew = "0"
    channel.WaveformBitsStored = 16
    return channel
