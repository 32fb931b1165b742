"""An encoder with a head for labels: linear on what is pooled of the tokens, or attention over them."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from physioclr_core.models.encoder import Encoder, masked_mean, masked_mean_and_spread

HeadKind = Literal["linear", "linear-spread", "attention"]


class AttentionPool(nn.Module):
    """Learned queries that look at the tokens, one a head; the results side by side.

    The pooling of attentive probes (Bardes et al., arXiv 2404.08471) without its feed-forward layer.
    """

    def __init__(self, n_features: int, n_queries: int) -> None:
        super().__init__()
        self.n_queries = n_queries
        self.norm = nn.LayerNorm(n_features)
        self.query = nn.Linear(n_features, n_queries)
        self.value = nn.Linear(n_features, n_features)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Return one vector of a segment, shape (batch, n_features).

        Parameters
        ----------
        tokens : Tensor, shape (batch, n_tokens, n_features)
            ``n_features`` is a multiple of the number of queries.
        mask : Tensor, shape (batch, n_tokens)
            At least one token is 1.
        """
        normed = self.norm(tokens)
        score = self.query(normed).masked_fill(mask.unsqueeze(-1) == 0, -torch.inf)
        weight = score.softmax(dim=1)
        value = self.value(normed).unflatten(-1, (self.n_queries, -1))
        return torch.einsum("btq,btqf->bqf", weight, value).flatten(1)


class Classifier(nn.Module):
    """Logits of labels from an encoder's tokens.

    Parameters
    ----------
    encoder : Encoder
    n_labels : int
    head : {"linear", "linear-spread", "attention"}
        Linear: on the masked mean, so the logits of a long input are the mean of those along it. Linear-spread: also on
        the tokens' standard deviation, which says how unlike the beats of a record are. Attention: on what learned
        queries gather from the tokens.
    dropout : float
        On what the last linear layer takes.
    n_queries : int
        Of the attention head.
    """

    def __init__(
        self, encoder: Encoder, n_labels: int, head: HeadKind = "linear", dropout: float = 0.0, n_queries: int = 8
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pool: AttentionPool | None = AttentionPool(encoder.n_features, n_queries) if head == "attention" else None
        self.sees_spread = head == "linear-spread"
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.n_features * (2 if self.sees_spread else 1), n_labels)

    @property
    def n_features(self) -> int:
        """Length of the embedding."""
        return self.encoder.n_features

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (batch, n_labels) and embedding (batch, n_features): the masked mean of the tokens.

        Parameters
        ----------
        x : Tensor, shape (batch, n_leads, n_samples)
            Network input.
        mask : Tensor, shape (batch, n_samples)
            1 where the input is signal.
        """
        tokens, token_mask = self.encoder.tokens(x, mask)
        embedding = masked_mean(tokens, token_mask)
        pooled = embedding
        if self.pool is not None:
            pooled = self.pool(tokens, token_mask)
        elif self.sees_spread:
            pooled = masked_mean_and_spread(tokens, token_mask)
        logits: Tensor = self.head(self.dropout(pooled))
        return logits, embedding

    @torch.no_grad()
    def start_from_base_rates_(self, rate: Tensor) -> None:
        """Set the bias so that untrained logits say each label's base rate, shape (n_labels,), and not one half."""
        self.head.bias.copy_(torch.logit(rate.clamp(1e-4, 1.0 - 1e-4)))
