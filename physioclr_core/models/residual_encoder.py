"""The residual CNN as an encoder: the stem and the first stage are local, the other stages are context."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physioclr_core.models.config import ResidualEncoderConfig
from physioclr_core.models.encoder import Encoder
from physioclr_core.models.residual_blocks import ResidualBlock, convolution, stride_mask


class ResidualEncoder(Encoder):
    """Residual blocks with channel gates (see ``residual_blocks``), carried as (batch, channels, 1, time)."""

    def __init__(self, config: ResidualEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.n_leads = config.n_leads
        self.stem = convolution(config.n_leads, config.stem_channels, config.stem_kernel, config.stem_stride)
        self.stem_norm = nn.BatchNorm2d(config.stem_channels)
        stages: list[list[nn.Module]] = []
        n_in = config.stem_channels
        for channels, n_blocks, stride in config.stages:
            blocks: list[nn.Module] = []
            for index in range(n_blocks):
                step = stride if index == 0 else 1
                blocks.append(ResidualBlock(n_in, channels, step, config.kernel, config.squeeze))
                n_in = channels
            stages.append(blocks)
        self.local_blocks = nn.ModuleList(stages[0])
        self.context_blocks = nn.ModuleList([block for stage in stages[1:] for block in stage])
        self.local_features, self.n_features = config.stages[0][0], config.head_channels or n_in
        self.expand: nn.Module | None = None
        if config.head_channels:
            self.expand = nn.Sequential(
                nn.Conv2d(n_in, config.head_channels, 1, bias=False), nn.BatchNorm2d(config.head_channels), nn.ReLU()
            )
        self.local_stride = config.stem_stride * config.stages[0][2]
        self.token_stride = self.local_stride
        for _, _, stride in config.stages[1:]:
            self.token_stride *= stride
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def local(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return features after the first stage, shape (batch, n_local, local_features), and their mask."""
        at = mask[:, None, None, :]
        y = self.stem((x.unsqueeze(2) * at).contiguous(memory_format=torch.channels_last))
        if self.config.stem_stride > 1:
            at = stride_mask(at, self.config.stem_stride)
        y = torch.relu(self.stem_norm(y)) * at
        return _steps(*_through(self.local_blocks, y, at))

    def context(self, local: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last feature map as tokens (batch, n_tokens, n_features) and their mask."""
        y = local.transpose(1, 2).unsqueeze(2)
        y, at = _through(self.context_blocks, y, mask[:, None, None, :])
        if self.expand is not None:
            y = self.expand(y) * at
        return _steps(y, at)


def _through(blocks: nn.ModuleList, y: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    for block in blocks:
        y, mask = block(y, mask)
    return y, mask


def _steps(y: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return (batch, channels, 1, time) as (batch, time, channels) without a copy of channels-last memory."""
    return y.squeeze(2).transpose(1, 2), mask[:, 0, 0]
