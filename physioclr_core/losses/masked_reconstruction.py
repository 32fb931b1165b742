"""Masked reconstruction: samples of hidden spans from what is seen around them (He et al., CVPR 2022, in time)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from physioclr_core.data.segments import Segments, network_input
from physioclr_core.losses.crops import random_crop
from physioclr_core.losses.objective import Objective, ObjectiveResult, Views
from physioclr_core.losses.spans import hidden_spans, on_tokens, spread, start_share_of, token_count
from physioclr_core.models.encoder import Encoder, masked_mean

Augment = Callable[[Segments, np.random.Generator], Segments]
# Added to a patch's variance: 0.01 mV squared in units of the network input, so that a flat patch is not all noise.
_FLAT = 0.04**2


class MaskedReconstruction(Objective):
    """A patch is what lies under one token, in all leads; each token's samples come from that token by a small decoder.

    Parameters
    ----------
    encoder : Encoder
    augment : callable
        Segments, random generator -> segments; what it gives is both input and target.
    crop_s : float
    mask_level : {"samples", "features"}
        Set hidden samples to zero, or put one learned vector in place of hidden local features. A CNN's local features
        see a little of their neighbours' samples, so "samples" hides more strictly.
    mask_share : float
        Expected share of the tokens that is hidden.
    mask_span : int
        Tokens in a hidden span.
    n_hidden : int
        Width of the decoder's hidden layer.
    normalise_patches : bool
        Take the mean of each lead's patch away and divide by its standard deviation, as He et al. do.
    """

    def __init__(
        self,
        encoder: Encoder,
        augment: Augment,
        crop_s: float,
        mask_level: Literal["samples", "features"] = "samples",
        mask_share: float = 0.5,
        mask_span: int = 2,
        n_hidden: int = 256,
        normalise_patches: bool = True,
    ) -> None:
        super().__init__()
        self.encoder, self.augment, self.crop_s = encoder, augment, crop_s
        self.mask_level, self.normalise_patches = mask_level, normalise_patches
        self.mask_start_share, self.mask_span = start_share_of(mask_share, mask_span), mask_span
        n_out = encoder.n_leads * encoder.token_stride
        self.decoder = nn.Sequential(nn.Linear(encoder.n_features, n_hidden), nn.GELU(), nn.Linear(n_hidden, n_out))
        if mask_level == "features":
            self.mask_vector = nn.Parameter(torch.empty(encoder.local_features).uniform_())

    def views(self, records: Segments, rng: np.random.Generator) -> Views:
        """Make a random crop of each record and draw what is hidden of it."""
        crop = self.augment(random_crop(records, self.crop_s, rng), rng)
        n_tokens = token_count(crop.mask.shape[1], self.encoder)
        return {
            "x": network_input(crop.signal_mv, crop.mask),
            "mask": crop.mask.astype(np.float32),
            "has_lead": crop.has_lead.astype(np.float32),
            "hidden": hidden_spans(len(records), n_tokens, self.mask_start_share, self.mask_span, rng),
        }

    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        """Return the mean square error over hidden samples that are signal, of leads that are there."""
        x, mask, hidden = views["x"], views["mask"], views["hidden"]
        if self.mask_level == "samples":
            seen = x * ~hidden.repeat_interleave(self.encoder.token_stride, 1)[:, None, : x.shape[2]]
            local, local_mask = self.encoder.local(seen, mask)
        else:
            local, local_mask = self.encoder.local(x, mask)
            is_hidden = spread(hidden, local.shape[1], self.encoder.token_stride // self.encoder.local_stride)
            local = torch.where(is_hidden[..., None], self.mask_vector.to(local.dtype), local)
        tokens, token_mask = self.encoder.context(local, local_mask)
        hidden = on_tokens(hidden, tokens)
        stride = self.encoder.token_stride
        restored = self.decoder(tokens).float().unflatten(2, (self.encoder.n_leads, stride))
        target = on_tokens(patches(x, stride), tokens)
        weight = on_tokens(patches(mask[:, None] * views["has_lead"][..., None], stride), tokens)
        if self.normalise_patches:
            target = normalised_patches(target, weight)
        weight = weight * hidden[:, :, None, None]
        n_hidden = weight.sum().clamp(min=1.0)
        loss = ((restored - target).square() * weight).sum() / n_hidden
        figures = {
            # 0 for a decoder that always says zero, 1 for a perfect one.
            "explained": 1.0 - loss.detach() / ((target.square() * weight).sum() / n_hidden).clamp(min=1e-12),
            "hidden": (hidden * token_mask).sum() / token_mask.sum().clamp(min=1.0),
        }
        return ObjectiveResult(loss, figures, masked_mean(tokens, token_mask).detach())


def patches(values: Tensor, n_samples: int) -> Tensor:
    """Return values (batch, n_leads, n_all) in patches (batch, n_patches, n_leads, n_samples), the last one padded."""
    padded = nn.functional.pad(values, (0, -values.shape[2] % n_samples))
    return padded.reshape(*padded.shape[:2], -1, n_samples).transpose(1, 2)


def normalised_patches(target: Tensor, weight: Tensor) -> Tensor:
    """Return each lead's patch without its mean, over its standard deviation.

    Parameters
    ----------
    target, weight : Tensor, shape (batch, n_patches, n_leads, n_samples)
        Samples, and 1 where they are signal; others do not count.
    """
    n_valid = weight.sum(-1, keepdim=True).clamp(min=1.0)
    centred = target - (target * weight).sum(-1, keepdim=True) / n_valid
    variance = (centred.square() * weight).sum(-1, keepdim=True) / n_valid
    return centred / (variance + _FLAT).sqrt()
