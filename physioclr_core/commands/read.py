"""``physioclr read``: what a record holds and what its import found out."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from physioclr_core.commands.table_flags import add_table_arguments, given_facts

if TYPE_CHECKING:
    from physioclr_core.record import DeviceReading, EcgRecord


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("read", help="leads, patient, acquisition and import report of a record")
    parser.add_argument("file", type=Path, metavar="FILE", help="record of any format that can be read")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_table_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print a record without its samples.

    Returns
    -------
    int
        0
    """
    from physioclr_core.readers import read_record

    record = read_record(args.file, given_facts(args))
    text = json.dumps(record.to_dict(), indent=2, allow_nan=False) if args.json else summary(record)
    sys.stdout.write(f"{text}\n")
    return 0


def summary(record: EcgRecord) -> str:
    """Return the record in a few lines for a person."""
    from physioclr_core.readers.report_text import gap_texts

    report = record.report
    patient = record.patient
    acquisition = record.acquisition
    age = (
        "over 89 years"
        if patient.over_89
        else f"{patient.age_years:g} years"
        if patient.age_years is not None
        else None
    )
    lines = [
        f"{record.name} ({record.provenance.format}): {record.n_leads} leads, {record.fs_hz:g} Hz, "
        f"{record.duration_s:g} s ({record.n_samples} samples)",
        f"Leads: {', '.join(record.lead_names)}",
        f"Patient: {', '.join(part for part in (patient.patient_id, age, patient.sex) if part) or 'unknown'}",
        f"Recorded: {str(acquisition.start) if acquisition.start else 'unknown'}",
    ]
    if acquisition.device:
        lines.append(f"Device: {acquisition.device}")
    if acquisition.filters:
        lines.append(f"Filters of the device: {acquisition.filters}")
    if acquisition.statements:
        lines.append(f"Statements: {', '.join(acquisition.statements)}")
    if acquisition.snomed_codes:
        lines.append(f"SNOMED CT: {', '.join(acquisition.snomed_codes)}")
    gains = dict.fromkeys(f"{lead.gain:g} ADU/{lead.unit} ({lead.gain_source})" for lead in report.leads)
    lines.append(f"Gain: {', '.join(gains)}")
    for formula, residual_mv in (
        ("I + III - II", report.einthoven_residual_mv),
        ("aVR + aVL + aVF", report.goldberger_residual_mv),
    ):
        found = "not checkable" if residual_mv is None else f"{residual_mv:.3f} mV rms"
        # A lead that is computed from others fits them whatever was recorded.
        is_derived = residual_mv is not None and set(report.derived_leads) & set(re.findall(r"\w+", formula))
        lines.append(f"{formula}: {found}{' (by construction: derived leads)' if is_derived else ''}")
    if report.derived_leads:
        lines.append(f"Derived from other leads: {', '.join(report.derived_leads)}")
    if report.unknown_leads:
        lines.append(f"Left out of prediction: {', '.join(report.unknown_leads)}")
    lines += [f"Ignored: {text}" for text in report.ignored]
    lines += [f"Padding: {text}" for text in report.padding]
    lines += [f"Gap: {text}" for text in gap_texts(record.report)]
    lines += [f"Warning: {text}" for text in report.warnings]
    return "\n".join(lines + device_lines(record.device_reading))


def device_lines(reading: DeviceReading) -> list[str]:
    """Return what the device stored, under a heading that says so; nothing where it stored nothing."""
    from physioclr_core.readers.report_text import (
        DEVICE_HEADING,
        STATUS_UNKNOWN,
        global_measurements,
        is_empty,
        median_text,
        one_line,
    )

    if is_empty(reading):
        return []
    lines = [f"{DEVICE_HEADING}:", f"  Reading status: {one_line(reading.status or STATUS_UNKNOWN)}"]
    lines += [f"  Statement: {one_line(statement)}" for statement in reading.statements]
    lines += [f"  {one_line(name)}: {value}" for name, value in global_measurements(reading)]
    n_of_leads = sum(measurement.lead is not None for measurement in reading.measurements)
    if n_of_leads:
        lines.append(f"  Measurements of single leads: {n_of_leads} (in --json)")
    if reading.median is not None:
        lines.append(f"  Representative beats: {median_text(reading)}")
    return lines
