"""The ECG leads of one WFDB header with signal lines: which they are, and their samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from physioclr_core.errors import RecordError
from physioclr_core.leads import is_non_ecg
from physioclr_core.readers.assemble import LeadSource
from physioclr_core.readers.wfdb_header import SignalSpec, WfdbHeader, quoted
from physioclr_core.readers.wfdb_samples import check_sizes, group_files, read_mv
from physioclr_core.record import FloatArray
from physioclr_core.units import DEFAULT_UNIT, mv_per_unit

# 2**29 samples of all leads together are 24 h of twelve leads at 500 Hz, or 2 GB.
MAX_SAMPLES = 2**29
# Of a lead; the frame rate in the header may be lower.
FS_RANGE_HZ = (20.0, 100_000.0)


@dataclass(slots=True)
class WfdbLeads:
    """The ECG leads of a record or segment, with what the report needs."""

    signal_mv: FloatArray
    fs_hz: float
    sources: list[LeadSource]
    ignored: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def ecg_signals(header_path: Path, signals: tuple[SignalSpec, ...], ignored: list[str]) -> tuple[int, ...]:
    """Return the places of the signals that are ECG leads.

    Parameters
    ----------
    header_path : Path
        For the error.
    signals : tuple of SignalSpec
    ignored : list of str
        Gets every other signal with the reason.

    Raises
    ------
    RecordError
        If none is an ECG lead.
    """
    wanted: list[int] = []
    for row, signal in enumerate(signals):
        name = signal.name or f"signal {row + 1}"
        if mv_per_unit(signal.unit) is None:
            ignored.append(f"{name}: its unit {quoted(signal.unit)} is no voltage")
        elif is_non_ecg(signal.name):
            ignored.append(f"{name}: no ECG lead by its name")
        else:
            wanted.append(row)
    if not wanted:
        raise RecordError(header_path, f"has no ECG lead in a unit of voltage ({'; '.join(ignored[:3])})")
    return tuple(wanted)


def read_signals(header_path: Path, header: WfdbHeader, wanted: tuple[int, ...] | None = None) -> WfdbLeads:
    """Read the ECG leads of a header with signal lines, or its signals at ``wanted``.

    Raises
    ------
    RecordError
        If they cannot be read in full.
    """
    ignored: list[str] = []
    warnings: list[str] = []
    if wanted is None:
        wanted = ecg_signals(header_path, header.signals, ignored)
    signals = [header.signals[row] for row in wanted]
    groups = group_files(header_path, header)
    n_frames = check_sizes(header_path, header, groups, warnings)
    top_rate = max(signal.samples_per_frame for signal in signals)
    fs_hz = header.frame_fs_hz * top_rate
    check_dimensions(header_path, len(wanted), n_frames * top_rate, fs_hz)
    signal_mv, bad_checksums = read_mv(header_path, header, groups, n_frames, wanted)
    if bad_checksums:
        names = ", ".join(header.signals[row].name or f"signal {row + 1}" for row in bad_checksums)
        warnings.append(f"The samples do not match the header's checksum, so they may have changed: {names}.")
    _add_signal_warnings(signals, header.frame_fs_hz, fs_hz, warnings)
    return WfdbLeads(
        signal_mv=signal_mv,
        fs_hz=fs_hz,
        sources=[lead_source(signal, header.frame_fs_hz) for signal in signals],
        ignored=ignored,
        warnings=warnings,
        files=[group.path for group in groups],
    )


def lead_source(signal: SignalSpec, frame_fs_hz: float) -> LeadSource:
    """Return what a signal line states about its lead."""
    return LeadSource(
        source_name=signal.name,
        unit=signal.unit or DEFAULT_UNIT,
        gain=signal.gain,
        gain_source="stated" if signal.is_gain_stated else "format default",
        baseline=float(signal.baseline_adu),
        fs_hz=frame_fs_hz * signal.samples_per_frame,
    )


def check_dimensions(header_path: Path, n_leads: int, n_samples: int, fs_hz: float) -> None:
    """Refuse a record that is no ECG by its rate or that would not fit into memory, before memory is taken."""
    if not FS_RANGE_HZ[0] <= fs_hz <= FS_RANGE_HZ[1]:
        low, high = FS_RANGE_HZ
        raise RecordError(header_path, f"has leads at {fs_hz:g} Hz; an ECG is sampled at {low:g} to {high:g} Hz")
    if n_leads * n_samples > MAX_SAMPLES:
        size = f"{n_leads} leads of {n_samples / fs_hz / 3600:.1f} h at {fs_hz:g} Hz"
        raise RecordError(header_path, f"is too long to be read at once ({size})")


def _add_signal_warnings(signals: list[SignalSpec], frame_fs_hz: float, fs_hz: float, warnings: list[str]) -> None:
    for signal in signals:
        if not signal.is_gain_stated:
            warnings.append(
                f"The header states no gain for {signal.name or 'a lead'}; WFDB's default of {signal.gain:g} ADU/"
                f"{signal.unit or DEFAULT_UNIT} was taken, so amplitudes are uncertain."
            )
        elif signal.gain < 0:
            warnings.append(f"The header's gain for {signal.name} is negative, so the lead was inverted.")
        if signal.skew_frames:
            shift_ms = 1000 * signal.skew_frames / frame_fs_hz
            warnings.append(f"{signal.name} was shifted by the header's skew of {shift_ms:g} ms; its end is a gap.")
        own_fs_hz = frame_fs_hz * signal.samples_per_frame
        if own_fs_hz != fs_hz:
            warnings.append(f"{signal.name} was interpolated from {own_fs_hz:g} Hz to the record's {fs_hz:g} Hz.")
