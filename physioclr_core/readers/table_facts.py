"""What a table states about itself, and what it leaves open: a proposal that nobody has to accept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from physioclr_core.leads import is_non_ecg
from physioclr_core.readers.stored_samples import Float64Array
from physioclr_core.readers.table_heads import TIME_UNITS_S, Head, parse_head, stated_rate_hz
from physioclr_core.readers.table_options import LEFT_OUT, Orientation, TableOptions
from physioclr_core.readers.table_text import RawTable
from physioclr_core.units import mv_per_unit

# A time column is written with few digits, so a sample may stand a fraction of itself beside its place.
_TIME_TOLERANCE_SAMPLES = 0.3
_MIN_TIMES = 3


@dataclass(frozen=True, slots=True)
class TableChannel:
    """One column, or row, of a table.

    Attributes
    ----------
    number : int
        From 1, in the file.
    heading : str
        As in the file; empty where there is none.
    lead : str or None
        What it is read as; None where the table does not say.
    unit : str or None
        As stated; None where it is not.
    left_out : str
        Why it is not read; empty where it is.
    is_axis : bool
        Whether it holds time or sample numbers.
    """

    number: int
    heading: str
    lead: str | None
    unit: str | None
    left_out: str = ""
    is_axis: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class TableProposal:
    """What was found in a table, with what a person has given already.

    Attributes
    ----------
    path : Path
    kind : str
        "CSV" for every text table, or "NPY".
    values : ndarray of float64, shape (n_channels, n_samples)
        Of the part that was read.
    channels : tuple of TableChannel
        Columns, or rows, in the file's order.
    orientation : {"columns", "rows"}
        What a lead is.
    n_samples : int
        Of the part that was read.
    fs_hz : float or None
        Sampling rate, if the table states it or it was given.
    fs_from : str
        Where it comes from, for the report: "the column 'time [s]'"; "given".
    missing : tuple of str
        What is needed and neither stated nor given, each with the flag that gives it.
    warnings : tuple of str
    is_whole : bool
        Whether all of the file was read.
    """

    path: Path
    kind: str
    values: Float64Array
    channels: tuple[TableChannel, ...]
    orientation: Orientation
    fs_hz: float | None
    fs_from: str
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    is_whole: bool

    @property
    def n_samples(self) -> int:
        """Samples of each channel in the part that was read."""
        return int(self.values.shape[1])

    @property
    def is_complete(self) -> bool:
        """Whether the table can be read without another word."""
        return not self.missing


def propose(path: Path, kind: str, table: RawTable, options: TableOptions) -> TableProposal:
    """Put together what a table states and what was given.

    Parameters
    ----------
    path : Path
    kind : str
    table : RawTable
    options : TableOptions
        What was given goes before what is stated, and a warning names both where they differ.
    """
    warnings: list[str] = []
    orientation = _orientation(table, options)
    if orientation == "rows":
        values, headings, units = table.values.T, table.row_heads, ("",) * len(table.row_heads)
    else:
        values, headings, units = table.values, table.heads, table.units
    values = np.ascontiguousarray(values.T)
    n_channels = len(values)
    if len(headings) != n_channels:
        headings = ("",) * n_channels
    if len(units) != n_channels:
        units = ("",) * n_channels
    heads = [parse_head(heading, unit) for heading, unit in zip(headings, units, strict=True)]
    axis = _axis_columns(heads, headings, values, options)
    fs_hz, fs_from = _rate(table, heads, values, axis, options, warnings)
    channels, missing = _channels(heads, headings, axis, options, orientation, warnings)
    if fs_hz is None:
        missing.insert(0, "its sampling rate (--rate HZ)")
    return TableProposal(
        path=path,
        kind=kind,
        values=values,
        channels=tuple(channels),
        orientation=orientation,
        fs_hz=fs_hz,
        fs_from=fs_from,
        missing=tuple(missing),
        warnings=tuple(warnings),
        is_whole=table.is_whole,
    )


def _orientation(table: RawTable, options: TableOptions) -> Orientation:
    """Return what a lead is: as given, as the headings lie, as the number of leads fits; else a column.

    Without names nothing is read before a person has seen which it is: an error, or the dialog, comes first.
    """
    if options.orientation is not None:
        return options.orientation
    if table.row_heads:
        return "rows"
    if any(table.heads):
        return "columns"
    if table.shape is None and not table.is_whole:
        return "columns"  # how many rows there are is not known yet, and they are many
    n_rows, n_columns = table.shape or table.values.shape
    n_leads = len(options.leads or ())
    if n_leads in (n_rows, n_columns) and n_rows != n_columns:
        return "rows" if n_leads == n_rows else "columns"
    return "rows" if n_rows < n_columns else "columns"


def _axis_columns(
    heads: list[Head], headings: tuple[str, ...], values: Float64Array, options: TableOptions
) -> dict[int, str]:
    """Return the columns that hold time or counts, with the reason why they are no leads."""
    wanted = options.time_column
    if wanted is not None:
        for place, heading in enumerate(headings):
            if wanted in (heading, str(place + 1), heads[place].name):
                return {place: "the time"}
    axis: dict[int, str] = {}
    for place, head in enumerate(heads):
        if head.is_time or (head.unit.casefold() in TIME_UNITS_S and head.lead is None):
            axis[place] = "the time"
        elif head.is_count or (not headings[place] and any(headings) and _is_counting(values[place])):
            axis[place] = "the number of each sample"
    return axis


def _is_counting(column: Float64Array) -> bool:
    return column.size > 1 and bool(np.all(np.diff(column) == 1))


def _rate(
    table: RawTable,
    heads: list[Head],
    values: Float64Array,
    axis: dict[int, str],
    options: TableOptions,
    warnings: list[str],
) -> tuple[float | None, str]:
    stated_hz, where = stated_rate_hz(table.notes), "a line above the numbers"
    for place, reason in axis.items():
        seconds = TIME_UNITS_S.get(heads[place].unit.casefold())
        if reason == "the time" and seconds is not None:
            fs_hz = rate_of_times(values[place] * seconds)
            if fs_hz is None:
                warnings.append("The time column does not advance evenly, so it states no sampling rate.")
            elif stated_hz is not None and abs(stated_hz - fs_hz) > 0.001 * fs_hz:
                warnings.append(f"The time column says {fs_hz:g} Hz, a line above the numbers {stated_hz:g} Hz.")
                return options.fs_hz, "given" if options.fs_hz else ""
            else:
                stated_hz, where = fs_hz, f"the column '{heads[place].name}' in {heads[place].unit}"
    if options.fs_hz is not None:
        if stated_hz is not None and abs(stated_hz - options.fs_hz) > 0.001 * stated_hz:
            warnings.append(f"The file states {stated_hz:g} Hz ({where}); the given {options.fs_hz:g} Hz were used.")
        return float(options.fs_hz), "given"
    return stated_hz, where if stated_hz is not None else ""


def rate_of_times(times_s: Float64Array) -> float | None:
    """Return the rate of evenly spaced times in Hz, None where they are not.

    A whole number of Hz is returned where the digits of the times allow it.
    """
    n_steps = times_s.size - 1
    if times_s.size < _MIN_TIMES or not np.isfinite(times_s).all():
        return None
    span_s = float(times_s[-1] - times_s[0])
    if not span_s > 0:
        return None
    fs_hz = n_steps / span_s
    off = np.abs((times_s - times_s[0]) * fs_hz - np.arange(times_s.size))
    if float(off.max()) > _TIME_TOLERANCE_SAMPLES:
        return None
    # Both ends are rounded by at most as much as any time stands beside its place.
    uncertain_hz = fs_hz * (2 * float(off.max()) + 1e-9) / n_steps + 1e-9 * fs_hz
    whole_hz = round(fs_hz)
    return float(whole_hz) if whole_hz > 0 and abs(whole_hz - fs_hz) <= max(uncertain_hz, 1e-6 * fs_hz) else fs_hz


def _channels(
    heads: list[Head],
    headings: tuple[str, ...],
    axis: dict[int, str],
    options: TableOptions,
    orientation: Orientation,
    warnings: list[str],
) -> tuple[list[TableChannel], list[str]]:
    data = [place for place in range(len(heads)) if place not in axis]
    given, missing = _given_leads(heads, headings, data, options, orientation)
    channels: list[TableChannel] = []
    unnamed: list[str] = []
    without_unit: list[str] = []
    for place, head in enumerate(heads):
        called = headings[place] or f"{orientation[:-1]} {place + 1}"
        lead, left_out = given.get(place), axis.get(place, "")
        stated = head.unit if head.unit else None
        if not left_out and given:
            left_out = "" if lead else "left out as asked"
        elif not left_out and head.name:
            lead = head.lead or head.name
            if is_non_ecg(head.name) and head.lead is None:
                left_out = "no ECG lead by its name"
        unit = options.unit or stated
        if not left_out and unit is not None and mv_per_unit(unit) is None:
            left_out = f"its unit '{unit[:20]}' is no voltage"
        if not left_out:
            if lead is None:
                unnamed.append(called)
            elif not given and head.lead is None and stated is None:
                # A heading that is no lead and has no unit may be anything.
                unnamed.append(called)
            if unit is None:
                without_unit.append(called)
            if options.unit and stated and mv_per_unit(stated) not in (None, mv_per_unit(options.unit)):
                warnings.append(f"The file states {stated} for {called}; the given {options.unit} was used.")
        read_as = None if left_out else lead
        channels.append(TableChannel(place + 1, headings[place], read_as, unit, left_out, place in axis))
    if without_unit:
        missing.append(f"the unit of {_listed(without_unit, len(data), orientation)} (--unit mV, uV, V or nV)")
    if unnamed and not any("--leads" in text for text in missing):
        missing.append(
            f"which leads {_listed(unnamed, len(data), orientation)} hold (--leads I,II,..., - for one to leave out)"
        )
    if not unnamed and not without_unit and not missing and not any(not channel.left_out for channel in channels):
        missing.append("any column of samples")
    return channels, missing


def _given_leads(
    heads: list[Head], headings: tuple[str, ...], data: list[int], options: TableOptions, orientation: Orientation
) -> tuple[dict[int, str], list[str]]:
    names = options.leads
    if names is None:
        return {}, []
    if any("=" in name for name in names):
        given: dict[int, str] = {}
        unknown: list[str] = []
        for name in names:
            key, _, lead = (part.strip() for part in name.partition("="))
            place = next((p for p in range(len(heads)) if key in (headings[p], heads[p].name, str(p + 1))), None)
            if place is None:
                unknown.append(key)
            elif lead and lead != LEFT_OUT:
                given[place] = lead
        return given, [f"which {orientation[:-1]} '{key}' in --leads is" for key in unknown[:3]]
    if len(names) != len(data):
        return {}, [f"which leads its {len(data)} {orientation} of samples are (--leads named {len(names)})"]
    return {place: name for place, name in zip(data, names, strict=True) if name and name != LEFT_OUT}, []


def _listed(names: list[str], n_all: int, orientation: Orientation) -> str:
    if len(names) == n_all and n_all > 1:
        return f"its {n_all} {orientation}"
    shown = ", ".join(names[:4])
    return shown if len(names) <= 4 else f"{shown} and {len(names) - 4} more"
