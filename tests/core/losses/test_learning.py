"""Every objective learns on real records with a small residual encoder; SimCLR learns one batch by heart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from toy_objective import RealRecords

from physioclr_core.augment.presets import AUGMENT_PRESETS
from physioclr_core.losses.build import build_objective
from physioclr_core.losses.config import ObjectiveConfig
from physioclr_core.losses.objective import Objective, ObjectiveResult
from physioclr_core.models.config import ResidualEncoderConfig
from physioclr_core.models.residual_encoder import ResidualEncoder
from physioclr_core.train.pretrain import augmentation

CONFIGS: TypeAdapter[ObjectiveConfig] = TypeAdapter(ObjectiveConfig)
N_RECORDS = 32
RECORDS = RealRecords(N_RECORDS).segments(np.arange(N_RECORDS))
# Context shortens twofold, so that targets are pooled.
ENCODER = ResidualEncoderConfig(stem_channels=16, stages=((16, 1, 2), (32, 1, 2)))


def objective(settings: dict[str, object], augment: str) -> Objective:
    torch.manual_seed(0)
    encoder = ResidualEncoder(ENCODER)
    return build_objective(CONFIGS.validate_python(settings), encoder, augmentation(AUGMENT_PRESETS[augment]))


def steps(model: Objective, n_steps: int, view_seed: int | None = None) -> list[ObjectiveResult]:
    """Train; views are drawn anew in every step unless they have a seed."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    results = []
    for step in range(n_steps):
        torch.manual_seed(step)
        made = model.views(RECORDS, np.random.default_rng(step if view_seed is None else view_seed))
        result = model({name: torch.from_numpy(view) for name, view in made.items()})
        optimizer.zero_grad()
        result.loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        results.append(result)
    return results


@pytest.mark.slow
def test_simclr_tells_few_ecgs_of_a_batch_apart_at_first_and_then_knows_it_by_heart() -> None:
    results = steps(objective({"kind": "simclr", "crop_s": 2.5}, "contrastive"), 40, view_seed=0)
    accuracy = [float(result.figures["accuracy"]) for result in results]
    # Chance is 1 of 63; random weights let some of a record's amplitudes through.
    assert accuracy[0] < 0.35
    assert min(accuracy[-5:]) > 0.98


_FEW = {"mask_span": 4, "n_codes": 32, "n_distractors": 20}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "augment", "parts"),
    [
        ({"kind": "simclr"}, "contrastive", {"loss": 0.7}),
        ({"kind": "cmsc"}, "none", {"loss": 0.3}),
        ({"kind": "3kg"}, "3kg", {"loss": 0.6}),
        ({"kind": "masked-reconstruction", "mask_level": "samples"}, "none", {"loss": 0.85}),
        ({"kind": "masked-reconstruction", "mask_level": "features"}, "none", {"loss": 0.85}),
        # The sum of these falls by the penalty on features alone, so each task is judged by its own part.
        ({"kind": "wav2vec2", **_FEW}, "none", {"prediction_loss": 0.9}),
        ({"kind": "ecg-fm", **_FEW}, "none", {"prediction_loss": 0.97, "cmsc_loss": 0.85}),
    ],
    ids=["simclr", "cmsc", "3kg", "masked-samples", "masked-features", "wav2vec2", "ecg-fm"],
)
def test_every_task_is_learned_from_real_ecgs_within_sixty_steps(
    settings: dict[str, object], augment: str, parts: dict[str, float]
) -> None:
    results = steps(objective(settings, augment), 60)
    for name, most in parts.items():
        values = [float(r.loss.detach() if name == "loss" else r.figures[name]) for r in results]
        first, last = np.mean(values[:5]), np.mean(values[-5:])
        assert last < most * first, name
    for result in results:
        assert result.figures
        assert result.embedding is not None
        assert result.embedding.shape == (N_RECORDS, 32)
        assert not result.embedding.requires_grad
