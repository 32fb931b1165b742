"""The window's end of the analysis worker: one child process, numbered jobs, bounded restarts."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer

from ecgviewer.jobs.outcome import ProcessOutcome
from ecgviewer.jobs.own_command import own_command
from ecgviewer.jobs.protocol import (
    Analyse,
    Cancel,
    Explain,
    Explanation,
    Failed,
    HeartRate,
    LibraryRecord,
    Message,
    OpenLibraryRecord,
    Predictions,
    Ready,
    Request,
    Similar,
    decode,
    encode,
)
from ecgviewer.state.analysis import WorkerStatus
from ecgviewer.state.events import Event
from physioclr_core.record import EcgRecord

MOST_RESTARTS = 2
GRACE_MS = 2000
LONGEST_STDERR = 8000
ANSWERS_TO: dict[type, frozenset[type]] = {
    Analyse: frozenset({HeartRate, Predictions, Similar}),
    OpenLibraryRecord: frozenset({LibraryRecord}),
    Explain: frozenset({Explanation}),
}


def worker_command(model: Path | None = None) -> list[str]:
    """Return the command that starts the worker on the shipped or another model."""
    return [*own_command("--worker"), *([] if model is None else ["--model", str(model.absolute())])]


@dataclass(slots=True)
class _Job:
    request: Request
    file: Path
    missing: set[type] = field(default_factory=set)
    is_wanted: bool = True


class WorkerClient(QObject):
    """Talks to the worker over its standard input and output.

    ``answered`` carries messages of wanted jobs only. A crash becomes a status with a sentence; the worker is started
    again at most ``MOST_RESTARTS`` times without a finished job in between, and wanted jobs are asked again.
    """

    def __init__(self, command: Sequence[str] | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.answered: Event[[Message]] = Event()
        self.status_changed: Event[[WorkerStatus]] = Event()
        self._command = list(command) if command is not None else worker_command()
        self._status = WorkerStatus()
        self._process: QProcess | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._jobs: dict[int, _Job] = {}
        self._n_jobs = 0
        self._n_restarts = 0
        self._is_closing = False
        self._stderr = b""
        self._fault: ProcessOutcome | None = None
        self._cancel_timer = QTimer(self, singleShot=True, interval=GRACE_MS)
        self._cancel_timer.timeout.connect(self._on_grace_ended)

    @property
    def status(self) -> WorkerStatus:
        """How the worker is."""
        return self._status

    @property
    def folder(self) -> Path | None:
        """The folder for arrays while there is one."""
        return Path(self._folder.name) if self._folder is not None else None

    @property
    def process_id(self) -> int | None:
        """The worker's process id while it runs."""
        return self._process.processId() or None if self._process is not None else None

    def start(self) -> None:
        """Start the worker; does nothing while one runs."""
        if self._process is not None or self._is_closing:
            return
        process = QProcess(self)
        process.setProgram(self._command[0])
        process.setArguments(self._command[1:])
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONUNBUFFERED", "1")
        process.setProcessEnvironment(environment)
        process.readyReadStandardOutput.connect(self._on_output)
        process.readyReadStandardError.connect(self._on_error_output)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error_occurred)
        self._process, self._stderr, self._fault = process, b"", None
        if self._status.kind != "restarting":
            self._set_status(WorkerStatus("starting"))
        process.start()
        for job in self._jobs.values():
            job.missing = set(ANSWERS_TO[type(job.request)])
            self._send(job.request)

    def analyse(self, record: EcgRecord) -> int:
        """Ask for heart rate, predictions and neighbours; return the job's number."""
        number = self._next_number()
        path = self._new_file(f"signal-{number}.npy")
        np.save(path, np.ascontiguousarray(record.signal_mv, dtype=np.float32), allow_pickle=False)
        request = Analyse(
            job=number,
            signal=str(path),
            fs_hz=float(record.fs_hz),
            lead_names=list(record.lead_names),
            record=record.name,
            patient_id=record.patient.patient_id,
        )
        return self._ask(_Job(request, path, set(ANSWERS_TO[Analyse])))

    def fetch(self, entry: int) -> int:
        """Ask for an ECG of the library; return the job's number."""
        number = self._next_number()
        path = self._new_file(f"entry-{number}.npy")
        request = OpenLibraryRecord(job=number, entry=entry, signal=str(path))
        return self._ask(_Job(request, path, set(ANSWERS_TO[OpenLibraryRecord])))

    def explain(self, record: EcgRecord, code: str, in_sight_s: tuple[float, float]) -> int:
        """Ask what in a record, of several windows in the one in sight, speaks for a statement; return the job."""
        number = self._next_number()
        path = self._new_file(f"signal-{number}.npy")
        np.save(path, np.ascontiguousarray(record.signal_mv, dtype=np.float32), allow_pickle=False)
        request = Explain(
            job=number,
            code=code,
            signal=str(path),
            fs_hz=float(record.fs_hz),
            lead_names=list(record.lead_names),
            record=record.name,
            in_sight_s=[float(second) for second in in_sight_s],
        )
        return self._ask(_Job(request, path, set(ANSWERS_TO[Explain])))

    def forget(self, job: int) -> None:
        """Drop a job: no answer to it is passed on any more, and one that can stop half way is told to."""
        known = self._jobs.get(job)
        if known is not None and known.is_wanted:
            known.is_wanted = False
            if isinstance(known.request, Explain):
                self._send(Cancel(job))

    def cancel(self, job: int) -> None:
        """Drop a job; a worker that is still at it after two seconds is stopped and started afresh."""
        self.forget(job)
        if job in self._jobs and self._process is not None:
            self._cancel_timer.start()

    def retry(self) -> None:
        """Start the worker again after it was given up."""
        self._n_restarts = 0
        self.start()

    def shutdown(self) -> None:
        """End the worker (input closed, two seconds, terminate, kill) and remove the folder."""
        self._is_closing = True
        self._cancel_timer.stop()
        process, self._process = self._process, None
        if process is not None:
            for signal in (process.finished, process.errorOccurred, process.readyReadStandardOutput):
                signal.disconnect()
            process.closeWriteChannel()
            if process.state() != QProcess.ProcessState.NotRunning and not process.waitForFinished(GRACE_MS):
                process.terminate()
                if not process.waitForFinished(GRACE_MS):
                    process.kill()
                    process.waitForFinished(-1)
            process.deleteLater()
        self._jobs.clear()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _next_number(self) -> int:
        self._n_jobs += 1
        return self._n_jobs

    def _new_file(self, name: str) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="ecgviewer-", ignore_cleanup_errors=True)
        return Path(self._folder.name) / name

    def _ask(self, job: _Job) -> int:
        self._jobs[job.request.job] = job
        if self._status.kind == "stopped":
            number, message = job.request.job, self._status.message
            QTimer.singleShot(0, self, lambda: self._fail(number, message))
        else:
            self._send(job.request)
        return job.request.job

    def _send(self, request: Request | Cancel) -> None:
        # QProcess keeps what is written before the child has started.
        if self._process is not None:
            self._process.write(encode(request))

    def _set_status(self, status: WorkerStatus) -> None:
        if status != self._status:
            self._status = status
            self.status_changed.emit(status)

    def _on_error_output(self) -> None:
        if self._process is not None:
            self._stderr = (self._stderr + bytes(self._process.readAllStandardError().data()))[-LONGEST_STDERR:]

    def _on_output(self) -> None:
        # After a fault nothing that is still in the pipe is believed.
        while (process := self._process) is not None and self._fault is None and process.canReadLine():
            line = bytes(process.readLine().data())
            try:
                message = decode(line)
            except (ValueError, TypeError, KeyError):
                self._fault = ProcessOutcome("spoke out of turn", detail=repr(line[:60]))
                process.kill()
                return
            self._take(message)

    def _take(self, message: Message) -> None:
        if isinstance(message, Ready):
            self._set_status(WorkerStatus("ready", ready=message))
            return
        number = getattr(message, "job", None)
        if isinstance(message, Failed) and number is None:
            # The worker says why it cannot start; the exit that follows is no news, and a second try would not help.
            if self._status.ready is None:
                self._fault = ProcessOutcome("refused", detail=message.message)
            return
        job = self._jobs.get(number) if number is not None else None
        if job is None:
            return
        if isinstance(message, Failed):
            job.missing.clear()
        else:
            job.missing.discard(type(message))
        if not job.missing:
            self._n_restarts = 0
        if job.is_wanted:
            self.answered.emit(message)
        if not job.missing:
            self._close(job)

    def _close(self, job: _Job) -> None:
        self._jobs.pop(job.request.job, None)
        # The worker lays its own files beside the job's.
        for path in job.file.parent.glob(f"{job.file.stem}.*"):
            path.unlink(missing_ok=True)
        if not any(not other.is_wanted for other in self._jobs.values()):
            self._cancel_timer.stop()

    def _fail(self, number: int, sentence: str) -> None:
        job = self._jobs.get(number)
        if job is not None:
            if job.is_wanted:
                self.answered.emit(Failed(message=sentence, job=number))
            self._close(job)

    def _on_grace_ended(self) -> None:
        if self._process is None or all(job.is_wanted for job in self._jobs.values()):
            return
        process = self._process
        self._fault = ProcessOutcome("stopped by us")
        process.terminate()
        QTimer.singleShot(GRACE_MS, process, process.kill)

    def _on_error_occurred(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            self._end(ProcessOutcome("not started", detail=self._process.errorString()))

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._on_output()
        self._on_error_output()
        detail = self._stderr.decode(errors="replace")
        is_crash = status == QProcess.ExitStatus.CrashExit
        self._end(self._fault or ProcessOutcome("crashed" if is_crash else "exited", code, detail))

    def _end(self, outcome: ProcessOutcome) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.deleteLater()
        self._cancel_timer.stop()
        for job in [job for job in self._jobs.values() if not job.is_wanted]:
            self._close(job)
        is_ours = outcome.kind == "stopped by us"
        if self._is_closing:
            return
        if outcome.kind == "refused" or (not is_ours and self._n_restarts >= MOST_RESTARTS):
            self._give_up(outcome)
            return
        if not is_ours:
            self._n_restarts += 1
            words = f"{outcome.sentence}; starting it again ({self._n_restarts} of {MOST_RESTARTS})"
            self._set_status(WorkerStatus("restarting", words))
        self.start()

    def _give_up(self, outcome: ProcessOutcome) -> None:
        self._set_status(WorkerStatus("stopped", outcome.sentence))
        for number in list(self._jobs):
            self._fail(number, outcome.sentence)
