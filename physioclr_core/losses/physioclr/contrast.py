"""The contrastive part of PhysioCLR: which views are positives and negatives of which, and the loss over them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from physioclr_core.losses.gather import gather
from physioclr_core.losses.info_nce import info_nce, normalised
from physioclr_core.losses.physioclr.config import PhysioClrConfig
from physioclr_core.losses.physioclr.pairs import RecordPairs

# What the published code fills in for a pair that does not count.
_OFFICIAL_FILL = -1e4


@dataclass(frozen=True, slots=True)
class Contrast:
    """Loss over views.

    Attributes
    ----------
    loss : Tensor, scalar
    figures : dict of str to Tensor
        ``accuracy``, ``skipped`` (anchors that do not count), ``no_positive`` and ``no_negative`` (anchors without),
        ``positives`` (mean number of an anchor, other records' only), ``unknown`` (share of pairs of records).
    """

    loss: Tensor
    figures: dict[str, Tensor]


def contrast(projected: list[Tensor], pairs: RecordPairs, config: PhysioClrConfig) -> Contrast:
    """Return the loss of a batch.

    Parameters
    ----------
    projected : list of Tensor, each of shape (n, n_projection)
        The anchor view first, then the others.
    pairs : RecordPairs
    config : PhysioClrConfig
    """
    everything = [gather(view)[0] for view in projected]
    n_views = len(projected)
    anchor_views = range(n_views if config.anchors == "all-views" else 1)
    anchors = torch.cat([projected[view] for view in anchor_views])
    candidates = torch.cat(everything)
    if config.pairs == "blocks":
        loss, figures = _soft(anchors, candidates, pairs, n_views, config)
    else:
        is_positive, is_negative = _hard_pairs(pairs, n_views, len(anchor_views), config)
        if config.contrast == "ratio":
            loss, figures = ratio_loss(anchors, candidates, is_positive, is_negative, config)
        else:
            result = info_nce(anchors, candidates, is_positive, is_negative, config.temperature)
            loss, figures = result.loss, {"accuracy": result.accuracy, "skipped": result.n_skipped}
        figures["no_positive"] = (~is_positive.any(1)).sum()
        figures["no_negative"] = (~is_negative.any(1)).sum()
    is_other = ~pairs.is_same_record
    if config.pairs == "cosine":
        is_like = _is_like(pairs, config) & is_other
        figures["positives"] = is_like.sum() / len(is_like)
    if config.pairs != "none":
        figures["unknown"] = (~pairs.is_known & is_other).sum() / is_other.sum().clamp(min=1)
    return Contrast(loss, figures)


def _is_like(pairs: RecordPairs, config: PhysioClrConfig) -> Tensor:
    return pairs.is_known & (pairs.similarity >= config.similarity_threshold)


def _hard_pairs(
    pairs: RecordPairs, n_views: int, n_anchor_views: int, config: PhysioClrConfig
) -> tuple[Tensor, Tensor]:
    """Return positives and negatives of every anchor among the candidates, view after view.

    Views of the anchor's own record are positives, its anchor view itself is nothing. Views of other records are
    positives where the records are alike, negatives where they are known not to be.
    """
    is_other = ~pairs.is_same_record
    if config.pairs == "cosine":
        is_like = _is_like(pairs, config) & is_other
        is_unlike = pairs.is_known & ~is_like & is_other
    else:
        is_like = torch.zeros_like(is_other)
        is_unlike = is_other
    if config.same_patient != "by-features":
        is_relative = pairs.is_same_patient & is_other
        is_unlike = is_unlike & ~is_relative
        is_like = is_like | is_relative if config.same_patient == "positive" else is_like & ~is_relative
    own = pairs.is_same_record
    if config.second_view == "next-in-batch":
        following = torch.roll(own, 1, dims=1)
    nothing = torch.zeros_like(own)
    positives, negatives = [], []
    for anchor_view in range(n_anchor_views):
        positive, negative = [], []
        for view in range(n_views):
            counts_records = view == 0 or config.negatives == "all-views"
            own_view = own
            if view == anchor_view:
                own_view = own if config.self_is_positive else nothing
            elif config.second_view == "next-in-batch" and view == n_views - 1:
                own_view = following
            positive.append(own_view | is_like if counts_records else own_view)
            # A record that is a positive for another reason is no negative.
            negative.append(is_unlike & ~own_view if counts_records else nothing)
        positives.append(torch.cat(positive, dim=1))
        negatives.append(torch.cat(negative, dim=1))
    return torch.cat(positives), torch.cat(negatives)


def ratio_loss(
    anchors: Tensor, candidates: Tensor, is_positive: Tensor, is_negative: Tensor, config: PhysioClrConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return log(sum over negatives of exp(s / t)) - log(sum over positives of exp(s / t)), averaged over anchors.

    Positives are not among the negatives, so that the loss of an anchor goes down to -2 / t rather than to 0. An
    anchor without a positive or a negative does not count; with ``lonely_anchors: official`` it has a loss of about
    -10000 or 10000, as in the published code.

    Parameters
    ----------
    anchors, candidates : Tensor, shapes (n_anchors, n_features) and (n_candidates, n_features)
    is_positive, is_negative : Tensor of bool, shape (n_anchors, n_candidates)
    config : PhysioClrConfig
    """
    with torch.autocast(anchors.device.type, enabled=False):  # bfloat16 holds two digits of a similarity
        logits = normalised(anchors) @ normalised(candidates).T / config.temperature
    has_both = is_positive.any(1) & is_negative.any(1)
    positive = torch.logsumexp(logits.masked_fill(~is_positive, _OFFICIAL_FILL), dim=1)
    negative = torch.logsumexp(logits.masked_fill(~is_negative, _OFFICIAL_FILL), dim=1)
    is_counted = torch.ones_like(has_both) if config.lonely_anchors == "official" else has_both
    each = torch.where(is_counted, negative - positive, 0.0)
    n_counted = _mean_count(is_counted)
    best_positive = logits.masked_fill(~is_positive, -torch.inf).amax(1)
    best_negative = logits.masked_fill(~is_negative, -torch.inf).amax(1)
    hits = (best_positive > best_negative) & has_both
    figures = {"accuracy": (hits.sum() / has_both.sum().clamp(min=1)).detach(), "skipped": (~is_counted).sum()}
    return each.sum() / n_counted, figures


def _soft(
    anchors: Tensor, candidates: Tensor, pairs: RecordPairs, n_views: int, config: PhysioClrConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the cross-entropy between how views are alike and how their records are.

    An anchor's target is shared by its own record's other views (1 - ``soft_share``) and other records' views, in
    proportion to exp(similarity / ``soft_temperature``) of the records. A pair whose similarity is not known is left
    out on both sides; another record of the anchor's patient, unless its similarity is known and the patient counts by
    features, as well. An anchor without a known pair does not count.
    """
    n, n_all = pairs.similarity.shape
    with torch.autocast(anchors.device.type, enabled=False):
        logits = normalised(anchors) @ normalised(candidates).T / config.temperature
    is_other = ~pairs.is_same_record
    counts = pairs.is_known & is_other
    if config.same_patient != "by-features":
        counts = counts & ~pairs.is_same_patient
    weight = torch.softmax((pairs.similarity / config.soft_temperature).masked_fill(~counts, -torch.inf), dim=1)
    has_known = counts.any(1, keepdim=True)
    weight = torch.where(has_known, weight, 0.0)
    # Of what a record's views do not get the own views take the rest.
    share = torch.where(has_known, config.soft_share, 0.0)
    own = pairs.is_same_record
    own_target = (1.0 - share) * own / max(n_views - 1, 1)
    of_others = share * weight / n_views
    # Block (anchor view, view): everything but the own record where the two views are the same.
    rows = [[of_others + (own_target if v != a else 0.0) for v in range(n_views)] for a in range(n_views)]
    target = torch.cat([torch.cat(row, dim=1) for row in rows])
    blocks = [[counts | (own if v != a else False) for v in range(n_views)] for a in range(n_views)]
    is_candidate = torch.cat([torch.cat(row, dim=1) for row in blocks])
    log_share = torch.log_softmax(logits.masked_fill(~is_candidate, -torch.inf), dim=1)
    is_counted = has_known[:, 0].repeat(n_views)
    each = -(target * log_share.masked_fill(~is_candidate, 0.0)).sum(1)
    n_counted = _mean_count(is_counted)
    is_own = ~counts.repeat(n_views, n_views)
    best = logits.masked_fill(~is_candidate, -torch.inf).argmax(1, keepdim=True)
    hits = is_own.gather(1, best)[:, 0] & is_counted
    figures = {
        "accuracy": (hits.sum() / n_counted).detach(),
        "skipped": (~is_counted).sum(),
        "no_negative": (~is_counted).sum(),
    }
    return (each * is_counted).sum() / n_counted, figures


def _mean_count(is_counted: Tensor) -> Tensor:
    """Return how many anchors count in a process, on average: the mean of the processes' losses then is that of one."""
    return gather(is_counted.sum()[None].float())[0].mean().clamp(min=1.0)
