"""What a recording device stored of its own, as the lines of a panel."""

from __future__ import annotations

from dataclasses import dataclass

from physioclr_core.readers.report_text import STATUS_UNKNOWN, global_measurements, is_empty, one_line
from physioclr_core.record import DeviceReading


@dataclass(frozen=True, slots=True)
class DeviceRows:
    """The lines; ``count`` says what there is while they are folded."""

    count: str
    status: str
    statements: tuple[str, ...]
    measurements: tuple[tuple[str, str], ...]


def device_rows(reading: DeviceReading) -> DeviceRows | None:
    """Return the lines; None where the device stored nothing."""
    if is_empty(reading):
        return None
    measured = tuple((one_line(name), value) for name, value in global_measurements(reading))
    n_of_leads = len(reading.measurements) - len(measured)
    parts = [
        _count(len(reading.statements), "statement"),
        _count(len(measured), "measurement"),
        f"{n_of_leads} of single leads" if n_of_leads else "",
        "representative beats" if reading.median is not None else "",
    ]
    status = one_line(reading.status or STATUS_UNKNOWN)
    return DeviceRows(
        count=", ".join(part for part in parts if part),
        status=f"Reading status: {status}",
        statements=tuple(one_line(statement) for statement in reading.statements),
        measurements=measured,
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}" if number else ""
