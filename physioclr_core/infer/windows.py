"""From a record to the network's input windows, or the reason why there are none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from physioclr_core.infer.manifest import InputSpec
from physioclr_core.infer.preprocess import model_input
from physioclr_core.leads import derive_limb_leads
from physioclr_core.no_signal import no_signal_spans, without_lost
from physioclr_core.record import EcgRecord
from physioclr_core.signal.quality import FLAT_BELOW_MV
from physioclr_core.signal.resample import resample

FloatArray = npt.NDArray[np.float32]

# A record this much longer than a window is still one window: rates such as 257 Hz do not divide evenly.
_TOLERANCE_S = 0.1


class NotAssessedError(Exception):
    """The model does not allow this record; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Input of the network for one record.

    Attributes
    ----------
    x : ndarray of float32, shape (n_windows, n_leads, window_samples)
        Preprocessed; zero where ``mask`` is 0.
    mask : ndarray of float32, shape (n_windows, window_samples)
        1 where all leads have signal, 0 in padding and gaps.
    start_s : ndarray of float64, shape (n_windows,)
    """

    x: FloatArray
    mask: FloatArray
    start_s: npt.NDArray[np.float64]


def windows_of(record: EcgRecord, spec: InputSpec) -> Windows:
    """Cut a record into the network's windows.

    Records up to one window are padded and masked; longer ones are cut with the manifest's overlap, the last window
    ending with the record. Windows with too little signal outside gaps are left out.

    Raises
    ------
    NotAssessedError
        If leads are missing that the manifest does not allow, the record is too short, or no window has enough
        signal.
    """
    duration_s, needed_s = record.duration_s, spec.min_samples / spec.fs_hz
    if duration_s < needed_s:
        # Cut, not rounded: 4.99 s must not read as 5.
        shown_s = math.floor(100 * duration_s) / 100
        raise NotAssessedError(f"{shown_s:g} s recorded, the model needs at least {needed_s:g} s")
    signal = resample(_model_leads(record, spec), record.fs_hz, spec.fs_hz)
    n_samples, length = signal.shape[1], spec.window_samples
    starts = window_starts(n_samples, length, spec.overlap, _TOLERANCE_S * spec.fs_hz)
    x = np.zeros((len(starts), len(spec.leads), length), np.float32)
    mask = np.zeros((len(starts), length), np.float32)
    is_valid = np.asarray(np.isfinite(signal).all(axis=0))
    for index, start in enumerate(starts):
        valid = np.flatnonzero(is_valid[start : start + length])
        mask[index, valid] = 1.0
        if len(valid) == length:  # the common case, without a copy by index
            x[index] = model_input(signal[:, start : start + length])
        elif len(valid):
            x[index][:, valid] = model_input(signal[:, start + valid])
    is_enough = mask.sum(axis=1) >= spec.min_samples
    if not is_enough.any():
        raise NotAssessedError(f"gaps leave no window with {needed_s:g} s of signal in all leads")
    start_s = np.asarray(starts) / spec.fs_hz
    if is_enough.all():
        return Windows(x, mask, start_s)
    return Windows(x[is_enough], mask[is_enough], start_s[is_enough])


def window_starts(n_samples: int, window: int, overlap: float, tolerance: float = 0.0) -> list[int]:
    """Return where windows begin; the last ends with the record, or begins with it where it is shorter.

    Parameters
    ----------
    n_samples, window : int
        Of the record and of a window.
    overlap : float
        Share that neighbouring windows share, under 1.
    tolerance : float
        So many samples at the end are no reason for one more window.
    """
    last = n_samples - window
    if last <= tolerance:
        return [0]
    starts = list(range(0, last + 1, max(1, round(window * (1.0 - overlap)))))
    if last - starts[-1] > tolerance:
        starts.append(last)
    return starts


def _model_leads(record: EcgRecord, spec: InputSpec) -> FloatArray:
    """Return the model's leads in its order, shape (n_leads, n_samples), derived where allowed."""
    row = {name: index for index, name in enumerate(record.lead_names) if name in spec.leads}
    spans = no_signal_spans(record.signal_mv, record.fs_hz)
    # A stretch in which a lead is off is a gap; a lead with too little left for any window is not there at all.
    signal_mv = without_lost(record.signal_mv, spans)
    off_s = {name: sum(end - start for start, end in spans[index]) / record.fs_hz for name, index in row.items()}
    needed_s = spec.min_samples / spec.fs_hz
    has_signal = [
        name
        for name, index in row.items()
        if _has_signal(signal_mv[index]) and (not off_s[name] or record.duration_s - off_s[name] >= needed_s)
    ]
    leads = {name: signal_mv[row[name]] for name in has_signal}
    if len(leads) < len(spec.leads):
        derived = derive_limb_leads(leads)
        leads |= {name: derived[name] for name in spec.derivable_leads if name in derived}
    missing = [name for name in spec.leads if name not in leads and name not in row]
    flat = [name for name in spec.leads if name not in leads and name in row]
    if len(flat) == len(spec.leads):
        raise NotAssessedError("all leads are flat")
    if missing or flat:
        needed = "all twelve leads" if len(spec.leads) == 12 else _listed(list(spec.leads))
        for_a_time = [name for name in flat if 0 < off_s[name] < record.duration_s]
        off = [f"{name} ({off_s[name]:.3g} s)" if name in for_a_time else name for name in flat]
        parts = [f"{_listed(missing)} not recorded"] * bool(missing) + [f"{_listed(off)} without signal"] * bool(off)
        raise NotAssessedError(f"{' and '.join(parts)}; the model needs {needed}")
    return np.stack([leads[name] for name in spec.leads])


def _has_signal(lead_mv: FloatArray) -> bool:
    """Tell a recorded lead from a flat or empty one: a lead that is off must not pass for an isoelectric one."""
    low, high = np.fmin.reduce(lead_mv), np.fmax.reduce(lead_mv)  # both pass over NaN
    return bool(high - low >= FLAT_BELOW_MV)


def _listed(names: list[str]) -> str:
    return f"{'lead' if len(names) == 1 else 'leads'} {', '.join(names)}"
