"""The xresnet1d."""

from __future__ import annotations

import torch

from physioclr_core.models.build import build_encoder
from physioclr_core.models.config import XResNetEncoderConfig
from physioclr_core.models.presets import ENCODER_PRESETS
from physioclr_core.models.xresnet1d import Bottleneck, XResNetEncoder


def test_the_preset_has_the_weights_of_sixteen_bottlenecks_and_a_stem() -> None:
    config = ENCODER_PRESETS["xresnet1d50"]
    assert config == XResNetEncoderConfig()
    stem = 12 * 32 * 5 + 32 * 32 * 5 + 32 * 64 * 5 + 2 * (32 + 32 + 64)
    first = 64 * 64 + 64 * 64 * 5 + 64 * 256 + 64 * 256 + 2 * (64 + 64 + 256 + 256)
    other = 256 * 64 + 64 * 64 * 5 + 64 * 256 + 2 * (64 + 64 + 256)
    assert sum(p.numel() for p in build_encoder(config).parameters()) == stem + first + 15 * other


def test_a_token_stands_for_32_samples_and_a_local_feature_for_4() -> None:
    encoder = build_encoder(XResNetEncoderConfig()).eval()
    assert (encoder.local_stride, encoder.token_stride) == (4, 32)
    assert encoder.local(torch.randn(1, 12, 960), torch.ones(1, 960))[0].shape == (1, 240, 64)
    assert encoder.tokens(torch.randn(1, 12, 960), torch.ones(1, 960))[0].shape == (1, 30, 256)


def test_every_block_begins_as_its_shortcut() -> None:
    torch.manual_seed(0)
    encoder = build_encoder(XResNetEncoderConfig(blocks=(1, 2))).eval()
    assert isinstance(encoder, XResNetEncoder)
    block = encoder.blocks[-1]
    assert isinstance(block, Bottleneck)
    x = torch.rand(2, 256, 1, 40)
    torch.testing.assert_close(block(x, torch.ones(2, 1, 1, 40))[0], x)
