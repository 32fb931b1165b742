"""ECG-FM: wav2vec 2.0, CMSC and random lead masking at once (Oh et al., CHIL 2022; McKeen et al., 2024)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from physioclr_core.augment.lead_mask import kept_leads
from physioclr_core.data.segments import Segments, network_input
from physioclr_core.losses.cmsc import adjacent_segments
from physioclr_core.losses.objective import Objective, ObjectiveResult, Views
from physioclr_core.losses.patient_contrast import patient_contrast
from physioclr_core.losses.quantised_prediction import QuantisedPrediction
from physioclr_core.models.encoder import Encoder, masked_mean

Augment = Callable[[Segments, np.random.Generator], Segments]


class EcgFm(Objective):
    """Two adjacent segments a record with hidden leads and hidden spans; the sum of both losses.

    As there, what CMSC compares is the mean of the tokens of the masked input, without a projection.

    Parameters
    ----------
    encoder : Encoder
    augment : callable
        Segments, random generator -> segments; before leads are hidden.
    segment_s : float
        Length of each of the two segments.
    lead_mask_probability : float
        Of each lead of each segment to be hidden; one stays.
    cmsc_weight : float
    temperature : float
        Of both losses.
    **settings
        Those of ``QuantisedPrediction``.
    """

    def __init__(
        self,
        encoder: Encoder,
        augment: Augment,
        segment_s: float,
        lead_mask_probability: float = 0.5,
        cmsc_weight: float = 1.0,
        temperature: float = 0.1,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.encoder, self.augment, self.segment_s = encoder, augment, segment_s
        self.lead_mask_probability, self.cmsc_weight = lead_mask_probability, cmsc_weight
        self.temperature = temperature
        self.prediction = QuantisedPrediction(encoder, temperature=temperature, **settings)

    def views(self, records: Segments, rng: np.random.Generator) -> Views:
        """Make two adjacent segments of each record and draw which leads and spans are hidden of them."""
        views: Views = {"patient": records.patient}
        for number, segment in enumerate(adjacent_segments(records, self.segment_s, rng), 1):
            changed = without_leads(self.augment(segment, rng), self.lead_mask_probability, rng)
            views[f"x{number}"] = network_input(changed.signal_mv, changed.mask)
            views[f"mask{number}"] = changed.mask.astype(np.float32)
            n_samples = changed.mask.shape[1]
            views[f"hidden{number}"] = self.prediction.hidden(len(records), n_samples, self.encoder, rng)
        return views

    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        """Return the sum of the losses over both segments."""
        x, mask, hidden = (torch.cat([views[name + "1"], views[name + "2"]]) for name in ("x", "mask", "hidden"))
        predicted = self.prediction(self.encoder, x, mask, hidden)
        embedding = masked_mean(predicted.tokens, predicted.token_mask)
        first, second = embedding.chunk(2)
        has_first, has_second = mask.any(1).chunk(2)
        contrast = patient_contrast(first, second, has_first, has_second, views["patient"], self.temperature)
        figures = predicted.figures | {
            "cmsc_loss": contrast.loss.detach(),
            "accuracy": contrast.accuracy,
            "skipped": contrast.n_skipped,
        }
        loss = predicted.loss + self.cmsc_weight * contrast.loss
        return ObjectiveResult(loss, figures, first.detach(), second.detach())


def without_leads(segments: Segments, probability: float, rng: np.random.Generator) -> Segments:
    """Return segments of which each lead is hidden with a probability; at least one lead stays.

    Parameters
    ----------
    segments : Segments
    probability : float
        Of each lead; 0 changes nothing.
    rng : Generator
    """
    if probability <= 0.0:
        return segments
    has_lead = kept_leads(segments.has_lead, probability, rng)
    return replace(segments, signal_mv=segments.signal_mv * has_lead[:, :, None], has_lead=has_lead)
