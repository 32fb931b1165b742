from __future__ import annotations

import math

import numpy as np
import pytest

from physioclr_core.physiology.intervals import (
    QTC_FORMULAS,
    interval_uncertainty_ms,
    qtc_bazett_ms,
    qtc_framingham_ms,
    qtc_fridericia_ms,
    qtc_hodges_ms,
    qtc_uncertainty_ms,
)


def test_the_golden_values() -> None:
    assert qtc_bazett_ms(400, 0.8) == pytest.approx(447.2, abs=0.05)
    assert qtc_fridericia_ms(400, 0.8) == pytest.approx(430.9, abs=0.05)
    assert qtc_framingham_ms(400, 0.8) == pytest.approx(430.8, abs=1e-9)
    assert qtc_hodges_ms(400, 0.8) == pytest.approx(426.25, abs=1e-9)


@pytest.mark.parametrize("formula", QTC_FORMULAS)
def test_at_a_rate_of_60_nothing_is_corrected(formula: str) -> None:
    assert QTC_FORMULAS[formula](412.0, 1.0) == pytest.approx(412.0)


@pytest.mark.parametrize("formula", QTC_FORMULAS)
@pytest.mark.parametrize(
    ("qt_ms", "rr_s"), [(math.nan, 0.8), (400, math.nan), (400, 0), (400, -1), (0, 1), (400, math.inf)]
)
def test_what_is_no_interval_has_no_correction(formula: str, qt_ms: float, rr_s: float) -> None:
    assert math.isnan(QTC_FORMULAS[formula](qt_ms, rr_s))


def test_fridericia_comes_first() -> None:
    assert next(iter(QTC_FORMULAS)) == "fridericia"


def test_the_uncertainty_is_scatter_and_sampling_in_quadrature() -> None:
    each_ms = np.array([100.0, 102.0, 98.0, 104.0, 96.0, np.nan])
    spread = 1.4826 * 2.0 / math.sqrt(5)
    assert interval_uncertainty_ms(each_ms, 0.0) == pytest.approx(spread)
    assert interval_uncertainty_ms(np.full(4, 100.0), 5.0) == pytest.approx(5.0 * math.sqrt(2 / 3))
    assert interval_uncertainty_ms(each_ms, 1.0) == pytest.approx(math.hypot(spread, math.sqrt(2 / 3)))
    assert math.isnan(interval_uncertainty_ms(each_ms[:2], 1.0))


def test_sampling_uncertainty_is_the_scatter_of_rounded_boundaries() -> None:
    ends = np.random.default_rng(0).uniform(0, 1000, (20000, 2))
    rounded = np.round(ends / 10) * 10
    error = (rounded - ends) @ [-1, 1]
    assert interval_uncertainty_ms(np.zeros(3), 5.0) == pytest.approx(error.std(), rel=0.03)


@pytest.mark.parametrize("formula", QTC_FORMULAS)
def test_uncertainty_of_qtc_is_that_of_a_simulation(formula: str) -> None:
    rng = np.random.default_rng(1)
    values = [
        QTC_FORMULAS[formula](q, r) for q, r in zip(rng.normal(400, 4, 4000), rng.normal(0.8, 0.01, 4000), strict=True)
    ]
    assert qtc_uncertainty_ms(formula, 400, 4, 0.8, 0.01) == pytest.approx(np.std(values), rel=0.08)
