"""``physioclr beats``: R peaks of records, as sample indices at each record's own rate."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from physioclr_core.commands.marks_output import add_marks_arguments, write_marks
from physioclr_core.errors import UserFacingError
from physioclr_core.leads import standard_name


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("beats", help="R peaks of records as JSON")
    add_marks_arguments(parser)
    parser.add_argument(
        "--leads",
        default="all",
        help='leads to look at: "all" (default), "first", or names with commas between them ("II,V1")',
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write {record: [sample indices]}; an empty list says that no beat was found."""
    from physioclr_core.physiology.beats import MIN_FS_HZ, detect_beats, detect_beats_in
    from physioclr_core.readers import read_record
    from physioclr_core.readers.wfdb_pieces import open_pieces

    def find(path: Path) -> list[int]:
        long_record = open_pieces(path)
        if long_record is not None and long_record.fs_hz >= MIN_FS_HZ:
            name = long_record.name
            rows = chosen_leads(args.leads, long_record.lead_names, name)
            pieces = long_record.pieces(rows)
            beats = detect_beats_in(pieces, len(rows), long_record.fs_hz, long_record.n_samples)
        else:
            record = read_record(path)
            name = record.name
            rows = chosen_leads(args.leads, record.lead_names, name)
            beats = detect_beats(record.signal_mv[rows], record.fs_hz)
        if beats.reason:
            print(f"physioclr: {name}: {beats.reason}", file=sys.stderr)  # noqa: T201
        samples: list[int] = beats.r_samples.tolist()
        return samples

    return write_marks(args, find)


def chosen_leads(wanted: str, lead_names: tuple[str, ...], record: str) -> list[int]:
    """Return the rows of the leads that ``--leads`` names.

    Raises
    ------
    UserFacingError
        If the record has none of that name.
    """
    if wanted == "all":
        return list(range(len(lead_names)))
    if wanted == "first":
        return [0]
    rows = []
    for name in filter(None, (part.strip() for part in wanted.split(","))):
        known = standard_name(name) or name
        if known not in lead_names:
            raise UserFacingError(f"{record}: there is no lead {name}; it has {', '.join(lead_names)}.")
        rows.append(lead_names.index(known))
    if not rows:
        raise UserFacingError('--leads: name a lead, or "all" or "first".')
    return rows
