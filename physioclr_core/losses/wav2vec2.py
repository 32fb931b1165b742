"""wav2vec 2.0 for ECGs: quantised features of hidden spans (Baevski et al., NeurIPS 2020)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from physioclr_core.data.segments import Segments, network_input
from physioclr_core.losses.crops import random_crop
from physioclr_core.losses.objective import Objective, ObjectiveResult, Views
from physioclr_core.losses.quantised_prediction import QuantisedPrediction
from physioclr_core.models.encoder import Encoder, masked_mean

Augment = Callable[[Segments, np.random.Generator], Segments]


class Wav2Vec2(Objective):
    """One random crop a record.

    Parameters
    ----------
    encoder : Encoder
    augment : callable
        Segments, random generator -> segments.
    crop_s : float
    **settings
        Those of ``QuantisedPrediction``.
    """

    def __init__(self, encoder: Encoder, augment: Augment, crop_s: float, **settings: Any) -> None:
        super().__init__()
        self.encoder, self.augment, self.crop_s = encoder, augment, crop_s
        self.prediction = QuantisedPrediction(encoder, **settings)

    def views(self, records: Segments, rng: np.random.Generator) -> Views:
        """Make a random crop of each record and draw what is hidden of it."""
        crop = self.augment(random_crop(records, self.crop_s, rng), rng)
        return {
            "x": network_input(crop.signal_mv, crop.mask),
            "mask": crop.mask.astype(np.float32),
            "hidden": self.prediction.hidden(len(records), crop.mask.shape[1], self.encoder, rng),
        }

    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        """Return the loss with both penalties."""
        result = self.prediction(self.encoder, views["x"], views["mask"], views["hidden"])
        return ObjectiveResult(result.loss, result.figures, masked_mean(result.tokens, result.token_mask).detach())
