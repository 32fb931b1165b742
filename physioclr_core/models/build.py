"""An encoder from its configuration."""

from __future__ import annotations

from physioclr_core.models.config import (
    EncoderConfig,
    ResidualEncoderConfig,
    S4dEncoderConfig,
    TransformerEncoderConfig,
    VitEncoderConfig,
)
from physioclr_core.models.encoder import Encoder
from physioclr_core.models.residual_encoder import ResidualEncoder
from physioclr_core.models.s4d_encoder import S4dEncoder
from physioclr_core.models.transformer_encoder import TransformerEncoder
from physioclr_core.models.vit_encoder import VitEncoder
from physioclr_core.models.xresnet1d import XResNetEncoder


def build_encoder(config: EncoderConfig) -> Encoder:
    """Return an encoder with fresh weights from torch's random generator."""
    if isinstance(config, ResidualEncoderConfig):
        return ResidualEncoder(config)
    if isinstance(config, TransformerEncoderConfig):
        return TransformerEncoder(config)
    if isinstance(config, S4dEncoderConfig):
        return S4dEncoder(config)
    if isinstance(config, VitEncoderConfig):
        return VitEncoder(config)
    return XResNetEncoder(config)
