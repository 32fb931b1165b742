"""Folders of the PhysioNet/CinC Challenges 2020 and 2021: WFDB headers with ``#Dx:`` codes and MATLAB samples."""

from __future__ import annotations

import re
from pathlib import Path

from physioclr_core.data.sources.source import UNKNOWN_FOLD, Source, SourceRecord, own_patient
from physioclr_core.errors import UserFacingError
from physioclr_core.readers.discover import find_records

# The first letters of a record's name say which data set it is from.
DATASET_OF_PREFIX = {
    "A": "cpsc2018",
    "Q": "cpsc-extra",
    "I": "incart",
    "S": "ptb",
    "HR": "ptbxl",
    "E": "georgia",
    "JS": "chapman-ningbo",
}
_NAME = re.compile(r"(HR|JS|[AQISE])(\d+)")


def is_cinc_name(path: Path) -> bool:
    """Tell whether a record is named as the challenges name theirs."""
    return _NAME.fullmatch(path.with_suffix("").name) is not None


def cinc_source(folder: Path) -> Source:
    """List the records of a challenge folder, with those of its subfolders.

    The challenge publishes no patients: a record is its own patient. The number of PTB-XL's records is their
    ``ecg_id``, so such a record has the ``record_id`` that it has in PTB-XL, by which ``open_all`` finds its patient.

    Raises
    ------
    UserFacingError
        If there is no record, two have the same name, or one has none of the challenge's names.
    """
    records: dict[str, SourceRecord] = {}
    for _, path in find_records(folder):
        name = path.with_suffix("").name
        match = _NAME.fullmatch(name)
        if match is None:
            raise UserFacingError(f"{path}: {name} is no record name of the CinC Challenges 2020 and 2021.")
        dataset = DATASET_OF_PREFIX[match[1]]
        record_id = f"{dataset}:{int(match[2])}"
        if record_id in records:
            raise UserFacingError(f"{path}: the record {name} is there twice.")
        records[record_id] = SourceRecord(record_id, str(path), dataset, own_patient(record_id), UNKNOWN_FOLD)
    return Source("cinc", folder, tuple(records.values()))
