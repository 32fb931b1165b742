"""Headers of ISHNE Holter files (Badilini, Ann Noninvasive Electrocardiol 1998;3:263-266).

Eight bytes "ISHNE1.0", a checksum, 512 bytes of fixed fields, a free text, then interleaved 16-bit samples whose size
is stated for each lead in nV. Parsed here because a recording of a day is read through a window, never as a whole.
"""

from __future__ import annotations

import binascii
import struct
from datetime import date, datetime, time
from pathlib import Path

from physioclr_core.errors import RecordError
from physioclr_core.readers.edf_fields import age_years
from physioclr_core.readers.files import file_size, first_bytes
from physioclr_core.readers.stored_samples import StoredHeader, StoredLead, StoredSamples
from physioclr_core.record import Acquisition, Patient, Sex

_ANNOTATION_MAGIC = b"ANN  1.0"
_HEADER_BYTES = 522
_MAX_TEXT_BYTES = 2**20
_MAX_LEADS = 12
_FS_RANGE_HZ = (20, 32_767)
# Table 1 of the paper; 0 is unknown and 1 a bipolar lead of unstated place. The orthogonal leads are Frank's.
_LEAD_NAMES = {2: "vx", 3: "vy", 4: "vz", 5: "I", 6: "II", 7: "III", 8: "aVR", 9: "aVL", 10: "aVF", 11: "V1"}
_LEAD_NAMES |= {12: "V2", 13: "V3", 14: "V4", 15: "V5", 16: "V6", 17: "ES", 18: "AS", 19: "AI"}
_QUALITY = {2: "intermittent noise", 3: "frequent noise", 4: "intermittent disconnection", 5: "frequent disconnection"}
_PACEMAKER = {
    1: "of unknown type",
    2: "single chamber, unipolar",
    3: "dual chamber, unipolar",
    4: "single chamber, bipolar",
    5: "dual chamber, bipolar",
}
# The paper proposes it for a lead that is off.
_LEAD_OFF_ADU = -32768


def read_ishne_header(path: Path) -> StoredHeader:
    """Read the header of an ISHNE recording, but no samples.

    Raises
    ------
    RecordError
        If it holds annotations instead, or does not say for certain what the samples are.
    """
    head = first_bytes(path, _HEADER_BYTES)
    if head[:8] == _ANNOTATION_MAGIC:
        raise RecordError(path, "holds the beats of an ISHNE recording and no signal; open the recording's .ecg file")
    if len(head) < _HEADER_BYTES:
        raise RecordError(path, "ends within its header")
    checksum, text_bytes, n_stated, _, data_offset = struct.unpack_from("<Hiiii", head, 8)
    if not 0 <= text_bytes <= _MAX_TEXT_BYTES:
        raise RecordError(path, f"states {text_bytes} bytes of free text in its header, which is absurd")
    end = _HEADER_BYTES + text_bytes
    block = first_bytes(path, end)
    if len(block) < end:
        raise RecordError(path, "ends within its header")
    warnings: list[str] = []
    ignored: list[str] = []
    if data_offset != end:
        # The two disagree; samples begin where the free text ends, as all known files have it.
        warnings.append(f"The header says that samples begin at byte {data_offset}; they were read from byte {end}.")
    _check_crc(checksum, block, warnings)
    samples = _samples(path, head, end, n_stated, warnings, ignored)
    comment = _text(block, _HEADER_BYTES, text_bytes)
    return StoredHeader(
        format="ISHNE",
        samples=samples,
        patient=_patient(head),
        acquisition=_acquisition(head, comment, warnings),
        ignored=tuple(ignored),
        warnings=tuple(warnings),
    )


def _check_crc(stored: int, block: bytes, warnings: list[str]) -> None:
    """Warn where the header's checksum is another; 0 means that none was computed, and both byte orders occur."""
    computed = binascii.crc_hqx(block[10:], 0xFFFF)
    if stored not in (0, computed, (computed & 0xFF) << 8 | computed >> 8):
        warnings.append("The header does not match its own checksum, so names, dates, gains or leads may be wrong.")


