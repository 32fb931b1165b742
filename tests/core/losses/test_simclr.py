"""SimCLR: its pairs against the loop of the paper, and that it learns real records."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from toy_objective import RealRecords, ToyEncoder, losses_on_one_batch, small_encoder

from physioclr_core.data.segments import Segments
from physioclr_core.losses.simclr import SimClr

RECORDS = RealRecords(8)


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


def objective(**options: bool) -> SimClr:
    torch.manual_seed(0)
    return SimClr(ToyEncoder(16), unchanged, crop_s=2.5, n_hidden=32, n_projection=16, **options)


def views_of(model: SimClr, seed: int = 0) -> dict[str, torch.Tensor]:
    made = model.views(RECORDS.segments(np.arange(8)), np.random.default_rng(seed))
    return {name: torch.from_numpy(view) for name, view in made.items()}


@pytest.mark.parametrize("same_patient_is_negative", [True, False])
def test_the_loss_is_that_of_the_papers_loop(same_patient_is_negative: bool) -> None:
    model = objective(same_patient_is_negative=same_patient_is_negative)
    views = views_of(model)
    views["patient"][3] = views["patient"][2]  # two records of one patient
    projected = [model.projection(model.encoder(views[f"x{k}"], views[f"mask{k}"])) for k in (1, 2)]
    z = torch.nn.functional.normalize(torch.cat(projected), dim=1).detach()
    patient = views["patient"].repeat(2)
    losses = []
    for i in range(16):
        j = (i + 8) % 16
        similarity = (z[i] @ z.T / 0.1).exp()
        others = [k for k in range(16) if k not in (i, j) and (same_patient_is_negative or patient[k] != patient[i])]
        losses.append(-math.log(similarity[j] / (similarity[j] + similarity[others].sum())))
    assert model(views).loss.item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_views_are_crops_of_the_same_record_and_repeat_with_the_seed() -> None:
    model = objective()
    first, again, other = views_of(model, 1), views_of(model, 1), views_of(model, 2)
    assert first["x1"].shape == (8, 12, 250)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["x1"], other["x1"])
    assert not torch.equal(first["x1"], first["x2"])


def test_it_learns_to_tell_eight_real_records_apart() -> None:
    model = objective()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    results = []
    for step in range(150):
        result = model(views_of(model, step))
        optimizer.zero_grad()
        result.loss.backward()
        optimizer.step()
        results.append(float(result.figures["accuracy"]))
    assert np.mean(results[-20:]) > max(0.6, np.mean(results[:20]) + 0.1)


@pytest.mark.slow
def test_it_starts_near_chance_and_overfits_one_batch_of_real_records() -> None:
    torch.manual_seed(0)
    records = RealRecords(64)
    model = SimClr(small_encoder(), unchanged, crop_s=2.5, n_hidden=32, n_projection=32)
    made = model.views(records.segments(np.arange(64)), np.random.default_rng(0))
    views = {name: torch.from_numpy(view) for name, view in made.items()}
    # Real crops are alike enough that random weights find many pairs; noise has nothing to go by.
    noise = {**views, "x2": torch.randn_like(views["x2"]), "x1": torch.randn_like(views["x1"])}
    assert float(model(noise).figures["accuracy"]) < 5 / 127
    results = losses_on_one_batch(model, 24, 60, 5e-3)
    assert results[-1].loss.item() < 0.1 * results[0].loss.item()
    assert float(results[-1].figures["accuracy"]) == 1.0
