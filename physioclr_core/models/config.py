"""Shapes of encoders; nothing here imports PyTorch, so that a form can be built from the JSON schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0.0)]


class ResidualEncoderConfig(BaseModel):
    """A residual 1-D CNN; the default has 0.93 million weights and is meant for 100 Hz."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["residual-cnn"] = "residual-cnn"
    fs_hz: Rate = Field(100.0, description="Sampling rate that the network is meant for")
    n_leads: Count = Field(12, description="Leads of the input")
    stem_channels: Count = Field(48, description="Channels of the first convolution")
    stem_kernel: Count = Field(15, description="Samples that the first convolution sees; odd")
    stem_stride: Count = Field(2, description="Stride of the first convolution")
    stages: tuple[tuple[Count, Count, Count], ...] = Field(
        ((64, 1, 2), (96, 2, 2), (192, 2, 2)), description="Channels, blocks and stride of each stage"
    )
    kernel: Count = Field(5, description="Kernel of the blocks; odd")
    squeeze: Count = Field(8, description="Reduction of the channel gates")


EncoderConfig = ResidualEncoderConfig
