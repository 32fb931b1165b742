"""Encoders by name."""

from __future__ import annotations

from physioclr_core.models.config import EncoderConfig, ResidualEncoderConfig

ENCODER_PRESETS: dict[str, EncoderConfig] = {"residual-cnn": ResidualEncoderConfig()}
