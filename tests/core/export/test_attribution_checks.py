"""Attributions of the shipped network against its PyTorch twin: gradients, and copies that forgot what was learnt."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from physioclr_core.export.attribution_checks.cases import Case, find_cases
from physioclr_core.export.attribution_checks.checks import agreement, deletion, forgetting, rank_correlation
from physioclr_core.export.attribution_checks.twin import (
    forgetful,
    gradient_times_difference,
    integrated_gradients,
    logits_of,
)
from physioclr_core.infer.model import EcgModel
from physioclr_core.models.residual_cnn import ResidualCnn
from physioclr_core.paths import assets_dir
from physioclr_core.train.supervised import load_best

RUN = assets_dir() / "docs" / "runs" / "first-light"
CODES = ("1AVB", "CRBBB", "AFIB", "IMI")


@pytest.fixture(scope="module")
def model() -> EcgModel:
    return EcgModel(allow_gpu=False)


@pytest.fixture(scope="module")
def twin() -> ResidualCnn:
    return load_best(RUN)[0]


@pytest.fixture(scope="module")
def cases(model: EcgModel) -> list[Case]:
    found = find_cases(model, 1, CODES)
    assert [case.code for case in found] == list(CODES)
    return found


@pytest.fixture(scope="module")
def effects(model: EcgModel, cases: list[Case]) -> list[np.ndarray]:
    return [case.effects(model.logits).effect[..., case.label] for case in cases]


def test_cases_carry_their_statement_are_found_to_and_come_from_the_fold_not_trained_on(
    model: EcgModel, cases: list[Case]
) -> None:
    for case in cases:
        label = model.manifest.labels[case.label]
        assert case.code in case.entry.statements
        assert case.entry.fold == 9
        assert model.assess_windows([case.windows])[0].probability[case.label] >= (label.threshold or 1.0)


def test_the_twin_is_the_network_that_ships(model: EcgModel, twin: ResidualCnn, cases: list[Case]) -> None:
    x, mask = np.stack([case.x for case in cases]), np.stack([case.mask for case in cases])
    np.testing.assert_allclose(logits_of(twin)(x, mask), model.logits(x, mask), atol=1e-3)


def test_a_forgetful_twin_keeps_what_lies_below_and_leaves_the_trained_one_alone(twin: ResidualCnn) -> None:
    before = {name: value.clone() for name, value in twin.state_dict().items()}
    kept = forgetful(twin, 3, seed=1)
    for name, value in kept.state_dict().items():
        is_new = name.startswith(("head.", "blocks.3.", "blocks.4."))
        if name.endswith("weight") and value.ndim > 1:
            assert torch.equal(value, before[name]) == (not is_new), name
    everything = forgetful(twin, -1, seed=1).state_dict()
    assert not torch.equal(everything["stem.weight"], before["stem.weight"])
    assert not torch.equal(everything["blocks.0.conv1.weight"], before["blocks.0.conv1.weight"])
    again = forgetful(twin, -1, seed=1).state_dict()
    assert all(torch.equal(everything[name], again[name]) for name in everything)
    assert all(torch.equal(value, before[name]) for name, value in twin.state_dict().items())


def test_a_network_that_forgot_everything_points_elsewhere(
    twin: ResidualCnn, cases: list[Case], effects: list[np.ndarray]
) -> None:
    found = [forgetting(case, twin, effect, seed=1) for case, effect in zip(cases, effects, strict=True)]
    for stage in ("head and all blocks", "everything"):
        values = np.array([each[stage][0] for each in found])
        assert np.abs(values).max() < 0.35
        assert abs(values.mean()) < 0.15


def test_fresh_weights_are_not_those_that_the_run_began_with(twin: ResidualCnn) -> None:
    # The run's own seed would give them back, and what began alike stays alike.
    trained = twin.head.weight.detach().numpy().ravel()
    alike = [
        np.corrcoef(trained, forgetful(twin, 5, seed).head.weight.detach().numpy().ravel())[0, 1] for seed in (0, 1)
    ]
    assert abs(alike[0]) > 0.2  # seed 0 trained the shipped network
    assert abs(alike[1]) < 0.05


def test_gradients_of_the_twin_agree_with_taking_waves_out(
    twin: ResidualCnn, cases: list[Case], effects: list[np.ndarray]
) -> None:
    found = [agreement(case, twin, effect) for case, effect in zip(cases, effects, strict=True)]
    assert min(each.gradient for each in found) > 0.4
    assert np.median([each.gradient for each in found]) > 0.6
    assert min(each.integrated for each in found) > 0.2
    assert np.median([each.integrated for each in found]) > 0.45


def test_what_speaks_most_lowers_the_probability_faster_than_chance(
    model: EcgModel, cases: list[Case], effects: list[np.ndarray]
) -> None:
    for case, effect in zip(cases, effects, strict=True):
        curve = deletion(case, model.logits, model.manifest.labels[case.label].temperature, effect, seed=0)
        assert len(curve.by_attribution) == len(curve.by_chance) == 8
        assert curve.by_attribution[0] == curve.by_chance[0]
        assert curve.area(curve.by_attribution) < curve.area(curve.by_chance) - 0.1


class _Straight(nn.Module):
    """Logits that are a weighted sum of the input: every way to ask has the same answer."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(2, 3, 50, generator=torch.Generator().manual_seed(0)))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.einsum("nlt,klt->nk", x * mask[:, None], self.weight), x[:, 0]


