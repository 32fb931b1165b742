"""Ties what is known of a long recording to paper, overview and event list."""

from __future__ import annotations

from PySide6.QtCore import QObject

from ecgviewer.jobs.recording_client import RecordingClient
from ecgviewer.services.long_review import LongReview
from ecgviewer.services.session import ReviewSession
from ecgviewer.state.long_work import LongWorkState
from ecgviewer.widgets.events_panel import EventsPanel
from ecgviewer.widgets.workspace import Workspace
from physioclr_core.recordings.day import RhythmEvent
from physioclr_core.recordings.source import LongRecording


class LongView(QObject):
    """Starts the work on a long recording once it has been painted, and shows what comes of it."""

    def __init__(
        self,
        client: RecordingClient,
        session: ReviewSession,
        review: LongReview,
        workspace: Workspace,
        events: EventsPanel,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.client, self.review = client, review
        self._session, self._workspace, self._events = session, workspace, events
        session.record_opened.connect(self._on_record_opened)
        workspace.main_pane.view.record_painted.connect(self._on_record_painted)
        workspace.main_pane.view.read_failed.connect(session.failed.emit)
        client.changed.connect(self._on_changed)
        events.chosen.connect(self._on_event_chosen)
        events.shown_changed.connect(self._on_shown_changed)

    def step_event(self, step: int) -> None:
        """Go to the next or previous event of those that are listed."""
        event = self.review.step_event(step)
        if event is not None:
            self._events.select(event)

    def stop(self) -> None:
        """End all work; called when the window is closed."""
        self.client.stop()

    def _on_record_opened(self, record: object) -> None:
        self.client.stop()
        self.review.events = ()
        self._events.set_events((), self.review.clock, "")
        self._events.setVisible(isinstance(record, LongRecording))

    def _on_record_painted(self) -> None:
        record = self._session.record
        if isinstance(record, LongRecording):
            self.client.start(record)

    def _on_changed(self, state: LongWorkState) -> None:
        self._workspace.main_pane.view.set_pyramid(state.pyramid)
        self._workspace.overview.set_work(state)
        events = () if state.day is None else state.day.events
        words = state.words or ("" if state.day is None else state.day.reason)
        self._events.set_events(events, self.review.clock, words)

    def _on_event_chosen(self, event: RhythmEvent) -> None:
        self.review.go_to(event.start_s)

    def _on_shown_changed(self) -> None:
        self.review.events = self._events.shown()
