"""Parts that the networks of the physiology engine share; signals are (batch, channels, 1, time)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_block(n_in: int, n_out: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """Return convolution, batch norm and rectifier; the length stays that of the input over the stride."""
    padding = (0, dilation * (kernel - 1) // 2)
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, (1, kernel), (1, stride), padding, (1, dilation), bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )


class DilatedBlock(nn.Module):
    """A dilated convolution and a pointwise one with a shortcut around both."""

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv1 = conv_block(channels, channels, 5, dilation=dilation)
        self.conv2 = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape (batch, channels, 1, time)."""
        y: Tensor = torch.relu(x + self.dropout(self.norm(self.conv2(self.conv1(x)))))
        return y
