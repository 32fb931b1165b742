"""Presets by name in configurations: ``encoder: tiny`` stands for all of its settings."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator

from physioclr_core.augment.config import AugmentConfig
from physioclr_core.augment.presets import AUGMENT_PRESETS
from physioclr_core.losses.config import ObjectiveConfig
from physioclr_core.losses.presets import OBJECTIVE_PRESETS
from physioclr_core.models.config import EncoderConfig
from physioclr_core.models.presets import ENCODER_PRESETS


def _named(presets: Mapping[str, BaseModel], what: str) -> BeforeValidator:
    default = next(iter(presets.values())).model_dump()

    def resolve(value: Any) -> Any:
        if isinstance(value, dict) and "preset" in value:
            changes = {key: setting for key, setting in value.items() if key != "preset"}
            return {**resolve(value["preset"]).model_dump(), **changes}
        if isinstance(value, dict) and "kind" in default and "kind" not in value:
            return {**default, **value}
        if not isinstance(value, str):
            return value
        if value not in presets:
            near = difflib.get_close_matches(value, presets, 1)
            hint = f"did you mean {near[0]}" if near else f"there are {', '.join(presets)}"
            raise ValueError(f"there is no {what} named {value}; {hint}")
        return presets[value]

    return BeforeValidator(resolve)


def _with_kind(value: Any) -> Any:
    """Take a name for a recipe or an objective with its own defaults, and settings without a kind for SimCLR's."""
    if isinstance(value, dict) and "preset" in value:
        changes = {key: setting for key, setting in value.items() if key != "preset"}
        return {**_recipe(value["preset"]).model_dump(), **changes}
    if isinstance(value, str):
        return OBJECTIVE_PRESETS.get(value, {"kind": value})
    return {"kind": "simclr", **value} if isinstance(value, dict) else value


def _recipe(name: str) -> BaseModel:
    if name not in OBJECTIVE_PRESETS:
        raise ValueError(f"there is no recipe named {name}; there are {', '.join(OBJECTIVE_PRESETS)}")
    return OBJECTIVE_PRESETS[name]


EncoderChoice = Annotated[EncoderConfig, _named(ENCODER_PRESETS, "encoder")]
AugmentChoice = Annotated[AugmentConfig, _named(AUGMENT_PRESETS, "augmentation")]
ObjectiveChoice = Annotated[ObjectiveConfig, BeforeValidator(_with_kind)]
