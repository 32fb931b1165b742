"""Time-stamped annotation lists (TALs) of EDF+ and BDF+: when each data record began, and what was written down.

A TAL is "+onset [0x15 duration] 0x14 text 0x14 ... 0x00"; the first of a data record has no text and gives its start.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from physioclr_core.errors import RecordError
from physioclr_core.readers.stored_samples import Float64Array, StoredSamples

# What a list of comments can show; a scored night has thousands.
MAX_ANNOTATIONS = 1000
_MAX_TEXT = 200
_TAL = re.compile(rb"([+-]\d{1,12}(?:\.\d{0,12})?)(?:\x15(\d{1,12}(?:\.\d{0,12})?))?\x14([^\x00]*)\x00")
_BYTES_AT_ONCE = 2**23
# Data records that begin within a sample of the last one's end continue it: times are written with few digits.
_SAMPLES_OF_JITTER = 1.0


@dataclass(frozen=True, slots=True)
class TalFacts:
    """What the annotation channels of a file say.

    Attributes
    ----------
    start_s : ndarray of float64, shape (n_blocks,)
        Stated start of each data record after the file's start time; NaN where none is stated.
    texts : tuple of str
        "12.5 s: lights off", in the file's order.
    n_texts : int
        How many there are; ``texts`` keeps at most 1000.
    """

    start_s: Float64Array
    texts: tuple[str, ...]
    n_texts: int


def read_tals(samples: StoredSamples, channels: tuple[tuple[int, int], ...]) -> TalFacts:
    """Read the annotation channels of a file, without its samples where these are far apart.

    Parameters
    ----------
    samples : StoredSamples
    channels : tuple of (int, int)
        Offset and size in bytes of each annotation channel within a data record; the first keeps the time.
    """
    start_s = np.full(samples.n_blocks, np.nan)
    texts: list[str] = []
    n_texts = 0
    for block, tals in _blocks_of_tals(samples, channels):
        for place, tal in enumerate(tals):
            for found in _TAL.finditer(tal):
                written = [text for text in found[3].split(b"\x14") if text]
                # The first TAL keeps the time, with or without a text after it.
                if place == 0 and np.isnan(start_s[block]):
                    start_s[block] = float(found[1])
                n_texts += len(written)
                for text in written[: MAX_ANNOTATIONS - len(texts)]:
                    texts.append(_sentence(found[1], found[2], text))
    return TalFacts(start_s, tuple(texts), n_texts)


def block_starts(samples: StoredSamples, stated_s: Float64Array, warnings: list[str]) -> Float64Array | None:
    """Return when each data record begins after the first, None where each begins as the one before ends.

    Parameters
    ----------
    samples : StoredSamples
    stated_s : ndarray of float64, shape (n_blocks,)
        From ``read_tals``.
    warnings : list of str
        Gets a sentence where some records do not say when they began.

    Raises
    ------
    RecordError
        If records overlap, or some after a gap do not say when they began.
    """
    is_stated = np.isfinite(stated_s)
    contiguous_s = np.arange(samples.n_blocks) * samples.block_s
    if not is_stated.any():
        return None
    offset_s = stated_s - contiguous_s
    origin_s = offset_s[is_stated][0]
    top_fs_hz = max((lead.fs_hz for lead in samples.leads), default=1.0 / samples.block_s)
    jitter_s = _SAMPLES_OF_JITTER / top_fs_hz
    if np.all(np.abs(offset_s[is_stated] - origin_s) <= jitter_s):
        if not is_stated.all():
            warnings.append("Some data records do not say when they began; the others follow each other without a gap.")
        return None
    if not is_stated.all():
        n_missing = int((~is_stated).sum())
        raise RecordError(
            samples.path, f"has gaps, and {n_missing} of its {samples.n_blocks} data records do not say when they began"
        )
    start_s = stated_s - stated_s[0]
    late_s = np.diff(start_s) - samples.block_s
    if np.any(late_s < -jitter_s):
        first = int(np.flatnonzero(late_s < -jitter_s)[0]) + 2
        raise RecordError(samples.path, f"its data record {first} is stated to begin before the one before it ends")
    start_s = _without_jitter(start_s, samples.block_s, jitter_s)
    has_gaps = bool(np.any(np.diff(start_s) - samples.block_s > jitter_s / 2))
    return start_s if has_gaps else None


def _without_jitter(start_s: Float64Array, block_s: float, jitter_s: float) -> Float64Array:
    """Return starts in which a record that begins about when the last one ends begins just then."""
    for block in range(1, len(start_s)):
        end_s = start_s[block - 1] + block_s
        if abs(start_s[block] - end_s) <= jitter_s or start_s[block] < end_s:
            start_s[block] = end_s
    return start_s


def _blocks_of_tals(
    samples: StoredSamples, channels: tuple[tuple[int, int], ...]
) -> Iterator[tuple[int, tuple[bytes, ...]]]:
    # From the first to the last annotation byte of each data record: in most files the channel comes last, alone.
    first = min(offset for offset, _ in channels)
    span = max(offset + size for offset, size in channels) - first
    with samples.path.open("rb", buffering=0) as file:
        if span * 2 < samples.block_bytes and samples.block_bytes > 2**12:
            for block in range(samples.n_blocks):
                file.seek(samples.data_offset + block * samples.block_bytes + first)
                part = file.read(span)
                yield block, tuple(part[offset - first : offset - first + size] for offset, size in channels)
            return
        file.seek(samples.data_offset)
        at_once = max(1, _BYTES_AT_ONCE // samples.block_bytes)
        for begin in range(0, samples.n_blocks, at_once):
            part = file.read(min(at_once, samples.n_blocks - begin) * samples.block_bytes)
            for row in range(len(part) // samples.block_bytes):
                base = row * samples.block_bytes
                yield begin + row, tuple(part[base + offset : base + offset + size] for offset, size in channels)


def _sentence(onset: bytes, duration: bytes | None, text: bytes) -> str:
    words = text.decode("utf-8", "replace")[:_MAX_TEXT]
    printable = "".join(letter if letter.isprintable() else " " for letter in words).strip()
    length = f" for {float(duration):g} s" if duration and float(duration) > 0 else ""
    return f"{float(onset):g} s{length}: {printable}"
