"""Writing an ECG away from the window's thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path

from PySide6.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal

from ecgviewer.jobs.measuring import measure
from physioclr_core.errors import UserFacingError
from physioclr_core.record import SignalSource
from physioclr_core.writers import ExportCancelledError, Exported, OutputFormat, export_record
from physioclr_core.writers.options import WriteOptions


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to write where; ``source`` is the record as it was read, ``is_measured`` adds what this program measures."""

    record: SignalSource
    source: SignalSource
    out: Path
    entry: OutputFormat
    options: WriteOptions
    force: bool
    is_measured: bool = False


class _ExportTask(QRunnable):
    def __init__(self, exporter: Exporter, request: ExportRequest, cancelled: threading.Event) -> None:
        super().__init__()
        self._exporter, self._request, self._cancelled = exporter, request, cancelled

    def run(self) -> None:
        self._exporter.ended.emit(self._write())

    def _write(self) -> Exported | str:
        request, options = self._request, self._request.options
        try:
            if options.study_uid is None and request.entry.key == "dicom":
                from physioclr_core.writers.source_study import source_study_uid

                options = replace(options, study_uid=source_study_uid(request.source))
            if request.is_measured:
                computed = measure(request.source, self._cancelled.is_set)
                if computed is None:
                    raise ExportCancelledError
                options = replace(options, computed=computed)
            return export_record(
                request.record,
                request.out,
                request.entry,
                options,
                source=request.source,
                force=request.force,
                on_progress=self._exporter.progressed.emit,
                is_cancelled=self._cancelled.is_set,
            )
        except ExportCancelledError:
            return "Cancelled; nothing was written."
        except UserFacingError as error:
            return str(error)
        except MemoryError:
            return f"{request.out.name}: this computer's memory does not hold the export."
        except Exception as error:  # noqa: BLE001  (a fault of one export must not end the window)
            return f"{request.out.name}: could not be written ({type(error).__name__}: {error})."


class Exporter(QObject):
    """Writes one record at a time.

    ``progressed`` carries the share that is done, ``ended`` what was written or one sentence on why nothing was.
    """

    progressed = Signal(float)
    ended = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._cancelled = threading.Event()
        self.is_running = False
        self.ended.connect(self._on_ended, Qt.ConnectionType.QueuedConnection)

    def start(self, request: ExportRequest) -> None:
        """Write a record."""
        self._cancelled = threading.Event()
        self.is_running = True
        self._pool.start(_ExportTask(self, request, self._cancelled))

    def cancel(self) -> None:
        """Stop at the next block of samples; what was begun is removed."""
        self._cancelled.set()

    def shutdown(self) -> None:
        """Cancel and wait for what is running."""
        self.cancel()
        self._pool.waitForDone()

    def _on_ended(self, result: object) -> None:
        self.is_running = False
