"""3KG: its loss against a loop over pairs, and its views."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_objective import RealRecords, ToyEncoder, losses_on_one_batch, small_encoder

from physioclr_core.augment.pipeline import augment
from physioclr_core.augment.presets import AUGMENT_PRESETS
from physioclr_core.data.segments import Segments
from physioclr_core.losses.three_kg import ThreeKg


def three_kg(segments: Segments, rng: np.random.Generator) -> Segments:
    arrays = (segments.signal_mv, segments.mask, segments.has_lead)
    signal_mv, mask, has_lead = augment(*arrays, segments.fs_hz, AUGMENT_PRESETS["3kg"], rng)
    return replace(segments, signal_mv=signal_mv, mask=mask, has_lead=has_lead)


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


def test_every_other_view_of_the_patient_is_a_positive_and_all_of_others_are_negatives() -> None:
    torch.manual_seed(0)
    model = ThreeKg(ToyEncoder(16), three_kg, crop_s=5.0, n_hidden=32, n_projection=16)
    records = replace(RealRecords(6).segments(np.arange(6)), patient=np.array([0, 1, 2, 0, 4, 0]))
    views = {k: torch.from_numpy(v) for k, v in model.views(records, np.random.default_rng(0)).items()}
    projected = [model.projection(model.encoder(views[f"x{k}"], views[f"mask{k}"])) for k in (1, 2)]
    z = torch.nn.functional.normalize(torch.cat(projected), dim=1).detach()
    patient = [*records.patient, *records.patient]
    losses = []
    for i in range(12):
        score = [math.exp(float(z[i] @ z[k]) / 0.1) for k in range(12)]
        below = sum(score[k] for k in range(12) if patient[k] != patient[i])
        positives = [k for k in range(12) if k != i and patient[k] == patient[i]]
        losses.append(np.mean([-math.log(score[k] / (score[k] + below)) for k in positives]))
    assert model(views).loss.item() == pytest.approx(np.mean(losses), rel=1e-4)


@pytest.mark.parametrize("same_crop", [True, False])
def test_both_views_are_of_one_crop_unless_asked_otherwise(same_crop: bool) -> None:
    model = ThreeKg(ToyEncoder(), unchanged, crop_s=5.0, same_crop=same_crop)
    views = model.views(RealRecords(4).segments(np.arange(4)), np.random.default_rng(0))
    assert np.array_equal(views["x1"], views["x2"]) == same_crop


@pytest.mark.slow
def test_augmented_views_of_one_crop_differ_and_are_learned() -> None:
    torch.manual_seed(0)
    model = ThreeKg(small_encoder(), three_kg, crop_s=2.5, n_hidden=32, n_projection=32)
    results = losses_on_one_batch(model, 8, 30, 5e-3)
    assert results[-1].loss.item() < 0.3 * results[0].loss.item()
    assert float(results[-1].figures["accuracy"]) == 1.0


def test_the_preset_keeps_nothing_besides_the_vectorcardiogram_and_hides_half_of_each_lead() -> None:
    records = RealRecords(8).segments(np.arange(8))
    arrays = (records.signal_mv, records.mask, records.has_lead)
    preset = AUGMENT_PRESETS["3kg"]
    whole = preset.model_copy(update={"lead_span_probability": 0.0})
    seen, _, _ = augment(*arrays, records.fs_hz, preset, np.random.default_rng(0))
    turned, _, _ = augment(*arrays, records.fs_hz, whole, np.random.default_rng(0))
    for before, after in zip(records.signal_mv, turned, strict=True):
        assert np.linalg.matrix_rank(before, tol=1e-3 * np.linalg.norm(before)) > 3
        assert np.linalg.matrix_rank(after, tol=1e-5 * np.linalg.norm(after)) == 3
    hidden = seen == 0.0
    np.testing.assert_allclose(hidden.mean(axis=2), 0.5, atol=0.02)
    np.testing.assert_array_equal(seen[~hidden], turned[~hidden])
