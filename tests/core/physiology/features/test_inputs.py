"""Tables of beats and aligned beats, against slow references."""

from __future__ import annotations

import numpy as np
import pytest

from physioclr_core.physiology.features.inputs import INTERVALS, aligned_beats, beat_intervals, quartiles_of, share


def test_quartiles_are_numpys_over_the_finite_values_of_each_column() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(13, 6))
    table[rng.random(table.shape) < 0.3] = np.nan
    table[:, 4] = np.nan
    table[1:, 5] = np.nan
    table[0, 5] = 7.0
    found = quartiles_of(table)
    for column in range(6):
        known = table[np.isfinite(table[:, column]), column]
        expected = np.percentile(known, [25, 50, 75]) if len(known) else [np.nan] * 3
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-12)


def test_quartiles_of_no_beats_are_unknown() -> None:
    assert np.isnan(quartiles_of(np.zeros((0, 3)))).all()


def test_intervals_are_differences_of_marks_and_unknown_where_a_mark_is() -> None:
    marks_s = np.array([[0.1, 0.15, 0.2, 0.26, 0.3, 0.35, 0.45, 0.55, 0.66], [np.nan] * 9])
    marks_s[1, 3:6] = 1.26, 1.3, 1.37
    found = dict(zip(INTERVALS, beat_intervals(marks_s, np.array([1000.0, np.nan])).T, strict=True))
    expected = [("p_ms", 100), ("pr_ms", 160), ("qrs_ms", 90), ("qtc_ms", 400), ("t_ms", 210), ("st_segment_ms", 100)]
    for name, value_ms in expected:
        assert found[name][0] == pytest.approx(value_ms)
    assert found["qrs_ms"][1] == pytest.approx(110.0)
    assert np.isnan([found[name][1] for name in INTERVALS if name != "qrs_ms"]).all()


def test_parts_are_cut_around_each_beat_and_those_beyond_the_record_left_out() -> None:
    signal = np.arange(200, dtype=np.float32)[None] ** 2
    found = aligned_beats(signal, 100.0, np.array([5, 50, 120, 195]), -0.1, 0.05)
    assert found is not None
    assert found.parts_mv.shape == (1, 2, 16)
    np.testing.assert_allclose(found.parts_mv.mean(axis=2), 0.0, atol=1e-2)
    part = signal[0, 40:56]
    np.testing.assert_allclose(found.parts_mv[0, 0], part - part.mean(), rtol=1e-5, atol=1e-3)


def test_a_lead_with_a_gap_is_left_out_of_the_parts() -> None:
    signal = np.random.default_rng(0).normal(size=(3, 300)).astype(np.float32)
    signal[1, 150] = np.nan
    found = aligned_beats(signal, 100.0, np.array([50, 150, 250]), -0.1, 0.1)
    assert found is not None
    assert found.parts_mv.shape == (2, 3, 21)


@pytest.mark.parametrize(("start_s", "end_s"), [(np.nan, 0.1), (0.0, np.nan), (0.0, 0.01), (0.0, 9.0)])
def test_there_are_no_parts_of_an_unknown_or_unfit_span(start_s: float, end_s: float) -> None:
    signal = np.zeros((1, 300), np.float32)
    assert aligned_beats(signal, 100.0, np.array([50, 150]), start_s, end_s) is None


def test_a_share_is_of_the_known_values() -> None:
    values = np.array([1.0, np.nan, 3.0, 5.0])
    assert share(values > 2.0, values) == pytest.approx(2 / 3)
    assert np.isnan(share(np.zeros(1, np.bool_), np.array([np.nan])))
