"""Labels as the objective: training from scratch, fine-tuning, and heads on a frozen encoder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from physioclr_core.data.segments import TEACHER_LOGITS, Segments, network_input
from physioclr_core.losses.objective import Objective, ObjectiveResult, Views
from physioclr_core.models.classifier import Classifier
from physioclr_core.models.encoder import Encoder

FloatArray = npt.NDArray[np.float32]

Augment = Callable[[Segments, np.random.Generator], Segments]


class Supervised(Objective):
    """Binary cross-entropy of every label on a random crop.

    Parameters
    ----------
    classifier : Classifier
    augment : callable
        Segments, random generator -> segments.
    crop_s : float
    positive_weight : Tensor or None, shape (n_labels,)
        Weight of positive records; None counts all alike.
    is_frozen : bool
        Train the head alone; the encoder stays as it is, its norms' statistics included.
    mixup : float
        Records and their labels are averaged in pairs, with a weight drawn from Beta(mixup, mixup) (Zhang et al.,
        ICLR 2018); 0 leaves them alone.
    logit_spread : Tensor or None, shape (n_labels,)
        Spread of other networks' logits, which go with the records as ``TEACHER_LOGITS``: the distance to them, in
        this unit, is added to the loss. None: it is not.
    logit_weight : float
        Of this distance.
    """

    def __init__(
        self,
        classifier: Classifier,
        augment: Augment,
        crop_s: float,
        positive_weight: Tensor | None = None,
        is_frozen: bool = False,
        mixup: float = 0.0,
        logit_spread: Tensor | None = None,
        logit_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self.augment, self.crop_s, self.is_frozen, self.mixup = augment, crop_s, is_frozen, mixup
        self.positive_weight: Tensor | None
        self.register_buffer("positive_weight", positive_weight, persistent=False)
        self.logit_spread: Tensor | None
        self.register_buffer("logit_spread", logit_spread, persistent=False)
        self.logit_weight = logit_weight
        self.encoder.requires_grad_(not is_frozen)

    @property
    def encoder(self) -> Encoder:  # type: ignore[override]
        """The classifier's encoder; not a second name of it among the weights that are saved."""
        return self.classifier.encoder

    def train(self, mode: bool = True) -> Supervised:
        """Set training mode; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.is_frozen:
            self.encoder.eval()
        return self

    def views(self, records: Segments, rng: np.random.Generator) -> Views:
        """Make an augmented random crop of each record."""
        crop = self.augment(records.random_cut(round(self.crop_s * records.fs_hz), rng), rng)
        x, mask = network_input(crop.signal_mv, crop.mask), crop.mask.astype(np.float32)
        labels = records.labels
        if self.mixup > 0.0:
            x, mask, labels = mixed(x, mask, labels, self.mixup, rng)
        views: Views = {"x": x, "mask": mask, "labels": labels}
        if self.logit_spread is not None:
            views[TEACHER_LOGITS] = records.side[TEACHER_LOGITS]
        return views

    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        """Return the mean cross-entropy over what is known; a label that is NaN is unknown."""
        logits, embedding = self.classifier(views["x"], views["mask"])
        loss = known_cross_entropy(logits, views["labels"], self.positive_weight)
        if self.logit_spread is None:
            return ObjectiveResult(loss, {}, embedding.detach())
        distance = logit_distance(logits, views[TEACHER_LOGITS], self.logit_spread)
        figures = {"logit_distance": distance.detach()}
        return ObjectiveResult(loss + self.logit_weight * distance, figures, embedding.detach())


def mixed(
    x: FloatArray, mask: FloatArray, labels: FloatArray, alpha: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return each record averaged with another one of those that are loaded together.

    Parameters
    ----------
    x : ndarray of float32, shape (n_records, n_leads, n_samples)
    mask : ndarray of float32, shape (n_records, n_samples)
        Only where both have signal there is some.
    labels : ndarray of float32, shape (n_records, n_labels)
        What is unknown (NaN) of either is unknown of both.
    alpha : float
        The weight is drawn from Beta(alpha, alpha), for each pair.
    """
    partner = rng.permutation(len(x))
    weight = rng.beta(alpha, alpha, len(x)).astype(np.float32)
    wide = weight[:, None, None]
    both = mask * mask[partner]
    x = (wide * x + (1 - wide) * x[partner]) * both[:, None]
    return x, both, weight[:, None] * labels + (1 - weight[:, None]) * labels[partner]


def logit_distance(logits: Tensor, target: Tensor, spread: Tensor) -> Tensor:
    """Return the mean Huber distance of logits to others', each label in units of its own spread.

    Rare labels weigh as much as common ones, and records count that a cross-entropy has long ceased to look at (Ba and
    Caruana, NeurIPS 2014).

    Parameters
    ----------
    logits, target : Tensor, shape (batch, n_labels)
    spread : Tensor, shape (n_labels,)
    """
    return torch.nn.functional.smooth_l1_loss(logits.float() / spread, target / spread)


def known_cross_entropy(logits: Tensor, labels: Tensor, positive_weight: Tensor | None = None) -> Tensor:
    """Return the mean binary cross-entropy over labels that are known.

    Parameters
    ----------
    logits, labels : Tensor, shape (batch, n_labels)
        NaN in ``labels`` is unknown.
    positive_weight : Tensor or None, shape (n_labels,)
    """
    is_known = labels.isfinite()
    each = torch.nn.functional.binary_cross_entropy_with_logits(
        logits.float(), torch.nan_to_num(labels), pos_weight=positive_weight, reduction="none"
    )
    return (each * is_known).sum() / is_known.sum().clamp(min=1)
