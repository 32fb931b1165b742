"""A network that finds ventricular beats in any set of leads.

Light enough for a day of signal: each lead is encoded alone to 31 Hz by the same layers, the leads' mean and maximum go
through a trunk of dilated convolutions that sees several seconds, and the output is back at 125 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from physioclr_core.models.blocks import DilatedBlock, conv_block

TIME_MULTIPLE = 8
OUTPUT_STRIDE = 2


@dataclass(frozen=True, slots=True)
class BeatNetworkConfig:
    """Channels at 62.5 and 31.25 Hz, of the trunk, and the trunk's dilations."""

    channels: tuple[int, int]
    trunk_channels: int
    trunk_dilations: tuple[int, ...]
    dropout: float


class BeatNetwork(nn.Module):
    """Logit of an R peak at each step of 8 ms."""

    def __init__(self, config: BeatNetworkConfig) -> None:
        super().__init__()
        self.config = config
        c1, c2 = config.channels
        trunk = config.trunk_channels
        self.encoder = nn.Sequential(conv_block(1, c1, 15, 4), conv_block(c1, c2, 5, 2), conv_block(c2, c2, 5))
        self.join = conv_block(2 * c2, trunk, 1)
        self.trunk = nn.Sequential(*(DilatedBlock(trunk, d, config.dropout) for d in config.trunk_dilations))
        self.head = nn.Conv2d(trunk, 8 // OUTPUT_STRIDE, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, time / 2) for ``x`` (batch, leads, time) at 250 Hz; time a multiple of 8."""
        n_batch, n_leads, n_time = x.shape
        e = self.encoder(x.reshape(n_batch * n_leads, 1, 1, n_time))
        lead = e.reshape(n_batch, n_leads, e.shape[1], 1, n_time // 8)
        y = self.head(self.trunk(self.join(torch.cat([lead.mean(1), lead.amax(1)], dim=1))))
        logits: Tensor = y[:, :, 0].transpose(1, 2).reshape(n_batch, n_time // OUTPUT_STRIDE)
        return logits
