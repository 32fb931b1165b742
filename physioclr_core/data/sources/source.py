"""What every source says of a record before its samples are read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from physioclr_core.record import Sex

UNKNOWN_FOLD = -1


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record of a source.

    Attributes
    ----------
    record_id : str
        Unique in the source; the same recording has the same in every source.
    path : str
        Of the record, for ``read_record``.
    dataset : str
    patient_id : str
        Records of one patient have the same; a record of an unknown patient is its own (``own_patient``). Empty: the
        patient whom the record's file names, else its own.
    fold : int
        -1 where the source has none.
    labels : tuple of str
        Labels of the source itself that apply, besides the statements and SNOMED codes that the record's reader finds.
    known_labels : tuple of str
        Labels of the source of which it is known whether they apply; ``labels`` are among them.
    report : tuple of str
        Lines of the machine's report.
    age_years : float or None
        None: as the record's file says.
    sex : str or None
        None: as the record's file says.
    """

    record_id: str
    path: str
    dataset: str
    patient_id: str
    fold: int
    labels: tuple[str, ...] = ()
    known_labels: tuple[str, ...] = ()
    report: tuple[str, ...] = ()
    age_years: float | None = None
    sex: Sex | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A data set to prepare.

    Attributes
    ----------
    kind : str
        Its layout.
    folder : Path
    records : tuple of SourceRecord
        In a fixed order.
    tables : tuple of Path
        Files beside the records that the list was made from.
    label_names : tuple of str
        All labels of the source itself.
    remarks : tuple of str
        Sentences about what was left out of the list.
    """

    kind: str
    folder: Path
    records: tuple[SourceRecord, ...]
    tables: tuple[Path, ...] = ()
    label_names: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def own_patient(record_id: str) -> str:
    """Return the patient of a record whose patient is unknown; it is that of no other record."""
    return f"record:{record_id}"


def named(names: Iterable[str], at_most: int = 3) -> str:
    """Return the first names, and how many more there are: "a, b, c and 4 more"."""
    names = list(names)
    more = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {more} more" if more > 0 else "")
