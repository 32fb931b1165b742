"""What a DICOM multiplex group says of its channels: which lead each is, its unit, scale, padding and delay."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from physioclr_core.errors import RecordError
from physioclr_core.leads import is_non_ecg, standard_name
from physioclr_core.readers.dicom_file import DicomFile, number_of, text_of
from physioclr_core.readers.scp_leads import LEAD_NAMES
from physioclr_core.units import mv_per_unit

# A step of the converter outside this range is no ECG amplifier's.
LSB_RANGE_MV = (1e-7, 10.0)
# Unsigned samples of 32 bits have their 0 mV in the middle of the range.
MAX_BASELINE_MV = 1e8
# PS3.16 CID 3001 numbers the leads as SCP-ECG does: MDC "2:1" and SCPECG "5.6.3-9-1" are lead I. ISO/IEEE 11073 has
# the same numbers as one context-free number, and those of monitors ("ECG potential at lead I") 256 above.
_CODE = re.compile(r"(?:2:|5\.6\.3-9-)(\d{1,3})")
_PARTITION = 2 << 16
_MONITOR_OFFSET = 256


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel that is an ECG lead: mV = (sample * ``lsb`` + ``baseline``) * ``mv_per_unit``.

    ``name`` is the lead's where it is known, ``source_name`` what the file calls it. ``delay_s`` is how much later than
    the group the channel's first sample was taken.
    """

    column: int
    name: str
    source_name: str
    unit: str
    mv_per_unit: float
    lsb: float
    baseline: float
    bits_stored: int | None
    delay_s: float
    filters: str


def read_channels(
    file: DicomFile, group: Dataset, fs_hz: float, is_ecg_class: bool, ignored: list[str], warnings: list[str]
) -> list[Channel]:
    """Return the channels of a group that are ECG leads.

    Parameters
    ----------
    file : DicomFile
    group : Dataset
        Item of the waveform sequence.
    fs_hz : float
    is_ecg_class : bool
        Whether the file's SOP class is one for ECGs. In any other, a channel must be a known lead or be called ECG:
        the voltages there may as well be an EEG.
    ignored, warnings : list of str
        Get every other channel with the reason, and what is worth a reader's attention.

    Raises
    ------
    RecordError
        If the channels are not described, or a lead's scale is absurd.
    """
    definitions = file.items(group, "ChannelDefinitionSequence")
    n_channels = int(number_of(group, "NumberOfWaveformChannels") or 0)
    if len(definitions) != n_channels:
        raise RecordError(file.path, f"describes {len(definitions)} of its {n_channels} channels")
    channels: list[Channel] = []
    for column, definition in enumerate(definitions):
        name, source_name = _names(file, definition, warnings)
        called = source_name or f"channel {column + 1}"
        sensitivity = number_of(definition, "ChannelSensitivity")
        unit = _unit(file, definition)
        if sensitivity is None or not unit:
            lacking = "sensitivity" if sensitivity is None else "unit"
            ignored.append(f"{called}: the file states no {lacking} for it, so its amplitude is unknown")
        elif (scale := mv_per_unit(unit)) is None:
            ignored.append(f"{called}: its unit {unit!r} is no voltage")
        elif is_non_ecg(source_name):
            ignored.append(f"{called}: no ECG lead by its name")
        elif not is_ecg_class and standard_name(name) is None and not re.match(r"e[ck]g\b", name, re.IGNORECASE):
            ignored.append(f"{called}: not known to be an ECG lead")
        else:
            correction = number_of(definition, "ChannelSensitivityCorrectionFactor")
            lsb = sensitivity * (1.0 if correction is None else correction)
            baseline = number_of(definition, "ChannelBaseline") or 0.0
            low, high = LSB_RANGE_MV
            if not low <= abs(lsb * scale) <= high or abs(baseline * scale) > MAX_BASELINE_MV:
                raise RecordError(file.path, f"states an absurd sensitivity or baseline for {called}")
            if lsb < 0:
                warnings.append(f"The sensitivity stated for {called} is negative, so the lead was inverted.")
            bits = number_of(definition, "WaveformBitsStored")
            channels.append(
                Channel(
                    column=column,
                    name=name,
                    source_name=source_name,
                    unit=unit,
                    mv_per_unit=scale,
                    lsb=lsb,
                    baseline=baseline,
                    bits_stored=int(bits) if bits is not None else None,
                    delay_s=_delay_s(definition, fs_hz),
                    filters=_filters(definition),
                )
            )
    return channels


def _names(file: DicomFile, definition: Dataset, warnings: list[str]) -> tuple[str, str]:
    """Return the lead's name and what the file calls it: by code, by the code's meaning, or by the channel's label."""
    source = next(iter(file.items(definition, "ChannelSourceSequence")), None)
    meaning = text_of(source, "CodeMeaning") if source is not None else ""
    label = text_of(definition, "ChannelLabel")
    by_code = _lead_of_code(source) if source is not None else None
    # "Lead I (Einthoven)"; "aVR, augmented voltage, right".
    plain = [re.split(r"[,(]", text, maxsplit=1)[0].strip() for text in (meaning, label)]
    by_text = next((name for text in plain if (name := standard_name(text))), None)
    if by_code and by_text and standard_name(by_code) not in (None, by_text):
        warnings.append(f"The channel called {meaning or label!r} is coded as lead {by_code}, which was taken.")
    name = by_code or by_text or plain[0] or plain[1]
    return name, meaning or label or name


def _lead_of_code(source: Dataset) -> str | None:
    value = text_of(source, "CodeValue") or text_of(source, "LongCodeValue")
    if (match := _CODE.fullmatch(value)) is not None:
        return LEAD_NAMES.get(int(match[1]))
    if value.isascii() and value.isdigit() and len(value) < 9 and text_of(source, "CodingSchemeDesignator") == "MDC":
        number = int(value) - _PARTITION
        return LEAD_NAMES.get(number) or LEAD_NAMES.get(number - _MONITOR_OFFSET)
    return standard_name(value) if value.upper().startswith("MDC_ECG_LEAD_") else None


def _unit(file: DicomFile, definition: Dataset) -> str:
    """Return the unit's code, or its meaning where only that is a voltage ("microvolt" beside a code of its own)."""
    units = next(iter(file.items(definition, "ChannelSensitivityUnitsSequence")), None)
    if units is None:
        return ""
    value, meaning = text_of(units, "CodeValue"), text_of(units, "CodeMeaning")
    return meaning if meaning and (not value or (mv_per_unit(value) is None and mv_per_unit(meaning))) else value


def _delay_s(definition: Dataset, fs_hz: float) -> float:
    """Return the channel's delay; a skew is given in seconds or in samples, an offset in seconds on top of it."""
    skew_s = number_of(definition, "ChannelTimeSkew")
    if skew_s is None:
        skew_s = (number_of(definition, "ChannelSampleSkew") or 0.0) / fs_hz
    return skew_s + (number_of(definition, "ChannelOffset") or 0.0)


def _filters(definition: Dataset) -> str:
    low, high, notch = (
        number_of(definition, keyword)
        for keyword in ("FilterLowFrequency", "FilterHighFrequency", "NotchFilterFrequency")
    )
    band = [f"{low:g}" if low else "", f"{high:g}" if high else ""]
    parts = [f"{band[0]}-{band[1]} Hz" if all(band) else f"from {band[0]} Hz" if band[0] else f"to {band[1]} Hz"]
    return ", ".join([*(parts if any(band) else []), *([f"notch {notch:g} Hz"] if notch else [])])
