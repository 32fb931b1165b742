"""Weights, memory and operations of encoders."""

from __future__ import annotations

import pytest
import torch

from physioclr_core.models.build import build_encoder
from physioclr_core.models.config import TransformerEncoderConfig, VitEncoderConfig
from physioclr_core.models.describe import describe
from physioclr_core.models.presets import ENCODER_PRESETS


def transformer_flops(config: TransformerEncoderConfig, n_samples: int) -> int:
    """Operations of products and convolutions counted by hand."""
    c, d, total, n = config.conv_channels, config.width, 0, n_samples
    for layer in range(config.conv_layers):
        n //= 2
        total += 2 * n * 2 * (config.n_leads if layer == 0 else c) * c
        if layer == 0:
            # Mean and variance over time are products with the mask.
            total += 2 * 2 * n * c
    total += 2 * n * c * d
    n_out = n + 1 - config.position_kernel % 2
    total += 2 * n_out * d * (d // config.position_groups) * config.position_kernel
    return total + config.n_layers * (2 * n * (4 * d * d + 2 * d * config.ffn) + 4 * n * n * d)


@pytest.mark.parametrize("name", ["paper", "small", "tiny"])
def test_operations_of_a_transformer_are_those_counted_by_hand(name: str) -> None:
    config = ENCODER_PRESETS[name]
    assert isinstance(config, TransformerEncoderConfig)
    with torch.device("meta"):
        encoder = build_encoder(config)
    assert describe(encoder, 2500).forward_flops == transformer_flops(config, 2500)


def test_training_holds_five_copies_of_the_weights() -> None:
    encoder = build_encoder(ENCODER_PRESETS["tiny"])
    size = describe(encoder, 1000)
    assert size.n_parameters == sum(parameter.numel() for parameter in encoder.parameters())
    assert size.training_mb == pytest.approx(5 * 4 * size.n_parameters / 1e6)


def test_the_encoder_stays_as_it_is() -> None:
    encoder = build_encoder(VitEncoderConfig(n_layers=1)).train()
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    describe(encoder, 1000)
    assert encoder.training
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())


@pytest.mark.parametrize("name", ENCODER_PRESETS)
def test_every_preset_can_be_described_and_longer_segments_take_more(name: str) -> None:
    with torch.device("meta"):
        encoder = build_encoder(ENCODER_PRESETS[name])
    assert 0 < describe(encoder, 1000).forward_flops < describe(encoder, 2000).forward_flops
