"""``physioclr convert``: records in another format, de-identified where asked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from physioclr_core.commands.batches import PATH_HELP, all_records
from physioclr_core.errors import UserFacingError
from physioclr_core.writers import OUTPUT_FORMATS, Exported, ExportError, OutputFormat, export_record, output_format
from physioclr_core.writers.options import WriteOptions

if TYPE_CHECKING:
    from physioclr_core.record import SignalSource
    from physioclr_core.writers.computed import ComputedReading
    from physioclr_core.writers.deidentify import DeidentificationBatch, DeidentificationPlan


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("convert", help="records in another format, de-identified where asked")
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE", help=PATH_HELP)
    parser.add_argument("--to", required=True, choices=[entry.key for entry in OUTPUT_FORMATS], help="format to write")
    parser.add_argument(
        "--out", required=True, type=Path, metavar="PATH", help="file to write; for several records a folder"
    )
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    parser.add_argument(
        "--deidentify",
        action="store_true",
        help="take out names, ids, dates, free text and file names (DICOM PS3.15 basic profile)",
    )
    parser.add_argument(
        "--dates",
        choices=("shift", "remove"),
        default="shift",
        help="with --deidentify: shift dates (default) or remove them",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="with --deidentify: print what goes and stays, write nothing"
    )
    parser.add_argument(
        "--measure",
        action="store_true",
        help="add this program's median beat and measurements, marked as such, where the device stored none",
    )
    parser.add_argument(
        "--from",
        dest="from_s",
        type=float,
        metavar="S",
        help="write a stretch only, from so many s on",
    )
    parser.add_argument("--length", dest="length_s", type=float, metavar="S", help="length of the stretch in s")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the records.

    Returns
    -------
    int
        0, or 1 where a record of several could not be written: it is named on stderr.

    Raises
    ------
    UserFacingError
        If the only record there is cannot be written, or the folder is refused.
    """
    records = all_records(args.paths)
    is_single = len(records) == 1 and not args.paths[0].is_dir()
    batch = _batch(args)
    converter = _Converter(args, output_format(args.to), batch, None if is_single else _folder(args, records))
    n_failed = 0
    with tqdm(total=len(records), unit="record", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
        for label, path in records:
            try:
                lines = converter.convert(label, path)
            except UserFacingError as error:
                if is_single:
                    raise
                n_failed += 1
                bar.write(f"physioclr: {label}: {error}", file=sys.stderr)
            except Exception as error:  # noqa: BLE001  (one record's fault must not end the others')
                cause = f"{path.name}: cannot be converted ({type(error).__name__}: {error})."
                if is_single:
                    raise UserFacingError(cause) from error
                n_failed += 1
                bar.write(f"physioclr: {label}: {cause}", file=sys.stderr)
            else:
                bar.write("\n".join(lines), file=sys.stdout)
            bar.update()
    return 1 if n_failed else 0


def _batch(args: argparse.Namespace) -> DeidentificationBatch | None:
    if not args.deidentify:
        if args.dry_run:
            raise UserFacingError("--dry-run: it shows what --deidentify takes out; add --deidentify.")
        return None
    from physioclr_core.writers.deidentify import DeidentificationBatch

    return DeidentificationBatch(args.dates)


def _folder(args: argparse.Namespace, records: list[tuple[str, Path]]) -> Path:
    """Return the folder for several records, made where it is missing; never one that holds any of them."""
    out: Path = args.out
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out}: this is a file; name a folder for the {len(records)} records.")
    if not out.absolute().parent.is_dir():
        raise ExportError(f"{out}: its folder does not exist.")
    if out.resolve() in {path.resolve().parent for _, path in records}:
        raise ExportError(f"{out}: the records are in this folder; name another one to write to.")
    if not args.dry_run:
        out.mkdir(exist_ok=True)
    return out


