"""How many pixels a millimetre has, and whether the screen's own statement can be believed."""

from __future__ import annotations

from dataclasses import dataclass

MM_PER_INCH = 25.4
FALLBACK_DPI = 96.0
PLAUSIBLE_SIDE_MM = (20.0, 2000.0)
PLAUSIBLE_DPI = (40.0, 640.0)
LARGEST_DPI_DIFFERENCE = 0.05


@dataclass(frozen=True, slots=True)
class ScreenFacts:
    """What the system says about one screen; dots are device-independent pixels."""

    width_mm: float
    height_mm: float
    dpi_x: float
    dpi_y: float


@dataclass(frozen=True, slots=True)
class ScreenScale:
    """Device-independent pixels per millimetre, the same for both axes.

    Without ``is_known`` the figure is only a convention and no millimetre may be claimed.
    """

    px_per_mm: float
    is_known: bool


UNKNOWN_SCALE = ScreenScale(FALLBACK_DPI / MM_PER_INCH, False)


def scale_of_screen(facts: ScreenFacts | None) -> ScreenScale:
    """Return the scale of a screen.

    Parameters
    ----------
    facts : ScreenFacts or None
        What the system says; None where there is no screen.

    Returns
    -------
    ScreenScale
        The mean of both axes where size and resolution are plausible, 96 dots per inch without a claim otherwise.
    """
    if facts is None:
        return UNKNOWN_SCALE
    low_mm, high_mm = PLAUSIBLE_SIDE_MM
    low_dpi, high_dpi = PLAUSIBLE_DPI
    is_plausible = (
        low_mm <= facts.width_mm <= high_mm
        and low_mm <= facts.height_mm <= high_mm
        and low_dpi <= facts.dpi_x <= high_dpi
        and low_dpi <= facts.dpi_y <= high_dpi
        and abs(facts.dpi_x - facts.dpi_y) <= LARGEST_DPI_DIFFERENCE * max(facts.dpi_x, facts.dpi_y)
    )
    if not is_plausible:
        return UNKNOWN_SCALE
    return ScreenScale((facts.dpi_x + facts.dpi_y) / 2 / MM_PER_INCH, True)
