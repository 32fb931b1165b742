"""A stretch of an ECG as a record of its own: to be judged, measured or exported."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from physioclr_core.readers.assemble import LeadSource, build_report
from physioclr_core.record import EcgRecord, SignalSource


def stretch_of(record: SignalSource, start: int, stop: int) -> EcgRecord:
    """Return the samples [start, stop) of an ECG as a record of its own.

    Its start is moved; gains, patient and acquisition are those of the whole, and gaps and lead checks are found anew.
    What the device said is about the whole recording and is left out.

    Parameters
    ----------
    record : SignalSource
        In memory or on disk.
    start, stop : int
        Samples; what lies outside the recording is not returned.

    Raises
    ------
    RecordError
        If a file can no longer be read.
    """
    start = max(0, start)
    signal_mv = record.window_mv(start, stop)
    began = record.acquisition.start
    if isinstance(began, datetime):
        began += timedelta(seconds=start / record.fs_hz)
    whole = record.report
    sources = [
        LeadSource(lead.source_name, lead.unit, lead.gain, lead.gain_source, lead.baseline, lead.fs_hz)
        for lead in whole.leads
    ]
    return EcgRecord(
        name=record.name,
        signal_mv=signal_mv,
        fs_hz=record.fs_hz,
        lead_names=record.lead_names,
        patient=record.patient,
        acquisition=replace(record.acquisition, start=began),
        provenance=record.provenance,
        report=build_report(
            signal_mv, record.fs_hz, record.lead_names, sources, whole.ignored, derived_leads=whole.derived_leads
        ),
    )
