"""Heads over an encoder's tokens."""

from __future__ import annotations

import torch
from toy_objective import ToyEncoder

from physioclr_core.models.classifier import AttentionPool, Classifier
from physioclr_core.models.encoder import masked_mean_and_spread


def test_attention_is_that_of_the_loop_over_queries_and_tokens() -> None:
    torch.manual_seed(0)
    pool, tokens, mask = AttentionPool(6, 2), torch.randn(3, 5, 6), torch.ones(3, 5)
    mask[1, 3:] = 0
    got = pool(tokens, mask)
    normed = pool.norm(tokens)
    for record in range(3):
        n = int(mask[record].sum())
        for query in range(2):
            weight = torch.exp(pool.query(normed[record, :n])[:, query])
            part = slice(3 * query, 3 * query + 3)
            expected = (weight[:, None] * pool.value(normed[record, :n])[:, part]).sum(0) / weight.sum()
            torch.testing.assert_close(got[record, part], expected)


def test_padding_changes_neither_logits_nor_embedding() -> None:
    torch.manual_seed(0)
    for head in ("linear", "linear-spread", "attention"):
        model = Classifier(ToyEncoder(), 4, head=head, n_queries=2).eval()  # type: ignore[arg-type]
        x, mask = torch.randn(2, 12, 250), torch.ones(2, 250)
        padded, padded_mask = torch.full((2, 12, 400), 7.0), torch.zeros(2, 400)
        padded[..., :250], padded_mask[:, :250] = x, mask
        for short, long in zip(model(x, mask), model(padded, padded_mask), strict=True):
            torch.testing.assert_close(short, long)


def test_a_new_head_says_base_rates_on_average() -> None:
    model = Classifier(ToyEncoder(), 3)
    rate = torch.tensor([0.5, 0.1, 0.0])
    model.start_from_base_rates_(rate)
    torch.testing.assert_close(torch.sigmoid(model.head.bias), rate.clamp(min=1e-4))


def test_a_head_that_sees_spread_reads_mean_and_deviation_of_the_tokens_that_count() -> None:
    torch.manual_seed(0)
    model = Classifier(ToyEncoder(), 4, head="linear-spread").eval()
    x, mask = torch.randn(2, 12, 250), torch.ones(2, 250)
    tokens, token_mask = model.encoder.tokens(x, mask)
    assert token_mask.all()
    both = torch.cat([tokens.mean(1), tokens.std(1, correction=0)], dim=1)
    logits, embedding = model(x, mask)
    torch.testing.assert_close(logits, model.head(both))
    torch.testing.assert_close(embedding, tokens.mean(1))
    assert model.n_features == embedding.shape[1]


def test_the_spread_of_a_flat_input_has_a_finite_slope() -> None:
    tokens = torch.ones(1, 5, 3, requires_grad=True)
    masked_mean_and_spread(tokens, torch.ones(1, 5)).sum().backward()
    assert tokens.grad is not None
    assert tokens.grad.isfinite().all()
