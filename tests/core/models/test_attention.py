"""Attention over tokens of which some are padding, and the dropout in it."""

from __future__ import annotations

import pytest
import torch

from physioclr_core.models.attention import SelfAttention, attention_bias, whole_steps
from physioclr_core.models.dropout import Dropout, dropout


def test_attention_is_that_of_a_loop_over_heads_and_signal() -> None:
    torch.manual_seed(0)
    attention = SelfAttention(12, 3, 0.0).eval()
    x, mask = torch.randn(2, 7, 12), torch.ones(2, 7)
    mask[1, 4:] = 0.0
    got = attention(x, attention_bias(mask))
    for record in range(2):
        query, key, value = attention.qkv(x[record]).split(12, dim=-1)
        n = int(mask[record].sum())
        parts = []
        for at in (slice(0, 4), slice(4, 8), slice(8, 12)):
            weights = (query[:, at] @ key[:n, at].T / 2.0).softmax(-1)
            parts.append(weights @ value[:n, at])
        torch.testing.assert_close(got[record], attention.out(torch.cat(parts, -1)), rtol=1e-4, atol=1e-5)


def test_attention_in_training_computes_the_same_where_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    attention = SelfAttention(12, 3, 0.1).eval()
    x, mask = torch.randn(2, 7, 12), torch.ones(2, 7)
    mask[1, 4:] = 0.0
    expected = attention(x, attention_bias(mask))
    monkeypatch.setattr("physioclr_core.models.attention.dropout", lambda weights, p: weights)
    torch.testing.assert_close(attention.train()(x, attention_bias(mask)), expected, rtol=1e-4, atol=1e-5)


def test_a_step_counts_only_where_all_of_its_samples_do() -> None:
    mask = torch.tensor([[1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0], [0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]])
    assert whole_steps(mask, 2).tolist() == [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_drops_the_share_and_keeps_the_mean(p: float) -> None:
    torch.manual_seed(0)
    x = torch.ones(1001, 333, requires_grad=True)
    y = dropout(x, p)
    y.sum().backward()
    share = float((y == 0.0).float().mean())
    assert share == pytest.approx(p, abs=4.0 * (p * (1.0 - p) / x.numel()) ** 0.5 + 2.0**-16)
    torch.testing.assert_close(y[y > 0], torch.full_like(y[y > 0], 1.0 / (1.0 - p)), rtol=1e-3, atol=0.0)
    assert x.grad is not None
    torch.testing.assert_close(x.grad, y)
    # Neighbours share a random word: they must not be dropped together more often than by chance.
    dropped = (y == 0.0).float() - p
    for lag in (1, 2, 3):
        together = float((dropped[:, lag:] * dropped[:, :-lag]).mean())
        assert abs(together) < 5.0 * p * (1.0 - p) / x.numel() ** 0.5


def test_dropout_follows_the_seed_and_rests_in_evaluation() -> None:
    layer, x = Dropout(0.3), torch.randn(50, 7)
    torch.manual_seed(1)
    first = layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first)
    assert not torch.equal(layer(x), first)
    assert torch.equal(layer.eval()(x), x)
    assert torch.equal(dropout(x, 0.0), x)
