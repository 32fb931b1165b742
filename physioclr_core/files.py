"""Writing files so that nothing half-written ever takes a good file's place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from physioclr_core.errors import UserFacingError


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write; it takes ``path``'s place when the block ends without an error, else it is removed.

    Raises
    ------
    UserFacingError
        If the folder does not exist or cannot be written.
    """
    try:
        handle, aside_name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise UserFacingError(f"{path}: cannot be written ({error.strerror}).") from None
    aside = Path(aside_name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner may read; results are ordinary files.
        aside.chmod(0o666 & ~_umask())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
