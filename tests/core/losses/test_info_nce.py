"""InfoNCE against a loop over anchors and closed forms."""

from __future__ import annotations

import math

import pytest
import torch

from physioclr_core.losses.info_nce import info_nce


def slow(
    anchors: torch.Tensor, candidates: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, t: float
) -> float:
    losses = []
    for a in range(len(anchors)):
        s = [float(torch.cosine_similarity(anchors[a], c, dim=0)) / t for c in candidates]
        positives = [s[i] for i in range(len(s)) if positive[a, i]]
        negatives = [s[i] for i in range(len(s)) if negative[a, i]]
        if positives and negatives:
            below = sum(math.exp(v) for v in negatives)
            losses.append(sum(-math.log(math.exp(p) / (math.exp(p) + below)) for p in positives) / len(positives))
    return sum(losses) / len(losses)


def test_the_loss_is_that_of_the_loop_and_anchors_without_a_pair_are_skipped() -> None:
    generator = torch.Generator().manual_seed(0)
    anchors, candidates = (torch.randn(n, 5, generator=generator) for n in (6, 9))
    kind = torch.randint(0, 3, (6, 9), generator=generator)
    kind[1], kind[2] = 2, 0  # without a positive; without a negative
    kind[1, 0] = 1
    result = info_nce(anchors, candidates, kind == 0, kind == 1, 0.2)
    assert float(result.loss) == pytest.approx(slow(anchors, candidates, kind == 0, kind == 1, 0.2), rel=1e-5)
    assert int(result.n_skipped) == 2


def test_equal_similarities_give_the_logarithm_of_the_number_of_candidates() -> None:
    positive = torch.zeros(3, 8, dtype=torch.bool)
    positive[:, 0] = True
    result = info_nce(torch.ones(3, 4), torch.ones(8, 4), positive, ~positive, 0.1)
    assert float(result.loss) == pytest.approx(math.log(8), rel=1e-6)
    assert float(result.accuracy) == 0.0


def test_a_batch_in_which_no_anchor_counts_gives_zero_and_finite_gradients() -> None:
    anchors = torch.randn(3, 4, requires_grad=True)
    none = torch.zeros(3, 3, dtype=torch.bool)
    result = info_nce(anchors, torch.randn(3, 4), none, none, 0.1)
    result.loss.backward()
    assert result.loss.item() == 0.0
    assert int(result.n_skipped) == 3
    assert anchors.grad is not None
    assert torch.isfinite(anchors.grad).all()


def test_similar_positives_are_cheap_and_far_ones_dear() -> None:
    points = torch.eye(4)
    same = torch.eye(4, dtype=torch.bool)
    assert float(info_nce(points, points, same, ~same, 0.1).loss) < 1e-3
    assert float(info_nce(points, -points, same, ~same, 0.1).loss) > 10.0


def test_all_positives_in_the_denominator_is_the_supervised_contrastive_loss() -> None:
    generator = torch.Generator().manual_seed(2)
    anchors, candidates = (torch.randn(n, 5, generator=generator) for n in (5, 8))
    kind = torch.randint(0, 3, (5, 8), generator=generator)
    kind[:, 0], kind[:, 1], kind[:, 2] = 0, 0, 1
    losses = []
    for a in range(5):
        s = [float(torch.cosine_similarity(anchors[a], c, dim=0)) / 0.2 for c in candidates]
        below = sum(math.exp(s[i]) for i in range(8) if kind[a, i] < 2)
        terms = [-math.log(math.exp(s[i]) / below) for i in range(8) if kind[a, i] == 0]
        losses.append(sum(terms) / len(terms))
    result = info_nce(anchors, candidates, kind == 0, kind == 1, 0.2, positives_in_denominator=True)
    assert float(result.loss) == pytest.approx(sum(losses) / 5, rel=1e-5)
    # Other positives in the denominator can only add to it.
    assert float(result.loss) > float(info_nce(anchors, candidates, kind == 0, kind == 1, 0.2).loss)


def test_similarities_keep_single_precision_under_autocast() -> None:
    generator = torch.Generator().manual_seed(0)
    anchors, candidates = (torch.randn(6, 32, generator=generator) for _ in range(2))
    same = torch.eye(6, dtype=torch.bool)
    plain = info_nce(anchors, candidates, same, ~same, 0.1)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = info_nce(anchors, candidates, same, ~same, 0.1)
    assert mixed.loss.dtype == torch.float32
    assert float(mixed.loss) == float(plain.loss)