def _samples(
    path: Path, head: bytes, data_offset: int, n_stated: int, warnings: list[str], ignored: list[str]
) -> StoredSamples:
    (n_leads,) = struct.unpack_from("<h", head, 156)
    codes, qualities, resolutions_nv = (struct.unpack_from("<12h", head, at) for at in (158, 182, 206))
    (fs_hz,) = struct.unpack_from("<h", head, 272)
    if not 1 <= n_leads <= _MAX_LEADS:
        raise RecordError(path, f"states {n_leads} leads, where a number from 1 to {_MAX_LEADS} belongs")
    if not _FS_RANGE_HZ[0] <= fs_hz <= _FS_RANGE_HZ[1]:
        raise RecordError(path, f"states a sampling rate of {fs_hz} Hz, which no ECG has")
    frame_bytes = 2 * n_leads
    n_frames, rest = divmod(file_size(path) - data_offset, frame_bytes)
    if n_frames < 1:
        raise RecordError(path, "holds no sample after its header")
    if rest:
        warnings.append("The file ends within a sample of its leads, so it may have been cut short.")
    # The paper counts samples of each lead; some recorders count all leads together, others state the longest possible.
    if n_stated not in (n_frames, n_frames * n_leads):
        warnings.append(
            f"The header states {n_stated} samples and the file holds {n_frames} of each lead "
            f"({n_frames / fs_hz:g} s), all of which were read; the file may have been cut short."
        )
    leads: list[StoredLead] = []
    for row in range(n_leads):
        name = _LEAD_NAMES.get(codes[row], "")
        called = name or f"lead {row + 1}"
        if resolutions_nv[row] <= 0:
            ignored.append(f"{called}: it states no resolution, so its amplitude is unknown")
            continue
        if qualities[row] in _QUALITY:
            warnings.append(f"The recorder rated {called}: {_QUALITY[qualities[row]]}.")
        leads.append(
            StoredLead(
                source_name=name or f"ISHNE lead {row + 1}",
                unit="mV",
                mv_per_unit=1.0,
                gain=1e6 / resolutions_nv[row],
                gain_source="stated",
                baseline_adu=0.0,
                fs_hz=float(fs_hz),
                offset_bytes=2 * row,
                n_per_block=1,
                stride_bytes=frame_bytes,
            )
        )
    if not leads:
        raise RecordError(path, f"has no lead of known amplitude ({'; '.join(ignored[:3])})")
    return StoredSamples(
        path, 2, data_offset, frame_bytes, n_frames, 1.0 / fs_hz, tuple(leads), invalid_adu=_LEAD_OFF_ADU
    )


def _patient(head: bytes) -> Patient:
    first, last = _text(head, 28, 40), _text(head, 68, 40)
    (sex_code,) = struct.unpack_from("<h", head, 128)
    sexes: dict[int, Sex] = {1: "male", 2: "female"}
    return Patient(
        patient_id=_text(head, 108, 20) or None,
        name=" ".join(part for part in (first, last) if part) or None,
        age_years=age_years(_date(head, 132), _date(head, 138)),
        sex=sexes.get(sex_code),
    )


def _acquisition(head: bytes, comment: str, warnings: list[str]) -> Acquisition:
    day, clock = _date(head, 138), _clock(head, 150)
    if day is None:
        warnings.append("The date of the recording is not stated or is no date, so it is unknown.")
    (pacemaker,) = struct.unpack_from("<h", head, 230)
    comments = [comment] if comment else []
    if pacemaker in _PACEMAKER:
        comments.append(f"Pacemaker: {_PACEMAKER[pacemaker]}")
    return Acquisition(
        start=datetime.combine(day, clock) if day and clock else day,
        device=_text(head, 232, 40) or None,
        comments=tuple(comments),
    )


def _text(block: bytes, at: int, size: int) -> str:
    letters = block[at : at + size].split(b"\0")[0].decode("latin-1")
    return "".join(letter if letter.isprintable() else " " for letter in letters).strip()


def _date(head: bytes, at: int) -> date | None:
    day, month, year = struct.unpack_from("<3h", head, at)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _clock(head: bytes, at: int) -> time | None:
    try:
        return time(*struct.unpack_from("<3h", head, at))
    except ValueError:
        return None
