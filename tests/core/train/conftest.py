"""A small pretraining, made once for all tests of training."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_training import pretraining, quiet

from physioclr_core.train.pretrain import pretrain
from physioclr_core.train.pretrain_config import PretrainConfig


@pytest.fixture(scope="session")
def pretrained(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run folder of a pretraining."""
    run = tmp_path_factory.mktemp("runs") / "pretrained"
    pretrain(PretrainConfig.model_validate(pretraining(prepared)), run, quiet, allow_gpu=False)
    return run
