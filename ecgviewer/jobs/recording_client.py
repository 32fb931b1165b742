"""What is made of a long recording beside the window: its pyramid in a thread, its beats in a process."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
from PySide6.QtCore import QObject, QProcess, QTimer

from ecgviewer.state.events import Event
from ecgviewer.state.long_work import LongWorkState
from physioclr_core.errors import UserFacingError
from physioclr_core.recordings import cache
from physioclr_core.recordings.day import load_day
from physioclr_core.recordings.opening import LONG_SAMPLES
from physioclr_core.recordings.pyramid import Pyramid
from physioclr_core.recordings.source import LongRecording

POLL_MS = 100
GRACE_MS = 2000


class _Build:
    """One pyramid in a thread; numpy does the work and lets the window's thread go on meanwhile."""

    def __init__(self, recording: LongRecording) -> None:
        self._recording = recording
        self._cancelled = threading.Event()
        self.pyramid: Pyramid | None = None
        self.fault = ""
        self.thread = threading.Thread(target=self._run, name="pyramid", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            files = self._recording.provenance.files
            cache.build(self._recording.samples, files, self._on_started, self._cancelled.is_set)
        except UserFacingError as error:
            self.fault = str(error)
        except OSError as error:
            self.fault = f"The overview could not be kept ({error.strerror})."

    def _on_started(self, pyramid: Pyramid) -> None:
        self.pyramid = pyramid

    def stop(self) -> None:
        """End it; at most a piece of the recording is still read."""
        self._cancelled.set()
        self.thread.join()
        if self.pyramid is not None:
            self.pyramid.close()


class RecordingClient(QObject):
    """Works on one recording at a time; ``changed`` carries what is known of it."""

    def __init__(self, command: list[str], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.changed: Event[[LongWorkState]] = Event()
        self.state = LongWorkState()
        self._command = command
        self._build: _Build | None = None
        self._recording: LongRecording | None = None
        self._process: QProcess | None = None
        self._poll = QTimer(self, interval=POLL_MS)
        self._poll.timeout.connect(self._on_polled)

    def start(self, recording: LongRecording) -> None:
        """Begin with a recording; what is being done for another one ends."""
        self.stop()
        self._recording = recording
        self._build = _Build(recording)
        self._poll.start()

    def stop(self) -> None:
        """End all work and forget what is known."""
        self._poll.stop()
        if self._build is not None:
            self._build.stop()
            self._build = None
        process, self._process = self._process, None
        if process is not None:
            process.finished.disconnect(self._on_finished)
            process.closeWriteChannel()
            if not process.waitForFinished(GRACE_MS // 10):
                process.kill()
                process.waitForFinished(GRACE_MS)
            process.deleteLater()
        self._recording = None
        self.state = LongWorkState()

    def _set(self, **changes: object) -> None:
        self.state = self.state.with_(**changes)
        self.changed.emit(self.state)

    def _on_polled(self) -> None:
        build, recording = self._build, self._recording
        if build is None or recording is None:
            return
        is_over = not build.thread.is_alive()
        n_done = 0 if build.pyramid is None else build.pyramid.n_done
        self._set(pyramid=build.pyramid, built_share=n_done / recording.n_samples, fault=build.fault)
        if is_over:
            self._poll.stop()
            self._search(recording)

    def _search(self, recording: LongRecording) -> None:
        process = QProcess(self)
        process.setProgram(self._command[0])
        process.setArguments(self._command[1:])
        process.readyReadStandardOutput.connect(self._on_output)
        process.finished.connect(self._on_finished)
        self._process = process
        self._set(is_searching=True)
        process.start()
        request = {"path": str(recording.provenance.path), "long_samples": min(LONG_SAMPLES, recording.n_samples - 1)}
        process.write(json.dumps(request).encode() + b"\n")

    def _on_output(self) -> None:
        process, recording = self._process, self._recording
        while process is not None and recording is not None and process.canReadLine():
            try:
                answer = json.loads(bytes(process.readLine().data()))
            except ValueError:
                continue
            if "day" in answer:
                day = load_day(Path(answer["day"]))
                if day is not None and day.n_samples == recording.n_samples:
                    self._set(day=day, rates_bpm=day.rate_bpm, searched_share=1.0, is_searching=False)
            elif "error" in answer:
                self._set(fault=str(answer["error"]), is_searching=False)
            elif "rates" in answer:
                rates_bpm = np.array([np.nan if rate is None else rate for rate in answer["rates"]], np.float32)
                self._set(rates_bpm=rates_bpm, searched_share=answer["done_s"] / recording.duration_s)

    def _on_finished(self, code: int) -> None:
        self._on_output()
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        if self.state.is_searching:
            self._set(fault="Looking for beats ended unexpectedly; the tracing is not affected.", is_searching=False)
