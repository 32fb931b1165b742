"""Decimation: extremes, the last partial bin, gaps, and panning that changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from ecgviewer.state.trace import (
    envelope,
    finite_runs,
    gaps_s,
    polyline,
    reach_mv,
    record_baseline_mv,
    visible_baseline_mv,
)
from physioclr_core.record import EcgRecord


def _lead(record: EcgRecord) -> np.ndarray:
    return np.array(record.lead_mv("V2"))


@pytest.mark.parametrize("px_per_s", [10.0, 47.3, 94.5, 189.0])
def test_extremes_of_every_pixel_column_are_kept(record: EcgRecord, px_per_s: float) -> None:
    lead = _lead(record)
    line = polyline(lead, finite_runs(lead), record.fs_hz, px_per_s, 0.0, record.duration_s)
    columns = np.floor(np.arange(lead.size) * px_per_s / record.fs_hz + 1e-9).astype(int)
    drawn = np.floor(line.x_px).astype(int)
    for column in np.unique(columns):
        expected, got = lead[columns == column], line.y_mv[drawn == column]
        assert got.min() == expected.min()
        assert got.max() == expected.max()


def test_the_last_partial_column_is_kept(record: EcgRecord) -> None:
    lead = _lead(record)[:4999]
    lead[-1] = 9.0
    line = polyline(lead, finite_runs(lead), 500.0, 94.5, 0.0, 4999 / 500)
    assert line.y_mv.max() == 9.0


def test_few_samples_are_all_drawn_where_they_are(record: EcgRecord) -> None:
    lead = _lead(record)[:100]
    line = polyline(lead, finite_runs(lead), 500.0, 1000.0, 0.0, 0.2)
    np.testing.assert_allclose(line.x_px, np.arange(100) * 2.0)
    np.testing.assert_array_equal(line.y_mv, lead)


@pytest.mark.parametrize("px_per_s", [50.0, 94.5, 1000.0])
@pytest.mark.parametrize("gap", [(0, 40), (100, 101), (200, 700), (4980, 5000)])
def test_no_line_crosses_a_gap(record: EcgRecord, px_per_s: float, gap: tuple[int, int]) -> None:
    lead = _lead(record)
    lead[gap[0] : gap[1]] = np.nan
    runs = finite_runs(lead)
    line = polyline(lead, runs, 500.0, px_per_s, 0.0, 10.0)
    assert np.isfinite(line.y_mv).all()
    assert (~line.is_joined).sum() == len(runs)
    for k in np.flatnonzero(line.is_joined):
        left_s, right_s = line.x_px[k] / px_per_s, line.x_px[k + 1] / px_per_s
        column_s = 1 / px_per_s
        assert right_s <= gap[0] / 500 + column_s or left_s >= gap[1] / 500 - column_s


def test_a_lone_sample_is_a_dot() -> None:
    lead = np.array([np.nan, 1.0, np.nan, np.nan, 2.0, 3.0], dtype=np.float32)
    line = polyline(lead, finite_runs(lead), 100.0, 1000.0, 0.0, 0.06)
    np.testing.assert_array_equal(line.y_mv, [1.0, 1.0, 2.0, 3.0])
    np.testing.assert_array_equal(line.is_joined, [True, False, True, False])


def test_points_do_not_depend_on_what_is_in_sight(record: EcgRecord) -> None:
    lead = _lead(record)
    runs = finite_runs(lead)
    whole = polyline(lead, runs, 500.0, 94.5, 0.0, 10.0)
    part = polyline(lead, runs, 500.0, 94.5, 3.0, 6.0)
    inner = part.x_px[2:-2]
    is_same = (whole.x_px >= inner[0]) & (whole.x_px <= inner[-1])
    np.testing.assert_array_equal(whole.y_mv[is_same], part.y_mv[2:-2])


@pytest.mark.parametrize("lead", [np.empty(0), np.full(500, np.nan), np.zeros(1), np.zeros(500)])
def test_empty_flat_and_missing_leads_are_drawn_without_a_fault(lead: np.ndarray) -> None:
    samples = lead.astype(np.float32)
    for px_per_s in (20.0, 5000.0):
        line = polyline(samples, finite_runs(samples), 500.0, px_per_s, 0.0, 10.0)
        assert line.x_px.size == line.y_mv.size == line.is_joined.size
    assert np.isfinite(record_baseline_mv(samples))
    assert np.isfinite(reach_mv(samples, 0.0)).all()
    envelope(samples, 100)


def test_gaps_are_the_rest_of_the_runs() -> None:
    lead = np.array([np.nan, 1, 1, np.nan, np.nan, 1, np.nan], dtype=np.float32)
    assert gaps_s(finite_runs(lead), 7, 1.0) == [(0.0, 1.0), (3.0, 5.0), (6.0, 7.0)]


def test_an_envelope_keeps_the_extremes_and_survives_gaps(record: EcgRecord) -> None:
    lead = _lead(record)
    lead[1000:1600] = np.nan
    low, high = envelope(lead, 300)
    assert low.size == high.size == 300
    assert np.nanmin(low) == np.nanmin(lead)
    assert np.nanmax(high) == np.nanmax(lead)
    assert np.isnan(low[65:90]).all()


def test_the_baseline_of_a_short_record_never_moves(record: EcgRecord) -> None:
    lead = _lead(record) + 7
    base_mv = record_baseline_mv(lead)
    assert base_mv == pytest.approx(float(np.median(lead)))
    assert visible_baseline_mv(lead, base_mv, 500.0, 10.0, 3.0, 5.0) == base_mv


def test_the_baseline_of_a_long_record_follows_a_drift_in_steps(record: EcgRecord) -> None:
    lead = np.concatenate([_lead(record)] * 9)
    lead[20_000:] += 4
    base_mv = record_baseline_mv(lead)
    early = visible_baseline_mv(lead, base_mv, 500.0, 90.0, 0.0, 10.0)
    late = visible_baseline_mv(lead, base_mv, 500.0, 90.0, 60.0, 70.0)
    assert late - early == pytest.approx(4.0, abs=0.5)
    assert (late - base_mv) % 0.5 == pytest.approx(0.0, abs=1e-6)
