"""What the settings of all contrastive objectives have; nothing here imports PyTorch."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0.0)]
Amount = Annotated[float, Field(ge=0.0)]


class ContrastiveConfig(BaseModel):
    """What all contrastive objectives have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: Positive = Field(0.1, description="Divides similarities; lower looks at the hardest negatives")
    n_hidden: Count = Field(256, description="Width of the projection's hidden layer")
    n_projection: Count = Field(128, description="Length of what the loss compares")
