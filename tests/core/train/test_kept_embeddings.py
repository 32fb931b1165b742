"""Embeddings that evaluations share: the same numbers, made once, and never those of another encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from small_training import finetuning

from physioclr_core.models.encoder import Encoder
from physioclr_core.train.finetune import starting_encoder
from physioclr_core.train.finetune_config import FinetuneConfig, WindowConfig
from physioclr_core.train.kept_embeddings import embeddings
from physioclr_core.train.records import TrainingData, open_training_data


def opened(prepared: Path) -> tuple[FinetuneConfig, Encoder, TrainingData]:
    """Return a configuration, an encoder with random weights and the records."""
    config = FinetuneConfig.model_validate(finetuning(prepared))
    return config, starting_encoder(config)[0], open_training_data(config.data, "ptbxl-superclass")


def test_they_are_those_that_are_made_anew_for_any_share_of_the_records(prepared: Path, tmp_path: Path) -> None:
    kept = tmp_path / "embeddings.safetensors"
    config, encoder, data = opened(prepared)
    fewer = open_training_data(config.data.model_copy(update={"label_fraction": 0.3}), "ptbxl-superclass")
    embeddings(encoder, data, config.windows, kept)
    made = kept.stat().st_mtime_ns
    for part in (data, fewer):
        for ours, expected in zip(
            embeddings(encoder, part, config.windows, kept),
            embeddings(encoder, part, config.windows, None),
            strict=True,
        ):
            np.testing.assert_allclose(ours, expected, atol=1e-5)
    assert len(fewer.train) < len(data.train)
    assert kept.stat().st_mtime_ns == made


def test_other_weights_other_windows_and_half_a_file_are_made_anew(prepared: Path, tmp_path: Path) -> None:
    kept = tmp_path / "embeddings.safetensors"
    config, encoder, data = opened(prepared)
    first, _ = embeddings(encoder, data, config.windows, kept)
    half, _ = embeddings(encoder, data, WindowConfig(window_s=5.0), kept)
    assert not np.array_equal(first, half)
    kept.write_bytes(kept.read_bytes()[:1000])
    again, _ = embeddings(encoder, data, config.windows, kept)
    np.testing.assert_array_equal(first, again)
    with torch.no_grad():
        next(encoder.parameters()).mul_(1.5)
    other, _ = embeddings(encoder, data, config.windows, kept)
    assert not np.array_equal(first, other)


def test_those_with_spread_have_a_file_of_their_own_and_begin_with_the_others(prepared: Path, tmp_path: Path) -> None:
    kept = tmp_path / "embeddings.safetensors"
    config, encoder, data = opened(prepared)
    plain, _ = embeddings(encoder, data, config.windows, kept)
    made = kept.stat().st_mtime_ns
    for _ in range(2):
        both, _ = embeddings(encoder, data, config.windows, kept, with_spread=True)
        np.testing.assert_allclose(both[:, : plain.shape[1]], plain, atol=1e-5)
        assert both.shape[1] == 2 * plain.shape[1]
        assert (both[:, plain.shape[1] :] > 0).all()
    assert kept.stat().st_mtime_ns == made
