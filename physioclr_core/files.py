"""Writing files so that nothing half-written ever takes a good file's place."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from physioclr_core.errors import UserFacingError


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write; it takes ``path``'s place when the block ends without an error, else it is removed.

    Raises
    ------
    UserFacingError
        If the folder does not exist or cannot be written.
    """
    # The name is known before the file is there: an interrupt at any moment finds what to remove.
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            file = aside.open("xb")
        except OSError as error:
            raise UserFacingError(f"{path}: cannot be written ({error.strerror}).") from None
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
