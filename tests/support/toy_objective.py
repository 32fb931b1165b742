"""A small encoder and objective on real ECGs, for tests of the training loop."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from real_records import real_signal_mv
from torch import Tensor, nn

from physioclr_core.data.measure_physiology import measured_row
from physioclr_core.data.physiology_cache import SCHEMA, cache_of
from physioclr_core.data.segments import Segments, network_input
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.losses.objective import Objective, ObjectiveResult, Views
from physioclr_core.models.config import ResidualEncoderConfig
from physioclr_core.models.encoder import Encoder
from physioclr_core.models.residual_encoder import ResidualEncoder
from physioclr_core.physiology.features.scaling import load_scaling
from physioclr_core.train.physiology import RecordPhysiology


class ToyEncoder(Encoder):
    """One convolution, one linear layer."""

    def __init__(self, n_features: int = 8, dropout: float = 0.0) -> None:
        super().__init__()
        self.n_leads, self.local_features, self.n_features = 12, 6, n_features
        self.local_stride = self.token_stride = 25
        self.conv = nn.Conv1d(12, 6, 25, 25)
        self.mix = nn.Sequential(nn.GELU(), nn.Dropout(dropout), nn.Linear(6, n_features))

    def local(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.conv(x * mask[:, None]).transpose(1, 2), mask[:, ::25]

    def context(self, local: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.mix(local), mask


class ToyObjective(Objective):
    """Predict each crop's mean square per lead."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.encoder = ToyEncoder(dropout=dropout)
        self.head = nn.Linear(8, 12)

    def views(self, records: Segments, rng: np.random.Generator) -> Views:
        crop = records.random_cut(250, rng)
        x = network_input(crop.signal_mv, crop.mask)
        return {"x": x, "mask": crop.mask.astype(np.float32), "target": np.square(x).mean(axis=2)}

    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        embedding = self.encoder(views["x"], views["mask"])
        loss = (self.head(embedding) - views["target"]).square().mean()
        return ObjectiveResult(loss, {"error": loss.detach().sqrt()}, embedding.detach())


class RealRecords:
    """The first records of the shipped library as training records."""

    def __init__(self, n: int) -> None:
        self.signal_mv = np.stack([real_signal_mv(entry) for entry in range(n)])

    def __len__(self) -> int:
        return len(self.signal_mv)

    @cached_property
    def physiology(self) -> RecordPhysiology:
        """What the engine measures of them, on the shipped scale."""
        rows = [measured_row(signal_mv, 100.0, STANDARD_LEADS) for signal_mv in self.signal_mv]
        cache = cache_of(pa.Table.from_pylist(rows, schema=SCHEMA), "measured here")
        return RecordPhysiology(cache, load_scaling(), "shipped", 100.0)

    def measured(self, rows: npt.NDArray[np.int64]) -> Segments:
        """Return records with beats and features."""
        return self.physiology.added_to(self.segments(rows))

    def segments(self, rows: npt.NDArray[np.int64]) -> Segments:
        n, n_samples = len(rows), self.signal_mv.shape[-1]
        return Segments(
            signal_mv=self.signal_mv[rows],
            mask=np.ones((n, n_samples), np.bool_),
            has_lead=np.ones((n, 12), np.bool_),
            fs_hz=100.0,
            row=rows,
            patient=rows,
            labels=np.empty((n, 0), np.float32),
        )


def fresh_objective(seed: int = 0, dropout: float = 0.0) -> ToyObjective:
    """Return the same weights for the same seed."""
    torch.manual_seed(seed)
    return ToyObjective(dropout)


def small_encoder(width: int = 24) -> Encoder:
    """Return a residual CNN with context, one token every 4 samples, that learns within seconds."""
    stages = ((width, 1, 2), (width, 1, 1), (width, 1, 1))
    return ResidualEncoder(ResidualEncoderConfig(stem_channels=width, stages=stages))


def losses_on_one_batch(objective: Objective, n_records: int, n_steps: int, rate: float) -> list[ObjectiveResult]:
    """Return the results of training on one batch of views of real records."""
    made = objective.views(RealRecords(n_records).segments(np.arange(n_records)), np.random.default_rng(0))
    views = {name: torch.from_numpy(view) for name, view in made.items()}
    optimizer = torch.optim.AdamW(objective.parameters(), lr=rate)
    results = []
    for step in range(n_steps):
        torch.manual_seed(step)
        results.append(objective(views))
        optimizer.zero_grad()
        results[-1].loss.backward()
        optimizer.step()
    return results