def test_gradients_of_a_linear_network_are_its_weights_times_the_difference() -> None:
    rng = np.random.default_rng(0)
    x, baseline = (rng.normal(size=(3, 50)).astype(np.float32) for _ in range(2))
    mask, network = np.ones(50, np.float32), _Straight()
    expected = network.weight[1].detach().numpy() * (x - baseline)
    np.testing.assert_allclose(gradient_times_difference(network, x, mask, baseline, 1), expected, rtol=1e-4)
    np.testing.assert_allclose(integrated_gradients(network, x, mask, baseline, 1), expected, rtol=1e-4, atol=1e-5)


def test_integrated_gradients_add_up_to_the_difference_of_logits(twin: ResidualCnn, cases: list[Case]) -> None:
    case = cases[1]
    path = integrated_gradients(twin, case.x, case.mask, case.without_waves(), case.label, n_steps=128)
    x = np.stack([case.x, case.without_waves()])
    logits = logits_of(twin)(x, np.repeat(case.mask[None], 2, axis=0))[:, case.label]
    assert float(path.sum()) == pytest.approx(float(logits[0] - logits[1]), rel=0.05)


def test_a_rank_correlation_is_none_where_nothing_can_be_ranked() -> None:
    assert rank_correlation(np.array([1.0, 2.0, 3.0, np.nan]), np.array([2.0, 4.0, 9.0, 1.0])) == pytest.approx(1.0)
    assert np.isnan(rank_correlation(np.ones(5), np.arange(5.0)))
    assert np.isnan(rank_correlation(np.array([1.0, np.nan, 2.0]), np.arange(3.0)))


def test_the_page_says_what_was_measured() -> None:
    found = json.loads((assets_dir() / "docs" / "attribution" / "checks.json").read_text("utf-8"))
    page = (assets_dir() / "docs" / "attribution.md").read_text("utf-8")
    for stage in ("head", "head and 2 blocks", "head and all blocks", "everything"):
        assert f"| {stage} | {found['randomisation'][stage]['values']['median']:.2f} " in page
    for name in ("gradient", "integrated"):
        assert f"| {found['agreement'][name]['median']:.2f} (" in page
    for code, each in found["statements"].items():
        assert f"| {code} | {each['effect_of_all']['QRS']['median']:.1f} " in page.replace("**", "")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_writes_figures(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "physioclr_core.export.attribution_checks", RUN, "--json", tmp_path / "out.json"]
    done = subprocess.run([*command, "-n", "1", "--n-forgetting", "1"], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    found = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert found["n_ecgs"] == 8
    assert set(found["statements"]) >= set(CODES)
