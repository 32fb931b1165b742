"""Objectives of pretraining and their settings; nothing here imports PyTorch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0.0)]


class ContrastiveConfig(BaseModel):
    """What all contrastive objectives have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: Positive = Field(0.1, description="Divides similarities; lower looks at the hardest negatives")
    n_hidden: Count = Field(256, description="Width of the projection's hidden layer")
    n_projection: Count = Field(128, description="Length of what the loss compares")


class SimClrConfig(ContrastiveConfig):
    """Two augmented crops of a record lie close, those of others far (Chen et al., 2020)."""

    kind: Literal["simclr"] = "simclr"
    crop_s: Positive = Field(5.0, description="Seconds of each crop")
    same_patient_is_negative: bool = Field(False, description="Take other records of a patient as negatives")


class CmscConfig(ContrastiveConfig):
    """Adjacent segments of a record, and all of one patient, lie close (CLOCS: Kiyasseh et al., 2021)."""

    kind: Literal["cmsc"] = "cmsc"
    segment_s: Positive = Field(5.0, description="Seconds of each of the two segments; a record must hold both")


ObjectiveConfig = Annotated[SimClrConfig | CmscConfig, Field(discriminator="kind")]
