"""The task of wav2vec 2.0: to tell the quantised feature behind a hidden token from those behind others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from physioclr_core.losses.info_nce import normalised
from physioclr_core.losses.quantiser import GumbelQuantiser
from physioclr_core.losses.spans import hidden_spans, on_tokens, pooled, spread, token_count
from physioclr_core.models.encoder import Encoder


@dataclass(frozen=True, slots=True)
class Prediction:
    """Loss with its parts, and the tokens that it came from."""

    loss: Tensor
    figures: dict[str, Tensor]
    tokens: Tensor
    token_mask: Tensor


class QuantisedPrediction(nn.Module):
    """Masks between an encoder's stages, the quantiser, and the loss (Baevski et al., NeurIPS 2020).

    The targets are the quantised local features before anything is hidden. Where a token stands for several local
    features, whole tokens are hidden and the target is the mean of a token's local features.

    Parameters
    ----------
    encoder : Encoder
        Used, not kept.
    temperature : float
    mask_start_share : float
        Share of the tokens that start a hidden span.
    mask_span : int
    n_distractors : int
        Drawn with replacement from the other hidden tokens of the same segment.
    n_projection : int
    n_groups, n_codes : int
        Sizes of the quantiser.
    diversity_weight, feature_weight : float
        Weights of (all codes - perplexity) / all codes and of the mean square of local features.
    feature_gradient : float
        Factor of the gradient to the local stage.
    gumbel_start, gumbel_end, gumbel_segments : float
        See ``GumbelQuantiser``.
    """

    def __init__(
        self,
        encoder: Encoder,
        temperature: float = 0.1,
        mask_start_share: float = 0.065,
        mask_span: int = 10,
        n_distractors: int = 100,
        n_projection: int = 256,
        n_groups: int = 2,
        n_codes: int = 320,
        diversity_weight: float = 0.1,
        feature_weight: float = 10.0,
        feature_gradient: float = 0.1,
        gumbel_start: float = 2.0,
        gumbel_end: float = 0.5,
        gumbel_segments: float = 1e6,
    ) -> None:
        super().__init__()
        self.temperature, self.mask_start_share, self.mask_span = temperature, mask_start_share, mask_span
        self.n_distractors, self.feature_gradient = n_distractors, feature_gradient
        self.diversity_weight, self.feature_weight = diversity_weight, feature_weight
        n_quantised = -(-n_projection // n_groups) * n_groups
        self.norm = nn.LayerNorm(encoder.local_features)
        self.quantiser = GumbelQuantiser(
            encoder.local_features, n_quantised, n_groups, n_codes, gumbel_start, gumbel_end, gumbel_segments
        )
        self.project_target = nn.Linear(n_quantised, n_projection)
        self.project_token = nn.Linear(encoder.n_features, n_projection)
        self.mask_vector = nn.Parameter(torch.empty(encoder.local_features).uniform_())

    def hidden(self, n_rows: int, n_samples: int, encoder: Encoder, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
        """Draw which tokens of segments are hidden, shape (n_rows, n_tokens)."""
        return hidden_spans(n_rows, token_count(n_samples, encoder), self.mask_start_share, self.mask_span, rng)

    def forward(self, encoder: Encoder, x: Tensor, mask: Tensor, hidden: Tensor) -> Prediction:
        """Return the loss of a batch; segments with fewer than two hidden tokens have nothing to tell apart.

        Parameters
        ----------
        encoder : Encoder
        x : Tensor, shape (batch, n_leads, n_samples)
        mask : Tensor, shape (batch, n_samples)
        hidden : Tensor of bool, shape (batch, n_tokens)
        """
        local, local_mask = encoder.local(x, mask)
        # The same values with a smaller gradient.
        local = local.detach() + self.feature_gradient * (local - local.detach())
        square = (local.float().square().mean(-1) * local_mask).sum() / local_mask.sum().clamp(min=1.0)
        per_token = encoder.token_stride // encoder.local_stride
        is_replaced = spread(hidden, local.shape[1], per_token)[..., None]
        seen = torch.where(is_replaced, self.mask_vector.to(local.dtype), local)
        tokens, token_mask = encoder.context(seen, local_mask)
        hidden = on_tokens(hidden, tokens)
        targets = pooled(local, local_mask, per_token)[0][:, : tokens.shape[1]]
        is_hidden = hidden & (token_mask > 0)
        n_hidden = is_hidden.sum(1)
        is_anchor = is_hidden & (n_hidden >= 2)[:, None]
        quantised, perplexity = self.quantiser(self.norm(targets[is_anchor]))
        if self.training:
            self.quantiser.count(len(x) * _n_processes())
        result = told_from_distractors(
            self.project_token(tokens[is_anchor]),
            self.project_target(quantised),
            is_anchor.sum(1),
            self.n_distractors,
            self.temperature,
        )
        n_codes = self.quantiser.n_groups * self.quantiser.n_codes
        diversity = (n_codes - perplexity.sum()) / n_codes
        loss = result[0] + self.diversity_weight * diversity + self.feature_weight * square
        figures = {
            "prediction_loss": result[0].detach(),
            "prediction_accuracy": result[1],
            "perplexity": perplexity.mean().detach(),
            "feature_square": square.detach(),
            "gumbel_temperature": self.quantiser.temperature(),
            "hidden": is_hidden.sum() / (token_mask > 0).sum().clamp(min=1),
            "segments_skipped": (n_hidden < 2).sum(),
        }
        return Prediction(loss, figures, tokens, token_mask)


def told_from_distractors(
    tokens: Tensor, targets: Tensor, n_in_segment: Tensor, n_distractors: int, temperature: float
) -> tuple[Tensor, Tensor]:
    """Return the mean cross-entropy of each token's target among distractors, and the share that is told rightly.

    A distractor that is equal to the target does not count, as in fairseq.

    Parameters
    ----------
    tokens, targets : Tensor, shape (n, n_features)
        Those of one segment stand together.
    n_in_segment : Tensor of int, shape (n_segments,)
        How many are of each; never 1.
    n_distractors : int
    temperature : float
    """
    rows = drawn_distractors(n_in_segment, n_distractors)
    segment = torch.arange(len(n_in_segment), device=tokens.device).repeat_interleave(n_in_segment)
    first = n_in_segment.cumsum(0) - n_in_segment
    place = torch.arange(len(segment), device=tokens.device) - first[segment]
    same = torch.unique(targets.detach(), dim=0, return_inverse=True)[1] if len(targets) else place
    with torch.autocast(tokens.device.type, enabled=False):
        # All pairs of a segment are far fewer numbers than each token's distractors with their features.
        n_most = int(n_in_segment.max()) if len(n_in_segment) else 0
        empty = tokens.new_zeros(len(n_in_segment), n_most, tokens.shape[1], dtype=torch.float32)
        ours = empty.index_put((segment, place), normalised(tokens))
        theirs = empty.index_put((segment, place), normalised(targets))
        similarity = torch.bmm(ours, theirs.transpose(1, 2)) / temperature
        own = similarity[segment, place, place][:, None]
        other = similarity[segment[:, None], place[:, None], place[rows]]
        other = other.masked_fill(same[rows] == same[:, None], -torch.inf)
        each = torch.logsumexp(torch.cat([own, other], 1), 1) - own[:, 0]
        n = max(len(tokens), 1)
        # Where all codes are one, all distractors are the target and nothing was told.
        is_right = (own > other).all(1) & other.isfinite().any(1)
        return each.sum() / n, is_right.sum() / n


def drawn_distractors(n_in_segment: Tensor, n_distractors: int) -> Tensor:
    """Draw rows of the same segment other than each row itself, uniform and with replacement.

    Parameters
    ----------
    n_in_segment : Tensor of int, shape (n_segments,)
    n_distractors : int

    Returns
    -------
    Tensor of int, shape (sum of n_in_segment, n_distractors)
    """
    first = (n_in_segment.cumsum(0) - n_in_segment).repeat_interleave(n_in_segment)
    n_others = n_in_segment.repeat_interleave(n_in_segment) - 1
    place = torch.arange(len(first), device=first.device) - first
    draw = (torch.rand(len(first), n_distractors, device=first.device) * n_others[:, None]).long()
    draw = torch.minimum(draw, n_others[:, None] - 1)  # a product may round up to the count
    return first[:, None] + draw + (draw >= place[:, None])


def _n_processes() -> int:
    is_shared = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if is_shared else 1
