"""Masked reconstruction: its loss against a loop over samples, what is hidden, and that it learns."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from toy_objective import RealRecords, ToyEncoder, losses_on_one_batch, small_encoder

from physioclr_core.data.segments import Segments
from physioclr_core.losses.masked_reconstruction import MaskedReconstruction


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


def views_of(model: MaskedReconstruction, records: Segments) -> dict[str, torch.Tensor]:
    return {k: torch.from_numpy(v) for k, v in model.views(records, np.random.default_rng(0)).items()}


@pytest.mark.parametrize("normalise", [True, False])
def test_the_loss_counts_hidden_signal_of_leads_that_are_there(normalise: bool) -> None:
    torch.manual_seed(0)
    model = MaskedReconstruction(ToyEncoder(), unchanged, 2.5, normalise_patches=normalise)
    records = RealRecords(3).segments(np.arange(3))
    records.mask[1, 700:], records.mask[2, :500] = False, False
    records.has_lead[0, 3] = False
    signal_mv = records.signal_mv * records.mask[:, None] * records.has_lead[:, :, None]
    views = views_of(model, replace(records, signal_mv=signal_mv))
    x, mask, hidden = views["x"].clone(), views["mask"].numpy() > 0, views["hidden"].numpy()
    seen = x.clone()
    for row, token in zip(*np.nonzero(hidden), strict=True):
        seen[row, :, 25 * token : 25 * token + 25] = 0
    tokens, _ = model.encoder.tokens(seen, views["mask"])
    restored = model.decoder(tokens).detach().numpy().reshape(3, 10, 12, 25)
    errors = []
    for row, token in zip(*np.nonzero(hidden), strict=True):
        at = [s for s in range(25 * token, 25 * token + 25) if mask[row, s]]
        for lead in range(12):
            if not at or not views["has_lead"][row, lead]:
                continue
            target = x[row, lead, at].numpy().astype(float)
            if normalise:
                target = (target - target.mean()) / np.sqrt(target.var() + 0.04**2)
            errors += [(restored[row, token, lead, s - 25 * token] - t) ** 2 for s, t in zip(at, target, strict=True)]
    assert model(views).loss.item() == pytest.approx(np.mean(errors), rel=1e-4)


def test_hidden_samples_do_not_reach_the_encoder() -> None:
    torch.manual_seed(0)
    model = MaskedReconstruction(ToyEncoder(), unchanged, 2.5, normalise_patches=False).eval()
    views = views_of(model, RealRecords(2).segments(np.arange(2)))
    changed = dict(views)
    hidden = views["hidden"].repeat_interleave(25, 1)[:, None]
    changed["x"] = torch.where(hidden, torch.zeros(()), views["x"])
    first, second = model(views).embedding, model(changed).embedding
    assert first is not None
    assert second is not None
    torch.testing.assert_close(first, second)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["samples", "features"])
def test_it_learns_to_restore_real_records(level: Literal["samples", "features"]) -> None:
    torch.manual_seed(0)
    model = MaskedReconstruction(small_encoder(), unchanged, 2.5, mask_level=level, n_hidden=64)
    results = losses_on_one_batch(model, 4, 60, 1e-2)
    assert results[-1].loss.item() < 0.7 * results[0].loss.item()
    assert float(results[-1].figures["explained"]) > 0.3
    assert 0.2 < float(results[-1].figures["hidden"]) < 0.8


def test_a_batch_without_signal_gives_zero_and_finite_gradients() -> None:
    model = MaskedReconstruction(ToyEncoder(), unchanged, 2.5)
    records = RealRecords(2).segments(np.arange(2))
    views = views_of(model, replace(records, signal_mv=0 * records.signal_mv, mask=np.zeros_like(records.mask)))
    result = model(views)
    result.loss.backward()
    assert result.loss.item() == 0.0
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())
