"""Which layout a folder has."""

from __future__ import annotations

from pathlib import Path

from physioclr_core.data.sources.cinc import cinc_source, is_cinc_name
from physioclr_core.data.sources.folder import folder_source
from physioclr_core.data.sources.mimic import MEASUREMENTS, RECORD_LIST, mimic_source
from physioclr_core.data.sources.ptbxl import DATABASE, ptbxl_source
from physioclr_core.data.sources.source import Source
from physioclr_core.errors import UserFacingError
from physioclr_core.readers.discover import find_records

KINDS = ("ptbxl", "cinc", "mimic", "folder")


def detect(folder: Path) -> str:
    """Return the layout of a folder.

    Their tables are the signs of PTB-XL and MIMIC-IV-ECG; in a folder of the CinC Challenges every record has one of
    their names; all else is a plain folder.

    Raises
    ------
    UserFacingError
        If there is no record in it.
    """
    if (folder / DATABASE).is_file():
        return "ptbxl"
    if (folder / RECORD_LIST).is_file() or (folder / MEASUREMENTS).is_file():
        return "mimic"
    return "cinc" if all(is_cinc_name(path) for _, path in find_records(folder)) else "folder"


def open_source(folder: Path, kind: str, fs_hz: float, label_table: Path | None = None) -> Source:
    """Return the source in a folder.

    Parameters
    ----------
    folder : Path
    kind : str
        One of ``KINDS``, or "auto".
    fs_hz : float
        The rate that is wanted.
    label_table : Path, optional
        CSV of labels, for a plain folder; with it, "auto" is a plain folder.

    Raises
    ------
    UserFacingError
        If there is no such folder, it has not the layout, or the layout takes no table of labels.
    """
    if not folder.is_dir():
        raise UserFacingError(f"{folder}: there is no such folder.")
    if kind == "auto":
        kind = "folder" if label_table is not None else detect(folder)
    if label_table is not None and kind != "folder":
        raise UserFacingError(f"{label_table}: a table of labels goes with --kind folder, not with {kind}.")
    if kind == "ptbxl":
        return ptbxl_source(folder, fs_hz)
    if kind == "mimic":
        return mimic_source(folder)
    return cinc_source(folder) if kind == "cinc" else folder_source(folder, label_table)
