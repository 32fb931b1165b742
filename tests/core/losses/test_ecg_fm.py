"""ECG-FM: the sum of its losses, hidden leads, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_objective import RealRecords, ToyEncoder, losses_on_one_batch, small_encoder

from physioclr_core.data.segments import Segments
from physioclr_core.losses.ecg_fm import EcgFm, without_leads
from physioclr_core.losses.patient_contrast import patient_contrast


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


def test_the_loss_is_the_sum_of_both_on_the_same_hidden_segments() -> None:
    torch.manual_seed(0)
    model = EcgFm(ToyEncoder(), unchanged, 5.0, cmsc_weight=0.5, mask_span=3, n_codes=8, n_projection=16)
    made = model.views(RealRecords(4).segments(np.arange(4)), np.random.default_rng(0))
    views = {name: torch.from_numpy(view) for name, view in made.items()}
    torch.manual_seed(1)
    result = model(views)
    x, mask, hidden = (torch.cat([views[f"{name}{k}"] for k in (1, 2)]) for name in ("x", "mask", "hidden"))
    torch.manual_seed(1)
    model.prediction.quantiser.n_seen.zero_()
    predicted = model.prediction(model.encoder, x, mask, hidden)
    first, second = predicted.tokens.mean(1).chunk(2)
    has = torch.ones(4, dtype=torch.bool)
    contrast = patient_contrast(first, second, has, has, views["patient"], 0.1)
    torch.testing.assert_close(result.loss, predicted.loss + 0.5 * contrast.loss)
    torch.testing.assert_close(result.figures["cmsc_loss"], contrast.loss.detach())
    assert {"prediction_accuracy", "accuracy", "perplexity", "skipped"} <= result.figures.keys()


def test_leads_are_hidden_with_their_probability_and_one_stays() -> None:
    records = RealRecords(200).segments(np.arange(200))
    changed = without_leads(records, 0.5, np.random.default_rng(0))
    assert changed.has_lead.mean() == pytest.approx(0.5, abs=0.05)
    assert without_leads(records, 0.999, np.random.default_rng(0)).has_lead.any(1).all()
    assert not changed.signal_mv[~changed.has_lead].any()
    np.testing.assert_array_equal(changed.signal_mv[changed.has_lead], records.signal_mv[changed.has_lead])
    assert without_leads(records, 0.0, np.random.default_rng(0)) is records


@pytest.mark.slow
def test_both_tasks_are_learned_from_real_records() -> None:
    torch.manual_seed(0)
    settings = {"mask_span": 4, "mask_start_share": 0.12, "n_distractors": 20, "n_codes": 32, "feature_gradient": 1.0}
    model = EcgFm(small_encoder(), unchanged, 2.5, n_projection=64, feature_weight=0.1, **settings)
    results = losses_on_one_batch(model, 8, 60, 5e-3)
    first, last = results[0], results[-1]
    assert last.loss.item() < 0.8 * first.loss.item()
    assert float(last.figures["cmsc_loss"]) < 0.7 * float(first.figures["cmsc_loss"])
