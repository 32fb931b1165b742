"""Cross-entropy of known labels, and the frozen encoder."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_objective import RealRecords, ToyEncoder

from physioclr_core.data.segments import TEACHER_LOGITS, Segments
from physioclr_core.losses.supervised import Supervised, known_cross_entropy, logit_distance, mixed
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


def test_the_distance_to_other_networks_logits_is_in_units_of_each_labels_spread() -> None:
    spread = torch.tensor([0.5, 4.0])
    target = torch.tensor([[-3.0, 2.0], [-6.0, -2.0]])
    gaps = torch.tensor([[0.5, 0.5], [3.0, -0.5]])  # in spreads; Huber: half the square up to 1, then less a half
    expected = (0.125 + 0.125 + 2.5 + 0.125) / 4
    assert float(logit_distance(target + gaps * spread, target, spread)) == pytest.approx(expected, rel=1e-6)


def test_of_a_rare_label_the_distance_still_tells_records_apart_that_a_cross_entropy_does_not() -> None:
    teacher = torch.tensor([[-9.0], [-6.0]])
    logits = torch.full((2, 1), -7.0, requires_grad=True)
    (by_labels,) = torch.autograd.grad(known_cross_entropy(logits, teacher.sigmoid()), logits)
    (by_logits,) = torch.autograd.grad(logit_distance(logits, teacher, torch.tensor([2.0])), logits)
    assert by_labels.abs().max() < 1e-3
    assert by_logits[0] > 0.1 > -0.1 > by_logits[1]


def test_the_distance_is_added_to_the_cross_entropy_with_its_weight_and_reported() -> None:
    torch.manual_seed(0)
    spread = torch.tensor([1.0, 2.0])
    model = Supervised(Classifier(ToyEncoder(), 2), unchanged, 2.5, logit_spread=spread, logit_weight=3.0).eval()
    records = RealRecords(4).segments(np.arange(4))
    labels = np.array([[0, 1], [1, 0], [1, 1], [0, 0]], np.float32)
    records = replace(records, labels=labels, side={TEACHER_LOGITS: np.float32(2.0) * labels - 1})
    views = {k: torch.from_numpy(v) for k, v in model.views(records, np.random.default_rng(0)).items()}
    result = model(views)
    with torch.no_grad():
        logits, _ = model.classifier(views["x"], views["mask"])
    distance = logit_distance(logits, 2 * torch.from_numpy(labels) - 1, spread)
    expected = known_cross_entropy(logits, torch.from_numpy(labels)) + 3.0 * distance
    assert result.loss.item() == pytest.approx(float(expected), rel=1e-6)
    assert float(result.figures["logit_distance"]) == pytest.approx(float(distance), rel=1e-6)
    assert not result.figures["logit_distance"].requires_grad
    assert list(model.state_dict()) == list(Supervised(model.classifier, unchanged, 2.5).state_dict())


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


def test_mixed_records_are_weighted_means_and_so_are_their_labels() -> None:
    rng = np.random.default_rng(3)
    labels = np.eye(8, dtype=np.float32)
    x = np.broadcast_to(labels[:, :, None], (8, 8, 20)).copy()  # each record's samples are its labels
    mask = np.ones((8, 20), np.float32)
    mixed_x, mixed_mask, mixed_labels = mixed(x, mask, labels, 0.4, rng)
    np.testing.assert_allclose(mixed_x, np.broadcast_to(mixed_labels[:, :, None], mixed_x.shape), atol=1e-6)
    np.testing.assert_allclose(mixed_labels.sum(axis=1), 1.0, atol=1e-6)
    assert ((mixed_labels > 0.01) & (mixed_labels < 0.99)).any()
    assert mixed_mask.all()


def test_what_is_unknown_or_no_signal_of_one_is_so_of_both() -> None:
    labels = np.array([[math.nan], [1.0]], np.float32)
    mask = np.array([[1, 1, 0], [1, 0, 1]], np.float32)
    for seed in range(5):  # a record may be its own partner
        x, both, known = mixed(np.ones((2, 1, 3), np.float32), mask, labels, 1.0, np.random.default_rng(seed))
        is_swapped = np.isnan(known).all()
        np.testing.assert_array_equal(both, [[1, 0, 0], [1, 0, 0]] if is_swapped else mask)
        np.testing.assert_array_equal(x[:, 0], both)


def test_a_step_with_mixup_sees_mixed_records() -> None:
    model = Supervised(Classifier(ToyEncoder(), 2), unchanged, 2.5, mixup=0.5)
    records = RealRecords(4).segments(np.arange(4))
    records = replace(records, labels=np.array([[0, 1], [1, 0], [1, 1], [0, 0]], np.float32))
    found = model.views(records, np.random.default_rng(1))
    plain = replace_mixup(model).views(records, np.random.default_rng(1))
    assert found["x"].shape == plain["x"].shape
    assert np.unique(found["labels"]).size > 2
    assert not np.array_equal(found["x"], plain["x"])


def replace_mixup(model: Supervised) -> Supervised:
    """Return the same objective without mixing."""
    return Supervised(model.classifier, model.augment, model.crop_s)
