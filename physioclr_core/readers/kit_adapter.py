"""What the readers on top of ``ecgdatakit`` share: its parsers kept within bounds, and its leads as millivolts."""

from __future__ import annotations

import importlib
import math
import warnings as python_warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from physioclr_core.errors import RecordError
from physioclr_core.leads import is_non_ecg
from physioclr_core.readers.assemble import LeadSource
from physioclr_core.readers.files import file_size
from physioclr_core.readers.wfdb_leads import FS_RANGE_HZ, check_dimensions
from physioclr_core.readers.wfdb_samples import bring_to_length
from physioclr_core.record import FloatArray
from physioclr_core.units import mv_per_unit

if TYPE_CHECKING:
    from ecgdatakit.models import ECGRecord, Lead

# No electrode sees a kilovolt; larger numbers are damage, and their squares would overflow float32.
_ABSURD_MV = 1e6
_MAX_REASON = 160


def parse_with_kit(path: Path, module: str, parser: str, max_bytes: int) -> tuple[ECGRecord, list[str]]:
    """Parse a file with one of ``ecgdatakit``'s parsers.

    Parameters
    ----------
    path : Path
    module, parser : str
        Module of ``ecgdatakit.parsing.parsers`` and its class.
    max_bytes : int
        Larger files are refused.

    Returns
    -------
    ECGRecord
        ``ecgdatakit``'s own record.
    list of str
        What it warned of.

    Raises
    ------
    RecordError
        If the parser cannot make a record of the file.
    """
    size = file_size(path)
    if size > max_bytes:
        raise RecordError(path, f"is too large to be read at once ({size} bytes, at most {max_bytes})")
    parser_class: Any = getattr(importlib.import_module(f"ecgdatakit.parsing.parsers.{module}"), parser)
    try:
        with python_warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
            python_warnings.simplefilter("always")
            record: ECGRecord = parser_class().parse(path)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  (its parsers raise whatever their arithmetic meets)
        raise RecordError(path, f"cannot be read ({_reason(path, error)})") from None
    return record, [_one_line(path, str(warning.message)) for warning in caught]


def kit_signal(
    path: Path, leads: Sequence[Lead], rates_hz: Sequence[float], ignored: list[str], warnings: list[str]
) -> tuple[FloatArray, float, list[LeadSource]]:
    """Return ``ecgdatakit``'s ECG leads in mV on one time axis, its rate, and what the file states about each.

    Parameters
    ----------
    path : Path
    leads : sequence of Lead
    rates_hz : sequence of float
        Exact rate of each; ``Lead.sampling_rate`` is rounded to whole Hz.
    ignored, warnings : list of str
        Get what is left out, with the reason, and what was done to a lead.

    Raises
    ------
    RecordError
        If none of them is an ECG lead of known amplitude, or they are too long.
    """
    kept: list[tuple[Lead, float, float]] = []
    for lead, fs_hz in zip(leads, rates_hz, strict=True):
        name = lead.label or "a lead without a name"
        factor = mv_per_unit(lead.resolution_unit) if lead.resolution_unit else None
        if is_non_ecg(lead.label):
            ignored.append(f"{name}: no ECG lead by its name")
        elif factor is None or not 0 < abs(lead.resolution) < math.inf or not math.isfinite(lead.offset):
            ignored.append(f"{name}: it states no resolution in a unit of voltage, so its amplitude is unknown")
        elif not FS_RANGE_HZ[0] <= fs_hz <= FS_RANGE_HZ[1]:
            ignored.append(f"{name}: {fs_hz:g} Hz is no sampling rate of an ECG")
        elif lead.samples.size == 0:
            ignored.append(f"{name}: it has no samples")
        else:
            kept.append((lead, fs_hz, factor))
    if not kept:
        raise RecordError(path, f"has no ECG lead of known amplitude ({'; '.join(ignored[:3])})")
    fs_hz = max(rate_hz for _, rate_hz, _ in kept)
    lengths = [round(lead.samples.size * fs_hz / rate_hz) for lead, rate_hz, _ in kept]
    n_samples = max(lengths)
    check_dimensions(path, len(kept), n_samples, fs_hz)
    signal_mv = np.full((len(kept), n_samples), np.nan, np.float32)
    for row, ((lead, rate_hz, factor), length) in enumerate(zip(kept, lengths, strict=True)):
        own_mv = _in_mv(lead, factor, warnings)
        bring_to_length(own_mv[None], signal_mv[row : row + 1, :length])
        if rate_hz != fs_hz:
            warnings.append(f"{lead.label} was interpolated from {rate_hz:g} Hz to the record's {fs_hz:g} Hz.")
        if length < n_samples:
            warnings.append(f"{lead.label} is shorter than other leads; its end is a gap.")
    if not np.isfinite(signal_mv).any():
        raise RecordError(path, "has no valid sample in any ECG lead")
    sources = [
        LeadSource(
            lead.label,
            lead.resolution_unit,
            1.0 / lead.resolution,
            "stated",
            -lead.offset / lead.resolution,
            rate_hz,
        )
        for lead, rate_hz, _ in kept
    ]
    return signal_mv, fs_hz, sources


def _in_mv(lead: Lead, factor: float, warnings: list[str]) -> FloatArray:
    with np.errstate(all="ignore"):
        own_mv = (lead.samples * lead.resolution + lead.offset) * factor
        is_absurd = ~(np.abs(own_mv) < _ABSURD_MV) & ~np.isnan(own_mv)
    if is_absurd.any():
        own_mv[is_absurd] = np.nan
        warnings.append(f"{int(is_absurd.sum())} samples of {lead.label} have absurd values and were made gaps.")
    return own_mv.astype(np.float32)


def _reason(path: Path, error: Exception) -> str:
    return _one_line(path, str(error) or type(error).__name__)


def _one_line(path: Path, text: str) -> str:
    line = " ".join(text.replace(str(path), path.name).split())
    return line if len(line) <= _MAX_REASON else f"{line[:_MAX_REASON]}..."


def known_texts(pairs: Iterable[tuple[str, object]]) -> tuple[str, ...]:
    """Return "name: value" of the values that are there."""
    return tuple(f"{name}: {value}" for name, value in pairs if value not in (None, "", [], {}))
