"""Shapes of encoders; nothing here imports PyTorch, so that a form can be built from the JSON schema."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0.0)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


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


class TransformerEncoderConfig(BaseModel):
    """Strided convolutions and a transformer, as wav2vec 2.0 has them; the default is the shape of ECG-FM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["transformer"] = "transformer"
    fs_hz: Rate = Field(500.0, description="Sampling rate that the network is meant for")
    n_leads: Count = Field(12, description="Leads of the input")
    conv_layers: Count = Field(4, description="Convolutions of kernel 2 and stride 2 before the transformer")
    conv_channels: Count = Field(256, description="Channels of these convolutions")
    n_layers: Count = Field(12, description="Transformer layers")
    width: Count = Field(768, description="Length of a token")
    n_heads: Count = Field(8, description="Attention heads; a divisor of the width")
    ffn: Count = Field(3072, description="Width of the feed-forward part")
    position_kernel: Count = Field(128, description="Tokens that the convolution for the position sees")
    position_groups: Count = Field(16, description="Groups of that convolution; a divisor of the width")
    dropout: Share = Field(0.1, description="Dropout after attention, the feed-forward part and the projection")
    attention_dropout: Share = Field(0.1, description="Dropout of attention weights")
    activation_dropout: Share = Field(0.0, description="Dropout inside the feed-forward part")
    local_gradient: Annotated[float, Field(ge=0.0, le=1.0)] = Field(
        1.0, description="Factor on gradients that reach the convolutions in training"
    )

    @model_validator(mode="after")
    def _check_divisors(self) -> Self:
        _check_divisor(self.n_heads, self.width, "n_heads")
        _check_divisor(self.position_groups, self.width, "position_groups")
        return self


def _check_divisor(part: int, whole: int, name: str) -> None:
    if whole % part:
        raise ValueError(f"{name} of {part} does not divide the width of {whole}")


EncoderConfig = Annotated[ResidualEncoderConfig | TransformerEncoderConfig, Field(discriminator="kind")]
