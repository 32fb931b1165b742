"""What an embedding is to hold besides telling records apart: the measured features, and the RR interval in time."""

from __future__ import annotations

import torch
from torch import Tensor

# Of the logarithm of an RR interval in seconds over 0.8 s: 1 is what a third more or less makes.
_TYPICAL_RR_S, _RR_LOG_SCALE = 0.8, 0.3


def feature_error(predicted: Tensor, scores: Tensor, is_known: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean Huber error over a record's known features, and the share of their variance that is explained.

    The error is a mean over records.

    Parameters
    ----------
    predicted : Tensor, shape (batch, 150)
    scores : Tensor, shape (batch, 150)
        Robust z-scores.
    is_known : Tensor, shape (batch, 150)
        1 where known.
    """
    predicted = predicted.float()
    error = torch.nn.functional.smooth_l1_loss(predicted, scores, reduction="none")
    square = ((predicted - scores).square() * is_known).sum()
    explained = 1.0 - square / (scores.square() * is_known).sum().clamp(min=1e-6)
    each = (error * is_known).sum(1) / is_known.sum(1).clamp(min=1.0)
    return each.mean(), explained.detach()


def feature_targets(scores: Tensor, is_known: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets and their weights, shape (batch, 450): z-scores, their magnitudes, and what is unknown.

    What a linear model needs to see that both too short and too long are abnormal, and that a wave is not there.
    Unknown is a target of 1 against 0, for all features alike.
    """
    targets = torch.cat([scores, scores.abs(), 1.0 - is_known], dim=1)
    return targets, torch.cat([is_known, is_known, torch.ones_like(is_known)], dim=1)


def median_targets(scores: Tensor, has_median: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets and their weights, shape (batch, 128): a median beat's components and their magnitudes.

    Parameters
    ----------
    scores : Tensor, shape (batch, 64)
    has_median : Tensor, shape (batch,)
        1 where the record has a median beat.
    """
    targets = torch.cat([scores, scores.abs()], dim=1)
    return targets, has_median[:, None].expand_as(targets)


def rr_error(predicted: Tensor, rr_s: Tensor, token_mask: Tensor, stride: int) -> Tensor:
    """Return the mean Huber error of the logarithm of the RR interval over a record's tokens, mean over records.

    Tokens count that lie in an interval.

    Parameters
    ----------
    predicted : Tensor, shape (batch, n_tokens)
    rr_s : Tensor, shape (batch, n_samples)
        RR interval of each sample; NaN where unknown.
    token_mask : Tensor, shape (batch, n_tokens)
    stride : int
        Samples of a token; its first sample's interval is taken.
    """
    at_token = rr_s[:, ::stride][:, : predicted.shape[1]]
    predicted = predicted.float()[:, : at_token.shape[1]]
    is_known = torch.isfinite(at_token) & (token_mask[:, : at_token.shape[1]] > 0)
    target = (torch.where(is_known, at_token, _TYPICAL_RR_S) / _TYPICAL_RR_S).log() / _RR_LOG_SCALE
    error = torch.nn.functional.smooth_l1_loss(predicted, target, reduction="none")
    each = (error * is_known).sum(1) / is_known.sum(1).clamp(min=1)
    return each.mean()
