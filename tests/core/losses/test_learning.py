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
def test_simclr_is_at_chance_on_a_batch_of_real_ecgs_at_first_and_then_knows_it_by_heart() -> None:
    model = objective({"kind": "simclr", "crop_s": 2.5}, "contrastive")
    # Before training nothing but what survives random weights tells records apart; after it, all of them.
    results = steps(model, 60, view_seed=0)
    accuracy = [float(result.figures["accuracy"]) for result in results]
    assert accuracy[0] < 0.35
    assert min(accuracy[-5:]) > 0.98


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "augment"),
    [
        ({"kind": "simclr"}, "contrastive"),
        ({"kind": "cmsc"}, "none"),
        ({"kind": "3kg"}, "3kg"),
        ({"kind": "masked-reconstruction", "mask_level": "samples"}, "none"),
        ({"kind": "masked-reconstruction", "mask_level": "features"}, "none"),
        ({"kind": "wav2vec2", "mask_span": 4, "n_codes": 32}, "none"),
        ({"kind": "ecg-fm", "mask_span": 4, "n_codes": 32}, "none"),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(str(v) for v in value.values()),
)
def test_the_loss_on_real_ecgs_falls_clearly_within_sixty_steps(settings: dict[str, object], augment: str) -> None:
    results = steps(objective(settings, augment), 60)
    loss = [float(result.loss.detach()) for result in results]
    assert np.mean(loss[-5:]) < 0.85 * np.mean(loss[:5])
    for result in results:
        assert result.figures
        assert result.embedding is not None
        assert result.embedding.shape == (N_RECORDS, 32)
        assert not result.embedding.requires_grad