@dataclass(slots=True)
class _Converter:
    args: argparse.Namespace
    entry: OutputFormat
    batch: DeidentificationBatch | None
    folder: Path | None

    def convert(self, label: str, path: Path) -> list[str]:
        """Write one record; return lines for the person."""
        from physioclr_core.recordings.opening import open_record

        source = _stretch(open_record(path), self.args)
        plan = self._plan(source)
        record = source if plan is None else plan.record
        out = self._out(label, source, plan)
        if plan is not None and self.args.dry_run:
            return plan_lines(label, plan)
        options = WriteOptions(
            computed=_computed(source) if self.args.measure else None,
            deidentified=None if plan is None else plan.dates,
            study_uid=_study(source) if plan is None else plan.study_uid,
        )
        with _progress(source.n_leads * source.n_samples) as tell:
            written = export_record(
                record, out, self.entry, options, source=source, force=self.args.force, on_progress=tell
            )
        return _result_lines(label, written)

    def _plan(self, source: SignalSource) -> DeidentificationPlan | None:
        if self.batch is None:
            return None
        return self.batch.plan(source, _study(source))

    def _out(self, label: str, source: SignalSource, plan: DeidentificationPlan | None) -> Path:
        if self.folder is None:
            out: Path = self.args.out
            if plan is not None:
                from physioclr_core.writers.deidentify import names_in

                shown = names_in(source, out.name)
                if shown is not None:
                    raise ExportError(
                        f"{out.name}: the name shows {shown!r}; choose one that says nothing, such as {plan.name}."
                    )
                if out.is_dir():
                    return out / plan.name
            return out / _file_name(label) if out.is_dir() else out
        return self.folder / (plan.name if plan is not None else _file_name(label))


def plan_lines(label: str, plan: DeidentificationPlan) -> list[str]:
    """Return a plan as text: what is found, and what becomes of it."""
    lines = [f"{label} -> {plan.name}"]
    for item in plan.items:
        lines.append(f"  {item.fate:<8}  {item.field}: {' '.join(item.found.split())} -> {item.becomes}")
    return lines


def _result_lines(label: str, written: Exported) -> list[str]:
    return [f"{label} -> {written.files[-1]}", *(f"  {note}" for note in written.notes)]


def _file_name(label: str) -> str:
    """Return a file name of a record's label, which may have folders and, for WFDB, letters that are not allowed."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "_-") else "_" for letter in label)


def _study(source: SignalSource) -> str | None:
    from physioclr_core.writers.source_study import source_study_uid

    return source_study_uid(source)


def _computed(source: SignalSource) -> ComputedReading:
    from physioclr_core.physiology.exported import computed_reading

    return computed_reading(source)


def _stretch(record: SignalSource, args: argparse.Namespace) -> SignalSource:
    if args.from_s is None and args.length_s is None:
        return record
    from_s = args.from_s or 0.0
    end_s = record.duration_s if args.length_s is None else from_s + args.length_s
    # Written so that what is no number is refused too.
    is_within = 0 <= from_s < end_s and from_s < record.duration_s
    start, stop = (round(min(at_s, record.duration_s) * record.fs_hz) if is_within else 0 for at_s in (from_s, end_s))
    if stop <= start:
        place = f"from {from_s:g} s on" if args.length_s is None else f"from {from_s:g} to {end_s:g} s"
        raise ExportError(f"{record.provenance.path.name}: lasts {record.duration_s:g} s and has no stretch {place}.")
    from physioclr_core.recordings.stretch import stretch_of

    return stretch_of(record, start, stop)


# Below this a record is written before a bar could be read.
_LONG_SAMPLES = 1 << 23


@contextmanager
def _progress(n_samples: int) -> Iterator[Callable[[float], object]]:
    """Give what shows the share of one long record that is done."""
    is_shown = n_samples >= _LONG_SAMPLES and sys.stderr.isatty()
    with tqdm(total=100, unit="%", leave=False, file=sys.stderr, disable=not is_shown) as bar:
        yield lambda share: bar.update(int(100 * share) - bar.n)
