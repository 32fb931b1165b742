"""The projection between an encoder and a contrastive loss, which is thrown away after training."""

from __future__ import annotations

from torch import nn


class Projection(nn.Sequential):
    """Linear, batch-independent norm, rectifier, linear (Chen et al., ICML 2020)."""

    def __init__(self, n_features: int, n_hidden: int, n_out: int) -> None:
        super().__init__(nn.Linear(n_features, n_hidden), nn.LayerNorm(n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_out))
