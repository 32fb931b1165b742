"""What is known so far of a long recording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from physioclr_core.recordings.day import Day
from physioclr_core.recordings.pyramid import Pyramid


@dataclass(frozen=True, slots=True, eq=False)
class LongWorkState:
    """Pyramid, heart rates and events, each as far as it is there.

    Attributes
    ----------
    pyramid : Pyramid or None
    built_share, searched_share : float
        How much of the recording is in the pyramid, and was looked through for beats.
    rates_bpm : ndarray of float32 or None
        Rate of each minute that was looked through.
    day : Day or None
        Once all of it was.
    is_searching : bool
    fault : str
        One sentence where something failed.
    """

    pyramid: Pyramid | None = None
    built_share: float = 0.0
    rates_bpm: npt.NDArray[np.float32] | None = None
    searched_share: float = 0.0
    day: Day | None = None
    is_searching: bool = False
    fault: str = ""

    def with_(self, **changes: Any) -> LongWorkState:
        """Return the state with changes."""
        return replace(self, **changes)

    @property
    def words(self) -> str:
        """What is going on, for a person; empty when all is known."""
        if self.fault:
            return self.fault
        if self.pyramid is None or self.built_share < 1:
            return f"preparing the overview, {self.built_share:.0%}"
        if self.is_searching:
            return f"looking for beats, {self.searched_share:.0%}"
        return ""
