"""What this program measured, in the form in which it is written beside, and never as, the device's own reading."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from physioclr_core.record import DeviceMeasurement, MedianBeat

SOFTWARE = "physioclr"
# Measuring takes about 20 ms a second of ECG and all of it in memory; the median beat of a day says little.
LONGEST_S = 600.0


@dataclass(frozen=True, slots=True, eq=False)
class ComputedReading:
    """Median beat and measurements of this program; neither is a diagnosis.

    Attributes
    ----------
    measurements : tuple of DeviceMeasurement
        The same form as the device's own, from this program.
    median : MedianBeat or None
    how : str
        Which beats and which band, in words.
    """

    measurements: tuple[DeviceMeasurement, ...] = ()
    median: MedianBeat | None = None
    how: str = ""


NOT_MEASURED = ComputedReading(how=f"longer than {LONGEST_S / 60:.0f} minutes, so nothing was measured")


def software_name() -> str:
    """Return this program's name and version."""
    return f"{SOFTWARE} {software_version()}"


def software_version() -> str:
    """Return this program's version."""
    try:
        return metadata.version(SOFTWARE)
    except metadata.PackageNotFoundError:
        return "unknown"
