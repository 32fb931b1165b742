"""A vision transformer along time (Dosovitskiy et al., arXiv 2010.11929): a patch is a short time of all leads."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from physioclr_core.models.attention import TransformerLayer, attention_bias, whole_steps
from physioclr_core.models.config import VitEncoderConfig
from physioclr_core.models.dropout import Dropout
from physioclr_core.models.encoder import Encoder


class VitEncoder(Encoder):
    """The projection of the patches is local, pre-norm transformer layers are context.

    A token exists where all samples of its patch are signal; samples that do not fill a last patch are left out.
    Padding after the signal changes an embedding by rounding only.
    """

    def __init__(self, config: VitEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.n_leads = config.n_leads
        self.local_features = self.n_features = config.width
        self.local_stride = self.token_stride = config.patch
        self.project = nn.Linear(config.n_leads * config.patch, config.width)
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        self.dropout = Dropout(config.dropout)
        self.layers = nn.ModuleList(
            TransformerLayer(
                config.width,
                config.n_heads,
                config.ffn,
                config.dropout,
                attention_dropout=config.attention_dropout,
                is_norm_first=True,
            )
            for _ in range(config.n_layers)
        )
        self.norm = nn.LayerNorm(config.width)

    def local(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the projected patches (batch, n_patches, width) and their mask."""
        n_patches = x.shape[-1] // self.config.patch
        x = (x * mask.unsqueeze(1))[..., : n_patches * self.config.patch]
        patches = x.reshape(x.shape[0], self.n_leads, n_patches, self.config.patch).transpose(1, 2).flatten(2)
        return self.project(patches), whole_steps(mask, self.config.patch)

    def context(self, local: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the normed tokens of the last layer (batch, n_tokens, width) and their mask."""
        position = sinusoids(local.shape[1], self.config.width, local.device)
        y = self.dropout(local + position.to(local.dtype))
        bias = attention_bias(mask)
        for layer in self.layers:
            y = layer(y, bias)
        return self.norm(y), mask


def sinusoids(n_positions: int, width: int, device: torch.device | None = None) -> Tensor:
    """Return sines and cosines of positions, which exist for any length (Vaswani et al., arXiv 1706.03762, 3.5).

    Returns
    -------
    Tensor, shape (n_positions, width)
        All sines, then all cosines, of wavelengths 2 pi to 20,000 pi positions.
    """
    rate = torch.exp(torch.arange(width // 2, device=device) * (-2.0 * math.log(10_000.0) / width))
    phase = torch.arange(n_positions, device=device)[:, None] * rate
    return torch.cat([phase.sin(), phase.cos()], dim=1)
