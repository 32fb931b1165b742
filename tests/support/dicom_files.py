"""DICOM waveform files for tests, written with pydicom as PS3.3 C.10.9 describes them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

IntArray = npt.NDArray[np.signedinteger[Any]] | npt.NDArray[np.unsignedinteger[Any]]

TWELVE_LEAD = "1.2.840.10008.5.1.4.1.1.9.1.1"
GENERAL = "1.2.840.10008.5.1.4.1.1.9.1.2"
AMBULATORY = "1.2.840.10008.5.1.4.1.1.9.1.3"
GENERAL_32 = "1.2.840.10008.5.1.4.1.1.9.1.4"
HEMODYNAMIC = "1.2.840.10008.5.1.4.1.1.9.2.1"
EEG = "1.2.840.10008.5.1.4.1.1.9.7.1"
SYNTAXES = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
LEAD_NUMBERS = {
    **{"I": 1, "II": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8},
    **{"III": 61, "aVR": 62, "aVL": 63, "aVF": 64},
}
_INTERPRETATIONS = {"i1": "SB", "u1": "UB", "i2": "SS", "u2": "US", "i4": "SL", "u4": "UL"}


def code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def channel(lead: str, **changes: Any) -> Dataset:
    """Return a channel definition; ``changes`` are elements by keyword, None removes one."""
    item = Dataset()
    item.ChannelSourceSequence = [code(f"2:{LEAD_NUMBERS.get(lead, 0)}", "MDC", f"Lead {lead}")]
    item.ChannelSensitivity = "1"
    item.ChannelSensitivityUnitsSequence = [code("uV", "UCUM", "microvolt")]
    item.ChannelSensitivityCorrectionFactor = "1"
    item.ChannelBaseline = "0"
    item.ChannelSampleSkew = "0"
    item.WaveformBitsStored = 16
    for keyword, value in changes.items():
        if value is None:
            delattr(item, keyword)
        else:
            setattr(item, keyword, value)
    return item


def group(
    samples: IntArray, channels: Sequence[Dataset], fs: float = 500, label: str = "RHYTHM", **changes: Any
) -> Dataset:
    """Return a multiplex group of samples, shape (n_channels, n_samples)."""
    item = Dataset()
    item.WaveformOriginality = "ORIGINAL"
    item.NumberOfWaveformChannels, item.NumberOfWaveformSamples = samples.shape
    item.SamplingFrequency = str(fs)
    if label:
        item.MultiplexGroupLabel = label
    item.ChannelDefinitionSequence = list(channels)
    kind = samples.dtype.str[1:]
    item.WaveformBitsAllocated = 8 * samples.dtype.itemsize
    item.WaveformSampleInterpretation = _INTERPRETATIONS[kind]
    # The writer is told the byte order later; until then the samples are kept as they are.
    item.WaveformData = np.ascontiguousarray(samples.T)
    for keyword, value in changes.items():
        setattr(item, keyword, value)
    return item


def annotation(**elements: Any) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def write(
    path: Path,
    groups: Sequence[Dataset],
    sop_class: str = GENERAL,
    syntax: str = "explicit",
    preamble: bool = True,
    elements: Mapping[str, Any] | None = None,
) -> Path:
    """Write groups as a DICOM file and return its path; without preamble there is no meta information either."""
    is_big = syntax == "big endian"
    root = Dataset()
    root.SOPClassUID, root.SOPInstanceUID, root.Modality = sop_class, "1.2.3.4", "ECG"
    root.AcquisitionDateTime = "20240229123456"
    root.PatientName, root.PatientID, root.PatientSex = "Doe^Jane^Q", "P-1", "F"
    root.PatientBirthDate = "19600301"
    root.Manufacturer, root.ManufacturerModelName = "Example", "Cart 1"
    root.WaveformSequence = list(groups)
    for item in groups:
        samples = item.WaveformData
        if isinstance(samples, np.ndarray):
            item.WaveformData = samples.astype(samples.dtype.newbyteorder(">" if is_big else "<")).tobytes()
            item["WaveformData"].VR = "OB" if samples.dtype.itemsize == 1 else "OW"
        if "WaveformPaddingValue" in item:
            item["WaveformPaddingValue"].VR = "OB" if samples.dtype.itemsize == 1 else "OW"
    for keyword, value in (elements or {}).items():
        setattr(root, keyword, value)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, "1.2.3.4"
    meta.TransferSyntaxUID = SYNTAXES[syntax]
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the tests write is not always what the standard allows
        if preamble:
            root.file_meta = meta
            dcmwrite(buffer, root, enforce_file_format=True)
        else:
            dcmwrite(buffer, root, implicit_vr=syntax == "implicit", little_endian=not is_big)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return path
