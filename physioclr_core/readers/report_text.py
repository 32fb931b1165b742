"""Words on an import that the command line and the window share: what a device stored, gains, paddings, gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from physioclr_core.record import DeviceMeasurement, DeviceReading, ImportReport, LeadReport

DEVICE_HEADING = "Stored by the device, not by this program"
STATUS_UNKNOWN = "the file does not say whether anyone has confirmed it"
GAIN_SOURCES = {
    "stated": "stated in the file",
    "format default": "the format's default, not stated in the file",
    "given": "given by the person who opened the file",
}


def is_empty(reading: DeviceReading) -> bool:
    """Whether a device stored nothing of its own."""
    return not (reading.statements or reading.measurements or reading.status or reading.median)


def one_line(text: str) -> str:
    """Return a file's text as one line without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def measurement_value(measurement: DeviceMeasurement) -> str:
    """Return "402 ms"; the value as stored, not rounded further than it makes sense to print."""
    unit = {"deg": "°"}.get(measurement.unit, f" {measurement.unit}" if measurement.unit else "")
    return f"{measurement.value:.6g}{unit}"


def global_measurements(reading: DeviceReading) -> list[tuple[str, str]]:
    """Return name and value of what was measured over all leads."""
    return [(each.name, measurement_value(each)) for each in reading.measurements if each.lead is None]


def lead_measurements(reading: DeviceReading) -> tuple[list[str], list[list[str]]]:
    """Return a table of what was measured in single leads.

    Returns
    -------
    head : list of str
        "lead" and the names of the measurements with their units.
    rows : list of list of str
        A lead's name and its values; "--" where none is stored.
    """
    values: dict[str, dict[str, float]] = {}
    columns: dict[str, None] = {}
    for each in reading.measurements:
        if each.lead is not None:
            column = f"{each.name} ({each.unit})" if each.unit else each.name
            columns[column] = None
            values.setdefault(each.lead, {})[column] = each.value
    rows = [
        [lead, *(f"{found[column]:.6g}" if column in found else "--" for column in columns)]
        for lead, found in values.items()
    ]
    return ["lead", *columns], rows


def gain_lines(leads: Iterable[LeadReport]) -> list[str]:
    """Return each gain with its unit, where it comes from, and which leads have it."""
    groups: dict[str, list[str]] = {}
    for lead in leads:
        text = f"{1 / lead.gain:.4g} {lead.unit} a step, {GAIN_SOURCES[lead.gain_source]}"
        groups.setdefault(text, []).append(lead.name)
    if len(groups) == 1:
        return [f"{text} (all leads)" for text in groups]
    return [f"{text} ({', '.join(names)})" for text, names in groups.items()]


def median_text(reading: DeviceReading) -> str:
    """Return what is known of the representative beats that a device stored; empty where there are none."""
    median = reading.median
    if median is None:
        return ""
    length_s = median.signal_mv.shape[1] / median.fs_hz
    return f"{len(median.lead_names)} leads, {length_s:.3g} s at {median.fs_hz:g} Hz; kept apart from the rhythm"


def gap_texts(report: ImportReport) -> list[str]:
    """Return the spans in which no lead has a sample."""
    return [f"{start_s:.6g} to {end_s:.6g} s" for start_s, end_s in report.gaps]


def no_signal_text(spans_s: Sequence[tuple[float, float]]) -> str:
    """Return where a lead has no signal: "0.58 to 10 s", or how long in all where it is off more than once."""
    if len(spans_s) == 1:
        (start_s, end_s) = spans_s[0]
        return f"{start_s:.6g} to {end_s:.6g} s"
    return f"{sum(end_s - start_s for start_s, end_s in spans_s):.3g} s in all"
