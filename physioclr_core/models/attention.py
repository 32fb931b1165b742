"""Transformer layers whose attention passes over tokens that are padding."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from physioclr_core.models.dropout import Dropout, dropout

# Finite even in half precision, so that a row without any signal gets equal weights and no NaN; far below real scores.
_MASKED_SCORE = -3e4


def attention_bias(mask: Tensor) -> Tensor:
    """Return what is added to attention scores, shape (batch, 1, 1, n_tokens), from a mask (batch, n_tokens)."""
    return ((1.0 - mask) * _MASKED_SCORE)[:, None, None, :]


def whole_steps(mask: Tensor, stride: int) -> Tensor:
    """Return the mask at 1/stride of the resolution: 1 where a step lies in signal from its first sample to its last.

    Parameters
    ----------
    mask : Tensor, shape (batch, n)
    stride : int

    Returns
    -------
    Tensor, shape (batch, n // stride)
    """
    n_steps = mask.shape[1] // stride
    return mask[:, : n_steps * stride].reshape(mask.shape[0], n_steps, stride).amin(-1)


class SelfAttention(nn.Module):
    """Multi-head self-attention (Vaswani et al., 2017)."""

    def __init__(self, width: int, n_heads: int, dropout: float) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.dropout = dropout
        # One product for the three projections.
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        with torch.no_grad():
            for part in self.qkv.weight.view(3, width, width):
                nn.init.xavier_uniform_(part, gain=2.0**-0.5)
            nn.init.xavier_uniform_(self.out.weight)
            nn.init.zeros_(self.qkv.bias)
            nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Return attended tokens (batch, n_tokens, width); ``bias`` is that of ``attention_bias``."""
        n_batch, n_tokens, width = x.shape
        heads = self.qkv(x).view(n_batch, n_tokens, 3, self.n_heads, width // self.n_heads)
        query, key, value = (part.transpose(1, 2) for part in heads.unbind(2))
        bias = bias.to(heads.dtype)
        p = self.dropout if self.training else 0.0
        if p > 0.0 and x.device.type == "cpu":
            # The fused attention of processors has no dropout.
            scores = (query * (width // self.n_heads) ** -0.5) @ key.transpose(-1, -2) + bias
            y = dropout(scores.softmax(-1), p).to(value.dtype) @ value
        else:
            attended_to = bias.expand(n_batch, 1, n_tokens, n_tokens)
            y = functional.scaled_dot_product_attention(query, key, value, attn_mask=attended_to, dropout_p=p)
        attended: Tensor = self.out(y.transpose(1, 2).reshape(n_batch, n_tokens, width))
        return attended


class TransformerLayer(nn.Module):
    """Self-attention and a feed-forward part, each with a shortcut and layer norm.

    Parameters
    ----------
    width, n_heads, ffn : int
    dropout, attention_dropout, activation_dropout : float
    is_norm_first : bool
        Whether the norms stand before the two parts (as in ViT) or after the shortcuts (as in wav2vec 2.0).
    """

    def __init__(
        self,
        width: int,
        n_heads: int,
        ffn: int,
        dropout: float,
        *,
        attention_dropout: float = 0.0,
        activation_dropout: float = 0.0,
        is_norm_first: bool,
    ) -> None:
        super().__init__()
        self.is_norm_first = is_norm_first
        self.attention = SelfAttention(width, n_heads, attention_dropout)
        self.attention_norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, ffn)
        self.narrow = nn.Linear(ffn, width)
        self.ffn_norm = nn.LayerNorm(width)
        self.dropout = Dropout(dropout)
        self.activation_dropout = Dropout(activation_dropout)
        for linear in (self.widen, self.narrow):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """Return tokens of the same shape (batch, n_tokens, width)."""
        if self.is_norm_first:
            x = x + self.dropout(self.attention(self.attention_norm(x), bias))
            x = x + self.dropout(self._feed_forward(self.ffn_norm(x)))
        else:
            x = self.attention_norm(x + self.dropout(self.attention(x, bias)))
            x = self.ffn_norm(x + self.dropout(self._feed_forward(x)))
        return x

    def _feed_forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.narrow(self.activation_dropout(functional.gelu(self.widen(x))))
        return y
