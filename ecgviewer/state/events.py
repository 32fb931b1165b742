"""A minimal observer: the models' way to say that something changed, without Qt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, ParamSpec

P = ParamSpec("P")


class Event(Generic[P]):
    """Callables that are called, in the order of their connection, when the event is emitted.

    Everything runs in the emitter's thread, which in the viewer is always the window's.
    """

    def __init__(self) -> None:
        self._slots: list[Callable[P, object]] = []

    def connect(self, slot: Callable[P, object]) -> None:
        """Call ``slot`` at every later emission."""
        self._slots.append(slot)

    def disconnect(self, slot: Callable[P, object]) -> None:
        """Stop calling ``slot``; unknown slots are ignored."""
        if slot in self._slots:
            self._slots.remove(slot)

    def emit(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Call every connected slot."""
        for slot in tuple(self._slots):
            slot(*args, **kwargs)
