"""Writers of ECG files: one table of formats, one function to export a record."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from physioclr_core.record import SignalSource
from physioclr_core.writers.options import WriteOptions
from physioclr_core.writers.target import ExportCancelledError, ExportError, check_targets

__all__ = ["OUTPUT_FORMATS", "ExportCancelledError", "ExportError", "Exported", "OutputFormat", "export_record"]


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """One format that can be written.

    Attributes
    ----------
    key, title : str
        On the command line, and for a person.
    suffix : str
        Of the file that stands for the record.
    module : str
        Of this package; it is imported when the first record is written.
    about : str
        One sentence on what it holds.
    """

    key: str
    title: str
    suffix: str
    module: str
    about: str


OUTPUT_FORMATS: tuple[OutputFormat, ...] = (
    OutputFormat("wfdb", "WFDB", ".hea", "wfdb", "Header and 16-bit samples, as PhysioNet keeps ECGs."),
    OutputFormat("edf", "EDF+", ".edf", "edf", "One file for EDF programs; gaps stay gaps (EDF+D)."),
    OutputFormat(
        "dicom",
        "DICOM",
        ".dcm",
        "dicom",
        "12-lead, General or Ambulatory ECG object with median beat and coded measurements, for a PACS.",
    ),
    OutputFormat("csv", "CSV", ".csv", "csv", "Time and millivolts as text; no patient, time or reading."),
)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written; ``notes`` are sentences on how, and on what the format does not hold."""

    files: tuple[Path, ...]
    notes: tuple[str, ...]


def output_format(key: str) -> OutputFormat:
    """Return a format by its key; raises ``KeyError``."""
    return {entry.key: entry for entry in OUTPUT_FORMATS}[key]


def targets_of(out: Path, entry: OutputFormat) -> tuple[Path, ...]:
    """Return the files that a record at ``out`` consists of.

    Raises
    ------
    ExportError
        If the format has no records of such a name.
    """
    targets: tuple[Path, ...] = getattr(_module(entry), f"{entry.module}_targets")(out)
    return targets


def export_record(
    record: SignalSource,
    out: Path,
    entry: OutputFormat,
    options: WriteOptions | None = None,
    *,
    source: SignalSource | None = None,
    force: bool = False,
    on_progress: Callable[[float], object] = lambda share: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Exported:
    """Write a record: all of it or nothing, and never over the files that it came from.

    Parameters
    ----------
    record : SignalSource
        What is written.
    out : Path
        File to write, with or without its suffix.
    entry : OutputFormat
    options : WriteOptions, optional
    source : SignalSource, optional
        What was read, where ``record`` was made of it and no longer names its files.
    force : bool
        Replace files that exist.
    on_progress : callable
        Called with the share that is done, 0 to 1.
    is_cancelled : callable
        Asked between blocks of samples.

    Raises
    ------
    ExportError
        If the format does not hold the record, or the place is refused.
    ExportCancelledError
        If ``is_cancelled`` says so; nothing is left behind.
    """
    targets = targets_of(out, entry)
    check_targets(source or record, targets, force=force)
    module = _module(entry)
    n_steps = getattr(module, "n_steps", _n_blocks)(record)
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        on_progress(min(1.0, done / n_steps))
        if is_cancelled():
            raise ExportCancelledError

    write = getattr(module, f"write_{entry.module}")
    notes: tuple[str, ...] = write(record, out, options or WriteOptions(), step)
    return Exported(targets, notes)


def _n_blocks(record: SignalSource) -> int:
    from physioclr_core.writers.scale import n_blocks

    return max(1, n_blocks(record))


def _module(entry: OutputFormat) -> object:
    return importlib.import_module(f"physioclr_core.writers.{entry.module}_writer")
