"""Median beat and measurements of this program in the form that is exported beside the device's own reading."""

from __future__ import annotations

from physioclr_core.physiology.analysis import analyse
from physioclr_core.record import DeviceMeasurement, MedianBeat, SignalSource
from physioclr_core.writers.computed import LONGEST_S, NOT_MEASURED, ComputedReading

# Of everything measured, what other programs have a name for.
_EXPORTED = (
    *("hr_bpm", "rr_mean_ms", "pr_ms", "p_ms", "qrs_ms", "qt_ms"),
    *("qtc_fridericia_ms", "qtc_bazett_ms", "qtc_framingham_ms", "qtc_hodges_ms"),
    *("p_axis_deg", "qrs_axis_deg", "t_axis_deg"),
)


def computed_reading(record: SignalSource) -> ComputedReading:
    """Measure a record for its export.

    Parameters
    ----------
    record : SignalSource
        Of one above ``LONGEST_S`` nothing is read.

    Returns
    -------
    ComputedReading
        What was not measurable is not there; without a median beat its reason is in ``how``.
    """
    if record.duration_s > LONGEST_S:
        return NOT_MEASURED
    signal_mv, patient = record.window_mv(0, record.n_samples), record.patient
    analysis = analyse(signal_mv, record.fs_hz, record.lead_names, sex=patient.sex, age_years=patient.age_years)
    beat, measurements = analysis.median, analysis.measurements
    items = tuple(
        DeviceMeasurement(item.label.removesuffix(" (default)"), round(item.value, 1), item.unit)
        for item in measurements
        if item.name in _EXPORTED and item.value is not None
    )
    median = None
    if not beat.reason and beat.signal_mv.shape[1]:
        median = MedianBeat(beat.signal_mv, beat.fs_hz, beat.lead_names)
    how = beat.reason or f"{beat.beat_set}; {measurements.band}"
    return ComputedReading(items, median, how)
