"""Diagonal state space layers in both directions: S4D-Lin of Gu et al. (arXiv 2206.11893)."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

from physioclr_core.models.attention import whole_steps
from physioclr_core.models.config import S4dEncoderConfig
from physioclr_core.models.dropout import Dropout
from physioclr_core.models.encoder import Encoder


class S4dEncoder(Encoder):
    """The projection of short patches is local, the state space layers are context.

    A step exists where all samples of its patch are signal. What enters a state space is zero elsewhere, so padding
    before or after the signal changes an embedding by rounding only.
    """

    def __init__(self, config: S4dEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.n_leads = config.n_leads
        self.local_features = self.n_features = config.width
        self.local_stride = self.token_stride = config.patch
        self.project = nn.Linear(config.n_leads * config.patch, config.width)
        self.layers = nn.ModuleList(S4dLayer(config) for _ in range(config.n_layers))
        self.norm = nn.LayerNorm(config.width)

    def local(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the projected patches (batch, n_steps, width) and their mask."""
        n_steps = x.shape[-1] // self.config.patch
        x = (x * mask.unsqueeze(1))[..., : n_steps * self.config.patch]
        patches = x.reshape(x.shape[0], self.n_leads, n_steps, self.config.patch).transpose(1, 2).flatten(2)
        return self.project(patches), whole_steps(mask, self.config.patch)

    def context(self, local: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the normed tokens of the last layer (batch, n_tokens, width) and their mask."""
        y = local
        for layer in self.layers:
            y = layer(y, mask)
        return self.norm(y), mask


class S4dLayer(nn.Module):
    """Layer norm, state space along time, gated mixing of channels, and a shortcut."""

    def __init__(self, config: S4dEncoderConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.forwards = S4dKernel(config.width, config.n_states, config.min_step, config.max_step)
        self.backwards = S4dKernel(config.width, config.n_states, config.min_step, config.max_step)
        self.skip = nn.Parameter(torch.randn(config.width))
        self.dropout = Dropout(config.dropout)
        self.mix = nn.Linear(config.width, 2 * config.width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return steps of the same shape (batch, n_steps, width)."""
        u = (self.norm(x) * mask.unsqueeze(-1)).transpose(1, 2)
        y = two_sided_convolution(u, self.forwards(u.shape[-1]), self.backwards(u.shape[-1]))
        y = functional.gelu(y.to(u.dtype) + self.skip[:, None] * u).transpose(1, 2)
        mixed: Tensor = self.dropout(functional.glu(self.mix(self.dropout(y)), dim=-1))
        return x + mixed


class S4dKernel(nn.Module):
    """Impulse responses of one diagonal state space a channel.

    With A_n = -1/2 + i pi n at the start, B = 1 and the zero-order hold, K[l] = 2 Re sum_n C_n (exp(dt A_n) - 1) / A_n
    exp(dt A_n l). Computed with real numbers in single precision, which every exporter knows.
    """

    def __init__(self, width: int, n_states: int, min_step: float, max_step: float) -> None:
        super().__init__()
        log_min, log_max = math.log(min_step), math.log(max_step)
        self.log_step = nn.Parameter(log_min + torch.rand(width) * (log_max - log_min))
        self.log_decay = nn.Parameter(torch.full((width, n_states), math.log(0.5)))
        self.frequency = nn.Parameter(math.pi * torch.arange(n_states).expand(width, n_states).clone())
        # Complex with unit variance, as two real numbers.
        self.output = nn.Parameter(torch.randn(width, n_states, 2) * 2.0**-0.5)

    def forward(self, n_steps: int) -> Tensor:
        """Return impulse responses in single precision, shape (width, n_steps)."""
        with _single_precision(self.log_step.device):
            step = self.log_step.float().exp()[:, None]
            decay, frequency = -self.log_decay.float().exp(), self.frequency.float()
            real, imaginary = decay * step, frequency * step
            held_real = real.exp() * imaginary.cos() - 1.0
            held_imaginary = real.exp() * imaginary.sin()
            norm = decay.square() + frequency.square()
            gain_real = (held_real * decay + held_imaginary * frequency) / norm
            gain_imaginary = (held_imaginary * decay - held_real * frequency) / norm
            c_real, c_imaginary = self.output.float().unbind(-1)
            weight_real = c_real * gain_real - c_imaginary * gain_imaginary
            weight_imaginary = c_real * gain_imaginary + c_imaginary * gain_real
            at = torch.arange(n_steps, device=step.device, dtype=torch.float32)
            size = torch.exp(real[..., None] * at)
            phase = imaginary[..., None] * at
            wave = weight_real[..., None] * phase.cos() - weight_imaginary[..., None] * phase.sin()
            response: Tensor = 2.0 * (size * wave).sum(1)
            return response


def two_sided_convolution(u: Tensor, forwards: Tensor, backwards: Tensor) -> Tensor:
    """Return y[t] = sum_k forwards[k] u[t - k] + backwards[k] u[t + 1 + k] in single precision.

    By the fast Fourier transform, of which twice the length keeps the ends apart; in an exported network as the
    convolution itself, since runtimes have no transform of theirs.

    Parameters
    ----------
    u : Tensor, shape (batch, width, n_steps)
    forwards, backwards : Tensor, shape (width, n_steps)
    """
    n_steps = u.shape[-1]
    if torch.compiler.is_exporting():
        return direct_convolution(u, forwards, backwards)
    with _single_precision(u.device):
        kernel = functional.pad(forwards, (0, n_steps)) + functional.pad(backwards.flip(-1), (n_steps, 0))
        spectrum = torch.fft.rfft(u.float(), n=2 * n_steps) * torch.fft.rfft(kernel, n=2 * n_steps)
        y: Tensor = torch.fft.irfft(spectrum, n=2 * n_steps)[..., :n_steps]
        return y


def direct_convolution(u: Tensor, forwards: Tensor, backwards: Tensor) -> Tensor:
    """Return what ``two_sided_convolution`` returns, by one grouped convolution."""
    n_steps = u.shape[-1]
    # Torch's convolution correlates: first the response to the past, oldest first, then that to the future.
    kernel = torch.cat([forwards.flip(-1), backwards[:, : n_steps - 1]], dim=-1)
    return functional.conv1d(u.float(), kernel[:, None], padding=n_steps - 1, groups=u.shape[1])


def _single_precision(device: torch.device) -> AbstractContextManager[None]:
    """Return a context without autocast, which the meta device does not know at all."""
    return nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)
