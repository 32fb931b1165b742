"""An encoder from its configuration."""

from __future__ import annotations

from physioclr_core.models.config import EncoderConfig, ResidualEncoderConfig
from physioclr_core.models.encoder import Encoder
from physioclr_core.models.residual_encoder import ResidualEncoder
from physioclr_core.models.transformer_encoder import TransformerEncoder


def build_encoder(config: EncoderConfig) -> Encoder:
    """Return an encoder with fresh weights from torch's random generator."""
    if isinstance(config, ResidualEncoderConfig):
        return ResidualEncoder(config)
    return TransformerEncoder(config)
