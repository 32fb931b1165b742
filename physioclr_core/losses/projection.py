"""The projection between an encoder and a contrastive loss, which is thrown away after training."""

from __future__ import annotations

from torch import nn


class Projection(nn.Sequential):
    """Linear, layer norm, rectifier, linear.

    The form is that of SimCLR's projection (Chen et al., ICML 2020), which has batch norm where this has layer norm:
    a record's projection must not depend on which others are in its batch, nor on how the batch is shared by
    processes.
    """

    def __init__(self, n_features: int, n_hidden: int, n_out: int) -> None:
        super().__init__(nn.Linear(n_features, n_hidden), nn.LayerNorm(n_hidden), nn.ReLU(), nn.Linear(n_hidden, n_out))
