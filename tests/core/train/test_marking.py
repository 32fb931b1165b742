from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from physioclr_core.errors import UserFacingError
from physioclr_core.train import marking
from physioclr_core.train.marking import BEST, LoopConfig, train_network, weighted_bce

LOOP = LoopConfig(seed=1, n_steps=60, max_learning_rate=1e-2, warmup_fraction=0.2, weight_decay=0.0, ema_decay=0.9)


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 4, (1, 5), padding=(0, 2)), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 1))
        self.dropout = nn.Dropout(0.2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.layers(self.dropout(x)[:, None, None])[:, 0, 0]
        return y


def tiny_batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x = rng.standard_normal((8, 40)).astype(np.float32)
    return x, (x > 0.5).astype(np.float32), np.ones_like(x)


def run_of(folder: Path, loop: LoopConfig = LOOP, batch: Callable[..., Any] = tiny_batch) -> nn.Module:
    torch.manual_seed(loop.seed)
    return train_network(Tiny(), batch, weighted_bce, loop, folder, {"config": asdict(loop)})


@pytest.fixture(autouse=True)
def _short_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marking, "STEPS_A_ROUND", 20)


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(tmp_path: Path) -> None:
    run_of(tmp_path / "whole")

    calls = 0

    def interrupted(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        nonlocal calls
        calls += 1
        if calls == 33:
            raise KeyboardInterrupt
        return tiny_batch(rng)

    with pytest.raises(KeyboardInterrupt):
        run_of(tmp_path / "parts", batch=interrupted)
    assert not (tmp_path / "parts" / BEST).exists()
    run_of(tmp_path / "parts")
    whole, parts = load_file(tmp_path / "whole" / BEST), load_file(tmp_path / "parts" / BEST)
    assert all(torch.equal(whole[key], parts[key]) for key in whole)


def test_a_finished_run_is_not_trained_again(tmp_path: Path) -> None:
    first = run_of(tmp_path)

    def no_batch(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        raise AssertionError

    again = run_of(tmp_path, batch=no_batch)
    for a, b in zip(first.state_dict().values(), again.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b)


def test_it_learns_and_says_how_it_goes(tmp_path: Path) -> None:
    run_of(tmp_path, replace(LOOP, n_steps=200))
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["step"] for event in events] == list(range(20, 201, 20))
    assert events[-1]["loss"] < 0.7 * events[0]["loss"]
    recorded = json.loads((tmp_path / "config.json").read_text())
    assert recorded["config"]["seed"] == 1
    assert recorded["code_version"]


def test_a_folder_of_another_configuration_is_refused(tmp_path: Path) -> None:
    run_of(tmp_path)
    with pytest.raises(UserFacingError, match="another configuration"):
        run_of(tmp_path, replace(LOOP, seed=2))


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_round(tmp_path: Path) -> None:
    calls = 0

    def broken(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        nonlocal calls
        calls += 1
        x, y, w = tiny_batch(rng)
        return (x * np.float32(np.nan) if calls == 25 else x), y, w

    with pytest.raises(UserFacingError, match="not finite in round 1"):
        run_of(tmp_path, batch=broken)
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == 1


def test_the_loss_is_the_mean_over_what_is_known() -> None:
    logits, target = torch.tensor([0.0, 3.0, -2.0]), torch.tensor([1.0, 1.0, 0.5])
    weight = torch.tensor([1.0, 0.0, 3.0])
    each = [np.log(2.0), None, 0.5 * np.log1p(np.exp(2.0)) + 0.5 * np.log1p(np.exp(-2.0))]
    expected = (each[0] + 3 * each[2]) / 4
    assert float(weighted_bce(logits, target, weight)) == pytest.approx(expected, rel=1e-5)
    assert float(weighted_bce(logits, target, torch.zeros(3))) == 0.0
