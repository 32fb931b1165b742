"""The list of ECGs that are to be read: what is known of each, which of them are in sight and in which order. No Qt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ecgviewer.state.events import Event
from ecgviewer.state.worklist_text import Column, haystack, sort_value
from physioclr_core.readers.report_text import one_line
from physioclr_core.readers.summary import RecordSummary

Kind = Literal["waiting", "read", "error"]
Status = Literal["all", "read", "error", "notice"]


@dataclass(slots=True, eq=False)
class Entry:
    """One ECG of the list: waiting to be read, read, or not readable for a reason.

    ``stamp`` changes when one of the record's files does.
    """

    number: int
    path: Path
    label: str
    summary: RecordSummary | None = None
    error: str = ""
    stamp: str = ""
    words: str = field(default="", repr=False)
    keys: dict[Column, object] = field(default_factory=dict, repr=False)

    @property
    def kind(self) -> Kind:
        """Where it stands."""
        return "read" if self.summary is not None else "error" if self.error else "waiting"


@dataclass(frozen=True, slots=True)
class Filter:
    """What is in sight: entries that hold every word of ``text``, of a format ("" is all), of a status."""

    text: str = ""
    format: str = ""
    status: Status = "all"


@dataclass(frozen=True, slots=True)
class Order:
    """By which column; None is the order in which the files were found."""

    column: Column | None = None
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What reading one file came to; neither ``summary`` nor ``error`` is "as it was".

    ``is_ecg`` False is a file of something else, which does not belong on the list.
    """

    path: Path
    summary: RecordSummary | None = None
    error: str = ""
    stamp: str = ""
    is_ecg: bool = True


@dataclass(slots=True)
class Batch:
    """What came to be known of a listing since the last batch.

    Attributes
    ----------
    found : list of Path
        Records that were found, not read yet.
    results : list of ReadResult
    n_ignored : int or None
        Files that are no ECG, once the search has ended.
    faults : list of str
        Sentences on folders that could not be searched, and on what else kept the listing from being complete.
    is_done : bool
        Whether this is the last batch.
    """

    found: list[Path] = field(default_factory=list)
    results: list[ReadResult] = field(default_factory=list)
    n_ignored: int | None = None
    faults: list[str] = field(default_factory=list)
    is_done: bool = False


