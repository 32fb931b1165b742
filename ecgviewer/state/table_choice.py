"""What a person says of a table that does not say it itself: entries, what is still missing, a first look. No Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from physioclr_core.errors import UserFacingError
from physioclr_core.leads import STANDARD_LEADS, standard_name
from physioclr_core.readers.table import channel_mv, propose_table
from physioclr_core.readers.table_facts import TableProposal
from physioclr_core.readers.table_options import LEFT_OUT, Orientation, TableOptions

UNITS = ("mV", "uV", "V", "nV")
# A glance is enough to see whether a heart beats at this rate and size.
PREVIEW_S = 10.0
_N_FIRST = 5
# Beyond these a QRS complex is not an ECG's: most likely the unit is another.
_PLAUSIBLE_MV = (0.05, 30.0)

FloatArray = npt.NDArray[np.float32]


@dataclass(slots=True)
class TableChoice:
    """The entries of one table, begun with what the table states itself.

    Attributes
    ----------
    proposal : TableProposal
        What the table states.
    rate_text : str
        Sampling rate in Hz as it is typed.
    unit : str
        Empty until it is stated or chosen.
    leads : dict of int to str
        Number of a channel -> lead, "-" for one to leave out; empty until it is stated or chosen.
    """

    proposal: TableProposal
    rate_text: str = ""
    unit: str = ""
    leads: dict[int, str] = field(default_factory=dict)
    _orientation: Orientation | None = None

    @classmethod
    def of(cls, path: Path, orientation: Orientation | None = None) -> TableChoice:
        """Look at a table and begin with what it states.

        Raises
        ------
        RecordError
            If it is no table of numbers.
        """
        proposal = propose_table(path, TableOptions(orientation=orientation) if orientation else None)
        units = {channel.unit for channel in proposal.channels if not channel.left_out}
        unit = units.pop() if len(units) == 1 else None
        choice = cls(proposal, _orientation=orientation)
        choice.rate_text = f"{proposal.fs_hz:g}" if proposal.fs_hz is not None else ""
        choice.unit = unit or ""
        for channel in proposal.channels:
            if not channel.is_axis:
                known = channel.lead if channel.lead and (standard_name(channel.lead) or channel.unit) else ""
                choice.leads[channel.number] = LEFT_OUT if channel.left_out else known or ""
        return choice

    @property
    def can_turn(self) -> bool:
        """Whether the table leaves open what a lead is: a column or a row."""
        return not any(channel.heading for channel in self.proposal.channels)

    @property
    def has_mixed_units(self) -> bool:
        """Whether the headings state different units, each of which holds for its own lead."""
        return len({channel.unit for channel in self.proposal.channels if channel.unit and not channel.left_out}) > 1

    @property
    def fs_hz(self) -> float | None:
        """The sampling rate that is typed; None where it is none."""
        try:
            return TableOptions(fs_hz=float(self.rate_text.replace(",", "."))).fs_hz
        except (ValueError, UserFacingError):
            return None

    def set_in_order(self) -> None:
        """Name those that are not left out by the standard order, as a person who knows that it holds may ask."""
        kept = [number for number, lead in self.leads.items() if lead != LEFT_OUT]
        for number, lead in zip(kept, STANDARD_LEADS, strict=False):
            self.leads[number] = lead

    @property
    def can_be_in_order(self) -> bool:
        """Whether there are no more channels than standard leads."""
        return sum(lead != LEFT_OUT for lead in self.leads.values()) <= len(STANDARD_LEADS)

    def heading(self, number: int) -> str:
        """Return what the file says of a channel, and that it rises evenly where a time would."""
        channel = self.proposal.channels[number - 1]
        unit = f" [{channel.unit}]" if channel.unit and channel.unit not in channel.heading else ""
        steps = np.diff(self.proposal.values[number - 1, :100])
        rises = steps.size > 2 and bool(np.all(steps > 0)) and float(np.ptp(steps)) < 0.5 * float(steps.mean())
        what = f"{channel.heading}{unit}" or "no heading"
        return f"{what}, rises evenly" if rises and not channel.is_axis else what

    @property
    def missing(self) -> str:
        """One sentence on what to do next; empty once the table can be opened."""
        if not self.rate_text.strip():
            return "Enter the sampling rate."
        if self.fs_hz is None:
            return f"The sampling rate '{self.rate_text.strip()[:20]}' is none of an ECG; 20 to 100000 Hz are."
        if not self.unit and not self.has_mixed_units:
            return "Choose the unit of the samples."
        what = self.proposal.orientation[:-1]
        for number, lead in self.leads.items():
            if not lead.strip():
                return f"Choose the lead of {what} {number}, or leave it out."
        kept = [standard_name(lead) or lead.strip() for lead in self.leads.values() if lead.strip() != LEFT_OUT]
        if not kept:
            return "Every one is left out: choose at least one lead."
        twice = next((lead for lead in kept if kept.count(lead) > 1), None)
        return f"Two are called {twice}: each lead can be one only." if twice else ""

    @property
    def options(self) -> TableOptions:
        """What was said, for the reader; only while nothing is missing."""
        return TableOptions(
            fs_hz=self.fs_hz,
            unit=None if self.has_mixed_units else self.unit,
            leads=tuple(lead.strip() for lead in self.leads.values()),
            orientation=self.proposal.orientation,
        )

    def first_samples(self, number: int) -> str:
        """Return the first samples of a channel as they stand in the file."""
        values = self.proposal.values[number - 1, :_N_FIRST]
        return "  ".join("gap" if np.isnan(value) else f"{value:.6g}" for value in values)

    def preview_mv(self, number: int) -> FloatArray | None:
        """Return the first seconds of a channel in mV; None while rate or unit are missing."""
        channel = self.proposal.channels[number - 1]
        unit = channel.unit if self.has_mixed_units else self.unit
        if self.fs_hz is None or not unit:
            return None
        signal_mv = channel_mv(self.proposal, channel, [], unit)
        return signal_mv[: int(PREVIEW_S * self.fs_hz)]

    def doubt(self, signal_mv: FloatArray) -> str:
        """Return a sentence where the size of a trace is no ECG's; empty otherwise."""
        finite = signal_mv[np.isfinite(signal_mv)]
        if finite.size == 0:
            return "There is no sample in sight."
        span_mv = float(finite.max() - finite.min())
        low, high = _PLAUSIBLE_MV
        if span_mv == 0:
            return "The trace is flat."
        if not low <= span_mv <= high:
            return f"It spans {span_mv:.3g} mV, which is no ECG's size: is the unit right?"
        return ""
