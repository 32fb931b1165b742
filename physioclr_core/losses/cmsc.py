"""Contrastive multi-segment coding: adjacent segments of a patient lie close (CLOCS: Kiyasseh et al., ICML 2021)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from physioclr_core.data.segments import Segments, network_input
from physioclr_core.errors import UserFacingError
from physioclr_core.losses.objective import Objective, ObjectiveResult, Views
from physioclr_core.losses.patient_contrast import patient_contrast
from physioclr_core.losses.projection import Projection
from physioclr_core.models.encoder import Encoder

Augment = Callable[[Segments, np.random.Generator], Segments]


class Cmsc(Objective):
    """Two adjacent segments a record that do not overlap; every pair of segments of one patient is a positive.

    CLOCS changes nothing else about its segments; for the original, give an augmentation that does nothing.

    Parameters
    ----------
    encoder : Encoder
    augment : callable
        Segments, random generator -> segments; applied to each segment on its own.
    segment_s : float
        Length of each of the two segments.
    temperature : float
    n_hidden, n_projection : int
        Sizes of the projection.
    """

    def __init__(
        self,
        encoder: Encoder,
        augment: Augment,
        segment_s: float,
        temperature: float = 0.1,
        n_hidden: int = 256,
        n_projection: int = 128,
    ) -> None:
        super().__init__()
        self.encoder, self.augment = encoder, augment
        self.segment_s, self.temperature = segment_s, temperature
        self.projection = Projection(encoder.n_features, n_hidden, n_projection)

    def views(self, records: Segments, rng: np.random.Generator) -> Views:
        """Make two augmented adjacent segments of each record, the first of which starts at random."""
        views: Views = {"patient": records.patient}
        for number, segment in enumerate(adjacent_segments(records, self.segment_s, rng), 1):
            changed = self.augment(segment, rng)
            views[f"x{number}"] = network_input(changed.signal_mv, changed.mask)
            views[f"mask{number}"] = changed.mask.astype(np.float32)
        return views

    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        """Return the loss over both directions."""
        mask = torch.cat([views["mask1"], views["mask2"]])
        embedding = self.encoder(torch.cat([views["x1"], views["x2"]]), mask)
        first, second = self.projection(embedding).chunk(2)
        has_first, has_second = mask.any(1).chunk(2)
        result = patient_contrast(first, second, has_first, has_second, views["patient"], self.temperature)
        parts = embedding.detach().chunk(2)
        return ObjectiveResult(
            result.loss, {"accuracy": result.accuracy, "skipped": result.n_skipped}, parts[0], parts[1]
        )


def adjacent_segments(records: Segments, segment_s: float, rng: np.random.Generator) -> tuple[Segments, Segments]:
    """Return two segments of each record of which the second begins where the first ends.

    Parameters
    ----------
    records : Segments
    segment_s : float
        Length of each.
    rng : Generator
        Draws where the first begins, uniform over what fits.

    Raises
    ------
    UserFacingError
        If the records do not hold two segments.
    """
    n_samples = round(segment_s * records.fs_hz)
    if 2 * n_samples > records.signal_mv.shape[-1]:
        held_s = records.signal_mv.shape[-1] / records.fs_hz
        raise UserFacingError(
            f"Two segments of {segment_s:g} s do not fit into records of {held_s:g} s: choose a shorter segment_s."
        )
    both = records.random_cut(2 * n_samples, rng)
    start = np.zeros(len(records), np.int64)
    return both.cut(start, n_samples), both.cut(start + n_samples, n_samples)
