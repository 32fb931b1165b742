"""Objectives by configuration."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from toy_objective import ToyEncoder

from physioclr_core.data.segments import Segments
from physioclr_core.losses.build import build_objective
from physioclr_core.losses.config import ObjectiveConfig

CONFIGS: TypeAdapter[ObjectiveConfig] = TypeAdapter(ObjectiveConfig)
CLASSES: tuple[type[BaseModel], ...] = get_args(get_args(ObjectiveConfig)[0])


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


@pytest.mark.parametrize("kind", [kind.model_fields["kind"].default for kind in CLASSES])
def test_every_kind_is_built_around_its_encoder_from_its_default_settings(kind: str) -> None:
    encoder = ToyEncoder()
    objective = build_objective(CONFIGS.validate_python({"kind": kind}), encoder, unchanged)
    assert objective.encoder is encoder


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="kind"):
        CONFIGS.validate_python({"kind": "guess"})


@pytest.mark.parametrize("kind", CLASSES)
def test_every_setting_has_a_description(kind: type[BaseModel]) -> None:
    assert all(field.description for name, field in kind.model_fields.items() if name != "kind")
