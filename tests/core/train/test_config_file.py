"""Configurations from files and arguments: what wins, and what is said about mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

from physioclr_core.errors import UserFacingError
from physioclr_core.train.config_file import dump_config, load_config
from physioclr_core.train.loop_config import LoopConfig, OptimizerConfig


class _Both(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    loop: LoopConfig = LoopConfig()
    optimizer: OptimizerConfig = OptimizerConfig()


def test_arguments_win_over_the_file_and_the_file_over_defaults(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("loop:\n  seed: 1\n  n_epochs: 7\n", encoding="utf-8")
    config = load_config(_Both, path, ["loop.seed=5", "optimizer.betas=[0.8, 0.9]", "loop.tensorboard=true"])
    assert (config.loop.seed, config.loop.n_epochs, config.loop.batch_size) == (5, 7, LoopConfig().batch_size)
    assert config.optimizer.betas == (0.8, 0.9)
    assert config.loop.tensorboard is True


def test_what_is_written_reads_back_as_the_same(tmp_path: Path) -> None:
    config = load_config(_Both, None, ["loop.seed=2"])
    path = tmp_path / "again.yaml"
    path.write_text(dump_config(config), encoding="utf-8")
    assert load_config(_Both, path) == config


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("loop.seeed=1", r"unknown key loop\.seeed; did you mean seed"),
        ("loop.n_epochs=0", r"loop\.n_epochs: input should be greater than or equal to 1"),
        ("loop.n_epochs=many", r"loop\.n_epochs: "),
        ("loop.seed", "settings are given as key=value"),
        ("loop.seed.deep=1", "loop.seed"),
        ("loop.micro_batch_size=128", "must not exceed batch_size"),
        ("loop.seed=[", "cannot be understood"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(override: str, said: str) -> None:
    with pytest.raises(UserFacingError, match=said):
        load_config(_Both, None, [override])


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "loop: [\n"])
def test_a_file_that_is_no_configuration_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserFacingError, match=r"odd\.yaml"):
        load_config(_Both, path)
    with pytest.raises(UserFacingError, match=r"missing\.yaml: cannot be read"):
        load_config(_Both, tmp_path / "missing.yaml")


def test_a_form_can_be_built_from_the_schema() -> None:
    schema = _Both.model_json_schema()
    yaml.safe_dump(schema)
    for part in ("LoopConfig", "OptimizerConfig"):
        for name, field in schema["$defs"][part]["properties"].items():
            assert field.get("description"), name
            assert "default" in field, name
