"""Contrastive losses over two processes against one process with all rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from safetensors.torch import load_file
from torch import Tensor
from toy_objective import RealRecords, ToyEncoder

from physioclr_core.data.segments import Segments
from physioclr_core.losses.build import build_objective
from physioclr_core.losses.config import ObjectiveConfig
from physioclr_core.losses.objective import Objective

CONFIGS: TypeAdapter[ObjectiveConfig] = TypeAdapter(ObjectiveConfig)
KINDS = ("simclr", "cmsc", "3kg", "physioclr")
# Patients 1 and 2 have records in both halves.
PATIENT = np.array([0, 1, 2, 2, 2, 5, 1, 7])


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


def objective(kind: str) -> Objective:
    torch.manual_seed(0)
    return build_objective(CONFIGS.validate_python({"kind": kind, "n_hidden": 32}), ToyEncoder(16), unchanged)


def views_of(model: Objective) -> dict[str, Tensor]:
    made = model.views(RealRecords(8).measured(np.arange(8)), np.random.default_rng(0))
    views = {name: torch.from_numpy(view) for name, view in made.items()}
    return {**views, "patient": torch.from_numpy(PATIENT)}


def loss_and_gradients(model: Objective, views: dict[str, Tensor]) -> dict[str, Tensor]:
    loss = model(views).loss
    loss.backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return {"loss": loss.detach(), **gradients}


def run_two(script: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "support")]
    path = tmp_path / "two.py"
    path.write_text(f"import sys\nsys.path[:0] = {folders!r}\n{script}", encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    return subprocess.run([*command, str(path), str(tmp_path)], check=True, capture_output=True, text=True, timeout=110)


_SHARE = """
import torch
from pathlib import Path
from safetensors.torch import save_file
from test_two_processes import KINDS, loss_and_gradients, objective, views_of
from physioclr_core.train.distributed import mean_over_processes, world
torch.set_num_threads(1)
with world(allow_gpu=False) as here:
    for kind in KINDS:
        model = objective(kind)
        half = slice(4 * here.rank, 4 * here.rank + 4)
        mine = loss_and_gradients(model, {name: view[half] for name, view in views_of(model).items()})
        mean = {name: mean_over_processes(value, here.size) for name, value in mine.items()}
        if here.is_first:
            save_file(mean, Path(sys.argv[1]) / f"{kind}.safetensors")
"""


@pytest.mark.slow
def test_two_processes_have_the_loss_and_gradients_of_one_with_all_rows(tmp_path: Path) -> None:
    run_two(_SHARE, tmp_path)
    for kind in KINDS:
        model = objective(kind)
        one, two = loss_and_gradients(model, views_of(model)), load_file(tmp_path / f"{kind}.safetensors")
        assert one.keys() == two.keys()
        assert len(one) > 8
        for name, value in one.items():
            torch.testing.assert_close(
                two[name], value, rtol=1e-4, atol=1e-6, msg=lambda m, n=name, k=kind: f"{k} {n}: {m}"
            )


_UNEQUAL = """
import torch
from pathlib import Path
from physioclr_core.losses.gather import gather
from physioclr_core.train.distributed import world
torch.set_num_threads(1)
with world(allow_gpu=False) as here:
    try:
        gather(torch.ones(3 + here.rank, 2))
    except ValueError as error:
        (Path(sys.argv[1]) / f"{here.rank}.txt").write_text(str(error))
"""


@pytest.mark.slow
def test_processes_with_different_numbers_of_rows_all_refuse(tmp_path: Path) -> None:
    run_two(_UNEQUAL, tmp_path)
    for rank in (0, 1):
        assert "they have [3, 4]" in (tmp_path / f"{rank}.txt").read_text()
