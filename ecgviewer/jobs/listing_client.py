"""The window's end of the listing processes: they search and read, it hands out files and collects what comes back."""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QProcess, QTimer

from ecgviewer.jobs.outcome import ProcessOutcome
from ecgviewer.jobs.own_command import own_command
from ecgviewer.state.events import Event
from ecgviewer.state.worklist import Batch, Entry, ReadResult
from physioclr_core.readers.summary import RecordSummary

BATCH_MS = 100
MOST_PROCESSES = 4
# Enough that a process never waits for the window, few enough that a slow file holds little back.
FILES_AHEAD = 8
# Answers are taken for so long at a time; the rest waits for the next turn of the event loop.
TURN_S = 0.005
# Files that are added to the list at a time: ten times as many a second as are ever read.
FOUND_A_BATCH = 500
# A reader answers for every file within seconds; what takes this long will not end.
LONGEST_READ_S = 60.0
_ENDING_MS = 2000


class _Reader(QObject):
    """One process and the files it was given, the first of which it is at."""

    def __init__(self, command: Sequence[str], owner: ListingClient) -> None:
        super().__init__(owner)
        self.given: deque[Path] = deque()
        self.is_ready = False
        self.is_searching = False
        self.heard_s = time.monotonic()
        self.is_stalled = False
        self._owner = owner
        self.process = QProcess(self)
        self.process.setProgram(command[0])
        self.process.setArguments(list(command[1:]))
        self.process.setStandardErrorFile(QProcess.nullDevice())
        self.process.readyReadStandardOutput.connect(self._on_output)
        self.process.finished.connect(self._on_finished)
        self.process.errorOccurred.connect(self._on_error)
        self.process.start()

    def send(self, request: dict[str, Any]) -> None:
        self.process.write(json.dumps(request).encode() + b"\n")

    def end(self) -> None:
        """Let the process go: it reads only, so it may be stopped anywhere."""
        for signal in (self.process.readyReadStandardOutput, self.process.finished, self.process.errorOccurred):
            signal.disconnect()
        self.process.kill()
        self.process.waitForFinished(_ENDING_MS)
        self.deleteLater()

    def _on_output(self) -> None:
        end_s = time.monotonic() + TURN_S
        while (now_s := time.monotonic()) < end_s:
            if not self.process.canReadLine():
                return
            self.heard_s = now_s
            self._owner.take(self, bytes(self.process.readLine().data()))
            if self._owner.is_idle:
                return
        QTimer.singleShot(0, self, self._on_output)

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        while self.process.canReadLine():
            self._owner.take(self, bytes(self.process.readLine().data()))
        kind = "crashed" if status == QProcess.ExitStatus.CrashExit else "exited"
        self._owner.lose(self, ProcessOutcome(kind, code))  # type: ignore[arg-type]

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._owner.lose(self, ProcessOutcome("not started", detail=self.process.errorString()))


