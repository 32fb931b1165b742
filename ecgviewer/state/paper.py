"""The one truth about the paper: speed, gain, layout, magnification and what part of it is in sight.

Everything on the screen follows from this state and the screen's pixels per millimetre; the window's size only decides
how much of the paper is seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from ecgviewer.state.events import Event

Layout = Literal["3x4+1", "12x1"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
SPEEDS_MM_S: tuple[float, ...] = (25.0, 50.0)
GAINS_MM_MV: tuple[float, ...] = (5.0, 10.0, 20.0)
# Time spans of the menu, in seconds; the paper's own speed comes before them, the whole record after.
SPANS_S: tuple[float, ...] = (60.0, 600.0, 3600.0, 6 * 3600.0, 86400.0)
ZOOM_STEP = 1.25
MAGNIFICATIONS: tuple[float, ...] = (1.0, 1.5, 2.0, 3.0, 4.0)


@dataclass(frozen=True, slots=True)
class PaperState:
    """How the paper is set and which part of it is in sight.

    Attributes
    ----------
    speed_mm_s, gain_mm_mv : float
        Standard values of ``SPEEDS_MM_S`` and ``GAINS_MM_MV``.
    layout : str
        One of ``LAYOUTS``.
    magnification : float
        Scales grid and trace together; at any value but 1 no millimetre is claimed.
    start_s : float
        Time at the left end of the visible traces.
    top_mm : float
        Distance of the view's upper edge from the page's.
    anchor_s : float
        A time at which a first column starts; columns repeat from there in both directions.
    time_zoom : float
        How many times as much time as at the paper's speed is in sight; beyond 1 the time axis is no paper's.
    """

    speed_mm_s: float = 25.0
    gain_mm_mv: float = 10.0
    layout: Layout = "3x4+1"
    magnification: float = 1.0
    start_s: float = 0.0
    top_mm: float = 0.0
    anchor_s: float = 0.0
    time_zoom: float = 1.0


@dataclass(frozen=True, slots=True)
class Extent:
    """How much paper there is and how much of it the view shows."""

    duration_s: float = 0.0
    visible_s: float = 0.0
    height_mm: float = 0.0
    visible_mm: float = 0.0

    @property
    def last_start_s(self) -> float:
        """Latest time that the left end may show."""
        return max(0.0, self.duration_s - self.visible_s)

    @property
    def last_top_mm(self) -> float:
        """Lowest position of the view's upper edge."""
        return max(0.0, self.height_mm - self.visible_mm)


def _stepped(values: tuple[float, ...], value: float, steps: int) -> float:
    nearest = min(range(len(values)), key=lambda i: abs(values[i] - value))
    return values[min(max(nearest + steps, 0), len(values) - 1)]


