"""PhysioCLR's hybrid objective (Maghsoodi et al., arXiv 2509.08116, 2025), and what we add to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from physioclr_core.data.median_beats import N_COMPONENTS
from physioclr_core.data.segments import Segments
from physioclr_core.losses.masked_reconstruction import normalised_patches, patches
from physioclr_core.losses.objective import Objective, ObjectiveResult, Views
from physioclr_core.losses.physioclr.config import PhysioClrConfig
from physioclr_core.losses.physioclr.contrast import contrast
from physioclr_core.losses.physioclr.decoder import Decoder
from physioclr_core.losses.physioclr.heads import feature_error, feature_targets, median_targets, rr_error
from physioclr_core.losses.physioclr.pairs import record_pairs
from physioclr_core.losses.physioclr.reconstruction import reconstruction_errors
from physioclr_core.losses.physioclr.views import make_views
from physioclr_core.losses.projection import Projection
from physioclr_core.losses.spans import hidden_spans, on_tokens, start_share_of, token_count
from physioclr_core.models.encoder import Encoder, masked_mean, masked_mean_and_spread
from physioclr_core.physiology.features.schema import N_FEATURES

Augment = Callable[[Segments, np.random.Generator], Segments]


class PhysioClr(Objective):
    """Contrast, reconstruction and prediction of physiology around one encoder; see ``PhysioClrConfig``.

    Parameters
    ----------
    encoder : Encoder
    augment : callable
        Segments, random generator -> segments; must not move samples in time.
    **settings
        Those of ``PhysioClrConfig``.
    """

    def __init__(self, encoder: Encoder, augment: Augment, **settings: Any) -> None:
        super().__init__()
        self.config = config = PhysioClrConfig.model_validate(settings)
        self.encoder, self.augment = encoder, augment
        n_pooled = encoder.n_features * (2 if config.pooling == "mean-and-spread" else 1)
        self.projection = Projection(n_pooled, config.n_hidden, config.n_projection)
        if config.reconstruction_weight > 0.0 or config.peak_weight > 0.0:
            self.decoder = Decoder(
                encoder.n_features,
                encoder.n_leads,
                encoder.token_stride,
                config.decoder_channels,
                config.decoder_reach == "official",
            )
        if config.mask_weight > 0.0:
            n_out = encoder.n_leads * encoder.token_stride
            self.patch_decoder = nn.Sequential(
                nn.Linear(encoder.n_features, config.n_hidden), nn.GELU(), nn.Linear(config.n_hidden, n_out)
            )
        if config.feature_weight > 0.0:
            n_targets = N_FEATURES * (3 if config.feature_targets == "scores-and-magnitudes" else 1)
            self.feature_head = nn.Linear(n_pooled, n_targets)
        if config.median_weight > 0.0:
            self.median_head = nn.Linear(n_pooled, 2 * N_COMPONENTS)
        if config.rr_weight > 0.0:
            self.rr_head = nn.Linear(encoder.n_features, 1)

    @property
    def needs_physiology(self) -> bool:
        """Whether the records must come with what was measured of them."""
        return self.config.needs_physiology

    @property
    def needs_median_beats(self) -> bool:
        """Whether the records must come with their median beat."""
        return self.config.median_weight > 0.0

    def views(self, records: Segments, rng: np.random.Generator) -> Views:
        """Make the views of ``losses.physioclr.views`` and draw which tokens of the anchor are hidden."""
        views = make_views(records, self.config, self.augment, rng)
        if self.config.mask_weight > 0.0:
            stride = self.encoder.token_stride
            n_samples = views["x1"].shape[2]
            start_share = start_share_of(self.config.mask_share, self.config.mask_span)
            hidden = hidden_spans(
                len(records), token_count(n_samples, self.encoder), start_share, self.config.mask_span, rng
            )
            views["hidden"] = hidden
            views["x1"] = views["x1"] * ~np.repeat(hidden, stride, axis=1)[:, None, :n_samples]
        return views

    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        """Return the weighted sum of the parts; each is among the figures."""
        config = self.config
        numbers = [number for number in (1, 2, 3) if f"x{number}" in views]
        x = torch.cat([views[f"x{number}"] for number in numbers])
        mask = torch.cat([views[f"mask{number}"] for number in numbers])
        tokens, token_mask = self.encoder.tokens(x, mask)
        embedding = _pooled(tokens, token_mask, config.pooling)
        projected = list(self.projection(embedding).chunk(len(numbers)))
        contrasted = contrast(projected, record_pairs(views, config), config)
        figures = {"contrast": contrasted.loss.detach(), **contrasted.figures}
        loss = config.contrast_weight * contrasted.loss
        n = len(views["x1"])
        if config.reconstruction_weight > 0.0 or config.peak_weight > 0.0:
            loss = loss + self._restoring(views, tokens[:n], figures)
        if config.mask_weight > 0.0:
            loss = loss + self._restoring_hidden(views, tokens[:n], figures)
        if config.feature_weight > 0.0:
            targets = views["scores"], views["is_known"]
            if config.feature_targets == "scores-and-magnitudes":
                targets = feature_targets(*targets)
            predicted = self.feature_head(embedding)
            repeated = (target.repeat(len(numbers), 1) for target in targets)
            error, figures["features_explained"] = feature_error(predicted, *repeated)
            loss = loss + config.feature_weight * error
        if config.median_weight > 0.0:
            predicted = self.median_head(embedding)
            wanted, weight = median_targets(views["median"], views["has_median"])
            n_views = len(numbers)
            error, figures["median_explained"] = feature_error(
                predicted, wanted.repeat(n_views, 1), weight.repeat(n_views, 1)
            )
            loss = loss + config.median_weight * error
        if config.rr_weight > 0.0:
            rr_s = torch.cat([views[f"rr{number}"] for number in numbers])
            error = rr_error(self.rr_head(tokens)[..., 0], rr_s, token_mask, self.encoder.token_stride)
            figures["rr"] = error.detach()
            loss = loss + config.rr_weight * error
        parts = embedding.detach().chunk(len(numbers))
        return ObjectiveResult(loss, figures, parts[0], parts[-1])

    def _restoring(self, views: dict[str, Tensor], tokens: Tensor, figures: dict[str, Tensor]) -> Tensor:
        """Return the weighted errors of the decoder on the anchor."""
        whole, peak, power = reconstruction_errors(
            self.decoder(tokens), views["whole1"], views["mask1"], views["has_lead"], views.get("near_peak")
        )
        figures["restored"] = 1.0 - whole.detach() / power.clamp(min=1e-12)
        if "near_peak" in views:
            figures["peak_error"] = peak.detach()
        return self.config.reconstruction_weight * whole + self.config.peak_weight * peak

    def _restoring_hidden(self, views: dict[str, Tensor], tokens: Tensor, figures: dict[str, Tensor]) -> Tensor:
        """Return the weighted error of the anchor's hidden patches, each in units of its own standard deviation."""
        stride = self.encoder.token_stride
        restored = self.patch_decoder(tokens).float().unflatten(2, (self.encoder.n_leads, stride))
        target = on_tokens(patches(views["whole1"], stride), tokens)
        is_signal = views["mask1"][:, None] * views["has_lead"][..., None]
        weight = on_tokens(patches(is_signal, stride), tokens)
        target = normalised_patches(target, weight)
        weight = weight * on_tokens(views["hidden"], tokens)[:, :, None, None]
        n_hidden = weight.sum().clamp(min=1.0)
        error = ((restored - target).square() * weight).sum() / n_hidden
        power = (target.square() * weight).sum() / n_hidden
        figures["hidden_explained"] = 1.0 - error.detach() / power.clamp(min=1e-12)
        weighted: Tensor = self.config.mask_weight * error
        return weighted


def _pooled(tokens: Tensor, mask: Tensor, pooling: str) -> Tensor:
    if pooling == "first-token":
        return tokens[:, 0]
    return masked_mean_and_spread(tokens, mask) if pooling == "mean-and-spread" else masked_mean(tokens, mask)
