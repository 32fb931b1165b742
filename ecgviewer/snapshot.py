"""``--snapshot``: a picture of the real window and what it says as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEventLoop, QObject, QTimer

from ecgviewer.jobs.protocol import Predictions
from ecgviewer.main_window import MainWindow
from ecgviewer.services.folders import Folders
from ecgviewer.services.session import ReviewSession
from ecgviewer.services.why import Why
from ecgviewer.state.analysis import Analysis
from ecgviewer.state.paper import PaperState
from ecgviewer.state.why import WhyState
from ecgviewer.widgets.picture import picture_of, save_picture
from physioclr_core.recordings.source import AnyRecord

if TYPE_CHECKING:
    from ecgviewer.app import Application

LONGEST_WAIT_MS = 60_000
SETTLE_MS = 50
BAD_INPUT = 2


class _Wait(QObject):
    """Runs the event loop until the window shows all there is to show, or reading fails, or a minute has passed."""

    def __init__(self, session: ReviewSession, folders: Folders) -> None:
        super().__init__()
        self.failure: str | None = None
        self._session = session
        self._loop = QEventLoop(self)
        self._limit = QTimer(self, singleShot=True, interval=LONGEST_WAIT_MS)
        self._limit.timeout.connect(self._loop.quit)
        session.failed.connect(self._on_failed)
        self._folders = folders
        folders.progressed.connect(self._on_progressed)
        session.analysis_changed.connect(self._on_analysis_changed)

    def run_for(self, why: Why) -> None:
        """Wait for the answer to a question why."""
        why.changed.connect(self._on_why_changed)
        if why.state.kind == "waiting":
            self._limit.start()
            self._loop.exec()
            self._limit.stop()
        QTimer.singleShot(SETTLE_MS, self._loop, self._loop.quit)
        self._loop.exec()

    def run(self) -> None:
        """Wait."""
        if self.failure is None and not self._is_done():
            self._limit.start()
            self._loop.exec()
            self._limit.stop()
        # One more turn of the loop, so that what came last is painted too.
        QTimer.singleShot(SETTLE_MS, self._loop, self._loop.quit)
        self._loop.exec()

    def _is_done(self) -> bool:
        return not self._folders.is_reading and self._session.record is not None and self._session.analysis.is_complete

    def _on_why_changed(self, state: WhyState) -> None:
        if state.kind != "waiting":
            self._loop.quit()

    def _on_failed(self, sentence: str) -> None:
        self.failure = sentence
        self._loop.quit()

    def _on_progressed(self) -> None:
        if not self._folders.is_reading and not self._folders.list.count("read"):
            self.failure = f"{self._folders.title}: {self._folders.progress}."
        if self.failure is not None or self._is_done():
            self._loop.quit()

    def _on_analysis_changed(self, analysis: Analysis) -> None:
        if self._is_done():
            self._loop.quit()


def take_snapshot(application: Application, path: Path) -> int:
    """Show the window, wait for the analysis, save the picture, print the JSON; return the exit code."""
    if application.early is None and not application.options.listed:
        return _refuse("no ECG to show: name a FILE, or install the demo ECGs.")
    if not path.parent.is_dir():
        return _refuse(f"{path}: the folder for the picture does not exist.")
    wait = _Wait(application.session, application.window.folders)
    application.show()
    wait.run()
    record = application.session.record
    if record is None or wait.failure is not None:
        return _refuse(wait.failure or "the ECG was not read within a minute.")
    if application.options.why is not None:
        refusal = _ask_why(application.window, application.options.why, wait)
        if refusal:
            return _refuse(refusal)
    px_per_mm = application.window.workspace.main_pane.view.screen_scale.px_per_mm
    if not save_picture(picture_of(application.window, px_per_mm), path):
        return _refuse(f"{path}: the picture could not be written.")
    sys.stdout.write(json.dumps(_summary(application.session, record, application.paper.state)) + "\n")
    sys.stdout.flush()
    application.window.close()
    return 0


def _ask_why(window: MainWindow, code: str, wait: _Wait) -> str:
    """Show what speaks for a statement; return why that cannot be done."""
    predictions = window.session.analysis.predictions
    findings = predictions.findings if predictions is not None else []
    finding = next((finding for finding in findings if finding.code == code), None)
    if finding is None:
        return f"--why {code}: the model says nothing of such a statement for this ECG."
    window.why.ask(finding, (0.0, window.paper.extent.visible_s))
    wait.run_for(window.why)
    state = window.why.state
    return "" if state.kind == "shown" else f"--why {code}: {state.reason or 'no answer within a minute'}."


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return BAD_INPUT


def _summary(session: ReviewSession, record: AnyRecord, state: PaperState) -> dict[str, Any]:
    ready, analysis = session.analyst.status.ready, session.analysis
    predictions, similar = analysis.predictions, analysis.similar
    reasons = {
        "predictions": analysis.failure if predictions is None else predictions.reason,
        "similar": analysis.failure if similar is None else similar.reason,
    }
    if analysis.failure is None and not analysis.is_complete:
        reasons = {name: reason or "no answer within a minute" for name, reason in reasons.items()}
    return {
        "record": record.name,
        "lead_names": list(record.lead_names),
        "fs_hz": record.fs_hz,
        "layout": state.layout,
        "speed_mm_s": state.speed_mm_s,
        "gain_mm_mv": state.gain_mm_mv,
        "heart_rate_bpm": analysis.heart_rate_bpm,
        "device": ready.device if ready is not None else None,
        "model": ready.model if ready is not None else None,
        "predictions": [
            {"code": finding.code, "probability": finding.probability, "threshold": finding.threshold}
            for finding in (predictions.findings if predictions is not None else [])
        ],
        "prediction_set": _members(predictions),
        "abstention": predictions.abstention if predictions is not None else None,
        "distance": predictions.distance if predictions is not None else None,
        "distance_limit": predictions.distance_limit if predictions is not None else None,
        "similar": [
            {
                "record": neighbour.record,
                "distance": neighbour.distance,
                "statements": list(neighbour.statements),
            }
            for neighbour in (similar.neighbours if similar is not None else [])
        ],
        "not_assessed": {name: reason for name, reason in reasons.items() if reason},
    }


def _members(predictions: Predictions | None) -> list[str] | None:
    """Return the statements of the prediction set; None where the model has none or the ECG was not assessed."""
    if predictions is None or predictions.set_level is None:
        return None
    return [finding.code for finding in predictions.findings if finding.is_in_set]
