"""Objectives by configuration."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
import torch
from pydantic import BaseModel, TypeAdapter, ValidationError
from toy_objective import RealRecords, ToyEncoder

from physioclr_core.data.segments import Segments
from physioclr_core.errors import UserFacingError
from physioclr_core.losses.build import build_objective
from physioclr_core.losses.config import ObjectiveConfig
from physioclr_core.models.build import build_encoder
from physioclr_core.models.presets import ENCODER_PRESETS

CONFIGS: TypeAdapter[ObjectiveConfig] = TypeAdapter(ObjectiveConfig)
CLASSES: tuple[type[BaseModel], ...] = get_args(get_args(ObjectiveConfig)[0])


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


@pytest.mark.parametrize("kind", [kind.model_fields["kind"].default for kind in CLASSES])
def test_every_kind_is_built_around_its_encoder_from_its_default_settings(kind: str) -> None:
    encoder = ToyEncoder()
    objective = build_objective(CONFIGS.validate_python({"kind": kind}), encoder, unchanged)
    assert objective.encoder is encoder


@pytest.mark.parametrize("kind", [kind.model_fields["kind"].default for kind in CLASSES])
@pytest.mark.parametrize("name", ["tiny", "residual-cnn"])
def test_every_kind_trains_all_weights_of_encoders_whose_tokens_are_coarser_or_leave_the_end_out(
    kind: str, name: str
) -> None:
    torch.manual_seed(0)
    encoder = build_encoder(ENCODER_PRESETS[name])
    objective = build_objective(CONFIGS.validate_python({"kind": kind}), encoder, unchanged)
    made = objective.views(RealRecords(3).measured(np.arange(3)), np.random.default_rng(0))
    result = objective({name: torch.from_numpy(view) for name, view in made.items()})
    result.loss.backward()
    assert torch.isfinite(result.loss)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in objective.parameters())
    assert result.embedding is not None
    assert result.embedding.shape == (3, encoder.n_features)
    assert not result.embedding.requires_grad
    assert all(value.numel() == 1 and not value.requires_grad for value in result.figures.values())


@pytest.mark.parametrize("kind", [kind.model_fields["kind"].default for kind in CLASSES])
def test_the_loss_is_a_single_precision_number_under_autocast(kind: str) -> None:
    torch.manual_seed(0)
    objective = build_objective(CONFIGS.validate_python({"kind": kind}), ToyEncoder(), unchanged).eval()
    made = objective.views(RealRecords(4).measured(np.arange(4)), np.random.default_rng(0))
    views = {name: torch.from_numpy(view) for name, view in made.items()}
    torch.manual_seed(0)
    plain = objective(views).loss.detach()
    torch.manual_seed(0)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = objective(views).loss.detach()
    assert mixed.dtype == torch.float32
    assert float(mixed) == pytest.approx(float(plain), rel=0.05)


@pytest.mark.parametrize("kind", CLASSES)
def test_records_shorter_than_a_crop_are_refused_in_one_sentence(kind: type[BaseModel]) -> None:
    setting = "crop_s" if "crop_s" in kind.model_fields else "segment_s"
    config = CONFIGS.validate_python({"kind": kind.model_fields["kind"].default, setting: 12.0})
    objective = build_objective(config, ToyEncoder(), unchanged)
    with pytest.raises(UserFacingError, match=f"of 12 s do(es)? not fit into records of 10 s.*{setting}"):
        objective.views(RealRecords(2).segments(np.arange(2)), np.random.default_rng(0))


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="kind"):
        CONFIGS.validate_python({"kind": "guess"})


@pytest.mark.parametrize("kind", CLASSES)
def test_every_setting_has_a_description(kind: type[BaseModel]) -> None:
    assert all(field.description for name, field in kind.model_fields.items() if name != "kind")
