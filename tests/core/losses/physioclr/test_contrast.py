"""PhysioCLR's contrast against loops over anchors and candidates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from physioclr_core.losses.physioclr.config import PhysioClrConfig
from physioclr_core.losses.physioclr.contrast import contrast, ratio_loss
from physioclr_core.losses.physioclr.pairs import RecordPairs

N = 7
PATIENT = [0, 1, 2, 2, 3, 4, 5]
SOFT: dict[str, Any] = {"pairs": "blocks", "anchors": "all-views", "negatives": "all-views"}


def pairs(unknown: tuple[int, ...] = (6,), seed: int = 0) -> RecordPairs:
    rng = np.random.default_rng(seed)
    similarity = rng.uniform(-1.0, 1.0, (N, N))
    similarity = (similarity + similarity.T) / 2.0
    np.fill_diagonal(similarity, 1.0)
    is_known = np.ones((N, N), bool)
    is_known[list(unknown)] = is_known[:, list(unknown)] = False
    patient = np.array(PATIENT)
    return RecordPairs(
        torch.from_numpy(similarity * is_known).float(),
        torch.from_numpy(is_known),
        torch.eye(N, dtype=torch.bool),
        torch.from_numpy(patient[:, None] == patient[None]),
        0,
    )


def projected(n_views: int, seed: int = 0) -> list[Tensor]:
    return list(torch.randn(n_views * N, 5, generator=torch.manual_seed(seed)).requires_grad_().chunk(n_views))


def cosines(views: list[Tensor]) -> dict[tuple[int, int, int, int], float]:
    """Return the similarity over the temperature of (view, record) and (view, record)."""
    z = [torch.nn.functional.normalize(view, dim=1).detach().numpy() for view in views]
    places = [(v, i) for v in range(len(z)) for i in range(N)]
    return {(*a, *b): float(z[a[0]][a[1]] @ z[b[0]][b[1]]) / 0.1 for a in places for b in places}


def hard_sets(
    known: RecordPairs, i: int, config: PhysioClrConfig
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the positives and negatives of anchor i of the first view, as (view, record)."""
    positive = [(1, i), (2, (i + 1) % N if config.second_view == "next-in-batch" else i)]
    if config.self_is_positive:
        positive.append((0, i))
    negative = []
    for j in range(N):
        if j == i or not known.is_known[i, j]:
            continue
        is_relative = PATIENT[i] == PATIENT[j] and config.same_patient != "by-features"
        is_like = known.similarity[i, j] >= 0.25
        for view in range(3) if config.negatives == "all-views" else (0,):
            if (view, j) in positive:
                continue
            if is_relative:
                positive += [(view, j)] if config.same_patient == "positive" else []
            elif is_like:
                positive.append((view, j))
            else:
                negative.append((view, j))
    return positive, negative


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"self_is_positive": True},
        {"same_patient": "ignored"},
        {"same_patient": "positive"},
        {"negatives": "all-views"},
        {"second_view": "next-in-batch"},
        {"second_view": "next-in-batch", "negatives": "all-views"},
    ],
)
def test_the_ratio_is_that_of_a_loop_over_anchors(options: dict[str, Any]) -> None:
    config = PhysioClrConfig(**options)
    known, views = pairs(), projected(3)
    s = cosines(views)
    losses = []
    for i in range(N):
        positive, negative = hard_sets(known, i, config)
        if negative:
            over = sum(math.exp(s[0, i, *p]) for p in negative)
            losses.append(math.log(over) - math.log(sum(math.exp(s[0, i, *p]) for p in positive)))
    result = contrast(views, known, config)
    assert result.loss.item() == pytest.approx(np.mean(losses), abs=1e-5)
    assert int(result.figures["skipped"]) == N - len(losses)
    # Record 6 is unknown to all: it has its own views and nothing to tell them from.
    assert int(result.figures["no_negative"]) == 1


def test_info_nce_takes_each_positive_against_the_negatives_alone() -> None:
    config = PhysioClrConfig(contrast="info-nce")
    known, views = pairs(), projected(3)
    s = cosines(views)
    losses = []
    for i in range(N):
        positive, negative = hard_sets(known, i, config)
        if negative:
            over = sum(math.exp(s[0, i, *p]) for p in negative)
            losses.append(np.mean([math.log1p(over / math.exp(s[0, i, *p])) for p in positive]))
    assert contrast(views, known, config).loss.item() == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("same_patient", ["by-features", "ignored"])
def test_soft_targets_are_those_of_a_loop_over_anchors(same_patient: str) -> None:
    config = PhysioClrConfig(**SOFT, same_patient=same_patient, second_view="crop", shuffle="second-view")
    known, views = pairs(), projected(2)
    s = cosines(views)
    losses = []
    for a in range(2):
        for i in range(N):
            others = [
                j
                for j in range(N)
                if j != i and known.is_known[i, j] and not (same_patient == "ignored" and PATIENT[i] == PATIENT[j])
            ]
            if not others:
                continue
            weight = {j: math.exp(float(known.similarity[i, j]) / 0.1) for j in others}
            target = {(v, j): 0.5 * weight[j] / sum(weight.values()) / 2.0 for v in range(2) for j in others}
            target[1 - a, i] = 0.5
            log_all = math.log(sum(math.exp(s[a, i, *place]) for place in target))
            losses.append(-sum(t * (s[a, i, *place] - log_all) for place, t in target.items()))
    result = contrast(views, known, config)
    assert len(losses) == 2 * (N - 1)
    assert result.loss.item() == pytest.approx(np.mean(losses), rel=1e-5)
    assert int(result.figures["skipped"]) == 2


def test_a_batch_in_which_no_anchor_has_a_negative_has_no_loss_and_no_gradient() -> None:
    for config in (PhysioClrConfig(), PhysioClrConfig(contrast="info-nce"), PhysioClrConfig(**SOFT)):
        views = [view.detach().requires_grad_() for view in projected(3)]
        result = contrast(views, pairs(unknown=tuple(range(N))), config)
        result.loss.backward()  # type: ignore[no-untyped-call]
        assert result.loss.item() == 0.0
        assert int(result.figures["skipped"]) == int(result.figures["no_negative"]) > 0
        assert all(view.grad is None or torch.isfinite(view.grad).all() for view in views)


def test_the_published_code_gives_such_a_batch_a_loss_of_minus_ten_thousand() -> None:
    config = PhysioClrConfig(lonely_anchors="official")
    loss = contrast(projected(3), pairs(unknown=tuple(range(N))), config).loss.item()
    assert loss == pytest.approx(-1e4, rel=0.01)


def test_an_anchor_that_is_its_own_positive_leaves_the_others_hardly_any_weight() -> None:
    # method.md: with ten similar records at a cosine of 0.5, and two views, all true positives share 7.5 %.
    anchor = torch.eye(1, 14)
    others = torch.cat([torch.full((12, 1), 0.5), torch.eye(12) * np.sqrt(0.75), torch.zeros(12, 1)], dim=1)
    unlike = torch.eye(14)[13:]
    pull = {}
    for self_is_positive in (False, True):
        candidates = torch.cat([anchor, others, unlike]).requires_grad_()
        is_positive = torch.tensor([[self_is_positive, *[True] * 12, False]])
        is_negative = torch.tensor([[False] * 13 + [True]])
        loss, _ = ratio_loss(anchor, candidates, is_positive, is_negative, PhysioClrConfig())
        loss.backward()  # type: ignore[no-untyped-call]
        assert candidates.grad is not None
        pull[self_is_positive] = float(candidates.grad[1:13].norm())
    assert pull[True] / pull[False] == pytest.approx(0.075, abs=0.01)
