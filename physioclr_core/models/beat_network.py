"""A network that finds ventricular beats in any set of leads.

Light enough for a day of signal: each lead is encoded alone to 31 Hz by the same layers, the leads' mean and maximum go
through a trunk of dilated convolutions that sees several seconds, and the output is back at 125 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

TIME_MULTIPLE = 8
OUTPUT_STRIDE = 2


@dataclass(frozen=True, slots=True)
class BeatNetworkConfig:
    """Channels at 62.5 and 31.25 Hz, of the trunk, and the trunk's dilations."""

    channels: tuple[int, int]
    trunk_channels: int
    trunk_dilations: tuple[int, ...]
    dropout: float


def _conv(n_in: int, n_out: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    padding = (0, (dilation * (kernel - 1) + 1) // 2)
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, (1, kernel), (1, stride), padding, (1, dilation), bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )


class _TrunkBlock(nn.Module):
    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = _conv(channels, channels, 5, dilation=dilation)
        self.conv2 = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.relu(x + self.dropout(self.norm(self.conv2(self.conv1(x)))))
        return y


class BeatNetwork(nn.Module):
    """Logit of an R peak at each step of 8 ms."""

    def __init__(self, config: BeatNetworkConfig) -> None:
        super().__init__()
        self.config = config
        c1, c2 = config.channels
        trunk = config.trunk_channels
        self.encoder = nn.Sequential(_conv(1, c1, 15, 4), _conv(c1, c2, 5, 2), _conv(c2, c2, 5))
        self.join = _conv(2 * c2, trunk, 1)
        self.trunk = nn.Sequential(*(_TrunkBlock(trunk, d, config.dropout) for d in config.trunk_dilations))
        self.head = nn.Conv2d(trunk, 8 // OUTPUT_STRIDE, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (batch, time / 2) for ``x`` (batch, leads, time) at 250 Hz; time a multiple of 8."""
        n_batch, n_leads, n_time = x.shape
        e = self.encoder(x.reshape(n_batch * n_leads, 1, 1, n_time))
        lead = e.reshape(n_batch, n_leads, e.shape[1], 1, n_time // 8)
        y = self.head(self.trunk(self.join(torch.cat([lead.mean(1), lead.amax(1)], dim=1))))
        logits: Tensor = y[:, :, 0].transpose(1, 2).reshape(n_batch, n_time // OUTPUT_STRIDE)
        return logits
