"""Encoders by name."""

from __future__ import annotations

from physioclr_core.models.config import (
    EncoderConfig,
    ResidualEncoderConfig,
    S4dEncoderConfig,
    TransformerEncoderConfig,
    VitEncoderConfig,
    XResNetEncoderConfig,
)

_PAPER = TransformerEncoderConfig(local_gradient=0.1)

ENCODER_PRESETS: dict[str, EncoderConfig] = {
    "residual-cnn": ResidualEncoderConfig(),
    "xresnet1d50": XResNetEncoderConfig(),
    "s4d": S4dEncoderConfig(),
    "vit": VitEncoderConfig(),
    "paper": _PAPER,
    # A token of 40 ms beside 32 ms: what a kernel sees in time stays about the same.
    "paper-100hz": _PAPER.model_copy(update={"fs_hz": 100.0, "conv_layers": 2}),
    "small": TransformerEncoderConfig(
        fs_hz=100.0, conv_layers=2, n_layers=7, width=256, n_heads=4, ffn=1024, position_kernel=64
    ),
    "tiny": TransformerEncoderConfig(
        fs_hz=100.0,
        conv_layers=3,
        conv_channels=64,
        n_layers=4,
        width=128,
        n_heads=4,
        ffn=512,
        position_kernel=32,
    ),
}
