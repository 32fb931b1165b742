"""WFDB records in segments: each segment is a record of its own, and a master header lines them up.

In the variable layout the first segment has length 0 and its header names all signals of the record, of which each
segment has some. In the fixed layout all segments have the same signals. A segment called "~" is a gap.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from physioclr_core.errors import RecordError
from physioclr_core.readers.assemble import LeadSource
from physioclr_core.readers.wfdb_header import NULL_FILE, SegmentSpec, WfdbHeader, quoted, read_header
from physioclr_core.readers.wfdb_leads import WfdbLeads, check_dimensions, ecg_signals, lead_source, read_signals
from physioclr_core.readers.wfdb_samples import bring_to_length, check_sizes, group_files
from physioclr_core.units import mv_per_unit


def read_segments(master_path: Path, master: WfdbHeader) -> WfdbLeads:
    """Read a record in segments onto one time axis; whatever no segment holds is NaN.

    Every segment is scaled by its own gains, which may differ from the layout header's.

    Raises
    ------
    RecordError
        If a segment is missing, does not fit the master header or cannot be read in full.
    """
    stored = [segment for segment in master.segments if segment.name != NULL_FILE]
    if not stored:
        raise RecordError(master_path, "has gaps but no segment with samples")
    headers = {segment.name: segment_header(master_path, master, segment) for segment in stored}
    layout = headers[stored[0].name]
    is_variable = master.segments[0].name != NULL_FILE and master.segments[0].n_frames == 0
    ignored: list[str] = []
    wanted = ecg_signals(master_path, layout.signals, ignored)
    rows_by_segment = {
        segment.name: lead_rows(master_path, segment.name, headers[segment.name], layout, wanted, is_variable)
        for segment in stored
        if segment.n_frames > 0
    }
    rates = (
        headers[name].signals[row].samples_per_frame for name, rows in rows_by_segment.items() for row in rows.values()
    )
    top_rate = max(rates, default=1)
    n_frames = sum(segment.n_frames for segment in master.segments)
    fs_hz = master.frame_fs_hz * top_rate
    # Before memory is taken: the size is one that an ECG may have, and every file is there and long enough.
    check_dimensions(master_path, len(wanted), n_frames * top_rate, fs_hz)
    for name in rows_by_segment:
        path = header_path_of(master_path, name)
        check_sizes(path, headers[name], group_files(path, headers[name]), [])

    signal_mv = np.full((len(wanted), n_frames * top_rate), np.nan, np.float32)
    leads = WfdbLeads(signal_mv, fs_hz, [], ignored, files=[header_path_of(master_path, name) for name in headers])
    sources: dict[int, LeadSource] = {}
    rescaled: set[str] = set()
    end = 0
    for segment in master.segments:
        begin, end = end, end + segment.n_frames * top_rate
        rows = rows_by_segment.get(segment.name)
        if not rows or segment.n_frames == 0:
            continue
        part = read_signals(header_path_of(master_path, segment.name), headers[segment.name], tuple(rows.values()))
        for lead, lead_mv, source in zip(rows, part.signal_mv, part.sources, strict=True):
            bring_to_length(lead_mv[None], signal_mv[lead : lead + 1, begin:end])
            first = sources.setdefault(lead, source)
            if (source.gain, source.baseline, source.unit) != (first.gain, first.baseline, first.unit):
                rescaled.add(source.source_name)
        leads.warnings += [f"{segment.name}: {text}" for text in part.warnings]
        leads.files += part.files
    if rescaled:
        names = ", ".join(sorted(rescaled))
        leads.warnings.append(f"The gain changes between segments, each of which was scaled by its own: {names}.")
    leads.sources = [
        sources.get(lead) or lead_source(layout.signals[row], master.frame_fs_hz) for lead, row in enumerate(wanted)
    ]
    return leads


def segment_header(master_path: Path, master: WfdbHeader, segment: SegmentSpec) -> WfdbHeader:
    """Return the header of a segment; raises ``RecordError`` where it does not fit the master header."""
    path = header_path_of(master_path, segment.name)
    try:
        header = read_header(path)
    except RecordError as error:
        raise RecordError(master_path, f"its segment {path.name} {error.cause}") from None
    if header.is_multi_segment:
        raise RecordError(master_path, f"its segment {path.name} is itself in segments, which WFDB does not allow")
    if header.frame_fs_hz != master.frame_fs_hz:
        raise RecordError(
            master_path,
            f"its segment {path.name} is sampled at {header.frame_fs_hz:g} Hz, the record at {master.frame_fs_hz:g} Hz",
        )
    if segment.n_frames == 0:
        return header
    if header.n_frames not in (None, segment.n_frames):
        raise RecordError(
            master_path, f"its segment {path.name} has {header.n_frames} samples where {segment.n_frames} are stated"
        )
    return replace(header, n_frames=segment.n_frames)


def lead_rows(
    master_path: Path, name: str, header: WfdbHeader, layout: WfdbHeader, wanted: tuple[int, ...], is_variable: bool
) -> dict[int, int]:
    """Return place among the record's leads -> place among the segment's signals."""
    if not is_variable:
        if len(header.signals) != len(layout.signals):
            counts = f"{len(header.signals)} signals, others {len(layout.signals)}"
            raise RecordError(master_path, f"its segment {quoted(name)} has {counts}")
        return dict(enumerate(wanted))
    row_of_name = {signal.name: row for row, signal in reversed(list(enumerate(header.signals)))}
    rows = ((lead, row_of_name.get(layout.signals[row].name)) for lead, row in enumerate(wanted))
    found = {lead: row for lead, row in rows if row is not None and mv_per_unit(header.signals[row].unit) is not None}
    # Ascending, as the samples are decoded in the segment's order.
    return dict(sorted(found.items(), key=lambda item: item[1]))


def header_path_of(master_path: Path, name: str) -> Path:
    """Return where the header of a segment is."""
    return master_path.parent / f"{name}.hea"
