"""Errors that a person reads: one sentence that names the file and the cause."""

from __future__ import annotations

from pathlib import Path


class UserFacingError(Exception):
    """Base of every error whose text is written for the person who reads it."""


class RecordError(UserFacingError):
    """An ECG record that cannot be read.

    Parameters
    ----------
    path : str or Path
        The file that the person named or that the fault is in.
    cause : str
        What is wrong and, where there is one, the remedy; without a full stop.
    """

    def __init__(self, path: str | Path, cause: str) -> None:
        self.path = Path(path)
        self.cause = cause
        super().__init__(f"{self.path.name}: {cause}.")


class MissingFactsError(RecordError):
    """A table that does not state what is needed to read it, so that a person has to."""


class NoEcgError(RecordError):
    """A sound file of a readable format that is of something else, such as an image in DICOM."""


class ModelError(UserFacingError):
    """A model bundle that cannot be trusted or run."""


class LibraryError(UserFacingError):
    """A reference library that cannot be trusted or searched."""
