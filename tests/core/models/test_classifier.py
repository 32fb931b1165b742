"""Heads over an encoder's tokens."""

from __future__ import annotations

import torch
from toy_objective import ToyEncoder

from physioclr_core.models.classifier import AttentionPool, Classifier


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
    for head in ("linear", "attention"):
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
