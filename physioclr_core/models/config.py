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
    head_channels: Annotated[int, Field(ge=0)] = Field(
        0, description="Length of the embedding, by a 1x1 convolution after the last stage; 0: that stage's channels"
    )


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


class XResNetEncoderConfig(BaseModel):
    """The xresnet1d of Strodthoff et al. (arXiv 2004.13701); the default is xresnet1d50, 0.9 million weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["xresnet1d"] = "xresnet1d"
    fs_hz: Rate = Field(100.0, description="Sampling rate that the network is meant for")
    n_leads: Count = Field(12, description="Leads of the input")
    stem_channels: tuple[Count, Count, Count] = Field((32, 32, 64), description="Channels of the three first layers")
    stem_kernel: Count = Field(5, description="Kernel of the three first layers; odd")
    blocks: tuple[Count, ...] = Field(
        (3, 4, 6, 3), min_length=1, description="Blocks of each stage: 3, 4, 6, 3 is xresnet1d50, 3, 4, 23, 3 is 101"
    )
    channels: Count = Field(64, description="Channels inside the blocks")
    expansion: Count = Field(4, description="Channels between blocks over those inside")
    kernel: Count = Field(5, description="Kernel of the blocks; odd")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kernel % 2 == 0 or self.stem_kernel % 2 == 0:
            raise ValueError("kernel and stem_kernel must be odd")
        return self


class S4dEncoderConfig(BaseModel):
    """Diagonal state space layers in both directions, S4D-Lin of Gu et al. (arXiv 2206.11893)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["s4d"] = "s4d"
    fs_hz: Rate = Field(100.0, description="Sampling rate that the network is meant for")
    n_leads: Count = Field(12, description="Leads of the input")
    width: Count = Field(128, description="Channels, and length of a token")
    n_layers: Count = Field(4, description="State space layers")
    n_states: Count = Field(8, description="Complex states of a channel and direction")
    patch: Count = Field(2, description="Samples that make one step of the state space")
    min_step: Rate = Field(0.001, description="Shortest time step at the start; the longest memory")
    max_step: Rate = Field(0.1, description="Longest time step at the start; the shortest memory")
    dropout: Share = Field(0.1, description="Inside the layers")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.min_step > self.max_step:
            raise ValueError("min_step must not be more than max_step")
        return self


class VitEncoderConfig(BaseModel):
    """A vision transformer over patches of time, all leads in each; the default has 3.6 million weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["vit"] = "vit"
    fs_hz: Rate = Field(100.0, description="Sampling rate that the network is meant for")
    n_leads: Count = Field(12, description="Leads of the input")
    patch: Count = Field(25, description="Samples of a patch; 25 are 0.25 s at 100 Hz")
    width: Count = Field(192, description="Length of a token; even and a multiple of heads")
    n_layers: Count = Field(8, description="Transformer layers")
    n_heads: Count = Field(6, description="Attention heads")
    ffn: Count = Field(768, description="Width of the feed-forward part")
    dropout: Share = Field(0.0, description="After attention and feed-forward layers")
    attention_dropout: Share = Field(0.0, description="On the attention weights")

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_divisor(self.n_heads, self.width, "n_heads")
        _check_divisor(2, self.width, "a pair")
        return self


def _check_divisor(part: int, whole: int, name: str) -> None:
    if whole % part:
        raise ValueError(f"{name} of {part} does not divide the width of {whole}")


EncoderConfig = Annotated[
    ResidualEncoderConfig | TransformerEncoderConfig | XResNetEncoderConfig | S4dEncoderConfig | VitEncoderConfig,
    Field(discriminator="kind"),
]
