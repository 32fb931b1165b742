"""CMSC: its loss against the loop of the paper, and how its segments lie."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from toy_objective import RealRecords, ToyEncoder

from physioclr_core.data.segments import Segments
from physioclr_core.errors import UserFacingError
from physioclr_core.losses.cmsc import Cmsc, adjacent_segments
from physioclr_core.losses.patient_contrast import patient_contrast

RECORDS = RealRecords(8)


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


def slow_loss(first: torch.Tensor, second: torch.Tensor, patient: list[int], temperature: float) -> float:
    """Return equation (2) of CLOCS in both directions, over every anchor's mean over its positives."""
    losses = []
    for anchors, candidates in ((first, second), (second, first)):
        for i in range(len(anchors)):
            s = [float(torch.cosine_similarity(anchors[i], c, dim=0)) / temperature for c in candidates]
            below = sum(math.exp(v) for v in s)
            terms = [-math.log(math.exp(s[k]) / below) for k in range(len(s)) if patient[k] == patient[i]]
            losses.append(sum(terms) / len(terms))
    return sum(losses) / len(losses)


def test_the_loss_is_that_of_the_papers_loop_with_several_records_a_patient() -> None:
    torch.manual_seed(0)
    model = Cmsc(ToyEncoder(16), unchanged, segment_s=5.0, n_hidden=32, n_projection=16)
    records = replace(RECORDS.segments(np.arange(8)), patient=np.array([0, 1, 2, 2, 4, 2, 6, 1]))
    views = {k: torch.from_numpy(v) for k, v in model.views(records, np.random.default_rng(0)).items()}
    first, second = (model.projection(model.encoder(views[f"x{k}"], views[f"mask{k}"])).detach() for k in (1, 2))
    result = model(views)
    assert result.loss.item() == pytest.approx(slow_loss(first, second, records.patient.tolist(), 0.1), rel=1e-5)
    assert result.embedding is not None
    assert result.second_embedding is not None
    assert result.embedding.shape == result.second_embedding.shape == (8, 16)
    assert set(result.figures) == {"accuracy", "skipped"}


def test_the_second_segment_begins_where_the_first_ends() -> None:
    records = RECORDS.segments(np.arange(8))
    first, second = adjacent_segments(records, 5.0, np.random.default_rng(0))
    np.testing.assert_array_equal(np.concatenate([first.signal_mv, second.signal_mv], axis=2), records.signal_mv)
    first, second = adjacent_segments(records, 2.5, np.random.default_rng(0))
    both = np.concatenate([first.signal_mv, second.signal_mv], axis=2)
    for row in range(8):
        assert any(np.array_equal(records.signal_mv[row, :, s : s + 500], both[row]) for s in range(501))


def test_records_that_do_not_hold_two_segments_are_refused() -> None:
    with pytest.raises(UserFacingError, match=r"Two segments of 6 s do not fit into records of 10 s"):
        adjacent_segments(RECORDS.segments(np.arange(2)), 6.0, np.random.default_rng(0))


def test_a_segment_without_signal_is_neither_anchor_nor_candidate() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randn(5, 4, generator=generator) for _ in range(2))
    patient, here = torch.arange(5), torch.ones(5, dtype=torch.bool)
    gone = here.clone()
    gone[2] = False
    result = patient_contrast(first, second, gone, gone, patient, 0.1)
    rest = patient_contrast(first[gone], second[gone], here[gone], here[gone], patient[gone], 0.1)
    assert float(result.loss) == pytest.approx(float(rest.loss), rel=1e-6)
    assert int(result.n_skipped) == 2
