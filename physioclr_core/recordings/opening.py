"""Opening: short records into memory, long ones where they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from physioclr_core.errors import RecordError
from physioclr_core.readers import find_format, read_record
from physioclr_core.readers.assemble import LeadSource, build_report, name_leads
from physioclr_core.readers.files import os_fault
from physioclr_core.readers.stored_samples import StoredHeader
from physioclr_core.readers.wfdb_header import NULL_FILE, WfdbHeader, read_header
from physioclr_core.readers.wfdb_leads import FS_RANGE_HZ, ecg_signals, lead_source
from physioclr_core.readers.wfdb_reader import RecordFacts, describe, find_header
from physioclr_core.readers.wfdb_samples import check_sizes, group_files
from physioclr_core.readers.wfdb_segments import header_path_of, lead_rows, segment_header
from physioclr_core.record import EcgRecord, Provenance
from physioclr_core.recordings.block_signal import BlockSignal
from physioclr_core.recordings.block_signal import is_seekable as are_blocks_seekable
from physioclr_core.recordings.samples import StoredSignal, window_mv
from physioclr_core.recordings.segment_signal import Placed, SegmentSignal, placed_leads
from physioclr_core.recordings.source import LongRecording
from physioclr_core.recordings.wfdb_signal import WfdbSignal, is_seekable

# Samples of all leads together, as in half an hour of twelve leads at 500 Hz: more are not read into memory.
LONG_SAMPLES = 30 * 60 * 500 * 12
CHECKED_S = 60.0
NOTE = (
    "A long recording: samples are read where you look. Gaps, flat and clipped leads and lead arithmetic were checked "
    "in its first minute only, checksums not at all."
)


def open_record(path: Path, long_samples: int = LONG_SAMPLES) -> EcgRecord | LongRecording:
    """Open one ECG of any format, in memory or, where it is long and its file allows that, where it is.

    Parameters
    ----------
    path : Path
    long_samples : int
        Records of more samples than this, all leads together, stay on disk.

    Raises
    ------
    RecordError
        As ``read_record``.
    """
    long_recording = open_long(path, long_samples)
    return read_record(path) if long_recording is None else long_recording


def open_long(path: Path, long_samples: int = LONG_SAMPLES) -> LongRecording | None:
    """Open a recording without reading it; None where it is short, or cannot be entered in the middle.

    Raises
    ------
    RecordError
        If its header or files have a fault.
    """
    try:
        record_format = find_format(path)
        name = "" if record_format is None else record_format.name
        if name == "WFDB":
            return _open_wfdb(find_header(path), long_samples)
        if name in ("EDF", "BDF"):
            from physioclr_core.readers.edf_header import read_edf_header

            return _open_blocks(read_edf_header(path), long_samples)
        if name == "ISHNE":
            from physioclr_core.readers.ishne_header import read_ishne_header

            return _open_blocks(read_ishne_header(path), long_samples)
    except OSError as error:
        raise os_fault(path, error) from None
    return None


def _open_wfdb(header_path: Path, long_samples: int) -> LongRecording | None:
    header = read_header(header_path)
    if header.is_layout:
        return None
    ignored: list[str] = []
    warnings: list[str] = []
    if header.is_multi_segment:
        found = _segments(header_path, header, long_samples, ignored, warnings)
    else:
        found = _single(header_path, header, long_samples, ignored, warnings)
    if found is None:
        return None
    signal, sources, fs_hz = found
    facts: RecordFacts = describe(header_path, header, ignored)
    return _recording(
        header_path.stem,
        signal,
        fs_hz,
        sources,
        facts,
        Provenance(header_path, "WFDB", (header_path, *signal.files, *facts.further_files)),
        ignored,
        [*facts.warnings, *warnings],
    )


_Found = tuple[StoredSignal, list[LeadSource], float]


def _single(
    header_path: Path, header: WfdbHeader, long_samples: int, ignored: list[str], warnings: list[str]
) -> _Found | None:
    rows = ecg_signals(header_path, header.signals, ignored)
    if header.n_frames is not None and _n_samples(header, rows, header.n_frames) <= long_samples:
        return None
    groups = group_files(header_path, header)
    if not is_seekable(header, groups, rows):
        return None
    n_frames = check_sizes(header_path, header, groups, warnings)
    if _n_samples(header, rows, n_frames) <= long_samples:
        return None
    signals = [header.signals[row] for row in rows]
    for signal in signals:
        name = signal.name or "a lead"
        if not signal.is_gain_stated:
            warnings.append(
                f"The header states no gain for {name}; WFDB's default was taken: amplitudes are uncertain."
            )
        elif signal.gain < 0:
            warnings.append(f"The header's gain for {name} is negative, so the lead was inverted.")
    fs_hz = header.frame_fs_hz * signals[0].samples_per_frame
    sources = [lead_source(signal, header.frame_fs_hz) for signal in signals]
    return WfdbSignal(header, tuple(groups), rows, n_frames), sources, fs_hz


def _segments(
    master_path: Path, master: WfdbHeader, long_samples: int, ignored: list[str], warnings: list[str]
) -> _Found | None:
    stored = [segment for segment in master.segments if segment.name != NULL_FILE]
    n_frames = sum(segment.n_frames for segment in master.segments)
    if not stored or n_frames * master.n_signals <= long_samples:
        return None
    headers = {segment.name: segment_header(master_path, master, segment) for segment in stored}
    layout = headers[stored[0].name]
    is_variable = master.segments[0].name != NULL_FILE and master.segments[0].n_frames == 0
    wanted = ecg_signals(master_path, layout.signals, ignored)
    seekable: list[tuple[int, WfdbSignal, tuple[int, ...]]] = []
    sources: dict[int, LeadSource] = {}
    start = 0
    for segment in master.segments:
        if segment.name != NULL_FILE and segment.n_frames > 0:
            header, path = headers[segment.name], header_path_of(master_path, segment.name)
            leads, rows = placed_leads(lead_rows(master_path, segment.name, header, layout, wanted, is_variable))
            groups = group_files(path, header)
            check_sizes(path, header, groups, warnings)
            if rows:
                if not is_seekable(header, groups, rows):
                    return None
                seekable.append((start, WfdbSignal(header, tuple(groups), rows, segment.n_frames), leads))
                for lead, row in zip(leads, rows, strict=True):
                    sources.setdefault(lead, lead_source(header.signals[row], header.frame_fs_hz))
        start += segment.n_frames
    rates = {signal.n_a_frame for _, signal, _ in seekable}
    if len(rates) != 1:  # segments at several rates would have to be interpolated
        return None
    rate = rates.pop()
    placed = [Placed(first * rate, signal, leads) for first, signal, leads in seekable]
    found = [sources.get(i) or lead_source(layout.signals[row], master.frame_fs_hz) for i, row in enumerate(wanted)]
    return SegmentSignal(placed, len(wanted), n_frames * rate), found, master.frame_fs_hz * rate


def _n_samples(header: WfdbHeader, rows: Sequence[int], n_frames: int) -> int:
    return n_frames * sum(header.signals[row].samples_per_frame for row in rows)


def _open_blocks(header: StoredHeader, long_samples: int) -> LongRecording | None:
    if not are_blocks_seekable(header):
        return None
    signal = BlockSignal(header)
    if signal.n_samples * signal.n_leads <= long_samples:
        return None
    path, leads = header.samples.path, header.samples.leads
    facts = RecordFacts(header.patient, header.acquisition, (), ())
    recording = _recording(
        path.stem,
        signal,
        leads[0].fs_hz,
        [lead.source for lead in leads],
        facts,
        Provenance(path, header.format, (path,)),
        list(header.ignored),
        list(header.warnings),
    )
    return recording


def _recording(
    name: str,
    signal: StoredSignal,
    fs_hz: float,
    sources: Sequence[LeadSource],
    facts: RecordFacts,
    provenance: Provenance,
    ignored: list[str],
    warnings: list[str],
) -> LongRecording:
    path = provenance.path
    if not FS_RANGE_HZ[0] <= fs_hz <= FS_RANGE_HZ[1]:
        raise RecordError(path, f"has leads at {fs_hz:g} Hz; an ECG is sampled at {FS_RANGE_HZ[0]:g} Hz or more")
    lead_names = name_leads((source.source_name for source in sources), warnings)
    beginning_mv = window_mv(signal, 0, round(CHECKED_S * fs_hz))
    return LongRecording(
        name=name,
        fs_hz=fs_hz,
        lead_names=lead_names,
        samples=signal,
        patient=facts.patient,
        acquisition=facts.acquisition,
        provenance=provenance,
        report=build_report(beginning_mv, fs_hz, lead_names, sources, ignored, [NOTE, *warnings]),
    )
