"""Reading records away from the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal, SignalInstance, Slot

from ecgviewer.jobs.early_read import EarlyRead, read_or_explain
from physioclr_core.record import EcgRecord
from physioclr_core.recordings.source import AnyRecord, LongRecording

if TYPE_CHECKING:
    from physioclr_core.readers.table_options import TableOptions

OnRead = Callable[[AnyRecord], None]
OnFailed = Callable[[str], None]


class _ReadTask(QRunnable):
    def __init__(
        self, number: int, path: Path, given: TableOptions | None, early: EarlyRead | None, ended: SignalInstance
    ) -> None:
        super().__init__()
        self._number, self._path, self._given, self._early, self._ended = number, path, given, early, ended

    def run(self) -> None:
        result = read_or_explain(self._path, self._given) if self._early is None else self._early.wait()
        self._ended.emit(self._number, result)


class ThreadedLoader(QObject):
    """Reads records in a thread pool; answers arrive in the window's thread."""

    _ended = Signal(int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(2)
        self._early: EarlyRead | None = None
        self._waiting: dict[int, tuple[OnRead, OnFailed]] = {}
        self._n_started = 0
        self._ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)

    def use_early(self, early: EarlyRead) -> None:
        """Take over a reading that has already begun; it answers the next request for its path."""
        self._early = early

    def load(self, path: Path, on_read: OnRead, on_failed: OnFailed, given: TableOptions | None = None) -> None:
        """Read ``path`` and hand over the record, or one sentence on why there is none."""
        early, self._early = self._early, None
        if early is not None and (early.path != path or given is not None):
            early = None
        if early is not None and early.is_done:
            _hand_over(early.wait(), on_read, on_failed)
            return
        self._n_started += 1
        self._waiting[self._n_started] = (on_read, on_failed)
        self._pool.start(_ReadTask(self._n_started, path, given, early, self._ended))

    def shutdown(self) -> None:
        """Drop what has not started and wait for what has."""
        self._waiting.clear()
        self._pool.clear()
        self._pool.waitForDone()

    @Slot(int, object)
    def _on_ended(self, number: int, result: object) -> None:
        waiting = self._waiting.pop(number, None)
        if waiting is not None:
            _hand_over(result, *waiting)


def _hand_over(result: object, on_read: OnRead, on_failed: OnFailed) -> None:
    if isinstance(result, EcgRecord | LongRecording):
        on_read(result)
    else:
        on_failed(result if isinstance(result, str) else str(result))
