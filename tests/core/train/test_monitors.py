"""Figures of collapse against closed forms and slow references."""

from __future__ import annotations

import math

import pytest
import torch

from physioclr_core.train.monitors import (
    MAX_EMBEDDINGS,
    CollapseMonitor,
    alignment,
    effective_rank,
    is_collapsed,
    spread,
    uniformity,
)


def test_equal_views_are_perfectly_aligned_and_opposite_ones_are_four_apart() -> None:
    points = torch.randn(5, 3)
    assert alignment(points, 2.0 * points) == pytest.approx(0.0, abs=1e-6)
    assert alignment(points, -points) == pytest.approx(4.0, rel=1e-5)


def test_uniformity_is_that_of_the_loop_over_pairs() -> None:
    points = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))
    unit = points / points.norm(dim=1, keepdim=True)
    potentials = [math.exp(-2.0 * float((unit[i] - unit[j]).square().sum())) for i in range(7) for j in range(i)]
    assert uniformity(points) == pytest.approx(math.log(sum(potentials) / len(potentials)), rel=1e-5)
    assert uniformity(torch.ones(4, 3)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_effective_rank_counts_equal_directions(rank: int) -> None:
    assert effective_rank(torch.eye(8)[:rank].repeat(6, 1)) == pytest.approx(rank, rel=1e-4)


def test_spread_is_one_for_isotropic_and_zero_for_equal_embeddings() -> None:
    isotropic = torch.randn(4000, 32, generator=torch.Generator().manual_seed(0))
    assert spread(isotropic) == pytest.approx(1.0, abs=0.02)
    assert spread(torch.ones(10, 4)) == pytest.approx(0.0, abs=1e-6)


def test_a_collapsed_encoder_is_noticed_and_a_sound_one_is_not() -> None:
    monitor = CollapseMonitor()
    monitor.add(torch.ones(64, 16) + 1e-5 * torch.randn(64, 16), None)
    assert is_collapsed(monitor.figures())
    monitor.add(torch.randn(64, 16), torch.randn(64, 16))
    figures = monitor.figures()
    assert "alignment" in figures
    assert not is_collapsed(figures)


def test_the_monitor_keeps_the_last_embeddings_and_says_nothing_without_any() -> None:
    monitor = CollapseMonitor()
    assert monitor.figures() == {}
    for _ in range(6):
        monitor.add(torch.randn(MAX_EMBEDDINGS // 2, 2), None)
    assert monitor._n == MAX_EMBEDDINGS
