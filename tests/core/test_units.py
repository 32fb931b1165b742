from __future__ import annotations

import pytest

from physioclr_core.units import mv_per_unit


@pytest.mark.parametrize(
    ("unit", "mv"),
    [
        ("mV", 1.0),
        ("mv", 1.0),
        ("MV", 1.0),
        ("millivolts", 1.0),
        ("uV", 1e-3),
        ("UV", 1e-3),
        ("\u00b5V", 1e-3),
        ("\u03bcV", 1e-3),
        ("microvolt", 1e-3),
        ("nV", 1e-6),
        ("V", 1e3),
        ("volt", 1e3),
        (" mV ", 1.0),
    ],
)
def test_voltage_units_in_any_case_have_their_size_in_millivolts(unit: str, mv: float) -> None:
    assert mv_per_unit(unit) == mv


def test_no_unit_is_wfdbs_default_millivolt() -> None:
    assert mv_per_unit("") == 1.0


@pytest.mark.parametrize("unit", ["mmHg", "NU", "bpm", "%", "degC", "l/min", "mV/s", "ohm", "mA", "m", "kV"])
def test_anything_else_is_no_voltage(unit: str) -> None:
    assert mv_per_unit(unit) is None