class Paper:
    """The paper's state, shared by every view that shows an ECG beside another.

    ``changed`` is emitted with the new state after every change, and only then.
    """

    def __init__(self, state: PaperState | None = None) -> None:
        self.changed: Event[[PaperState]] = Event()
        self.extent_changed: Event[[Extent]] = Event()
        self._state = state or PaperState()
        self._extent = Extent()

    @property
    def state(self) -> PaperState:
        """The state in force."""
        return self._state

    @property
    def extent(self) -> Extent:
        """Size of paper and view, as the view last told it."""
        return self._extent

    def set_extent(self, extent: Extent) -> None:
        """Take over the sizes of paper and view; the visible part is kept within the paper."""
        if extent == self._extent:
            return
        self._extent = extent
        self._set(self._state)
        self.extent_changed.emit(extent)

    def set_speed(self, speed_mm_s: float) -> None:
        """Set the paper speed to a standard value."""
        self._set(replace(self._state, speed_mm_s=_checked(speed_mm_s, SPEEDS_MM_S)))

    def step_speed(self, steps: int) -> None:
        """Go to a neighbouring standard speed."""
        self.set_speed(_stepped(SPEEDS_MM_S, self._state.speed_mm_s, steps))

    def set_gain(self, gain_mm_mv: float) -> None:
        """Set the gain to a standard value."""
        self._set(replace(self._state, gain_mm_mv=_checked(gain_mm_mv, GAINS_MM_MV)))

    def step_gain(self, steps: int) -> None:
        """Go to a neighbouring standard gain."""
        self.set_gain(_stepped(GAINS_MM_MV, self._state.gain_mm_mv, steps))

    def set_layout(self, layout: Layout) -> None:
        """Set the arrangement of the leads."""
        if layout not in LAYOUTS:
            raise ValueError(f"unknown layout {layout!r}")
        self._set(replace(self._state, layout=layout))

    def set_magnification(self, magnification: float) -> None:
        """Set the magnifier; 1 is true size."""
        self._set(replace(self._state, magnification=_checked(magnification, MAGNIFICATIONS)))

    def step_magnification(self, steps: int) -> None:
        """Go to a neighbouring magnification."""
        self.set_magnification(_stepped(MAGNIFICATIONS, self._state.magnification, steps))

    @property
    def widest_zoom(self) -> float:
        """Time zoom at which the whole record is in sight."""
        extent = self._extent
        return max(1.0, extent.duration_s * self._state.time_zoom / extent.visible_s) if extent.visible_s > 0 else 1.0

    def set_time_zoom(self, time_zoom: float, at_share: float = 0.5) -> None:
        """Show more or less time; the time at that share of the width stays where it is."""
        state, extent = self._state, self._extent
        time_zoom = min(max(time_zoom, 1.0), self.widest_zoom)
        visible_s = extent.visible_s * time_zoom / state.time_zoom
        start_s = state.start_s + at_share * (extent.visible_s - visible_s)
        # The view will say the same; until then the new start must not be held to the old width.
        self._extent = replace(extent, visible_s=visible_s)
        self._set(replace(state, time_zoom=time_zoom, start_s=start_s))
        self.extent_changed.emit(self._extent)

    def step_time_zoom(self, steps: float, at_share: float = 0.5) -> None:
        """Show more (positive) or less time by factors of ``ZOOM_STEP``."""
        self.set_time_zoom(self._state.time_zoom * ZOOM_STEP**steps, at_share)

    def show_span(self, span_s: float) -> None:
        """Show so much time, around the middle of what is in sight; never less than the paper's speed shows."""
        if self._extent.visible_s > 0:
            self.set_time_zoom(self._state.time_zoom * span_s / self._extent.visible_s)

    def pan_to(self, start_s: float | None = None, top_mm: float | None = None) -> None:
        """Bring a part of the paper into sight; None leaves that axis alone."""
        state = self._state
        self._set(
            replace(
                state,
                start_s=state.start_s if start_s is None else start_s,
                top_mm=state.top_mm if top_mm is None else top_mm,
            )
        )

    def pan_by(self, shift_s: float = 0.0, shift_mm: float = 0.0) -> None:
        """Move the view over the paper."""
        self.pan_to(self._state.start_s + shift_s, self._state.top_mm + shift_mm)

    def show_from(self, start_s: float) -> None:
        """Start a page at a time: it becomes the left end and the start of a first column."""
        self._set(replace(self._state, start_s=start_s, anchor_s=start_s))

    def rewind(self) -> None:
        """Go to the upper left end of the page, as for a record that is newly opened."""
        self._set(replace(self._state, start_s=0.0, top_mm=0.0, anchor_s=0.0, time_zoom=1.0))

    def _set(self, state: PaperState) -> None:
        state = replace(
            state,
            start_s=min(max(state.start_s, 0.0), self._extent.last_start_s),
            top_mm=min(max(state.top_mm, 0.0), self._extent.last_top_mm),
        )
        if state != self._state:
            self._state = state
            self.changed.emit(state)


def _checked(value: float, allowed: tuple[float, ...]) -> float:
    if value not in allowed:
        raise ValueError(f"{value:g} is none of {', '.join(f'{v:g}' for v in allowed)}")
    return value
