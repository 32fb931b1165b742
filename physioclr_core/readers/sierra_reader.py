"""Philips Sierra XML (``restingecgdata``), versions 1.03 to 1.04.02, plain, Base64 or XLI-compressed."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import RecordError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.readers.sierra_reading import read_interpretation
from physioclr_core.readers.xli_codec import MAX_LEAD_SAMPLES, decode_xli
from physioclr_core.readers.xml_document import attribute_at, clipped, integers, number, parse_xml, text_at
from physioclr_core.readers.xml_facts import (
    age_in_years,
    age_of,
    clock_of,
    day_of,
    filters_text,
    joined,
    known,
    person,
    sex_of,
    start_of,
)
from physioclr_core.readers.xml_leads import MAX_LEADS, Notes, StoredLead, check_fs_hz, make_median, make_record
from physioclr_core.readers.xml_samples import base64_bytes, little_endian
from physioclr_core.record import Acquisition, EcgRecord, MedianBeat, Patient

FORMAT_NAME = "Philips Sierra XML"
ROOT = "restingecgdata"
TYPES = ("SierraECG", "PhilipsECG")
VERSIONS = ("1.03", "1.04", "1.04.01", "1.04.02")

_DATES = ("%Y-%m-%d", "%m/%d/%Y")
# Shorter runs of equal leads are chance.
_MIN_TAIL_S = 0.1
# Where a representative beat was not computed; real files hold it.
_FILL = 2**15 - 1
_PULSE_UV = 1000.0
_PULSE_TOLERANCE = 0.05

Samples = npt.NDArray[np.int64]


def read_sierra(path: Path) -> EcgRecord:
    """Read a Philips Sierra XML file.

    Raises
    ------
    RecordError
        If it cannot be read, or is of a version that is not known.
    """
    document = parse_xml(path, ROOT)
    root, notes = document.root, Notes(warnings=list(document.warnings))
    _check_version(path, root)
    waveforms = root.find(".//parsedwaveforms")
    if waveforms is None:
        raise RecordError(path, "holds no rhythm waveform")
    acquisition = root.find("dataacquisition")
    signal = acquisition.find("signalcharacteristics") if acquisition is not None else None
    day = day_of(attribute_at(acquisition, ".", "date"), *_DATES)
    start = start_of(day, clock_of(attribute_at(acquisition, ".", "time")), notes.ignored)
    leads = _leads(path, waveforms, signal, notes)
    return make_record(
        path,
        FORMAT_NAME,
        leads,
        notes,
        _patient(root.find("patient/generalpatientdata"), start, notes),
        Acquisition(start=start, device=_device(acquisition), filters=_filters(waveforms, signal)),
        read_interpretation(root, _median(path, root.find(".//repbeats"), notes), notes),
    )


def _check_version(path: Path, root: Element) -> None:
    kind, version = text_at(root, "documentinfo/documenttype"), text_at(root, "documentinfo/documentversion")
    if kind not in TYPES or version not in VERSIONS:
        raise RecordError(
            path,
            f"is Philips XML of type {clipped(kind, 20) or '?'} and version {clipped(version, 12) or '?'}; "
            f"known are {' and '.join(TYPES)} in {', '.join(VERSIONS)}",
        )


def _either(waveforms: Element, signal: Element | None, *names: str) -> str:
    """Return what describes the stored samples: the waveform's own attribute before the acquisition's."""
    for name in names:
        found = attribute_at(waveforms, ".", name) or text_at(signal, name)
        if found:
            return found
    return ""


def _leads(path: Path, waveforms: Element, signal: Element | None, notes: Notes) -> list[StoredLead]:
    fs_hz = check_fs_hz(path, number(_either(waveforms, signal, "samplespersecond", "samplingrate")))
    names = _names(path, waveforms, signal, notes)
    duration_ms = number(attribute_at(waveforms, ".", "durationperchannel"))
    if duration_ms is None or not 0 < duration_ms * fs_hz / 1000 <= MAX_LEAD_SAMPLES:
        raise RecordError(path, "does not state a duration that its leads may have")
    resolution_uv = number(_either(waveforms, signal, "resolution", "signalresolution"))
    if resolution_uv is None or resolution_uv <= 0:
        raise RecordError(path, "does not state the resolution of its samples, so that amplitudes are unknown")
    samples = _samples(path, waveforms, signal, len(names), round(duration_ms * fs_hz / 1000), notes)
    if _compression(waveforms) and tuple(names[:6]) == STANDARD_LEADS[:6]:
        _rebuild_limb_leads(samples)
    n_ecg = _ecg_length(samples, fs_hz, resolution_uv, notes)
    baseline = number(_either(waveforms, signal, "signaloffset")) or 0.0
    return [
        StoredLead(name, lead[:n_ecg], fs_hz, "uV", 1 / resolution_uv, baseline=baseline, fill=_FILL)
        for name, lead in zip(names, samples, strict=True)
    ]


def _names(path: Path, waveforms: Element, signal: Element | None, notes: Notes) -> list[str]:
    names = attribute_at(waveforms, ".", "leadlabels").split()
    stated = number(attribute_at(waveforms, ".", "numberofleads"))
    if names:
        count = int(stated) if stated and 1 <= stated < len(names) else len(names)
        names = names[:count]
    else:
        stated = number(text_at(signal, "numberchannelsallocated") or text_at(signal, "numberchannelsvalid"))
        if stated is None or not 1 <= stated <= MAX_LEADS:
            raise RecordError(path, "does not say how many leads it has")
        set_name = text_at(signal, "acquisitiontype") or text_at(signal, "leadset")
        if set_name in ("STD-12", "10-WIRE") and stated <= len(STANDARD_LEADS):
            # These two sets have one order, and files of version 1.03 name no leads.
            names = list(STANDARD_LEADS[: int(stated)])
        else:
            names = [f"Channel {number_}" for number_ in range(1, int(stated) + 1)]
            notes.warnings.append(
                f"The file does not name its leads, and its lead set {clipped(set_name, 20)!r} is not known."
            )
    if len(names) > MAX_LEADS:
        raise RecordError(path, f"has {len(names)} leads; at most {MAX_LEADS} were expected")
    return names


def _compression(waveforms: Element) -> str:
    """Return the method of compression, "" for none."""
    if attribute_at(waveforms, ".", "compressflag").casefold() in ("false", "no", "0"):
        return ""
    method = attribute_at(waveforms, ".", "compression") or attribute_at(waveforms, ".", "compressmethod")
    return "" if method.casefold() in ("uncompressed", "none") else method


def _samples(
    path: Path, waveforms: Element, signal: Element | None, n_leads: int, n_samples: int, notes: Notes
) -> list[Samples]:
    text, encoding, method = waveforms.text or "", attribute_at(waveforms, ".", "dataencoding"), _compression(waveforms)
    if method and (method.upper() != "XLI" or encoding != "Base64"):
        raise RecordError(
            path, f"is compressed by {clipped(method, 20)!r} in {clipped(encoding, 20)!r}, which is not known"
        )
    if method:
        return decode_xli(path, base64_bytes(path, text, "its rhythm"), n_leads, n_samples)
    if encoding == "Base64":
        is_signed = _either(waveforms, signal, "signalsigned").casefold() not in ("false", "no", "0")
        values = little_endian(path, base64_bytes(path, text, "its rhythm"), 2, "its rhythm", is_signed)
    elif encoding == "Plain":
        values = integers(path, text, "its rhythm")
    else:
        raise RecordError(path, f"stores its samples as {clipped(encoding, 20)!r}, which is not known")
    if values.size < n_leads * n_samples:
        raise RecordError(path, f"has {values.size} samples in all leads where {n_leads * n_samples} are stated")
    if values.size > n_leads * n_samples:
        notes.ignored.append(f"{values.size - n_leads * n_samples} samples after the stated ones")
    return list(values[: n_leads * n_samples].reshape(n_leads, n_samples).copy())


def _rebuild_limb_leads(samples: list[Samples]) -> None:
    """Rebuild III, aVR, aVL and aVF, of which XLI holds only what I and II do not say."""
    lead_i, lead_ii = samples[0], samples[1]
    samples[2] = lead_iii = lead_ii - lead_i - samples[2]
    samples[3] = -samples[3] - (lead_i + lead_ii) // 2
    samples[4] = (lead_i - lead_iii) // 2 - samples[4]
    samples[5] = (lead_ii + lead_iii) // 2 - samples[5]


def _ecg_length(samples: list[Samples], fs_hz: float, resolution_uv: float, notes: Notes) -> int:
    """Return how many samples are ECG: the device ends each lead with zeros and a calibration pulse of 1 mV.

    The pulse is no beat, and would be drawn and measured as one.
    """
    stacked = np.array(samples)
    differs = np.flatnonzero((stacked != stacked[0]).any(axis=0))
    if len(samples) < 3 or differs.size == 0:
        return int(stacked.shape[1])
    n_ecg = int(differs[-1]) + 1
    tail = stacked[0, n_ecg:]
    tail_s = tail.size / fs_hz
    heights = np.unique(tail[tail != 0])
    if tail_s < _MIN_TAIL_S or heights.size > 1:
        return int(stacked.shape[1])
    if heights.size == 0:
        notes.padding.append(f"The last {tail_s:.3g} s of all leads are 0; they were not recorded and are cut off.")
        return n_ecg
    pulse_uv = float(heights[0]) * resolution_uv
    notes.padding.append(
        f"The last {tail_s:.3g} s of all leads are zeros and a calibration pulse of {pulse_uv / 1000:.3g} mV "
        "and are cut off."
    )
    if abs(pulse_uv - _PULSE_UV) > _PULSE_TOLERANCE * _PULSE_UV:
        notes.warnings.append(
            f"The calibration pulse is {pulse_uv / 1000:.3g} mV by the stated resolution instead of 1 mV, "
            "so that the gain is in doubt."
        )
    return n_ecg


def _median(path: Path, repbeats: Element | None, notes: Notes) -> MedianBeat | None:
    if repbeats is None or not repbeats.findall("repbeat"):
        return None
    fs_hz = number(attribute_at(repbeats, ".", "samplespersec") or attribute_at(repbeats, ".", "samplespersecond"))
    resolution_uv = number(attribute_at(repbeats, ".", "resolution"))
    encoding = attribute_at(repbeats, ".", "dataencoding")
    if (
        not fs_hz
        or not resolution_uv
        or resolution_uv < 0
        or _compression(repbeats)
        or encoding not in ("Base64", "Plain")
    ):
        notes.ignored.append("representative beats: their rate, resolution or encoding is not stated or not known")
        return None
    stored: list[StoredLead] = []
    try:
        for beat in repbeats.findall("repbeat"):
            name, waveform = attribute_at(beat, ".", "leadname"), beat.find("waveform")
            # Version 1.03 has the samples in the beat itself.
            text = (beat if waveform is None else waveform).text or ""
            what = f"the representative beat of {clipped(name, 20)}"
            samples = (
                little_endian(path, base64_bytes(path, text, what), 2, what)
                if encoding == "Base64"
                else integers(path, text, what)
            )
            stored.append(StoredLead(name, samples, check_fs_hz(path, fs_hz), "uV", 1 / resolution_uv, fill=_FILL))
    except RecordError as error:
        notes.ignored.append(f"representative beats: the file {error.cause}")
        return None
    return make_median(path, stored, notes)


def _patient(data: Element | None, start: date | None, notes: Notes) -> Patient:
    birth = day_of(text_at(data, "age/dateofbirth") or text_at(data, "dateofbirth"), *_DATES)
    stated = age_in_years(text_at(data, "age/years"), "years", notes.warnings)
    default_age = attribute_at(data, "age", "defaultage")
    if default_age:
        notes.ignored.append(f"age {clipped(default_age, 12)}: a default of the device, not the patient's")
    return Patient(
        patient_id=known(text_at(data, "patientid")) or known(text_at(data, "MRN")),
        name=person(*(text_at(data, f"name/{part}name") for part in ("last", "first", "middle"))),
        age_years=age_of(stated, birth, start, notes.warnings),
        sex=sex_of(text_at(data, "sex")),
    )


def _device(acquisition: Element | None) -> str | None:
    maker = attribute_at(acquisition, "machine", "detaildescription").split(":")[0]
    return joined(maker, text_at(acquisition, "machine"))


def _filters(waveforms: Element, signal: Element | None) -> str | None:
    high_pass, low_pass = number(_either(waveforms, signal, "hipass")), number(_either(waveforms, signal, "lowpass"))
    if high_pass is None and low_pass is None:
        first, _, second = text_at(signal, "signalbandwidth").partition("-")
        high_pass, low_pass = number(first), number(second)
    is_notched = _either(waveforms, signal, "notchfiltered").casefold() in ("true", "yes", "1")
    return filters_text(
        high_pass, low_pass, number(_either(waveforms, signal, "notchfilterfreqs")) if is_notched else None
    )
