"""Attributions of the shipped network against its PyTorch twin: gradients, and copies that forgot what was learnt."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from physioclr_core.errors import UserFacingError
from physioclr_core.export.attribution_checks.cases import Case, find_cases
from physioclr_core.export.attribution_checks.checks import agreement, deletion, forgetting, rank_correlation
from physioclr_core.export.attribution_checks.page import with_figures
from physioclr_core.export.attribution_checks.twin import (
    forgetful,
    gradient_times_difference,
    integrated_gradients,
    logits_of,
    parts_of,
)
from physioclr_core.infer.model import EcgModel
from physioclr_core.models.build import build_encoder
from physioclr_core.models.classifier import Classifier
from physioclr_core.models.presets import ENCODER_PRESETS
from physioclr_core.paths import assets_dir
from physioclr_core.train.finetune import load_finetuned

RUN = assets_dir() / "docs" / "runs" / "physioclr" / "tuned"
DOCS = assets_dir() / "docs"
CODES = ("1AVB", "CRBBB", "AFIB", "IMI")


@pytest.fixture(scope="module")
def model() -> EcgModel:
    return EcgModel(allow_gpu=False)


@pytest.fixture(scope="module")
def twin() -> Classifier:
    return load_finetuned(RUN)[0]


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


def test_the_twin_is_the_network_that_ships(model: EcgModel, twin: Classifier, cases: list[Case]) -> None:
    x, mask = np.stack([case.x for case in cases]), np.stack([case.mask for case in cases])
    np.testing.assert_allclose(logits_of(twin)(x, mask), model.logits(x, mask), atol=1e-3)


def test_a_forgetful_twin_keeps_what_lies_below_and_leaves_the_trained_one_alone(twin: Classifier) -> None:
    before = {name: value.clone() for name, value in twin.state_dict().items()}
    n_blocks = len(twin.encoder.context_blocks)  # type: ignore[arg-type]
    last = tuple(f"encoder.context_blocks.{n_blocks - turn}." for turn in (1, 2))
    for name, value in forgetful(twin, 3, seed=1).state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(value, before[name]) == (not name.startswith(("head.", *last))), name
    everything = forgetful(twin, len(parts_of(twin)), seed=1).state_dict()
    assert not [name for name, value in everything.items() if value.ndim > 0 and torch.equal(value, before[name])]
    again = forgetful(twin, len(parts_of(twin)), seed=1).state_dict()
    assert all(torch.equal(everything[name], again[name]) for name in everything)
    assert all(torch.equal(value, before[name]) for name, value in twin.state_dict().items())


def test_what_was_forgotten_first_is_the_same_however_much_follows(twin: Classifier) -> None:
    little, much = (forgetful(twin, n, seed=1).state_dict() for n in (1, len(parts_of(twin))))
    assert torch.equal(little["head.weight"], much["head.weight"])


def test_a_network_without_such_parts_is_refused() -> None:
    small = {"conv_channels": 8, "width": 16, "n_layers": 1, "ffn": 16}
    other = Classifier(build_encoder(ENCODER_PRESETS["tiny"].model_copy(update=small)), 2)
    with pytest.raises(UserFacingError, match="residual CNNs with a linear head only"):
        parts_of(other)


def test_a_network_that_forgot_everything_points_elsewhere(
    twin: Classifier, cases: list[Case], effects: list[np.ndarray]
) -> None:
    found = [forgetting(case, twin, effect, seed=1) for case, effect in zip(cases, effects, strict=True)]
    for stage in ("head and all blocks", "everything"):
        values = np.array([each[stage][0] for each in found])
        assert np.abs(values).max() < 0.35
        assert abs(values.mean()) < 0.15


def test_a_fresh_head_is_not_the_one_that_the_run_began_with(twin: Classifier) -> None:
    # The run's own seed gives it back, and what began alike stays alike. The encoder began with pretrained weights.
    own = load_finetuned(RUN)[1].loop.seed
    trained = twin.head.weight.detach().numpy().ravel()
    alike = [
        np.corrcoef(trained, forgetful(twin, 1, seed).head.weight.detach().numpy().ravel())[0, 1]
        for seed in (own, own + 1)
    ]
    assert abs(alike[0]) > 0.2
    assert abs(alike[1]) < 0.05


def test_gradients_of_the_twin_agree_with_taking_waves_out(
    twin: Classifier, cases: list[Case], effects: list[np.ndarray]
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
        assert curve.by_attribution[0] == pytest.approx(curve.by_chance[0], rel=1e-12)
        # No single wave decides on fibrillation (attribution.md): its probability falls, but little.
        margin = 0.02 if case.code == "AFIB" else 0.1
        assert curve.area(curve.by_attribution) < curve.area(curve.by_chance) - margin


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


def test_integrated_gradients_add_up_to_the_difference_of_logits(twin: Classifier, cases: list[Case]) -> None:
    case = cases[1]
    path = integrated_gradients(twin, case.x, case.mask, case.without_waves(), case.label, n_steps=128)
    x = np.stack([case.x, case.without_waves()])
    logits = logits_of(twin)(x, np.repeat(case.mask[None], 2, axis=0))[:, case.label]
    assert float(path.sum()) == pytest.approx(float(logits[0] - logits[1]), rel=0.05)


def test_a_rank_correlation_is_none_where_nothing_can_be_ranked() -> None:
    assert rank_correlation(np.array([1.0, 2.0, 3.0, np.nan]), np.array([2.0, 4.0, 9.0, 1.0])) == pytest.approx(1.0)
    assert np.isnan(rank_correlation(np.ones(5), np.arange(5.0)))
    assert np.isnan(rank_correlation(np.array([1.0, np.nan, 2.0]), np.arange(3.0)))


def test_the_page_says_what_was_measured_on_the_model_that_ships(model: EcgModel) -> None:
    found = json.loads((DOCS / "attribution" / "checks.json").read_text("utf-8"))
    page = (DOCS / "attribution.md").read_text("utf-8")
    assert page == with_figures(page, found)
    assert found["model"] == model.manifest.short_id


def test_a_page_that_lacks_a_block_is_refused() -> None:
    found = json.loads((DOCS / "attribution" / "checks.json").read_text("utf-8"))
    with pytest.raises(UserFacingError, match="must have each of the blocks about, "):
        with_figures("<!-- figures: about -->\n<!-- end -->", found)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_writes_figures(tmp_path: Path) -> None:
    page = Path(shutil.copy(DOCS / "attribution.md", tmp_path))
    command = [sys.executable, "-m", "physioclr_core.export.attribution_checks", RUN, "--json", tmp_path / "out.json"]
    done = subprocess.run(
        [*command, "--page", page, "-n", "1", "--n-forgetting", "1"], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    found = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert found["n_ecgs"] == 8
    assert set(found["statements"]) >= set(CODES)
    assert page.read_text("utf-8") == with_figures((DOCS / "attribution.md").read_text("utf-8"), found)
    assert "; 8 ECGs, " in page.read_text("utf-8")
