"""``physioclr delineate``: onset, peak and offset of P, QRS and T in every lead."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from physioclr_core.commands.marks_output import add_marks_arguments, write_marks
from physioclr_core.physiology.marks_json import as_samples


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
