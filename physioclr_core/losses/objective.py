"""The one interface of all objectives: how views are made of records, and the loss of a batch of views."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn

from physioclr_core.data.segments import Segments
from physioclr_core.models.encoder import Encoder

Views = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class ObjectiveResult:
    """Loss of a batch.

    Attributes
    ----------
    loss : Tensor, scalar
        Mean over this process's anchors.
    figures : dict of str to Tensor
        Scalars worth a line in the log: parts of the loss, accuracy of the contrastive task.
    embedding : Tensor or None, shape (batch, n_features)
        Embeddings of a view, for the monitors of collapse; detached.
    second_embedding : Tensor or None, shape (batch, n_features)
        Those of the view that is to lie close, where there is one; detached.
    """

    loss: Tensor
    figures: dict[str, Tensor] = field(default_factory=dict)
    embedding: Tensor | None = None
    second_embedding: Tensor | None = None


class Objective(nn.Module, ABC):
    """A training task around an encoder; heads that only training needs are its own modules."""

    encoder: Encoder

    @property
    def needs_physiology(self) -> bool:
        """Whether the records must come with their beats and features (``train.physiology``)."""
        return False

    @property
    def needs_median_beats(self) -> bool:
        """Whether they must also come with the components of their median beat."""
        return False

    @abstractmethod
    def views(self, records: Segments, rng: np.random.Generator) -> Views:
        """Make the arrays that ``forward`` takes from whole records.

        This runs where batches are loaded: numpy only, and everything random comes from ``rng``. The first axis of
        every array is that of the records.
        """

    @abstractmethod
    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        """Return the loss of a batch of views."""
