"""The vision transformer along time."""

from __future__ import annotations

import math

import torch

from physioclr_core.models.build import build_encoder
from physioclr_core.models.config import VitEncoderConfig
from physioclr_core.models.presets import ENCODER_PRESETS
from physioclr_core.models.vit_encoder import sinusoids


def test_the_preset_has_the_weights_that_its_layers_sum_up_to() -> None:
    config = ENCODER_PRESETS["vit"]
    assert isinstance(config, VitEncoderConfig)
    d = config.width
    layer = 4 * (d * d + d) + 2 * d * config.ffn + config.ffn + d + 4 * d
    expected = config.n_leads * config.patch * d + d + config.n_layers * layer + 2 * d
    assert sum(parameter.numel() for parameter in build_encoder(config).parameters()) == expected


def test_a_patch_holds_all_leads_of_its_time_and_nothing_else() -> None:
    torch.manual_seed(0)
    encoder = build_encoder(VitEncoderConfig(n_layers=1)).eval()
    x = torch.randn(1, 12, 1000, requires_grad=True)
    local, mask = encoder.local(x, torch.ones(1, 1000))
    assert local.shape[:2] == mask.shape == (1, 40)
    (slope,) = torch.autograd.grad(local[0, 3].sum(), x)
    touched = slope[0].abs() > 0
    assert bool(touched[:, 75:100].all())
    assert int(touched.sum()) == 12 * 25


def test_positions_are_sines_and_cosines_of_geometric_rates() -> None:
    table = sinusoids(50, 8)
    for position in (0, 1, 17, 49):
        for pair in range(4):
            phase = position * 10_000.0 ** (-2 * pair / 8)
            assert math.isclose(table[position, pair], math.sin(phase), abs_tol=1e-5)
            assert math.isclose(table[position, 4 + pair], math.cos(phase), abs_tol=1e-5)


def test_the_order_of_patches_matters() -> None:
    torch.manual_seed(0)
    encoder = build_encoder(VitEncoderConfig(n_layers=2)).eval()
    x, mask = torch.randn(1, 12, 1000), torch.ones(1, 1000)
    swapped = torch.cat([x[..., 500:], x[..., :500]], -1)
    with torch.inference_mode():
        assert float((encoder(x, mask) - encoder(swapped, mask)).abs().max()) > 1e-3
