"""The model that ships, the run that it was made of and what is said of both are one thing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from physioclr_core.infer.manifest import load_manifest
from physioclr_core.infer.model import default_model_dir
from physioclr_core.paths import assets_dir
from physioclr_core.train.config_file import load_config
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.pretrain_config import PretrainConfig
from physioclr_core.train.run_record import with_defaults

RUNS = assets_dir() / "docs" / "runs" / "physioclr"
ROOT = assets_dir().parent


def recorded(run: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((run / "config.json").read_text("utf-8"))
    return values


def test_the_manifest_names_the_run_that_is_kept() -> None:
    training, record = load_manifest(default_model_dir()).training, recorded(RUNS / "tuned")
    assert {name: training[name] for name in record} == record


@pytest.mark.parametrize(("kind", "name"), [(PretrainConfig, "pretrained"), (FinetuneConfig, "tuned")])
def test_the_settings_beside_a_run_are_those_that_it_records(kind: type[BaseModel], name: str) -> None:
    config = load_config(kind, RUNS / name / "settings.yaml", ["data.prepared=[PREPARED]"]).model_dump(mode="json")
    told = with_defaults(kind, recorded(RUNS / name))["config"]
    # Paths are no part of the record, and fine-tuning takes the encoder of its pretraining.
    for values in (config, told):
        values["data"] = {key: value for key, value in values["data"].items() if key != "prepared"}
    left_out = {"encoder", "pretrained", "soft_labels"} if name == "tuned" else set()
    assert {k: v for k, v in config.items() if k not in left_out} == {
        k: v for k, v in told.items() if k not in left_out
    }


def test_the_readme_says_the_figure_of_the_card() -> None:
    if not (ROOT / "README.md").is_file():
        pytest.skip("installed without the source tree")
    text = " ".join((ROOT / "README.md").read_text("utf-8").split())
    said = re.search(r"macro AUROC ([\d.]+) \(95 % interval ([\d.]+)-([\d.]+)\) over the 71 statements", text)
    assert said is not None
    macro = load_manifest(default_model_dir()).metrics["macro_auroc"]
    assert said.groups() == tuple(f"{macro[name]:.3f}" for name in ("value", "low", "high"))
