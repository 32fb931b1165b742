"""Spans of tokens that an objective hides."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from physioclr_core.errors import UserFacingError
from physioclr_core.models.encoder import Encoder


def hidden_spans(
    n_rows: int, n_tokens: int, start_share: float, span: int, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Draw which tokens are hidden: a share of all is drawn without replacement as starts of spans, which may overlap.

    With a share of 0.065 and spans of 10 about 49 % of long sequences are hidden (Baevski et al., NeurIPS 2020).

    Parameters
    ----------
    n_rows, n_tokens : int
    start_share : float
        Share of the tokens that start a span; a fraction of a start is drawn, and every row has one at least.
    span : int
        Tokens in a span; one that reaches beyond the end is cut.
    rng : Generator

    Returns
    -------
    ndarray of bool, shape (n_rows, n_tokens)
    """
    n_starts = np.maximum(np.floor(start_share * n_tokens + rng.random(n_rows)), 1.0)
    rank = np.argsort(np.argsort(rng.random((n_rows, n_tokens)), axis=1), axis=1)
    is_start = rank < n_starts[:, None]
    is_hidden = is_start.copy()
    for offset in range(1, min(span, n_tokens)):
        is_hidden[:, offset:] |= is_start[:, :-offset]
    return is_hidden


def start_share_of(hidden_share: float, span: int) -> float:
    """Return the share of starts for which spans of ``span`` tokens hide a share of a long sequence."""
    return -math.expm1(math.log1p(-hidden_share) / span)


def token_count(n_samples: int, encoder: Encoder) -> int:
    """Return how many tokens so many samples have at most; an encoder may leave the last, incomplete one out."""
    return math.ceil(n_samples / encoder.token_stride)


def on_tokens(values: Tensor, tokens: Tensor) -> Tensor:
    """Return values (batch, n_tokens, ...) without that of an incomplete last token that the encoder leaves out.

    Raises
    ------
    UserFacingError
        If the encoder's tokens do not lie on the grid of its stride.
    """
    if tokens.shape[1] not in (values.shape[1], values.shape[1] - 1):
        raise UserFacingError(
            f"This encoder gives {tokens.shape[1]} tokens where its stride gives {values.shape[1]}, "
            "so it cannot learn by hiding tokens; choose another encoder or objective."
        )
    return values[:, : tokens.shape[1]]


def spread(per_token: Tensor, n_steps: int, per_step: int) -> Tensor:
    """Return each token's value at its finer steps.

    Parameters
    ----------
    per_token : Tensor, shape (batch, n_tokens)
    n_steps : int
        At most ``n_tokens * per_step``; what is beyond is cut off.
    per_step : int
        Finer steps of a token.

    Returns
    -------
    Tensor, shape (batch, n_steps)
    """
    return per_token.repeat_interleave(per_step, dim=1)[:, :n_steps]


def pooled(local: Tensor, mask: Tensor, n_local: int) -> tuple[Tensor, Tensor]:
    """Return the masked mean of every ``n_local`` local features, and 1 where there is any.

    Parameters
    ----------
    local : Tensor, shape (batch, n_steps, n_features)
    mask : Tensor, shape (batch, n_steps)
    n_local : int

    Returns
    -------
    Tensor, shape (batch, n_tokens, n_features)
    Tensor, shape (batch, n_tokens)
    """
    lacking = -local.shape[1] % n_local
    n_rows, n_features = len(local), local.shape[2]
    weight = torch.nn.functional.pad(mask, (0, lacking)).reshape(n_rows, -1, n_local, 1)
    values = torch.nn.functional.pad(local, (0, 0, 0, lacking)).reshape(n_rows, -1, n_local, n_features)
    n_valid = weight.sum(2)
    return (values * weight).sum(2) / n_valid.clamp(min=1.0), (n_valid.squeeze(-1) > 0).to(mask.dtype)
