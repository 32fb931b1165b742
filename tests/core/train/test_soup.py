"""The mean of several networks' weights is a network of its own, and only what fits is averaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from small_training import finetuning, quiet

from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.auroc import macro_auroc
from physioclr_core.train import soup
from physioclr_core.train.finetune import finetune, load_finetuned
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.predictions_file import read_predictions
from physioclr_core.train.records import open_training_data
from physioclr_core.train.run_folder import read_json


@pytest.fixture(scope="module")
def runs(prepared: Path, pretrained: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return two networks that were fine-tuned from one pretraining."""
    folder = tmp_path_factory.mktemp("ingredients")
    for seed in (0, 1):
        settings = finetuning(prepared, task="ptbxl-superclass", pretrained=str(pretrained))
        settings["loop"] = {**settings["loop"], "seed": seed}
        finetune(FinetuneConfig.model_validate(settings), folder / str(seed), quiet, allow_gpu=False)
    return [folder / "0", folder / "1"]


def test_weights_are_the_mean_and_the_folder_is_a_run_like_any_other(runs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "mean"
    assert soup.main([*map(str, runs), "--run", str(out)]) == 0
    first, second, mean = (load_file(folder / "best.safetensors") for folder in (*runs, out))
    for name, tensor in mean.items():
        if tensor.is_floating_point() and "running" not in name:
            torch.testing.assert_close(tensor, (first[name] + second[name]) / 2)
    classifier, _, record = load_finetuned(out)
    assert len(record["averaged_sha256"]) == 2
    torch.testing.assert_close(classifier.state_dict()["head.weight"], mean["classifier.head.weight"])
    kept = read_predictions(out)
    assert macro_auroc(kept.labels, kept.logits) > 0.5
    assert read_json(out / "status.json")["state"] == "finished"


def test_statistics_of_normalisation_are_the_means_over_batches_of_training_records(runs: list[Path]) -> None:
    classifier, config, _ = load_finetuned(runs[0])
    norm = next(module for module in classifier.modules() if isinstance(module, torch.nn.BatchNorm2d))
    before = norm.running_mean.clone()
    seen: list[torch.Tensor] = []
    handle = norm.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].mean(dim=(0, 2, 3))))
    soup.measure_statistics(classifier, open_training_data(config.data, config.task).train, config)
    handle.remove()
    assert len(seen) > 1
    torch.testing.assert_close(norm.running_mean, torch.stack(seen).mean(0))
    assert not torch.allclose(norm.running_mean, before)
    assert not norm.training


def test_networks_of_different_starts_are_refused(runs: list[Path], prepared: Path, tmp_path: Path) -> None:
    other = finetuning(prepared, task="ptbxl-superclass")
    finetune(FinetuneConfig.model_validate(other), tmp_path / "scratch", quiet, allow_gpu=False)
    with pytest.raises(UserFacingError, match="pretrained_sha256"):
        soup.average_runs([runs[0], tmp_path / "scratch"], tmp_path / "mean")
    assert not (tmp_path / "mean").exists()
    shutil.copytree(runs[0], tmp_path / "there")
    assert soup.main([*map(str, runs), "--run", str(tmp_path / "there")]) == 2
