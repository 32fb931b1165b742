"""Which records are alike: the engine's own similarity, and what is unknown."""

from __future__ import annotations

import numpy as np
import torch
from toy_objective import RealRecords

from physioclr_core.losses.physioclr.config import PhysioClrConfig
from physioclr_core.losses.physioclr.pairs import block_similarity, record_pairs
from physioclr_core.losses.presets import OBJECTIVE_PRESETS
from physioclr_core.physiology.features import similarity

RECORDS = RealRecords(12)
SEGMENTS = RECORDS.measured(np.arange(12))
VIEWS = {name: torch.from_numpy(array) for name, array in SEGMENTS.side.items()} | {"patient": torch.arange(12)}


def test_the_mean_over_blocks_is_the_engines_own() -> None:
    scores, is_known = RECORDS.physiology.scores, RECORDS.physiology.is_known.copy()
    is_known[3, :40] = False  # a record without rhythm
    is_known[5] = False
    ours, known = block_similarity(
        *(torch.from_numpy(np.where(is_known, scores, 0.0).astype(np.float32)), torch.from_numpy(is_known).float()) * 2
    )
    expected = similarity.block_similarity(scores, is_known, scores, is_known).mean
    assert (known.numpy() == np.isfinite(expected)).all()
    np.testing.assert_allclose(ours.numpy()[known.numpy()], expected[known.numpy()], atol=1e-5)
    assert not known[5].any()


def test_the_cosine_of_components_is_the_engines_own() -> None:
    pairs = record_pairs(VIEWS, PhysioClrConfig())
    expected = similarity.cosine_similarity(RECORDS.physiology.components, RECORDS.physiology.components)
    np.testing.assert_allclose(pairs.similarity.numpy(), expected, atol=1e-5)
    assert pairs.is_known.all()


def test_of_standardised_records_some_are_alike_and_of_raw_ones_all_are() -> None:
    other = ~torch.eye(12, dtype=torch.bool)
    share = {
        features: float(
            (record_pairs(VIEWS, PhysioClrConfig(features=features)).similarity >= 0.25)[other].float().mean()
        )
        for features in ("components", "scores", "official")
    }
    # method.md: about a quarter after z-scores, all of them of raw values.
    assert 0.05 < share["components"] < 0.5
    assert 0.05 < share["scores"] < 0.5
    assert share["official"] > 0.95


def test_a_record_without_features_is_neither_like_nor_unlike_any_other() -> None:
    views = {name: value.clone() for name, value in VIEWS.items()}
    views["is_measured"][4] = 0
    for config in (PhysioClrConfig(), OBJECTIVE_PRESETS["physio+"]):
        assert isinstance(config, PhysioClrConfig)
        pairs = record_pairs(views, config)
        assert not pairs.is_known[4].any()
        assert not pairs.is_known[:, 4].any()
        assert (pairs.similarity[4] == 0).all()
    typical = record_pairs(views, PhysioClrConfig(unknown_pairs="typical"))
    assert typical.is_known[4].all()


def test_without_pairs_nothing_that_was_measured_is_needed() -> None:
    pairs = record_pairs({"patient": torch.tensor([0, 1, 1])}, PhysioClrConfig(pairs="none"))
    assert not pairs.is_known.any()
    assert pairs.is_same_patient.tolist() == [[True, False, False], [False, True, True], [False, True, True]]
