"""Constructed files in the formats of which no device file is given, packed byte by byte from the published layouts.

Nothing here uses the code that reads them. Samples are whole ADU, so that what is read can be compared exactly.
"""

from __future__ import annotations

import binascii
import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from real_records import real_signal_mv

IntArray = npt.NDArray[np.int64]


def real_uv(n_leads: int = 3, entry: int = 0) -> IntArray:
    """Return a real ECG at 100 Hz in whole uV, shape (n_leads, 1000)."""
    return np.round(real_signal_mv(entry)[:n_leads] * 1000).astype(np.int64)


@dataclass
class EdfChannel:
    """One channel of an EDF or BDF file; texts are written as they are given."""

    label: str
    samples: Any  # whole ADU, shape (n_records * n_per_record,)
    unit: str = "uV"
    physical: tuple[str, str] = ("-32768", "32767")
    digital: tuple[str, str] = ("-32768", "32767")
    prefilter: str = ""
    n_per_record: int = 100


@dataclass
class Edf:
    """An EDF (or, ``is_bdf``, BDF) file; every header field can be set to anything."""

    channels: Sequence[EdfChannel]
    starts_s: Sequence[float] | None = None  # of each data record: makes it EDF+ with an annotations channel
    reserved: str = ""
    record_s: str = "1"
    patient: str = "X X X X"
    recording: str = "Startdate X X X X"
    start_date: str = "02.03.24"
    start_time: str = "10.14.00"
    is_bdf: bool = False
    n_records: str | None = None
    header_bytes: str | None = None
    texts: Mapping[int, str] = field(default_factory=dict)  # data record -> annotation
    version: bytes = b"0"

    def content(self) -> bytes:
        """Return the file's bytes."""
        size = 3 if self.is_bdf else 2
        channels = list(self.channels)
        n_records = len(np.asarray(channels[0].samples)) // channels[0].n_per_record
        name = "BDF Annotations" if self.is_bdf else "EDF Annotations"
        n_tal = 60 if self.starts_s is not None else 0
        rows = [(c.label, "", c.unit, *c.physical, *c.digital, c.prefilter, str(c.n_per_record), "") for c in channels]
        if n_tal:
            digital = ("-8388608", "8388607") if self.is_bdf else ("-32768", "32767")
            rows.append((name, "", "", "-1", "1", *digital, "", str(n_tal // size), ""))
        widths = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
        head = b"".join(
            text.encode("latin-1").ljust(width)[:width]
            for text, width in (
                (self.patient, 80),
                (self.recording, 80),
                (self.start_date, 8),
                (self.start_time, 8),
                (self.header_bytes or str(256 * (len(rows) + 1)), 8),
                (self.reserved, 44),
                (self.n_records or str(n_records), 8),
                (self.record_s, 8),
                (str(len(rows)), 4),
            )
        )
        version = b"\xffBIOSEMI" if self.is_bdf else self.version.ljust(8)
        columns = b"".join(
            row[place].encode("latin-1").ljust(width)[:width] for place, width in enumerate(widths) for row in rows
        )
        body = []
        for record in range(n_records):
            for channel in channels:
                part = np.asarray(channel.samples)[record * channel.n_per_record : (record + 1) * channel.n_per_record]
                body.append(_little_endian(part, size))
            if self.starts_s is not None:
                tal = f"+{self.starts_s[record]:g}\x14\x14\0"
                if record in self.texts:
                    tal += f"+{self.starts_s[record]:g}\x150.5\x14{self.texts[record]}\x14\0"
                body.append(tal.encode("utf-8").ljust(n_tal, b"\0"))
        return version + head + columns + b"".join(body)

    def write(self, path: Path) -> Path:
        """Write the file; return its path."""
        path.write_bytes(self.content())
        return path


def _little_endian(samples: npt.ArrayLike, size: int) -> bytes:
    whole = np.asarray(samples).astype("<i4").view(np.uint8).reshape(-1, 4)
    return whole[:, :size].tobytes()


ISHNE_CODES = {"unknown": 0, "vx": 2, "vy": 3, "vz": 4, "I": 5, "II": 6, "III": 7, "aVR": 8, "aVL": 9, "aVF": 10}
ISHNE_CODES |= {f"V{number}": 10 + number for number in range(1, 7)}


def ishne_content(
    samples: IntArray,
    leads: Sequence[str],
    resolution_nv: int = 1000,
    fs_hz: int = 100,
    text: bytes = b"",
    n_stated: int | None = None,
    crc: int | None = None,
    quality: int = 1,
    pacemaker: int = 0,
    magic: bytes = b"ISHNE1.0",
    born: date = date(1950, 6, 1),
) -> bytes:
    """Return an ISHNE recording of 16-bit samples of shape (n_leads, n_samples)."""
    n_leads, n_samples = samples.shape
    rest = 12 - n_leads
    fixed = struct.pack("<iiiih", len(text), n_samples if n_stated is None else n_stated, 522, 522 + len(text), 1)
    fixed += b"Jane".ljust(40, b"\0") + b"Doe".ljust(40, b"\0") + b"H-17".ljust(20, b"\0")
    fixed += struct.pack("<2h3h3h3h3h", 2, 1, born.day, born.month, born.year, 2, 3, 2024, 4, 3, 2024, 10, 14, 30)
    fixed += struct.pack("<h", n_leads)
    fixed += struct.pack("<12h", *(ISHNE_CODES[lead] for lead in leads), *[-9] * rest)
    fixed += struct.pack("<12h", *[quality] * n_leads, *[-9] * rest)
    fixed += struct.pack("<12h", *[resolution_nv] * n_leads, *[-9] * rest)
    fixed += struct.pack("<h", pacemaker) + b"digital".ljust(40, b"\0") + struct.pack("<h", fs_hz)
    fixed += bytes(80) + bytes(80) + bytes(88)
    assert len(fixed) == 512
    checksum = binascii.crc_hqx(fixed + text, 0xFFFF) if crc is None else crc
    return magic + struct.pack("<H", checksum) + fixed + text + samples.T.astype("<i2").tobytes()


MFER_CODES = {"I": 1, "II": 2, "V1": 3, "V2": 4, "V3": 5, "V4": 6, "V5": 7, "V6": 8}
MFER_CODES |= {"III": 61, "aVR": 62, "aVL": 63, "aVF": 64}


def mfer_definition(tag: int, value: bytes, channel: int | None = None) -> bytes:
    """Return one definition; those of a channel are wrapped by it."""
    if channel is not None:
        inner = mfer_definition(tag, value)
        return bytes([0x3F, channel, len(inner)]) + inner
    length = bytes([len(value)]) if len(value) < 128 else b"\x84" + len(value).to_bytes(4, "big")
    return bytes([tag]) + length + value


def mfer_content(
    frames: Sequence[IntArray],
    leads: Sequence[str],
    fs_hz: int = 100,
    sensitivity: bytes | None = b"\x00\xfa\x01\x00",
    pointers: Sequence[int] | None = None,
    interval: bytes | None = None,
    extra: bytes = b"",
) -> bytes:
    """Return a little-endian MFER file of 16-bit frames of shape (n_leads, n_samples), in uV by default."""
    define = mfer_definition
    parts = [define(0x40, b"MFR Standard 12 leads ECG".ljust(32)), define(0x01, b"\x01")]
    parts.append(define(0x17, b"Maker^Model 1^2.0^SN1"))
    parts.append(define(0x81, b"Doe^^Jane") + define(0x82, b"H-17") + define(0x84, b"\x02"))
    parts.append(define(0x83, struct.pack("<BHHBB", 63, 0, 1960, 6, 1)))
    parts.append(define(0x85, struct.pack("<HBBBBBHH", 2024, 3, 2, 10, 14, 30, 0, 0)))
    parts.append(define(0x11, b"HPF=0.05") + define(0x11, b"LPF=150"))
    parts.append(define(0x08, struct.pack("<H", 1)))
    parts.append(define(0x0B, interval or struct.pack("<BbH", 0, 0, fs_hz)))  # unit 0: Hz
    if sensitivity is not None:
        parts.append(define(0x0C, sensitivity))  # unit 0: V, exponent -6, mantissa 1
    parts.append(define(0x0A, b"\x00") + define(0x05, struct.pack("<B", len(leads))))
    parts += [define(0x09, struct.pack("<H", MFER_CODES[lead]), channel) for channel, lead in enumerate(leads)]
    parts.append(extra)
    for place, frame in enumerate(frames):
        if pointers is not None:
            parts.append(define(0x07, struct.pack("<i", pointers[place])))
        n_samples = frame.shape[1]
        parts.append(define(0x04, struct.pack("<I", n_samples)) + define(0x06, struct.pack("<H", 1)))
        parts.append(define(0x1E, frame.astype("<i2").tobytes()))
    return b"".join(parts) + b"\x80"


KARDIA_KEYS = {"I": "leadI", "II": "leadII", "III": "leadIII", "aVR": "AVR", "aVL": "AVL", "aVF": "AVF"}


def kardia_content(samples: IntArray, leads: Sequence[str], fs_hz: float = 300, /, **changes: Any) -> bytes:
    """Return a Kardia recording with a resolution of 500 nV; ``changes`` replace keys of ``data.raw``."""

    def block(scale: int) -> dict[str, Any]:
        values = {KARDIA_KEYS[lead]: (row * scale).tolist() for lead, row in zip(leads, samples, strict=True)}
        return {
            "samples": values,
            "frequency": fs_hz,
            "mainsFrequency": 50,
            "amplitudeResolution": 500,
            "numLeads": len(leads),
        }

    document = {
        "id": "abc",
        "patientID": "H-17",
        "recordedAt": "2024-03-02T10:14:30Z",
        "algorithmDetermination": "normal",
        "heartRate": 72.4,
        "deviceInfo": {"hardwareType": "Triangle", "serialNumber": "SN1"},
        "duration": 1000 * samples.shape[1] / fs_hz,
        "note": "palpitations",
        "qtMeasurement": {"qt": {"Value": 400}, "qtcf": {"Value": 425}},
        "data": {"raw": block(1) | changes, "enhanced": block(1)},
    }
    return json.dumps(document).encode()
