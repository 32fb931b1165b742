"""The transformer encoder and the presets that have its shape."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from physioclr_core.models.build import build_encoder
from physioclr_core.models.config import TransformerEncoderConfig
from physioclr_core.models.presets import ENCODER_PRESETS
from physioclr_core.models.transformer_encoder import PositionConvolution, TimeNorm, TransformerEncoder

TRANSFORMERS = [name for name, config in ENCODER_PRESETS.items() if isinstance(config, TransformerEncoderConfig)]


def expected_weights(config: TransformerEncoderConfig) -> int:
    """Weights counted by hand, layer by layer."""
    c, d = config.conv_channels, config.width
    convolutions = 2 * config.n_leads * c + (config.conv_layers - 1) * 2 * c * c
    norms = 2 * c + 2 * c + 2 * d
    position = d * (d // config.position_groups) * config.position_kernel + config.position_kernel + d
    layer = 4 * (d * d + d) + 2 * d * config.ffn + config.ffn + d + 4 * d
    return convolutions + norms + c * d + d + position + config.n_layers * layer


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("paper", 89e6, 92e6), ("paper-100hz", 89e6, 92e6), ("small", 5.5e6, 6.5e6), ("tiny", 0.5e6, 1e6)],
)
def test_a_preset_has_the_weights_that_its_layers_sum_up_to(name: str, least: float, most: float) -> None:
    config = ENCODER_PRESETS[name]
    assert isinstance(config, TransformerEncoderConfig)
    with torch.device("meta"):
        n_weights = sum(parameter.numel() for parameter in build_encoder(config).parameters())
    assert n_weights == expected_weights(config)
    assert least < n_weights < most


def test_five_seconds_at_500_hz_become_156_tokens() -> None:
    config = TransformerEncoderConfig(n_layers=1, width=32, n_heads=2, ffn=64)
    encoder = TransformerEncoder(config).eval()
    tokens, mask = encoder.tokens(torch.randn(1, 12, 2500), torch.ones(1, 2500))
    assert tokens.shape == (1, 156, 32)
    assert mask.sum() == 156


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_a_token_stands_for_the_samples_of_its_stride(name: str) -> None:
    config = ENCODER_PRESETS[name]
    assert isinstance(config, TransformerEncoderConfig)
    encoder = TransformerEncoder(config.model_copy(update={"n_layers": 1, "width": 32, "ffn": 32})).eval()
    mask = torch.ones(1, 20 * encoder.local_stride)
    # One missing sample takes its token with it, and no other.
    mask[0, 7 * encoder.local_stride] = 0.0
    _, at = encoder.local(torch.zeros(1, 12, mask.shape[1]), mask)
    assert at[0].nonzero().flatten().tolist() == [index for index in range(20) if index != 7]


@pytest.mark.parametrize(
    ("n_tokens", "width", "kernel", "groups"),
    [(156, 96, 128, 16), (30, 32, 128, 4), (1, 8, 128, 2), (5, 16, 7, 1), (33, 16, 8, 16)],
)
def test_the_position_term_by_transforms_is_that_of_the_convolution(
    n_tokens: int, width: int, kernel: int, groups: int
) -> None:
    torch.manual_seed(0)
    position = PositionConvolution(width, kernel, groups)
    torch.nn.init.normal_(position.bias)
    x = torch.randn(2, n_tokens, width, requires_grad=True)
    weight = torch.nn.utils.parametrizations.weight_norm(
        torch.nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=groups), dim=2
    )
    weight.load_state_dict(
        {
            "bias": position.bias.detach(),
            "parametrizations.weight.original0": position.gain.detach()[None, None],
            "parametrizations.weight.original1": position.direction.detach(),
        }
    )
    expected = functional.gelu(weight(x.transpose(1, 2))[..., :n_tokens]).transpose(1, 2)
    got = position(x)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
    slope = torch.randn_like(got)
    torch.testing.assert_close(
        torch.autograd.grad(got, [x, position.direction], slope),
        torch.autograd.grad(expected, [x, weight.parametrizations.weight.original1], slope),
        rtol=1e-3,
        atol=1e-4,
    )


def test_the_norm_over_time_is_group_norm_where_all_is_signal() -> None:
    norm = TimeNorm(6)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = 3.0 + 2.0 * torch.randn(2, 50, 6)
    expected = functional.group_norm(x.transpose(1, 2), 6, norm.weight, norm.bias).transpose(1, 2)
    torch.testing.assert_close(norm(x, torch.ones(2, 50)), expected, rtol=1e-4, atol=1e-5)


def test_gradients_of_the_convolutions_are_scaled_in_training_alone() -> None:
    encoder = TransformerEncoder(
        TransformerEncoderConfig(n_layers=1, width=32, n_heads=2, ffn=32, dropout=0.0, attention_dropout=0.0)
    )
    slow = TransformerEncoder(encoder.config.model_copy(update={"local_gradient": 0.1}))
    slow.load_state_dict(encoder.state_dict())
    x, mask = torch.randn(2, 12, 400), torch.ones(2, 400)
    gradients = []
    for network in (encoder.train(), slow.train()):
        network(x, mask).square().sum().backward()
        gradients.append([p.grad for p in (network.convolutions[0].linear.weight, network.projection.weight)])
    torch.testing.assert_close(gradients[1][0], 0.1 * gradients[0][0], rtol=1e-3, atol=1e-6)
    torch.testing.assert_close(gradients[1][1], gradients[0][1], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(encoder.eval()(x, mask), slow.eval()(x, mask), rtol=1e-6, atol=1e-6)
