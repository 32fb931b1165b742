"""What every source says of a record before its samples are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record of a source.

    Attributes
    ----------
    record_id : str
        Unique in the source.
    path : str
        Of the record, for ``read_record``.
    dataset : str
    patient_id : str
        Records of one patient have the same; a record of an unknown patient is its own.
    fold : int
        -1 where the source has none.
    labels : tuple of str
        Labels of the source itself, besides the statements and SNOMED codes that the record's reader finds.
    unknown_labels : tuple of str
        Labels of the source that this record may or may not carry.
    """

    record_id: str
    path: str
    dataset: str
    patient_id: str
    fold: int
    labels: tuple[str, ...] = ()
    unknown_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A data set to prepare: its layout, its folder and its records in a fixed order."""

    kind: str
    folder: Path
    records: tuple[SourceRecord, ...]
    label_names: tuple[str, ...] = ()
