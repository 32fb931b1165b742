"""How a child process ended, as a value."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Literal

OutcomeKind = Literal["not started", "refused", "crashed", "exited", "spoke out of turn", "stopped by us"]


@dataclass(frozen=True, slots=True)
class ProcessOutcome:
    """The end of a child process.

    Attributes
    ----------
    kind : str
        "not started", "refused" (it said itself why it cannot work), "crashed" (by a signal), "exited" (of its own
        accord), "spoke out of turn" (a line that is no message) or "stopped by us".
    code : int or None
        Exit code, or the number of the signal.
    detail : str
        Last lines of its error output, or the system's reason.
    """

    kind: OutcomeKind
    code: int | None = None
    detail: str = ""

    @property
    def sentence(self) -> str:
        """What happened, in words."""
        match self.kind:
            case "refused":
                return self.detail.rstrip(".")
            case "not started":
                what = "the analysis could not be started"
            case "crashed":
                what = f"the analysis crashed{_signal_text(self.code)}"
            case "exited":
                what = f"the analysis ended with code {self.code}"
            case "spoke out of turn":
                what = "the analysis sent something that is not a message"
            case _:
                what = "the analysis was stopped"
        last_line = self.detail.strip().splitlines()[-1:] or [""]
        return f"{what} ({last_line[0]})" if last_line[0] else what


def _signal_text(code: int | None) -> str:
    try:
        return f" ({signal.Signals(code).name})" if code else ""
    except ValueError:
        return ""
