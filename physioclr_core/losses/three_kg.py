"""3KG: augmentations of one ECG, and all ECGs of its patient, lie close (Gopal et al., ML4H 2021)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from physioclr_core.data.segments import Segments, network_input
from physioclr_core.losses.crops import random_crop
from physioclr_core.losses.objective import Objective, ObjectiveResult, Views
from physioclr_core.losses.patient_contrast import patient_contrast
from physioclr_core.losses.projection import Projection
from physioclr_core.models.encoder import Encoder

Augment = Callable[[Segments, np.random.Generator], Segments]


class ThreeKg(Objective):
    """Two augmentations a record; every other view of the patient is a positive, and all views of others negatives.

    What makes it 3KG is the augmentation: the preset "3kg" rotates and stretches the vectorcardiogram and hides a span
    of each lead.
    An anchor's other positives are left out of the denominator of each, as fairseq-signals does, which however weighs
    pairs alike where this weighs anchors alike; with one record a patient the two are the same.

    Parameters
    ----------
    encoder : Encoder
    augment : callable
        Segments, random generator -> segments.
    crop_s : float
        Length of a view.
    same_crop : bool
        Augment one crop twice; False takes two random crops.
    temperature : float
    n_hidden, n_projection : int
        Sizes of the projection.
    """

    def __init__(
        self,
        encoder: Encoder,
        augment: Augment,
        crop_s: float,
        same_crop: bool = True,
        temperature: float = 0.1,
        n_hidden: int = 256,
        n_projection: int = 128,
    ) -> None:
        super().__init__()
        self.encoder, self.augment = encoder, augment
        self.crop_s, self.same_crop, self.temperature = crop_s, same_crop, temperature
        self.projection = Projection(encoder.n_features, n_hidden, n_projection)

    def views(self, records: Segments, rng: np.random.Generator) -> Views:
        """Make two augmentations of each record."""
        first = random_crop(records, self.crop_s, rng)
        second = first if self.same_crop else random_crop(records, self.crop_s, rng)
        views: Views = {"patient": records.patient}
        for number, crop in enumerate((first, second), 1):
            changed = self.augment(crop, rng)
            views[f"x{number}"] = network_input(changed.signal_mv, changed.mask)
            views[f"mask{number}"] = changed.mask.astype(np.float32)
        return views

    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        """Return the loss over the anchors of both views."""
        mask = torch.cat([views["mask1"], views["mask2"]])
        embedding = self.encoder(torch.cat([views["x1"], views["x2"]]), mask)
        first, second = self.projection(embedding).chunk(2)
        has_first, has_second = mask.any(1).chunk(2)
        result = patient_contrast(
            first,
            second,
            has_first,
            has_second,
            views["patient"],
            self.temperature,
            within_views=True,
            positives_in_denominator=False,
        )
        parts = embedding.detach().chunk(2)
        figures = {"accuracy": result.accuracy, "skipped": result.n_skipped}
        return ObjectiveResult(result.loss, figures, parts[0], parts[1])
