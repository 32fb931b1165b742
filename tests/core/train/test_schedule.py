from __future__ import annotations

import numpy as np
import pytest

from physioclr_core.train.schedule import constant_rate, one_cycle_rate


def test_the_one_cycle_rate_rises_to_its_maximum_and_falls_to_almost_nothing() -> None:
    rates = [one_cycle_rate(step, 1000, 3e-3, 0.2) for step in range(1000)]
    top = int(np.argmax(rates))
    assert top == 200
    assert rates[top] == pytest.approx(3e-3)
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()
    assert rates[0] == pytest.approx(0.04 * 3e-3)
    assert rates[-1] < 0.002 * 3e-3
    assert one_cycle_rate(0, 1, 3e-3, 0.2) == pytest.approx(0.04 * 3e-3)


def test_the_constant_rate_rises_the_same_way_and_stays() -> None:
    rates = [constant_rate(step, 1000, 3e-3, 0.2) for step in range(1000)]
    np.testing.assert_allclose(rates[:200], [one_cycle_rate(step, 1000, 3e-3, 0.2) for step in range(200)])
    assert set(rates[200:]) == {3e-3}
