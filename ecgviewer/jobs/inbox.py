"""What the window sends the worker, read in a thread of its own, so that a cancelled job hears of it. No Qt."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator

from ecgviewer.jobs.protocol import Cancel, Message, decode


class Inbox:
    """Messages in the order in which they came; ``Cancel`` is not among them but known at once.

    Parameters
    ----------
    descriptor : int
        What is read, line by line, until it is closed.
    """

    def __init__(self, descriptor: int = 0) -> None:
        # A copy: the interpreter takes sys.stdin's lock as it ends, and would wait for a line that never comes.
        self._descriptor = os.dup(descriptor)
        self._messages: queue.SimpleQueue[Message | ValueError | None] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._is_closed = False
        threading.Thread(target=self._read, name="inbox", daemon=True).start()

    def __iter__(self) -> Iterator[Message | ValueError]:
        """Yield messages, and the fault of each line that is none, until the window is gone."""
        while (message := self._messages.get()) is not None:
            yield message

    def is_cancelled(self, job: int) -> bool:
        """Whether nobody waits for a job any more."""
        return self._is_closed or job in self._cancelled

    def _read(self) -> None:
        with os.fdopen(self._descriptor, "rb") as lines:
            for line in lines:
                try:
                    message = decode(line)
                except ValueError as error:
                    self._messages.put(error)
                    continue
                if isinstance(message, Cancel):
                    self._cancelled.add(message.job)
                else:
                    self._messages.put(message)
        self._is_closed = True
        self._messages.put(None)
