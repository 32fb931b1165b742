"""Where exported files go: never over what they come from, over others only if told so, and all of a record or none."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from physioclr_core.errors import UserFacingError
from physioclr_core.record import SignalSource


class ExportError(UserFacingError):
    """A record that cannot be written in a format, or to a place; one sentence says which and why."""


class ExportCancelledError(Exception):
    """The person asked to stop; nothing of the record was left behind."""


def check_targets(record: SignalSource, targets: Sequence[Path], *, force: bool) -> None:
    """Refuse targets that are the record's own files, or that exist, before anything is written.

    Raises
    ------
    ExportError
        In these cases, and where the folder is missing.
    """
    sources = {_real(path) for path in (record.provenance.path, *record.provenance.files)}
    for target in targets:
        if _real(target) in sources or any(_is_same(target, source) for source in record.provenance.files):
            raise ExportError(f"{target.name}: this is a file of the record itself, which is never changed.")
        if not target.absolute().parent.is_dir():
            raise ExportError(f"{target}: its folder does not exist.")
        if target.is_dir():
            raise ExportError(f"{target}: this is a folder; name the file to write.")
        if target.exists() and not force:
            raise ExportError(f"{target.name}: this file exists and was left as it is; --force replaces it.")


@contextmanager
def all_or_none(targets: Sequence[Path]) -> Iterator[tuple[BinaryIO, ...]]:
    """Give one file to write for each target; they take their places together when the block ends without an error.

    Until then they lie beside the targets under hidden names, and whatever ends the block removes them.

    Raises
    ------
    ExportError
        If a file cannot be written.
    """
    asides = [target.with_name(f".{secrets.token_hex(6)}.part") for target in targets]
    try:
        with ExitStack() as stack:
            files = tuple(stack.enter_context(_opened(aside, target)) for aside, target in _pairs(asides, targets))
            try:
                yield files
                for file in files:
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as error:
                raise ExportError(f"{targets[0]}: cannot be written ({error.strerror or error}).") from None
        _rename_all(asides, targets)
    finally:
        for aside in asides:
            aside.unlink(missing_ok=True)


def _opened(aside: Path, target: Path) -> BinaryIO:
    try:
        return aside.open("xb")
    except OSError as error:
        raise ExportError(f"{target}: cannot be written ({error.strerror}).") from None


def _rename_all(asides: Sequence[Path], targets: Sequence[Path]) -> None:
    """Put the files in place; an interrupt in between waits until the last of them is there."""
    interrupt: KeyboardInterrupt | None = None
    for aside, target in _pairs(asides, targets):
        while aside.exists():
            try:
                aside.replace(target)
            except KeyboardInterrupt as error:
                interrupt = error
            except OSError as error:
                raise ExportError(f"{target}: cannot be written ({error.strerror}).") from None
    if interrupt is not None:
        raise interrupt


def _pairs(asides: Sequence[Path], targets: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    return zip(asides, targets, strict=True)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_same(target: Path, source: Path) -> bool:
    """Return whether two names mean one file, as on a disk that does not tell A from a."""
    try:
        return target.samefile(source)
    except OSError:
        return False
