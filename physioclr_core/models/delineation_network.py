"""A network that marks P, QRS and T in every lead, for any set of leads.

Each lead is encoded alone by the same layers, so neither the number nor the order of the leads matters. At 31 Hz the
leads' mean and maximum go through a joint trunk that sees seconds of rhythm, and what it finds goes back to every lead:
a wave that is small in one lead is known from the others, its boundaries are still the lead's own.

Signals are carried as (batch, channels, 1, time) in channels-last order: on a CPU the 2-D kernels for it are faster
than the 1-D ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from physioclr_core.models.blocks import DilatedBlock, conv_block

N_OUTPUTS = 6  # inside P, QRS, T; at the peak of P, QRS, T
TIME_MULTIPLE = 16


@dataclass(frozen=True, slots=True)
class DelineationNetworkConfig:
    """Shape of the network; channels at 125, 62.5 and 31.25 Hz and of the joint trunk."""

    channels: tuple[int, int, int]
    trunk_channels: int
    trunk_dilations: tuple[int, ...]
    kernel: int
    dropout: float


class DelineationNetwork(nn.Module):
    """Logits of being inside a wave and at its peak, for each lead and sample at 250 Hz."""

    def __init__(self, config: DelineationNetworkConfig) -> None:
        super().__init__()
        self.config = config
        c1, c2, c3 = config.channels
        trunk, kernel = config.trunk_channels, config.kernel
        self.stem = conv_block(1, c1, 9, 2)
        self.encode1 = conv_block(c1, c1, kernel)
        self.down2 = conv_block(c1, c2, kernel, 2)
        self.encode2 = conv_block(c2, c2, kernel)
        self.down3 = conv_block(c2, c3, 5, 2)
        self.encode3 = conv_block(c3, c3, 5)
        self.join = conv_block(2 * c3, trunk, 1)
        self.trunk = nn.Sequential(*(DilatedBlock(trunk, d, config.dropout) for d in config.trunk_dilations))
        self.from_trunk = nn.Conv2d(trunk, c3, 1, bias=False)
        self.from_lead = nn.Conv2d(c3, c3, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(c3)
        self.up2 = nn.Conv2d(c3, c2, 1)
        self.decode2 = conv_block(c2, c2, kernel)
        self.up1 = nn.Conv2d(c2, c1, 1)
        self.decode1 = conv_block(c1, c1, kernel)
        self.head = nn.Conv2d(c1, 2 * N_OUTPUTS, 1)
        self.dropout = nn.Dropout2d(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, leads, 6, time) for ``x`` (batch, leads, time) at 250 Hz; time a multiple of 16."""
        n_batch, n_leads, n_time = x.shape
        x = x.reshape(n_batch * n_leads, 1, 1, n_time)
        e1 = self.encode1(self.stem(x))
        e2 = self.encode2(self.down2(e1))
        e3 = self.encode3(self.down3(e2))
        lead = e3.reshape(n_batch, n_leads, e3.shape[1], 1, e3.shape[-1])
        joint = self.trunk(self.join(torch.cat([lead.mean(1), lead.amax(1)], dim=1)))
        shared = self.from_trunk(joint)[:, None]
        own = self.from_lead(e3).reshape(n_batch, n_leads, *shared.shape[2:])
        d3 = torch.relu(self.norm3((own + shared).reshape(n_batch * n_leads, *shared.shape[2:])))
        d3 = self.dropout(d3)
        d2 = self.decode2(torch.relu(_twice(self.up2(d3)) + e2))
        d1 = self.decode1(torch.relu(_twice(self.up1(d2)) + e1))
        y = self.head(d1)  # (batch * leads, 12, 1, time / 2): the two halves of each step
        y = y.reshape(n_batch, n_leads, N_OUTPUTS, 2, n_time // 2)
        logits: Tensor = y.transpose(-1, -2).reshape(n_batch, n_leads, N_OUTPUTS, n_time)
        return logits


def _twice(x: Tensor) -> Tensor:
    """Repeat each time step."""
    return nn.functional.interpolate(x, scale_factor=(1.0, 2.0), mode="nearest")
