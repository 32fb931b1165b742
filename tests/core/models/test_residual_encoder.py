"""The residual CNN as an encoder."""

from __future__ import annotations

import pytest
import torch
from real_records import real_signal_mv

from physioclr_core.infer.preprocess import model_input
from physioclr_core.models.config import ResidualEncoderConfig
from physioclr_core.models.residual_encoder import ResidualEncoder


@pytest.fixture(scope="module")
def encoder() -> ResidualEncoder:
    torch.manual_seed(0)
    return ResidualEncoder(ResidualEncoderConfig()).eval()


def real_input(n: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.stack([torch.from_numpy(model_input(real_signal_mv(entry))) for entry in range(n)])
    return x, torch.ones(n, x.shape[-1])


def test_a_longer_embedding_is_made_by_one_more_convolution() -> None:
    encoder = ResidualEncoder(ResidualEncoderConfig(stages=((8, 1, 2), (16, 1, 2)), stem_channels=8, head_channels=40))
    x, mask = real_input()
    embedding = encoder.eval()(x, mask)
    assert embedding.shape == (3, encoder.n_features) == (3, 40)
    padded, padded_mask = torch.full((3, 12, 1400), 5.0), torch.zeros(3, 1400)
    padded[..., :1000], padded_mask[:, :1000] = x, mask
    torch.testing.assert_close(encoder(padded, padded_mask), embedding, rtol=1e-4, atol=1e-5)


def test_tokens_and_local_features_come_at_the_declared_strides(encoder: ResidualEncoder) -> None:
    x, mask = real_input()
    local, local_mask = encoder.local(x, mask)
    assert local.shape == (3, 1000 // encoder.local_stride, encoder.local_features)
    assert local_mask.shape == local.shape[:2]
    tokens, token_mask = encoder.tokens(x, mask)
    assert tokens.shape == (3, -(-1000 // encoder.token_stride), encoder.n_features)
    assert token_mask.shape == tokens.shape[:2]


def test_padding_and_what_it_holds_change_nothing(encoder: ResidualEncoder) -> None:
    x, mask = real_input()
    padded, padded_mask = torch.full((3, 12, 1400), 5.0), torch.zeros(3, 1400)
    padded[..., :1000], padded_mask[:, :1000] = x, mask
    torch.testing.assert_close(encoder(padded, padded_mask), encoder(x, mask), rtol=1e-4, atol=1e-5)


def test_it_has_under_a_million_weights(encoder: ResidualEncoder) -> None:
    assert 0.85e6 < sum(parameter.numel() for parameter in encoder.parameters()) < 1e6
