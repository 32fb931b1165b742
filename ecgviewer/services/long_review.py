"""The use cases of a long recording: go to a time, to the next event, and judge the ten seconds in sight."""

from __future__ import annotations

from collections.abc import Sequence

from ecgviewer.services.session import ReviewSession
from ecgviewer.state.paper import Paper
from ecgviewer.state.record_time import RecordClock
from physioclr_core.recordings.day import RhythmEvent
from physioclr_core.recordings.source import LongRecording

# Where on the page a time that was gone to stands.
AT_SHARE = 0.3
# From wider views an event is gone to at the paper's own speed: there it can be read.
WIDEST_READABLE_S = 60.0


class LongReview:
    """What the person does with the time of the ECG in sight, long or short."""

    def __init__(self, session: ReviewSession, paper: Paper) -> None:
        self._session, self._paper = session, paper
        self.events: Sequence[RhythmEvent] = ()
        self._at_s: float | None = None

    @property
    def clock(self) -> RecordClock:
        """Clock of the ECG in sight."""
        record = self._session.record
        return RecordClock(None, 0.0) if record is None else RecordClock.of(record)

    def jump(self, text: str) -> None:
        """Go to a time that a person wrote.

        Raises
        ------
        TimeError
            If it is no time of this recording; the text says why.
        """
        self.go_to(self.clock.parse(text, self._paper.state.start_s))

    def go_to(self, time_s: float) -> None:
        """Bring a time into sight, at the paper's speed where the view was too wide to read."""
        paper = self._paper
        if paper.extent.visible_s > WIDEST_READABLE_S:
            paper.set_time_zoom(1.0)
        paper.show_from(max(0.0, time_s - AT_SHARE * paper.extent.visible_s))
        self._at_s = time_s

    def step_event(self, step: int) -> RhythmEvent | None:
        """Go to the next (1) or previous (-1) event; return it, None where there is no more."""
        state, extent = self._paper.state, self._paper.extent
        at_s = self._at_s
        if at_s is None or not state.start_s <= at_s <= state.start_s + extent.visible_s:
            at_s = state.start_s + AT_SHARE * extent.visible_s
        times = [event for event in self.events if (event.start_s - at_s) * step > 1e-6]
        if not times:
            return None
        found = min(times, key=lambda event: abs(event.start_s - at_s))
        self.go_to(found.start_s)
        return found

    def judge_in_sight(self) -> None:
        """Ask the model about the window in the middle of what is in sight."""
        state, extent = self._paper.state, self._paper.extent
        if isinstance(self._session.record, LongRecording):
            self._session.analyse_window(state.start_s, state.start_s + extent.visible_s)
