"""The one interface of all encoders: local features, context, and their masked mean."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

# The slope of a root at 0 is not finite.
_LEAST_VARIANCE = 1e-6


class Encoder(nn.Module, ABC):
    """An ECG encoder in two stages, so that an objective can mask what lies between them.

    Attributes
    ----------
    n_leads : int
    local_features : int
        Channels of the local features.
    n_features : int
        Length of a token and of the embedding.
    local_stride : int
        Samples from one local feature to the next.
    token_stride : int
        Samples from one token to the next; a multiple of ``local_stride``.
    """

    n_leads: int
    local_features: int
    n_features: int
    local_stride: int
    token_stride: int

    @abstractmethod
    def local(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return local features and their mask.

        Parameters
        ----------
        x : Tensor, shape (batch, n_leads, n_samples)
            Network input; what it holds where ``mask`` is 0 does not matter as long as it is finite.
        mask : Tensor, shape (batch, n_samples)
            1 where the input is signal, 0 where it is padding.

        Returns
        -------
        Tensor, shape (batch, n_local, local_features)
        Tensor, shape (batch, n_local)
            1 where a local feature belongs to signal.
        """

    @abstractmethod
    def context(self, local: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (batch, n_tokens, n_features) and their mask (batch, n_tokens) from local features."""

    def tokens(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (batch, n_tokens, n_features) and their mask (batch, n_tokens)."""
        return self.context(*self.local(x, mask))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Return the embedding, the masked mean of the tokens, shape (batch, n_features)."""
        return masked_mean(*self.tokens(x, mask))


def masked_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of ``tokens`` (batch, n_tokens, n_features) where ``mask`` (batch, n_tokens) is 1."""
    weight = mask.unsqueeze(-1)
    return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1.0)


def masked_mean_and_spread(tokens: Tensor, mask: Tensor) -> Tensor:
    """Return mean and standard deviation of tokens side by side, shape (batch, 2 n_features).

    The statistics pooling of speaker recognition (Snyder et al., Interspeech 2017).

    Parameters
    ----------
    tokens : Tensor, shape (batch, n_tokens, n_features)
    mask : Tensor, shape (batch, n_tokens)
        Tokens count where it is 1.
    """
    mean = masked_mean(tokens, mask)
    variance = masked_mean((tokens - mean.unsqueeze(1)).square(), mask)
    return torch.cat([mean, (variance + _LEAST_VARIANCE).sqrt()], dim=1)
