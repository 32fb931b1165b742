"""Strided convolutions and a transformer: wav2vec 2.0 (Baevski et al., 2020) in the shape of ECG-FM."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from physioclr_core.models.attention import TransformerLayer, attention_bias, whole_steps
from physioclr_core.models.config import TransformerEncoderConfig
from physioclr_core.models.dropout import Dropout
from physioclr_core.models.encoder import Encoder


class TransformerEncoder(Encoder):
    """Convolutions of kernel 2 and stride 2 are local, a post-norm transformer is context.

    A local feature exists where all of its samples are signal; samples that do not fill a last one are left out.
    Padding after the signal, or whole steps of it before, changes an embedding by rounding only.
    """

    def __init__(self, config: TransformerEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.n_leads = config.n_leads
        self.local_features, self.n_features = config.conv_channels, config.width
        self.local_stride = self.token_stride = 2**config.conv_layers
        widths = [config.n_leads] + [config.conv_channels] * config.conv_layers
        self.convolutions = nn.ModuleList(PairConvolution(a, b) for a, b in zip(widths, widths[1:], strict=False))
        self.time_norm = TimeNorm(config.conv_channels)
        self.local_norm = nn.LayerNorm(config.conv_channels)
        self.projection = nn.Linear(config.conv_channels, config.width)
        self.position = PositionConvolution(config.width, config.position_kernel, config.position_groups)
        self.norm = nn.LayerNorm(config.width)
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(
            TransformerLayer(
                config.width,
                config.n_heads,
                config.ffn,
                config.dropout,
                attention_dropout=config.attention_dropout,
                activation_dropout=config.activation_dropout,
                is_norm_first=False,
            )
            for _ in range(config.n_layers)
        )

    def local(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return normalised features of the convolutions (batch, n_local, local_features) and their mask."""
        y = (x * mask.unsqueeze(1)).transpose(1, 2)
        for index, convolution in enumerate(self.convolutions):
            y, mask = convolution(y), whole_steps(mask, 2)
            if index == 0:
                y = self.time_norm(y, mask)
            y = functional.gelu(y)
        y = self.local_norm(y)
        if self.training and self.config.local_gradient < 1.0:
            y = y * self.config.local_gradient + y.detach() * (1.0 - self.config.local_gradient)
        return y, mask

    def context(self, local: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens of the last layer (batch, n_tokens, n_features) and their mask."""
        y = self.dropout(self.projection(local)) * mask.unsqueeze(-1)
        y = self.dropout(self.norm(y + self.position(y)))
        bias = attention_bias(mask)
        for layer in self.layers:
            y = layer(y, bias)
        return y, mask


class PairConvolution(nn.Module):
    """A convolution of kernel 2 and stride 2 without bias, computed as one matrix product."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2 * n_in, n_out, bias=False)
        nn.init.kaiming_normal_(self.linear.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, n // 2, n_out) from (batch, n, n_in)."""
        n_batch, n_steps, n_in = x.shape[0], x.shape[1] // 2, x.shape[2]
        y: Tensor = self.linear(x[:, : 2 * n_steps].reshape(n_batch, n_steps, 2 * n_in))
        return y


class TimeNorm(nn.Module):
    """Mean 0 and variance 1 of each channel over a record's signal: group norm with a group a channel."""

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return ``x`` (batch, n, channels) normalised by its statistics where ``mask`` (batch, n) is 1."""
        # Means as products with the mask: no copy of the largest feature map of the network.
        weight = (mask / mask.sum(1, keepdim=True).clamp(min=1.0)).unsqueeze(1).to(x.dtype)
        centred = x - weight @ x
        scale = torch.rsqrt(weight @ centred.square() + self.eps) * self.weight
        return centred * scale + self.bias


class PositionConvolution(nn.Module):
    """A grouped convolution with a long kernel in place of position embeddings, weight-normed along its kernel.

    The input is padded by half a kernel on both sides, which would give one step more than there are tokens where the
    kernel is even; that step is left out.
    """

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.kernel, self.groups = kernel, groups
        self.direction = nn.Parameter(torch.randn(width, width // groups, kernel) * math.sqrt(4.0 / (kernel * width)))
        self.gain = nn.Parameter(self.direction.detach().norm(dim=(0, 1)))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the position term of tokens (batch, n_tokens, width), which must be zero where there is no signal."""
        weight = self.direction * (self.gain * torch.rsqrt(self.direction.square().sum((0, 1))))
        # A processor takes more than twice as long for the convolution itself; other devices have kernels for it.
        if x.device.type == "cpu" and not torch.compiler.is_exporting():
            return functional.gelu((grouped_correlation(x, weight, self.groups) + self.bias).to(x.dtype))
        y = functional.conv1d(x.transpose(1, 2), weight, self.bias, padding=self.kernel // 2, groups=self.groups)
        return functional.gelu(y[..., : x.shape[1]]).transpose(1, 2)


def grouped_correlation(x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """Return what ``conv1d`` with padding of half a kernel does, its first n_tokens steps, by Fourier transforms.

    Parameters
    ----------
    x : Tensor, shape (batch, n_tokens, width)
    weight : Tensor, shape (width, width / groups, kernel)
    groups : int

    Returns
    -------
    Tensor, shape (batch, n_tokens, width)
        In single precision.
    """
    n_batch, n_tokens, width = x.shape
    n_group, half = width // groups, weight.shape[-1] // 2
    # Half a kernel of zeros is all that must lie between the two ends of a circle.
    n = _transform_length(n_tokens + half)
    with torch.autocast(x.device.type, enabled=False):
        signal = torch.fft.rfft(x.float(), n=n, dim=1).view(n_batch, -1, groups, n_group).permute(1, 2, 0, 3)
        # What of a kernel is cut off beyond the circle would only meet zeros.
        kernel = torch.fft.rfft(weight.float(), n=n).conj().view(groups, n_group, n_group, -1).permute(3, 0, 2, 1)
        y = (signal @ kernel).permute(2, 0, 1, 3).reshape(n_batch, -1, width)
        correlation: Tensor = torch.fft.irfft(y, n=n, dim=1).roll(half, dims=1)[:, :n_tokens]
        return correlation


def _transform_length(at_least: int) -> int:
    """Return the next even length whose only factors are 2, 3 and 5."""
    n = at_least + at_least % 2
    while True:
        rest = n
        for factor in (2, 3, 5):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return n
        n += 2
