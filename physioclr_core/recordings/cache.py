"""Where what was made of a recording is kept: by what its files are, whole or not at all, within a bounded size."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from physioclr_core.errors import RecordError
from physioclr_core.paths import physioclr_home
from physioclr_core.readers.files import file_size, os_fault
from physioclr_core.recordings.pyramid import Layout, Pyramid, fill
from physioclr_core.recordings.samples import StoredSignal, read_range

# All recordings together; the longest unused go first.
MAX_CACHE_BYTES = 4 * 2**30
_ENDS_BYTES = 2**16
_MAGIC = b"PCLRPYR1"
_HEAD_BYTES = 4096
_CRC_BYTES = 2**20
# An unfinished file that nobody has written to for this long belongs to a program that is gone.
_ABANDONED_S = 3600.0
# Part of every key: what is kept is made anew where this program makes it differently.
_VERSION = 1


def cache_folder() -> Path:
    """Return the folder; it is not created."""
    return physioclr_home() / "recordings"


def key_of(files: Iterable[Path], what: str = "") -> str:
    """Return a key that is another one as soon as one of the files is: size, time of change, hash of both ends.

    Parameters
    ----------
    files : iterable of Path
    what : str
        Anything else that decides what is made of them.

    Raises
    ------
    RecordError
        If a file cannot be read.
    """
    digest = hashlib.sha256(f"{_VERSION} {what}".encode())
    for path in files:
        size = file_size(path)
        try:
            changed_ns = path.stat().st_mtime_ns
        except OSError as error:
            raise os_fault(path, error) from None
        n_ends = min(size, _ENDS_BYTES)
        digest.update(f"\n{path.name} {size} {changed_ns}\n".encode())
        digest.update(read_range(path, 0, n_ends) + read_range(path, size - n_ends, n_ends))
    return digest.hexdigest()[:40]


def empty_pyramid(signal: StoredSignal, folder: Path) -> tuple[Pyramid, Path]:
    """Return a pyramid to build, in a file of its own beside the kept ones.

    Raises
    ------
    OSError
        If there is no room or no right to write.
    """
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{secrets.token_hex(8)}.building"
    layout = Layout(signal.n_samples, signal.n_leads, signal.dtype.str, _HEAD_BYTES)
    file = aside.open("x+b")
    try:
        file.truncate(layout.end)
    except OSError:
        file.close()
        aside.unlink(missing_ok=True)
        raise
    return Pyramid(file, layout, 0), aside


def kept_pyramid(key: str, signal: StoredSignal, folder: Path) -> Pyramid | None:
    """Return the pyramid that was kept under a key, None where there is none; a damaged one is removed."""
    path = folder / f"{key}.pyramid"
    layout = Layout(signal.n_samples, signal.n_leads, signal.dtype.str, _HEAD_BYTES)
    try:
        file = path.open("rb")
    except OSError:
        return None
    head = file.read(_HEAD_BYTES)
    if head[: len(_MAGIC)] == _MAGIC and _is_intact(file, head, key, layout):
        _touch(path)
        return Pyramid(file, layout, signal.n_samples)
    file.close()
    path.unlink(missing_ok=True)
    return None


def keep(pyramid: Pyramid, aside: Path, key: str, folder: Path) -> None:
    """Give a complete pyramid its name, so that the next start finds it; then make room.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = folder / f"{key}.pyramid"
    with aside.open("r+b") as file:
        text = json.dumps({"key": key, "crc": _crc(file), "layout": _facts(pyramid.layout)}).encode()
        file.seek(0)
        file.write((_MAGIC + text).ljust(_HEAD_BYTES, b"\0"))
        file.flush()
        os.fsync(file.fileno())
    pyramid.moved_to(path, lambda: aside.replace(path))
    make_room(folder, spare=path)


def build(
    signal: StoredSignal,
    files: Sequence[Path],
    on_started: Callable[[Pyramid], object],
    is_cancelled: Callable[[], bool],
    folder: Path | None = None,
) -> Pyramid | None:
    """Open the kept pyramid of a recording or build it.

    Parameters
    ----------
    signal : StoredSignal
    files : sequence of Path
        All files of the recording, its header too.
    on_started : callable
        Gets the pyramid as soon as some of it can be read.
    is_cancelled : callable
    folder : Path, optional
        The cache's own by default.

    Returns
    -------
    Pyramid or None
        Complete; None where it was cancelled.

    Raises
    ------
    RecordError
        If the recording cannot be read to its end, or is written to meanwhile.
    OSError
        If the pyramid cannot be written.
    """
    folder = cache_folder() if folder is None else folder
    key = key_of(files)
    kept = kept_pyramid(key, signal, folder)
    if kept is not None:
        on_started(kept)
        return kept
    pyramid, aside = empty_pyramid(signal, folder)
    is_kept = False
    try:
        on_started(pyramid)
        if not fill(pyramid, signal, is_cancelled):
            return None
        if key_of(files) != key:
            raise RecordError(files[0], "changes while it is read")
        keep(pyramid, aside, key, folder)
        is_kept = True
        return pyramid
    finally:
        if not is_kept:
            pyramid.close()
            aside.unlink(missing_ok=True)


def make_room(folder: Path, spare: Path | None = None, max_bytes: int = MAX_CACHE_BYTES) -> None:
    """Remove what was left half done, and what was not used for the longest time beyond a size; never ``spare``."""
    kept: list[tuple[float, int, Path]] = []
    for path in folder.iterdir():
        try:
            status = path.stat()
            if path.suffix == ".building":
                if time.time() - status.st_mtime > _ABANDONED_S:
                    path.unlink()
            elif path != spare:
                kept.append((status.st_mtime, status.st_size, path))
        except OSError:
            continue
    total = sum(size for _, size, _ in kept) + (spare.stat().st_size if spare is not None and spare.exists() else 0)
    for _, size, path in sorted(kept):
        if total <= max_bytes:
            break
        try:
            path.unlink()
            total -= size
        except OSError:  # open elsewhere
            continue


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except OSError:  # a cache that cannot be written still serves
        return


def _facts(layout: Layout) -> list[object]:
    return [layout.n_samples, layout.n_leads, layout.dtype]


def _is_intact(file: BinaryIO, head: bytes, key: str, layout: Layout) -> bool:
    try:
        said = json.loads(head[len(_MAGIC) :].rstrip(b"\0"))
        if said["key"] != key or said["layout"] != _facts(layout):
            return False
        file.seek(0, os.SEEK_END)
        return file.tell() == layout.end and said["crc"] == _crc(file)
    except (ValueError, KeyError, TypeError, OSError):
        return False


def _crc(file: BinaryIO) -> int:
    crc = 0
    file.seek(_HEAD_BYTES)
    while piece := file.read(_CRC_BYTES):
        crc = zlib.crc32(piece, crc)
    return crc