class Worklist:
    """The entries and the view of them.

    Attributes
    ----------
    entries : list of Entry
        In the order in which they were found; an entry's number is its place.
    view : list of int
        Numbers of the entries in sight, in their order.
    changed : Event
        Emitted with the numbers of entries that have changed, after the view was made anew.
    """

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.view: list[int] = []
        self.filter = Filter()
        self.order = Order()
        self.changed: Event[[frozenset[int]]] = Event()
        self._number_of: dict[Path, int] = {}
        self._counts: Counter[str] = Counter()
        self._formats: Counter[str] = Counter()

    # --- content -----------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Forget all entries; filter and order stay."""
        self.entries, self._number_of = [], {}
        self._recount()
        self._remake(frozenset())

    def update(self, found: Iterable[Path], results: Iterable[ReadResult]) -> None:
        """Add what was found and put down what was read."""
        changed: set[int] = set()
        others: set[Path] = set()
        for path in found:
            if path not in self._number_of:
                entry = Entry(len(self.entries), path, _label(path))
                entry.words = haystack(entry.label, path, None, "")
                self._number_of[path] = entry.number
                self.entries.append(entry)
                self._tally(entry, 1)
        for result in results:
            if not result.is_ecg:
                others.add(result.path)
            number = self._number_of.get(result.path)
            if number is None or not (result.summary or result.error):
                continue
            entry = self.entries[number]
            self._tally(entry, -1)
            entry.summary, entry.error, entry.stamp = result.summary, result.error, result.stamp
            entry.words = haystack(entry.label, entry.path, entry.summary, entry.error)
            entry.keys.clear()
            self._tally(entry, 1)
            changed.add(number)
        if not others or not self._keep(lambda entry: entry.path not in others):
            self._remake(frozenset(changed))

    def keep_only(self, paths: Iterable[Path]) -> None:
        """Drop entries whose files are not there any more."""
        wanted = set(paths)
        self._keep(lambda entry: entry.path in wanted)

    def _keep(self, is_kept: Callable[[Entry], bool]) -> bool:
        """Drop entries; return whether there were any to drop."""
        kept = [entry for entry in self.entries if is_kept(entry)]
        if len(kept) == len(self.entries):
            return False
        for number, entry in enumerate(kept):
            entry.number = number
        self.entries = kept
        self._number_of = {entry.path: entry.number for entry in kept}
        self._recount()
        # Every number may have become another.
        self._remake(frozenset(range(len(kept))))
        return True

    def entry_of(self, path: Path) -> Entry | None:
        """Return the entry of a file."""
        number = self._number_of.get(path)
        return None if number is None else self.entries[number]

    def count(self, kind: Kind | Status) -> int:
        """Return how many entries are waiting, read, not readable, or read with notices of the import."""
        return len(self.entries) if kind == "all" else self._counts[kind]

    def formats(self) -> list[str]:
        """Return the formats that were met, sorted."""
        return sorted(name for name, count in self._formats.items() if count)

    def _tally(self, entry: Entry, by: int) -> None:
        self._counts[entry.kind] += by
        if entry.summary is not None:
            self._counts["notice"] += by * (entry.summary.n_notices > 0)
            self._formats[entry.summary.format] += by

    def _recount(self) -> None:
        self._counts, self._formats = Counter(), Counter()
        for entry in self.entries:
            self._tally(entry, 1)

    # --- view --------------------------------------------------------------------------------------------------------

    def set_filter(self, wanted: Filter) -> None:
        """Show other entries."""
        if wanted != self.filter:
            self.filter = wanted
            self._remake(frozenset())

    def set_order(self, order: Order) -> None:
        """Show the entries in another order."""
        if order != self.order:
            self.order = order
            self._remake(frozenset())

    def first_read(self, is_reading: bool) -> Entry | None:
        """Return the first readable entry in sight; None while one before it is still being read."""
        for number in self.view:
            entry = self.entries[number]
            if entry.kind == "read":
                return entry
            if entry.kind == "waiting" and is_reading:
                return None
        return None

    def next_readable(self, path: Path | None, step: int) -> Entry | None:
        """Return the nearest readable entry in sight after (``step`` 1) or before (-1) a file; None at the end.

        Where the file is not in sight, the first one, or for -1 the last.
        """
        start = self._place_in_view(path)
        places = range(len(self.view)) if step > 0 else range(len(self.view) - 1, -1, -1)
        for place in places:
            entry = self.entries[self.view[place]]
            is_beyond = start is None or (place > start if step > 0 else place < start)
            if is_beyond and entry.kind != "error":
                return entry
        return None

    def _place_in_view(self, path: Path | None) -> int | None:
        number = self._number_of.get(path) if path is not None else None
        try:
            return None if number is None else self.view.index(number)
        except ValueError:
            return None

    def _remake(self, changed: frozenset[int]) -> None:
        passes = _test_of(self.filter)
        numbers = [entry.number for entry in self.entries if passes is None or passes(entry)]
        if self.order.column is not None:
            numbers = _sorted(self.entries, numbers, self.order.column, self.order.is_descending)
        self.view = numbers
        self.changed.emit(changed)


def _label(path: Path) -> str:
    # Names that are numbers with dots, as DICOM files often have, have no suffix to leave out.
    is_suffix = path.suffix[1:].isalnum() and not path.suffix[1:].isdecimal()
    return one_line(path.stem if is_suffix else path.name)


def _test_of(wanted: Filter) -> Callable[[Entry], bool] | None:
    """Return whether an entry is in sight; None where all are."""
    words = wanted.text.casefold().split()
    if not words and not wanted.format and wanted.status == "all":
        return None

    def passes(entry: Entry) -> bool:
        summary = entry.summary
        if wanted.format and (summary is None or summary.format != wanted.format):
            return False
        if wanted.status == "notice":
            is_wanted = summary is not None and summary.n_notices > 0
        else:
            is_wanted = wanted.status in ("all", entry.kind)
        return is_wanted and all(word in entry.words for word in words)

    return passes


def _sorted(entries: list[Entry], numbers: list[int], column: Column, is_descending: bool) -> list[int]:
    """Return numbers by a column, what is unknown at the end either way; equals stay as they were found."""
    known: list[tuple[object, int]] = []
    unknown: list[int] = []
    for number in numbers:
        entry = entries[number]
        if column not in entry.keys:
            entry.keys[column] = sort_value(column, entry.label, entry.summary)
        value = entry.keys[column]
        if value is None:
            unknown.append(number)
        else:
            known.append((value, number))
    known.sort(key=lambda pair: pair[0], reverse=is_descending)  # type: ignore[arg-type, return-value]
    return [number for _, number in known] + unknown
