"""Flags for what a file does not state: ``--rate``, ``--unit`` and ``--leads``, for tables (CSV, TSV, NPY)."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from physioclr_core.readers.table_options import TableOptions


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    group = parser.add_argument_group("tables (CSV, TSV, NPY), and EDF channels without a unit")
    group.add_argument("--rate", type=float, metavar="HZ", help="sampling rate, where the file does not state it")
    group.add_argument("--unit", metavar="UNIT", help="unit of the samples: mV, uV, V or nV")
    group.add_argument(
        "--leads",
        metavar="NAMES",
        help='leads in the file\'s order ("I,II,-,V1", - for a column to leave out) or by heading ("ch1=I,ch2=II")',
    )
    group.add_argument("--orientation", choices=("columns", "rows"), help="whether a lead is a column or a row")
    group.add_argument("--time-column", metavar="NAME", help="heading or number of the column that holds the time")
    group.add_argument("--decimal-comma", action="store_true", help='numbers are written "0,5"')
    group.add_argument("--skip-rows", type=int, metavar="N", help="lines to pass over at the beginning")


def given_facts(args: argparse.Namespace) -> TableOptions | None:
    """Return what was given, None where nothing was.

    Raises
    ------
    UserFacingError
        If a value cannot be right.
    """
    from physioclr_core.readers.table_options import TableOptions, split_leads

    given = TableOptions(
        fs_hz=args.rate,
        unit=args.unit,
        leads=split_leads(args.leads) if args.leads is not None else None,
        time_column=args.time_column,
        orientation=args.orientation,
        decimal_comma=True if args.decimal_comma else None,
        skip_rows=args.skip_rows,
    )
    return None if given == TableOptions() else given