class ListingClient(QObject):
    """Reads many records in processes of their own.

    A process that a file takes down, or that is at one file for longer than ``LONGEST_READ_S``, is replaced, and the
    file is an error of its own; all others are read.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        n_processes: int | None = None,
        longest_read_s: float = LONGEST_READ_S,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.progressed: Event[[Batch]] = Event()
        self._command = list(command) if command is not None else own_command("--list")
        self._n_processes = n_processes or min(MOST_PROCESSES, os.cpu_count() or 1)
        self._longest_read_s = longest_read_s
        self._readers: list[_Reader] = []
        self._found: deque[str] = deque()
        self._queue: deque[Path] = deque()
        self._known: dict[Path, Entry] = {}
        self._batch = Batch()
        self._is_searching = False
        self._may_start = True
        self.is_idle = True
        self._timer = QTimer(self, interval=BATCH_MS)
        self._timer.timeout.connect(self._on_tick)

    @property
    def process_ids(self) -> list[int]:
        """The running processes."""
        return [reader.process.processId() for reader in self._readers]

    def start(self, paths: Sequence[Path], known: Sequence[Entry] = ()) -> None:
        """Search files and folders and read every record; those of ``known`` only where their files have changed."""
        self.cancel()
        self._known = {entry.path: entry for entry in known if entry.summary is not None and entry.stamp}
        self._batch, self._is_searching, self._may_start, self.is_idle = Batch(), True, True, False
        first = self._add_reader()
        first.is_searching = True
        first.send({"find": [str(path.absolute()) for path in paths]})
        self._timer.start()

    def cancel(self) -> None:
        """Stop at once; nothing comes any more."""
        self._timer.stop()
        self.is_idle = True
        readers, self._readers = self._readers, []
        self._found.clear()
        self._queue.clear()
        for reader in readers:
            reader.end()

    def shutdown(self) -> None:
        """Stop for good."""
        self.cancel()

    # --- what the processes say --------------------------------------------------------------------------------------

    def take(self, reader: _Reader, line: bytes) -> None:
        """Take one answer of a process."""
        try:
            answer = json.loads(line)
            self._note(reader, answer)
        except (ValueError, TypeError, KeyError, AttributeError):
            # Something that is no answer: the process is not to be trusted any further.
            reader.process.kill()
            return
        self._hand_out()

    def _note(self, reader: _Reader, answer: dict[str, Any]) -> None:
        if "ready" in answer:
            reader.is_ready = True
        elif "found" in answer:
            self._found.extend(answer["found"])
        elif "searched" in answer:
            self._is_searching = reader.is_searching = False
            self._batch.n_ignored = int(answer["n_ignored"])
            self._batch.faults += [str(sentence) for sentence in answer["faults"]]
        else:
            path = Path(answer["read"])
            if not reader.given or reader.given[0] != path:
                raise ValueError("an answer nobody asked for")
            result = _result(path, answer)
            reader.given.popleft()
            self._batch.results.append(result)

    def lose(self, reader: _Reader, outcome: ProcessOutcome) -> None:
        """Take note of a process that has ended by itself."""
        if reader not in self._readers:
            return
        self._readers.remove(reader)
        reader.deleteLater()
        if reader.is_searching:
            self._is_searching = False
            self._batch.faults.append(f"Not every file was found: the search {_how_it_ended(outcome)}.")
        if not reader.is_ready:
            # It cannot even start, and another would not either; what the others are at is not lost.
            self._may_start = False
            self._queue.extendleft(reversed(reader.given))
            if not self._readers:
                self._batch.faults.append(f"The files cannot be read: the reading process {_how_it_ended(outcome)}.")
                self._queue.clear()
        elif reader.given:
            path = reader.given.popleft()
            reason = f"was given up after {self._longest_read_s:g} s" if reader.is_stalled else _how_it_ended(outcome)
            self._batch.results.append(ReadResult(path, error=f"{path.name}: reading it {reason}."))
            self._queue.extendleft(reversed(reader.given))
        self._hand_out()

    # --- work --------------------------------------------------------------------------------------------------------

    def _add_reader(self) -> _Reader:
        reader = _Reader(self._command, self)
        self._readers.append(reader)
        return reader

    def _hand_out(self) -> None:
        if self.is_idle:
            return
        busy = sum(bool(reader.given) or reader.is_searching for reader in self._readers)
        n_wanted = min(self._n_processes, busy + -(-len(self._queue) // FILES_AHEAD))
        while self._queue and self._may_start and len(self._readers) < n_wanted:
            self._add_reader()
        for reader in self._readers:
            # Half empty, then full again: fewer, larger writes.
            if reader.is_searching or len(reader.given) > FILES_AHEAD // 2:
                continue
            while self._queue and len(reader.given) < FILES_AHEAD:
                self._ask(reader, self._queue.popleft())

    def _ask(self, reader: _Reader, path: Path) -> None:
        if not reader.given:
            reader.heard_s = time.monotonic()
        reader.given.append(path)
        request: dict[str, Any] = {"read": str(path)}
        known = self._known.get(path)
        if known is not None and known.summary is not None:
            request |= {"files": list(known.summary.files), "stamp": known.stamp}
        reader.send(request)

    def _on_tick(self) -> None:
        now_s = time.monotonic()
        for reader in self._readers:
            if reader.given and reader.is_ready and now_s - reader.heard_s > self._longest_read_s:
                reader.is_stalled = True
                reader.process.kill()
        found = [Path(self._found.popleft()) for _ in range(min(FOUND_A_BATCH, len(self._found)))]
        self._batch.found += found
        if self._readers or self._may_start:
            self._queue.extend(found)
            self._hand_out()
        is_done = not (
            self._is_searching or self._found or self._queue or any(reader.given for reader in self._readers)
        )
        batch, self._batch = self._batch, Batch()
        batch.is_done = is_done
        if is_done:
            self.cancel()
        if is_done or batch.found or batch.results or batch.faults or batch.n_ignored is not None:
            self.progressed.emit(batch)


def _result(path: Path, answer: dict[str, Any]) -> ReadResult:
    if "unchanged" in answer:
        return ReadResult(path)
    if "no_ecg" in answer:
        return ReadResult(path, is_ecg=False)
    if "error" in answer:
        return ReadResult(path, error=str(answer["error"]))
    return ReadResult(path, RecordSummary.from_dict(answer["summary"]), stamp=str(answer["stamp"]))


def _how_it_ended(outcome: ProcessOutcome) -> str:
    """Return a clause such as "crashed (SIGSEGV)"."""
    return outcome.sentence.replace("the analysis ", "", 1)
