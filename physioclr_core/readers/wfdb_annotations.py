"""Annotation files of WFDB records: what people wrote down, rhythm changes above all. Beats marked one by one are left.

References
----------
.. [1] WFDB Applications Guide, annot(5), https://physionet.org/physiotools/wag/annot-5.htm
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from physioclr_core.errors import RecordError
from physioclr_core.readers.files import read_bytes

SUFFIXES = (".atr", ".ari", ".ecg", ".qrs")
MAX_BYTES = 64 * 2**20
MAX_NOTES = 10_000
_SKIP, _NUM, _SUB, _CHN, _AUX = 59, 60, 61, 62, 63
_NOTE, _RHYTHM = 22, 28
_MAX_TEXT = 80


@dataclass(frozen=True, slots=True)
class FileNote:
    """A text at a time of the record, in samples of its frames."""

    sample: int
    text: str
    is_rhythm: bool


def read_notes(path: Path) -> list[FileNote]:
    """Return notes and rhythm changes of an annotation file, in order of time.

    Raises
    ------
    RecordError
        If it cannot be read, or is cut short.
    """
    content = read_bytes(path, MAX_BYTES)
    notes: list[FileNote] = []
    at, sample, code = 0, 0, 0
    pending: tuple[int, int] | None = None
    while at + 2 <= len(content):
        word = content[at] | content[at + 1] << 8
        at += 2
        kind, value = word >> 10, word & 0x3FF
        if word == 0:
            return _sorted(notes)
        if kind == _SKIP:
            if at + 4 > len(content):
                break
            high, low = content[at] | content[at + 1] << 8, content[at + 2] | content[at + 3] << 8
            step = high << 16 | low
            sample += step - (1 << 32 if step >= 1 << 31 else 0)
            at += 4
        elif kind == _AUX:
            text = content[at : at + value].split(b"\0")[0].decode("latin-1")
            at += value + value % 2
            if pending is not None and pending[1] in (_NOTE, _RHYTHM) and len(notes) < MAX_NOTES:
                clean = "".join(c if c.isprintable() else " " for c in text).strip()[:_MAX_TEXT]
                if clean:
                    notes.append(FileNote(pending[0], clean.removeprefix("("), code == _RHYTHM))
        elif kind not in (_NUM, _SUB, _CHN):
            sample, code = sample + value, kind
            pending = (sample, code)
    raise RecordError(path, "is no complete annotation file")


def _sorted(notes: list[FileNote]) -> list[FileNote]:
    return sorted(notes, key=lambda note: note.sample)
