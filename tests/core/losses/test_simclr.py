"""SimCLR: its pairs against the loop of the paper, and that it learns real records."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from toy_objective import RealRecords, ToyEncoder

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
