"""Folders of the PhysioNet/CinC Challenges 2020 and 2021: WFDB headers with ``#Dx:`` codes and MATLAB samples."""

from __future__ import annotations

import re
from pathlib import Path

from physioclr_core.data.sources.source import Source, SourceRecord
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

    The challenge publishes no patients. A record is therefore its own patient, except that PTB-XL's number is that of
    its ``ecg_id``: such a record is known again as PTB-XL's, so that it cannot be in two splits unnoticed.

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
        records[record_id] = SourceRecord(record_id, str(path), dataset, record_id, -1)
    return Source("cinc", folder, tuple(records.values()))
