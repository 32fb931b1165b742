"""A network that was trained on some of the leads, as one that takes only these."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from physioclr_core.models.classifier import Classifier


class LeadSubset(nn.Module):
    """Puts leads into their places among all, the others zero, as in training.

    Parameters
    ----------
    classifier : Classifier
    places : sequence of int
        Row of each given lead in the classifier's input.
    """

    def __init__(self, classifier: Classifier, places: Sequence[int]) -> None:
        super().__init__()
        self.classifier = classifier
        spread = torch.zeros(classifier.encoder.n_leads, len(places))
        spread[list(places), range(len(places))] = 1.0
        self.spread: Tensor
        self.register_buffer("spread", spread, persistent=False)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and embedding of x (batch, n_given, n_samples) and mask (batch, n_samples)."""
        logits, embedding = self.classifier(torch.matmul(self.spread, x), mask)
        return logits, embedding
