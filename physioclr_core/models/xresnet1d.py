"""The xresnet1d of Strodthoff et al. (arXiv 2004.13701), fastai's XResNet along time.

Three convolutions and max pooling make the stem; blocks narrow, convolve with the stride and widen, their shortcut
averages over the stride, with a 1x1 convolution only where the channels change, and each block's last norm starts at
zero (He et al., arXiv 1812.01187). Signals are carried as (batch, channels, 1, time) in channels-last order (see
``residual_blocks``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physioclr_core.models.config import XResNetEncoderConfig
from physioclr_core.models.encoder import Encoder
from physioclr_core.models.residual_blocks import convolution, stride_mask


class XResNetEncoder(Encoder):
    """The stem is local, the stages are context.

    Padding after the signal changes an embedding by rounding only: features are zero where there is no signal, as they
    are beyond the ends of the input.
    """

    def __init__(self, config: XResNetEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.n_leads = config.n_leads
        widths = (config.n_leads, *config.stem_channels)
        self.stem = nn.ModuleList(
            ConvNorm(n_in, n_out, config.stem_kernel, 2 if index == 0 else 1)
            for index, (n_in, n_out) in enumerate(zip(widths[:-1], widths[1:], strict=True))
        )
        self.pool = nn.MaxPool2d((1, 3), (1, 2), (0, 1))
        blocks: list[nn.Module] = []
        n_in, n_out = widths[-1], config.channels * config.expansion
        for stage, n_blocks in enumerate(config.blocks):
            for index in range(n_blocks):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(Bottleneck(n_in, config.channels, n_out, config.kernel, stride))
                n_in = n_out
        self.blocks = nn.ModuleList(blocks)
        self.local_features, self.n_features = widths[-1], n_out
        self.local_stride = 4
        self.token_stride = 4 * 2 ** (len(config.blocks) - 1)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def local(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the stem's features (batch, n_local, local_features) and their mask."""
        at = mask[:, None, None, :]
        y = (x.unsqueeze(2) * at).contiguous(memory_format=torch.channels_last)
        for layer in self.stem:
            assert isinstance(layer, ConvNorm)
            at = stride_mask(at, layer.stride)
            y = torch.relu(layer(y)) * at
        # Zero is the least that a rectifier returns: the pooling's own padding and ours are the same.
        at = stride_mask(at, 2)
        y = self.pool(y) * at
        return y.squeeze(2).transpose(1, 2), at[:, 0, 0]

    def context(self, local: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last feature map as tokens (batch, n_tokens, n_features) and their mask."""
        y, at = local.transpose(1, 2).unsqueeze(2) * mask[:, None, None, :], mask[:, None, None, :]
        for block in self.blocks:
            y, at = block(y, at)
        return y.squeeze(2).transpose(1, 2), at[:, 0, 0]


class ConvNorm(nn.Module):
    """Convolution and batch norm; the length stays that of the input over the stride."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.conv = convolution(n_in, n_out, kernel, stride)
        self.norm = nn.BatchNorm2d(n_out)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Return features (batch, n_out, 1, time / stride)."""
        y: Tensor = self.norm(self.conv(x))
        return y


class Bottleneck(nn.Module):
    """Narrow, convolve with the stride, widen, and add the shortcut."""

    def __init__(self, n_in: int, n_inside: int, n_out: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.narrow = ConvNorm(n_in, n_inside, 1)
        self.convolve = ConvNorm(n_inside, n_inside, kernel, stride)
        self.widen = ConvNorm(n_inside, n_out, 1)
        nn.init.zeros_(self.widen.norm.weight)
        self.pool = nn.AvgPool2d((1, stride), ceil_mode=True) if stride > 1 else nn.Identity()
        self.join = ConvNorm(n_in, n_out, 1) if n_in != n_out else nn.Identity()

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the block's output and the mask at its resolution."""
        # The mean over signal only: the step in which a record ends is the same padded or not.
        shortcut = self.join(self.pool(x) / self.pool(mask).clamp(min=1.0 / self.stride))
        y = torch.relu(self.narrow(x)) * mask
        y = self.widen(torch.relu(self.convolve(y)))
        mask = stride_mask(mask, self.stride)
        return torch.relu(y + shortcut) * mask, mask
