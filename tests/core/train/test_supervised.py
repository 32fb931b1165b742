from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from real_records import real_signal_mv, tiny_selection, write_ptbxl_tree
from safetensors.numpy import load_file

from physioclr_core.errors import UserFacingError
from physioclr_core.infer.preprocess import model_input
from physioclr_core.models.residual_cnn import ResidualCnnConfig
from physioclr_core.train.supervised import (
    DEFAULT,
    SupervisedConfig,
    augmented_batch,
    learning_rate,
    load_best,
    predict_logits,
    train,
)

NANO = SupervisedConfig(
    model=ResidualCnnConfig(
        n_leads=12,
        n_labels=71,
        stem_channels=8,
        stem_kernel=15,
        stem_stride=2,
        stages=((8, 1, 1), (12, 1, 2)),
        kernel=5,
        squeeze=4,
        dropout=0.25,
    ),
    seed=0,
    n_epochs=2,
    batch_size=8,
    crop_samples=250,
    max_learning_rate=3e-3,
    warmup_fraction=0.2,
    weight_decay=0.02,
    ema_decay=0.998,
    scale_range=(0.8, 1.25),
    noise_sd=0.04,
    lead_drop=0.1,
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Any:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ptbxl_tree(tmp_path_factory.mktemp("ptbxl"), tiny_selection(20))


@pytest.fixture(scope="module")
def finished(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted run."""
    run = tmp_path_factory.mktemp("runs") / "finished"
    train(tree, run, NANO)
    return run


class InterruptingOutput(io.StringIO):
    """Raises what Ctrl-C raises once a number of epochs have been reported."""

    def __init__(self, n_epochs: int) -> None:
        super().__init__()
        self._n_left = n_epochs

    def flush(self) -> None:
        self._n_left -= 1
        if not self._n_left:
            raise KeyboardInterrupt


def events(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]


# --- runs ------------------------------------------------------------------------------------------------------------


def test_a_run_interrupted_and_resumed_is_the_uninterrupted_one(tree: Path, finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt), contextlib.redirect_stdout(InterruptingOutput(1)):
        train(tree, run, NANO)
    assert len(events(run)) == 1
    train(tree, run, NANO)
    for name in ("last.safetensors", "best.safetensors"):
        expected, resumed = load_file(finished / name), load_file(run / name)
        assert expected.keys() == resumed.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(resumed[key], value, err_msg=key)
    figures = [[{k: v for k, v in e.items() if k != "seconds"} for e in events(r)] for r in (finished, run)]
    assert figures[0] == figures[1]


def test_a_finished_run_is_not_trained_again(tree: Path, finished: Path) -> None:
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    best = train(tree, finished, NANO)
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before
    assert best == max(event["macro_auroc"] for event in events(finished))


def test_the_run_folder_holds_what_it_says_and_nothing_half_written(finished: Path) -> None:
    assert sorted(path.name for path in finished.iterdir()) == [
        "best.safetensors",
        "config.json",
        "events.jsonl",
        "last.safetensors",
    ]
    recorded = json.loads((finished / "config.json").read_text())
    assert recorded["config"]["n_epochs"] == 2
    assert recorded["n_train"] + recorded["n_select"] == len(tiny_selection(20))
    assert [event["epoch"] for event in events(finished)] == [0, 1]


@pytest.mark.parametrize("change", [{"seed": 1}, {"n_epochs": 3}, {"model": replace(NANO.model, dropout=0.0)}])
def test_another_configuration_is_refused_and_the_run_left_alone(
    tree: Path, finished: Path, change: dict[str, Any]
) -> None:
    before = {path.name: path.read_bytes() for path in finished.iterdir()}
    with pytest.raises(UserFacingError, match="another configuration or other data"):
        train(tree, finished, replace(NANO, **change))
    assert {path.name: path.read_bytes() for path in finished.iterdir()} == before


@pytest.mark.parametrize("folds", [range(1, 9), [9]], ids=["training folds", "selection fold"])
def test_other_data_are_refused(finished: Path, tmp_path: Path, folds: Any) -> None:
    kept = [entry for entry in tiny_selection(20) if entry.fold in folds]
    others = [entry for entry in tiny_selection(20) if entry.fold not in folds]
    other_tree = write_ptbxl_tree(tmp_path / "other", others + kept[1:])
    with pytest.raises(UserFacingError, match="another configuration or other data"):
        train(other_tree, finished, NANO)


def test_fewer_records_than_a_batch_are_refused(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="records to train on, a batch takes 5000"):
        train(tree, tmp_path / "run", replace(NANO, batch_size=5000))


def test_the_loss_falls(tree: Path, tmp_path: Path) -> None:
    config = replace(
        NANO,
        model=replace(NANO.model, stem_channels=16, stages=((16, 1, 1), (32, 1, 2)), dropout=0.0),
        n_epochs=15,
        batch_size=16,
        crop_samples=500,
        max_learning_rate=2e-2,
        scale_range=(1.0, 1.0),
        noise_sd=0.0,
        lead_drop=0.0,
    )
    train(tree, tmp_path / "run", config)
    losses = [event["loss"] for event in events(tmp_path / "run")]
    assert losses[-1] < 0.8 * losses[0]


def test_a_loss_that_is_no_longer_finite_ends_the_run_and_keeps_the_last_good_epoch(
    tree: Path, finished: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    diverging = replace(NANO, max_learning_rate=1e30)
    with pytest.raises(UserFacingError, match="not finite"):
        train(tree, run, diverging)
    assert not list(run.glob("*.partial"))
    if (run / "best.safetensors").exists():
        assert all(np.isfinite(value).all() for value in load_file(run / "best.safetensors").values())


def test_the_selected_network_is_the_averaged_one_of_the_best_epoch(finished: Path) -> None:
    model, config, recorded = load_best(finished)
    assert config == NANO
    assert recorded["select_folds"] == [9]
    assert not model.training
    last = load_file(finished / "last.safetensors")
    if max(events(finished), key=lambda e: e["macro_auroc"])["epoch"] == 1:
        for key, value in model.state_dict().items():
            np.testing.assert_array_equal(value.numpy(), last[f"average.{key}"])


def test_logits_of_whole_records_do_not_depend_on_the_batch(finished: Path) -> None:
    model, _, _ = load_best(finished)
    signal = np.stack([model_input(real_signal_mv(i)) for i in range(70)])
    logits = predict_logits(model, signal)
    assert logits.shape == (70, 71)
    np.testing.assert_allclose(logits[66:68], predict_logits(model, signal[66:68]), atol=1e-5)


# --- parts -----------------------------------------------------------------------------------------------------------


def test_the_learning_rate_rises_to_its_maximum_and_falls_to_almost_nothing() -> None:
    rates = [learning_rate(step, 1000, DEFAULT) for step in range(1000)]
    top = int(np.argmax(rates))
    assert top == 200
    assert rates[top] == pytest.approx(DEFAULT.max_learning_rate)
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()
    assert rates[0] == pytest.approx(0.04 * DEFAULT.max_learning_rate)
    assert rates[-1] < 0.002 * DEFAULT.max_learning_rate
    assert [learning_rate(step, 1, DEFAULT) for step in range(1)] == [pytest.approx(0.04 * DEFAULT.max_learning_rate)]


def test_without_noise_an_augmented_crop_is_a_scaled_piece_of_its_record() -> None:
    config = replace(NANO, noise_sd=0.0, lead_drop=0.0)
    signal = np.stack([model_input(real_signal_mv(i)) for i in range(6)])
    before = signal.copy()
    crops = augmented_batch(signal, np.random.default_rng(0), config)
    np.testing.assert_array_equal(signal, before)
    assert crops.shape == (6, 12, 250)
    assert crops.dtype == np.float32
    gains = []
    for crop, record in zip(crops, signal, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(record, 250, axis=1).transpose(1, 0, 2).reshape(751, -1)
        gain = (windows @ crop.ravel()) / (windows**2).sum(axis=1)
        error = np.abs(windows * gain[:, None] - crop.ravel()).max(axis=1)
        assert error.min() < 1e-4
        gains.append(gain[error.argmin()])
    assert 0.8 <= min(gains) < max(gains) <= 1.25


def test_whole_leads_are_dropped_in_some_records_only() -> None:
    config = replace(NANO, noise_sd=0.1, lead_drop=0.3)
    signal = np.tile(model_input(real_signal_mv(0)), (400, 1, 1))
    crops = augmented_batch(signal, np.random.default_rng(0), config)
    is_dropped = (crops == 0).all(axis=2)
    assert is_dropped.mean() == pytest.approx(0.5 * 0.3, abs=0.02)
    assert (~is_dropped.any(axis=1)).mean() == pytest.approx(0.5, abs=0.08)
    assert ((crops == 0).any(axis=2) == is_dropped).mean() > 0.99


def test_every_place_of_a_record_is_cropped() -> None:
    config = replace(NANO, noise_sd=0.0, lead_drop=0.0, scale_range=(1.0, 1.0))
    ramp = np.tile(np.arange(1000, dtype=np.float32), (3000, 12, 1))
    starts = augmented_batch(ramp, np.random.default_rng(0), config)[:, 0, 0]
    assert starts.min() <= 3
    assert starts.max() >= 747
    assert starts.max() <= 750
