"""``physioclr delineate``: onset, peak and offset of P, QRS and T in every lead."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from physioclr_core.commands.marks_output import add_marks_arguments, write_marks
from physioclr_core.physiology.marks import FIDUCIALS, Delineation


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("delineate", help="onset, peak and offset of P, QRS and T in every lead as JSON")
    add_marks_arguments(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write {record: {"fs_hz": ..., "leads": {lead: {fiducial: [sample indices]}}}}, between samples where found."""
    from physioclr_core.physiology.analysis import waves_of_record
    from physioclr_core.readers import read_record

    def find(path: Path) -> dict[str, Any]:
        record = read_record(path)
        return as_samples(waves_of_record(record), record.fs_hz)

    return write_marks(args, find)


def as_samples(delineation: Delineation, fs_hz: float) -> dict[str, Any]:
    """Return the marks of every lead as sample indices, lead names in lower case; P waves without a beat included."""
    leads: dict[str, dict[str, list[float]]] = {}
    for row, name in enumerate(delineation.lead_names):
        marks = {}
        for column, fiducial in enumerate(FIDUCIALS):
            times_s = delineation.lead_s[row, :, column]
            if column < 3:
                others = delineation.other_p_s
                times_s = np.concatenate([times_s, others[others[:, 0] == row, 1 + column]])
            times_s = np.sort(times_s[np.isfinite(times_s)])
            marks[fiducial] = np.round(times_s * fs_hz, 2).tolist()
        leads[name.lower()] = marks
    return {"fs_hz": fs_hz, "resolution_ms": delineation.resolution_ms, "leads": leads}
