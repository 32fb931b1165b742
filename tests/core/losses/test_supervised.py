"""Cross-entropy of known labels, and the frozen encoder."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_objective import RealRecords, ToyEncoder

from physioclr_core.data.segments import Segments
from physioclr_core.losses.supervised import Supervised, known_cross_entropy
from physioclr_core.models.classifier import Classifier


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


def test_unknown_labels_do_not_count() -> None:
    logits = torch.tensor([[0.0, 2.0], [-1.0, 5.0]])
    labels = torch.tensor([[1.0, 0.0], [1.0, math.nan]])
    expected = (math.log(2) + math.log1p(math.exp(2)) + math.log1p(math.exp(1))) / 3
    assert float(known_cross_entropy(logits, labels)) == pytest.approx(expected, rel=1e-6)
    assert float(known_cross_entropy(logits, torch.full((2, 2), math.nan))) == 0.0


def test_positive_records_count_by_their_weight() -> None:
    logits, labels = torch.zeros(2, 1), torch.tensor([[1.0], [0.0]])
    assert float(known_cross_entropy(logits, labels, torch.tensor([3.0]))) == pytest.approx(2 * math.log(2), rel=1e-6)


@pytest.mark.parametrize("is_frozen", [True, False])
def test_a_frozen_encoder_gets_no_gradient_and_stays_in_evaluation_mode(is_frozen: bool) -> None:
    torch.manual_seed(0)
    model = Supervised(Classifier(ToyEncoder(dropout=0.5), 2), unchanged, 2.5, is_frozen=is_frozen).train()
    records = RealRecords(4).segments(np.arange(4))
    records = replace(records, labels=np.array([[0, 1], [1, 0], [1, 1], [0, 0]], np.float32))
    views = {k: torch.from_numpy(v) for k, v in model.views(records, np.random.default_rng(0)).items()}
    model(views).loss.backward()
    assert (model.encoder.conv.weight.grad is None) == is_frozen
    assert model.encoder.training != is_frozen
    assert model.classifier.head.weight.grad is not None
    names = [name for name in model.state_dict() if name.endswith("conv.weight")]
    assert names == ["classifier.encoder.conv.weight"]
