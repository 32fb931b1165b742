"""Contrastive losses over two processes are those of one process with all rows."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from toy_objective import RealRecords, ToyEncoder

from physioclr_core.data.segments import Segments
from physioclr_core.losses.cmsc import Cmsc
from physioclr_core.losses.objective import Objective
from physioclr_core.losses.simclr import SimClr
from physioclr_core.losses.three_kg import ThreeKg

KINDS = ("simclr", "cmsc", "3kg")
FloatArray = npt.NDArray[np.float32]


def unchanged(segments: Segments, rng: np.random.Generator) -> Segments:
    return segments


def objective(kind: str) -> Objective:
    torch.manual_seed(0)
    sizes = {"n_hidden": 32, "n_projection": 16}
    if kind == "cmsc":
        return Cmsc(ToyEncoder(16), unchanged, segment_s=5.0, **sizes)
    build = SimClr if kind == "simclr" else ThreeKg
    return build(ToyEncoder(16), unchanged, crop_s=5.0, **sizes)


def views_of(model: Objective) -> dict[str, torch.Tensor]:
    # Patients have records in both halves.
    records = replace(RealRecords(8).segments(np.arange(8)), patient=np.array([0, 1, 2, 3, 0, 5, 2, 2]))
    return {name: torch.from_numpy(view) for name, view in model.views(records, np.random.default_rng(0)).items()}


def loss_and_gradients(model: Objective, views: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the loss as "loss" and every parameter's gradient by its name."""
    loss = model(views).loss
    loss.backward()  # type: ignore[no-untyped-call]
    return {"loss": loss.detach(), **{name: p.grad for name, p in model.named_parameters() if p.grad is not None}}


_TWO = """
import sys
import numpy as np
import torch
from test_processes import KINDS, loss_and_gradients, objective, views_of
from physioclr_core.losses.gather import gather
from physioclr_core.train.distributed import mean_over_processes, world
torch.set_num_threads(1)
with world(allow_gpu=False) as here:
    for kind in KINDS:
        model = objective(kind)
        mine = slice(4 * here.rank, 4 * here.rank + 4)
        values = loss_and_gradients(model, {name: view[mine] for name, view in views_of(model).items()})
        means = {name: mean_over_processes(value, here.size).numpy() for name, value in values.items()}
        if here.is_first:
            np.savez(sys.argv[1] + "/" + kind + ".npz", **means)
    try:
        gather(torch.zeros(3 + here.rank, 2))
    except ValueError as error:
        if here.is_first:
            np.savez(sys.argv[1] + "/refused.npz", text=np.array(str(error)))
"""


@pytest.mark.slow
def test_two_processes_have_the_loss_and_gradients_of_one(tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "support")]
    script.write_text(f"import sys\nsys.path[:0] = {folders!r}\n{_TWO}", encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run([*command, str(script), str(tmp_path)], check=True, capture_output=True, timeout=110)
    for kind in KINDS:
        model = objective(kind)
        expected = loss_and_gradients(model, views_of(model))
        with np.load(tmp_path / f"{kind}.npz") as means:
            assert set(means) == set(expected)
            for name, value in expected.items():
                np.testing.assert_allclose(means[name], value.numpy(), rtol=1e-4, atol=1e-6, err_msg=f"{kind} {name}")
    with np.load(tmp_path / "refused.npz") as refused:
        assert "equally many rows, they have [3, 4]" in str(refused["text"])
