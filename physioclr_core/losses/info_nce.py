"""InfoNCE with masks for what is a positive, what is a negative and what is neither."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class InfoNceResult:
    """Loss and what it was made of.

    Attributes
    ----------
    loss : Tensor, scalar
        Mean over the anchors that have a positive and a negative; zero where there is none.
    accuracy : Tensor, scalar
        Share of these anchors whose nearest candidate is a positive.
    n_skipped : Tensor, scalar
        Anchors without a positive or without a negative.
    """

    loss: Tensor
    accuracy: Tensor
    n_skipped: Tensor


def info_nce(
    anchors: Tensor,
    candidates: Tensor,
    is_positive: Tensor,
    is_negative: Tensor,
    temperature: float,
    positives_in_denominator: bool = False,
) -> InfoNceResult:
    """Return the loss of telling each anchor's positives from its negatives.

    For a positive p of anchor a: -log(exp(s_ap / t) / (exp(s_ap / t) + sum over negatives n of exp(s_an / t))) with the
    cosine similarity s, averaged over the anchor's positives and then over anchors. With one positive and all others
    as negatives it is NT-Xent (Chen et al., ICML 2020). Candidates that are neither do not count: a record is not its
    own positive, and a pair that is not known to differ is no negative.

    An anchor with several positives leaves the others out of each one's denominator, so that positives do not push
    each other away. ``positives_in_denominator`` sums over all positives and negatives instead, as CLOCS (Kiyasseh et
    al., ICML 2021) and the supervised contrastive loss (Khosla et al., NeurIPS 2020) do. With one positive an anchor
    the two are the same.

    Parameters
    ----------
    anchors : Tensor, shape (n_anchors, n_features)
    candidates : Tensor, shape (n_candidates, n_features)
    is_positive, is_negative : Tensor of bool, shape (n_anchors, n_candidates)
        Never both.
    temperature : float
        > 0.
    positives_in_denominator : bool
        Let an anchor's other positives count in the denominator of each.
    """
    with torch.autocast(anchors.device.type, enabled=False):  # bfloat16 holds two digits of a similarity
        similarity = normalised(anchors) @ normalised(candidates).T / temperature
    negatives = similarity.masked_fill(~is_negative, -torch.inf)
    is_counted = is_positive.any(1) & is_negative.any(1)
    # Rows without a negative would make an infinity whose gradient is not a number.
    log_negatives = torch.logsumexp(torch.where(is_counted[:, None], negatives, 0.0), dim=1)
    if positives_in_denominator:
        counted = torch.where(
            is_counted[:, None], similarity.masked_fill(~(is_positive | is_negative), -torch.inf), 0.0
        )
        each = torch.logsumexp(counted, dim=1)[:, None] - similarity
    else:
        each = torch.nn.functional.softplus(log_negatives[:, None] - similarity)
    weight = (is_positive & is_counted[:, None]).to(each.dtype)
    per_anchor = (each * weight).sum(1) / weight.sum(1).clamp(min=1.0)
    n_counted = is_counted.sum()
    best_positive = similarity.masked_fill(~is_positive, -torch.inf).amax(1)
    hits = (best_positive > negatives.amax(1)) & is_counted
    return InfoNceResult(
        loss=per_anchor.sum() / n_counted.clamp(min=1),
        accuracy=(hits.sum() / n_counted.clamp(min=1)).detach(),
        n_skipped=(~is_counted).sum(),
    )


def normalised(vectors: Tensor) -> Tensor:
    """Return vectors of length one, in single precision."""
    return torch.nn.functional.normalize(vectors.float(), dim=-1)
