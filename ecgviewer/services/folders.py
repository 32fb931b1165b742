"""The use case of many ECGs: search folders, fill the worklist, go from one ECG to the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ecgviewer.services.ports import RecordLister
from ecgviewer.state.events import Event
from ecgviewer.state.worklist import Batch, Worklist
from ecgviewer.state.worklist_text import counts_text, progress_text

MOST_ASKED_AFTER = 50


class Folders:
    """What was opened as a list, and how far reading it has come.

    Attributes
    ----------
    list : Worklist
    roots : tuple of Path
        Files and folders that were asked for; empty while no list is open.
    title : str
        The folder's name, or how many files and folders were asked for.
    current : Path or None
        The ECG that was asked for last, whether or not it has been read.
    is_reading : bool
    progressed : Event
        Emitted when the list, its progress or whether there is one has changed.
    """

    def __init__(self, lister: RecordLister, clock: Callable[[], float] = time.monotonic) -> None:
        self.list = Worklist()
        self.roots: tuple[Path, ...] = ()
        self.title = ""
        self.current: Path | None = None
        self.is_reading = False
        self.was_cancelled = False
        self.faults: list[str] = []
        self.progressed: Event[[]] = Event()
        self._lister = lister
        self._clock = clock
        self._began_s = 0.0
        self._is_searching = False
        self._n_ignored = 0
        self._n_done = 0
        self._found: list[Path] = []
        lister.progressed.connect(self._on_progressed)

    @property
    def is_open(self) -> bool:
        """Whether there is a list."""
        return bool(self.roots)

    def _named(self) -> str:
        if len(self.roots) == 1:
            return self.roots[0].name or str(self.roots[0])
        if not self.roots:
            return ""
        # Nobody drops more folders than that at once, and asking after each of ten thousand files takes time.
        are_folders = {path.is_dir() for path in self.roots[:MOST_ASKED_AFTER]}
        what = "files and folders" if len(are_folders) == 2 else "folders" if True in are_folders else "files"
        return f"{len(self.roots)} {what}"

    @property
    def n_done(self) -> int:
        """How many files have been read, since reading began."""
        return self._n_done

    @property
    def n_found(self) -> int:
        """How many files were found, since reading began."""
        return len(self._found)

    @property
    def elapsed_s(self) -> float:
        """Time since reading began."""
        return self._clock() - self._began_s

    @property
    def progress(self) -> str:
        """How far reading has come, or what the list holds."""
        if self.is_reading:
            return progress_text(self._n_done, self.n_found, self._is_searching, self.elapsed_s)
        entries = self.list
        text = counts_text(entries.count("read"), entries.count("error"), self._n_ignored, entries.count("waiting"))
        return f"Stopped: {text}" if self.was_cancelled else text

    def open(self, paths: Sequence[Path]) -> None:
        """Make a list of files and folders; an earlier list goes."""
        self._lister.cancel()
        self.roots = tuple(paths)
        self.title = self._named()
        self.current = None
        self.list.clear()
        self._start()

    def rescan(self) -> None:
        """Search again; what has not changed is not read again, what is gone goes."""
        if self.is_open:
            self._start()

    def cancel(self) -> None:
        """Stop reading; what is known stays."""
        if self.is_reading:
            self._lister.cancel()
            self.is_reading, self.was_cancelled = False, True
            self.progressed.emit()

    def close(self) -> None:
        """Forget the list."""
        self._lister.cancel()
        self.is_reading = self.was_cancelled = False
        self.roots, self.current, self.title = (), None, ""
        self.list.clear()
        self.progressed.emit()

    def shutdown(self) -> None:
        """End what runs beside the window."""
        self._lister.shutdown()

    def neighbour(self, step: int) -> Path | None:
        """Return the next (1) or previous (-1) readable ECG in the list's order; None at its end."""
        entry = self.list.next_readable(self.current, step)
        return None if entry is None else entry.path

    def _start(self) -> None:
        self.is_reading, self.was_cancelled, self._is_searching = True, False, True
        self._n_done = self._n_ignored = 0
        self._found, self.faults = [], []
        self._began_s = self._clock()
        self._lister.start(self.roots, self.list.entries)
        self.progressed.emit()

    def _on_progressed(self, batch: Batch) -> None:
        self._found += batch.found
        self._n_done += len(batch.results)
        self.faults += batch.faults
        if batch.n_ignored is not None:
            self._n_ignored += batch.n_ignored
            self._is_searching = False
            if not self.faults:
                self.list.keep_only(self._found)
        self._n_ignored += sum(not result.is_ecg for result in batch.results)
        self.list.update(batch.found, batch.results)
        if batch.is_done:
            self.is_reading = False
        self.progressed.emit()
