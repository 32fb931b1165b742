"""What the use cases need from outside; ``ecgviewer.jobs`` implements it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ecgviewer.jobs.protocol import Message
from ecgviewer.state.analysis import WorkerStatus
from ecgviewer.state.events import Event
from ecgviewer.state.worklist import Batch, Entry
from physioclr_core.record import EcgRecord
from physioclr_core.recordings.source import AnyRecord

if TYPE_CHECKING:
    from physioclr_core.readers.table_options import TableOptions


class RecordLoader(Protocol):
    """Reads a record away from the window's thread; the callables are called in the window's thread."""

    def load(
        self,
        path: Path,
        on_read: Callable[[AnyRecord], None],
        on_failed: Callable[[str], None],
        given: TableOptions | None = None,
    ) -> None:
        """Read ``path`` and hand over the record, or one sentence on why there is none.

        ``given`` is what a person says of a table; the sentence is a ``MissingFacts`` where it is asked for.
        """


class RecordLister(Protocol):
    """Finds and reads records away from the window's process; ``progressed`` comes at most about ten times a second."""

    progressed: Event[[Batch]]

    def start(self, paths: Sequence[Path], known: Sequence[Entry]) -> None:
        """Search files and folders and read every record; those of ``known`` only where their files have changed."""

    def cancel(self) -> None:
        """Stop at once; nothing comes any more."""

    def shutdown(self) -> None:
        """Stop for good."""


class Analyst(Protocol):
    """The analysis worker as the use cases see it.

    ``answered`` carries messages of jobs that are still waited for, nothing else.
    """

    answered: Event[[Message]]
    status_changed: Event[[WorkerStatus]]

    @property
    def status(self) -> WorkerStatus:
        """How the worker is."""

    def analyse(self, record: EcgRecord) -> int:
        """Ask for heart rate, predictions and neighbours; return the job's number."""

    def fetch(self, entry: int) -> int:
        """Ask for an ECG of the library; return the job's number."""

    def explain(self, record: EcgRecord, code: str, in_sight_s: tuple[float, float]) -> int:
        """Ask what in a record speaks for a statement; return the job's number."""

    def forget(self, job: int) -> None:
        """Drop a job: no answer to it is passed on any more."""

    def cancel(self, job: int) -> None:
        """Drop a job and see to it that the worker stops working on it."""

    def retry(self) -> None:
        """Start the worker again after it was given up."""
