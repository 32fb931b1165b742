"""SimCLR for ECGs: two augmented crops of one record are to lie close, those of others far (Chen et al., ICML 2020)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from physioclr_core.data.segments import Segments, network_input
from physioclr_core.losses.crops import random_crop
from physioclr_core.losses.gather import gather
from physioclr_core.losses.info_nce import info_nce
from physioclr_core.losses.objective import Objective, ObjectiveResult, Views
from physioclr_core.losses.projection import Projection
from physioclr_core.models.encoder import Encoder

Augment = Callable[[Segments, np.random.Generator], Segments]


class SimClr(Objective):
    """Two random crops a record.

    Parameters
    ----------
    encoder : Encoder
    augment : callable
        Segments, random generator -> segments.
    crop_s : float
        Length of a crop.
    temperature : float
    n_hidden, n_projection : int
        Sizes of the projection.
    same_patient_is_negative : bool
        False leaves other records of the anchor's patient out.
    """

    def __init__(
        self,
        encoder: Encoder,
        augment: Augment,
        crop_s: float,
        temperature: float = 0.1,
        n_hidden: int = 256,
        n_projection: int = 128,
        same_patient_is_negative: bool = False,
    ) -> None:
        super().__init__()
        self.encoder, self.augment = encoder, augment
        self.crop_s, self.temperature = crop_s, temperature
        self.same_patient_is_negative = same_patient_is_negative
        self.projection = Projection(encoder.n_features, n_hidden, n_projection)

    def views(self, records: Segments, rng: np.random.Generator) -> Views:
        """Make two augmented random crops of each record."""
        views: Views = {"patient": records.patient}
        for name in ("1", "2"):
            crop = self.augment(random_crop(records, self.crop_s, rng), rng)
            views["x" + name] = network_input(crop.signal_mv, crop.mask)
            views["mask" + name] = crop.mask.astype(np.float32)
        return views

    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        """Return the mean of both views' losses."""
        x = torch.cat([views["x1"], views["x2"]])
        embedding = self.encoder(x, torch.cat([views["mask1"], views["mask2"]]))
        first, second = self.projection(embedding).chunk(2)
        all_first, start = gather(first)
        all_second, _ = gather(second)
        patient, _ = gather(views["patient"])
        n, n_all = len(first), len(all_first)
        anchors = torch.cat([first, second])
        candidates = torch.cat([all_first, all_second])
        record = torch.arange(n_all, device=x.device)
        mine = record[start : start + n].repeat(2)
        is_same_record = mine[:, None] == record.repeat(2)[None]
        is_self = torch.zeros_like(is_same_record)
        row = torch.arange(n, device=x.device)
        is_self[row, start + row] = True
        is_self[n + row, n_all + start + row] = True
        is_excluded = is_same_record
        if not self.same_patient_is_negative:
            is_excluded = patient[mine][:, None] == patient.repeat(2)[None]
        result = info_nce(anchors, candidates, is_same_record & ~is_self, ~is_excluded, self.temperature)
        figures = {"accuracy": result.accuracy, "skipped": result.n_skipped}
        parts = embedding.detach().chunk(2)
        return ObjectiveResult(result.loss, figures, parts[0], parts[1])
