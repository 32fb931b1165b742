"""The use case "why": ask what in the ECG in sight speaks for a statement, and forget it with what was judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ecgviewer.jobs.protocol import Explanation, Failed, Finding, Message, Progress
from ecgviewer.services.session import ReviewSession
from ecgviewer.state.events import Event
from ecgviewer.state.why import WhyState, shown


class Why:
    """The one statement that is asked about; answers to anything but the newest question are dropped.

    Attributes
    ----------
    state : WhyState
    changed : Event
        Emitted with the new state.
    """

    def __init__(self, session: ReviewSession) -> None:
        self._session = session
        self._job: int | None = None
        self._offset_s = 0.0
        self.state = WhyState()
        self.changed: Event[[WhyState]] = Event()
        # An answer about one window must not stand beside the findings of another.
        session.judged_changed.connect(self.hide)
        session.analyst.answered.connect(self._on_answered)

    def ask(self, finding: Finding, in_sight_s: tuple[float, float]) -> None:
        """Ask about a statement; an earlier question is given up."""
        record, offset_s = self._session.judged, self._session.judged_from_s
        self._forget()
        if record is None:
            return
        self._offset_s = offset_s
        in_sight_s = (in_sight_s[0] - offset_s, in_sight_s[1] - offset_s)
        self._job = self._session.analyst.explain(record, finding.code, in_sight_s)
        # What is drawn for another statement must not stand while this one's answer is on its way.
        self._set(WhyState("waiting", finding))

    def refuse(self, reason: str) -> None:
        """Say why nothing can be asked."""
        self._forget()
        self._set(WhyState("failed", reason=reason))

    def hide(self) -> None:
        """Take the answer away, or give the question up."""
        self._forget()
        self._set(WhyState())

    def _forget(self) -> None:
        if self._job is not None:
            self._session.analyst.forget(self._job)
            self._job = None

    def _set(self, state: WhyState) -> None:
        if state != self.state:
            self.state = state
            self.changed.emit(state)

    def _on_answered(self, message: Message) -> None:
        if self._job is None or getattr(message, "job", None) != self._job:
            return
        finding = self.state.finding
        assert finding is not None
        match message:
            case Progress():
                self._set(replace(self.state, n_done=message.n_done, n_all=message.n_all))
            case Failed():
                self._job = None
                self._set(WhyState("failed", finding, reason=message.message))
            case Explanation():
                self._job = None
                self._set(_answer(finding, _moved(message, self._offset_s)))


def _answer(finding: Finding, message: Explanation) -> WhyState:
    if message.reason is not None:
        return WhyState("failed", finding, reason=message.reason)
    effects = _effects(message)
    if effects is None:
        return WhyState("failed", finding, reason="the answer could not be read")
    return shown(finding, message, effects)


def _moved(message: Explanation, offset_s: float) -> Explanation:
    """Return an answer about a window with the recording's times."""
    if not offset_s:
        return message
    waves = [replace(wave, start_s=wave.start_s + offset_s, end_s=wave.end_s + offset_s) for wave in message.waves]
    window_s = None if message.window_s is None else [time_s + offset_s for time_s in message.window_s]
    return replace(message, waves=waves, window_s=window_s)


def _effects(message: Explanation) -> npt.NDArray[np.float32] | None:
    try:
        effects = np.load(message.effects or "", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    is_usable = effects.shape == (len(message.lead_names), len(message.waves))
    return effects.astype(np.float32, copy=False) if is_usable else None
