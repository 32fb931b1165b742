"""The training loop: exact resume, several processes, lack of memory, bad losses, a full disk."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from toy_objective import RealRecords, ToyObjective, fresh_objective

from physioclr_core.errors import UserFacingError
from physioclr_core.losses.objective import Objective, ObjectiveResult
from physioclr_core.train import loop as loop_module
from physioclr_core.train.distributed import World
from physioclr_core.train.loop import Task, fit
from physioclr_core.train.loop_config import LoopConfig, OptimizerConfig
from physioclr_core.train.run_folder import RunFolder

ALONE = World(0, 1, torch.device("cpu"))
RECORDS = RealRecords(80)
# In fp32 on every machine: in bf16 a step in parts and a step in one agree to two digits only.
LOOP = LoopConfig(seed=3, n_epochs=3, batch_size=32, n_loader_threads=0, precision="fp32")
RATES = OptimizerConfig(max_learning_rate=1e-2)


def task(objective: Objective) -> Task:
    def validate(average: Objective) -> dict[str, float]:
        rng = np.random.default_rng(0)
        views = average.views(RECORDS.segments(np.arange(16)), rng)
        with torch.inference_mode():
            result = average({name: torch.from_numpy(view) for name, view in views.items()})
        return {"score": -float(result.loss)}

    return Task(objective, RECORDS, validate, "score")


def weights(run: RunFolder) -> dict[str, Tensor]:
    return load_file(run.last)


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize(("stop_after", "precision"), [(1, "fp32"), (2, "fp32"), (3, "fp32"), (2, "bf16")])
def test_a_run_that_was_interrupted_gives_the_same_weights_bit_for_bit(
    tmp_path: Path, stop_after: int, precision: str
) -> None:
    loop = LOOP.model_copy(update={"precision": precision})
    whole, parted = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parted")
    fit(task(fresh_objective(dropout=0.3)), loop, RATES, whole, ALONE)

    def stop(step: int, n_steps: int, loss: float) -> None:
        if step == stop_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(task(fresh_objective(dropout=0.3)), loop, RATES, parted, ALONE, stop)
    # A fresh process draws other weights before it loads the checkpoint.
    fit(task(fresh_objective(seed=99, dropout=0.3)), loop, RATES, parted, ALONE)
    assert same(weights(whole), weights(parted))
    assert same(load_file(whole.best), load_file(parted.best))


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"), ({"avx2": True, "avx512_bf16": False}, "fp32")],
)
def test_processors_without_instructions_for_bf16_calculate_in_fp32(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert loop_module.arithmetic("auto", torch.device("cpu")) == expected
    assert loop_module.arithmetic("fp32", torch.device("cpu")) == "fp32"
    assert loop_module.arithmetic("bf16", torch.device("cpu")) == "bf16"


def test_threads_that_prepare_batches_change_nothing(tmp_path: Path) -> None:
    none, two = RunFolder(tmp_path / "none"), RunFolder(tmp_path / "two")
    fit(task(fresh_objective()), LOOP, RATES, none, ALONE)
    fit(task(fresh_objective()), LOOP.model_copy(update={"n_loader_threads": 2}), RATES, two, ALONE)
    assert same(weights(none), weights(two))


def test_parts_of_a_batch_give_the_step_of_the_whole_batch(tmp_path: Path) -> None:
    whole, parts = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts")
    fit(task(fresh_objective()), LOOP, RATES, whole, ALONE)
    fit(task(fresh_objective()), LOOP.model_copy(update={"micro_batch_size": 8}), RATES, parts, ALONE)
    for key, value in weights(whole).items():
        torch.testing.assert_close(weights(parts)[key], value, rtol=1e-4, atol=1e-5)


def test_the_loss_falls_and_every_epoch_is_logged(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    result = fit(task(fresh_objective()), LOOP.model_copy(update={"n_epochs": 20}), RATES, run, ALONE)
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [event["epoch"] for event in events if event["event"] == "epoch"] == list(range(20))
    assert events[-1]["loss"] < 0.9 * events[0]["loss"]
    assert result["best"] == max(event["score"] for event in events)
    assert {"rank", "spread", "uniformity", "error"} <= events[-1].keys()


class _Hungry(ToyObjective):
    """Runs out of memory above a number of records."""

    limit = 8

    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        if self.training and len(views["x"]) > self.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().forward(views)


def test_what_does_not_fit_into_memory_is_halved_and_said(tmp_path: Path) -> None:
    torch.manual_seed(0)
    run, whole = RunFolder(tmp_path / "hungry"), RunFolder(tmp_path / "whole")
    fit(task(_Hungry()), LOOP, RATES, run, ALONE)
    fit(task(fresh_objective()), LOOP, RATES, whole, ALONE)
    events = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert [event["records_at_once"] for event in events if event["event"] == "out_of_memory"] == [16, 8]
    torch.testing.assert_close(weights(run)["model.head.weight"], weights(whole)["model.head.weight"])


def test_too_little_memory_for_two_records_is_one_sentence(tmp_path: Path) -> None:
    objective = _Hungry()
    objective.limit = 1
    with pytest.raises(UserFacingError, match="does not hold 2 records"):
        fit(task(objective), LOOP, RATES, RunFolder(tmp_path), ALONE)


class _Diverges(ToyObjective):
    """Gives a loss that is not a number from the fourth step on."""

    n_calls = 0

    def forward(self, views: dict[str, Tensor]) -> ObjectiveResult:
        self.n_calls += self.training
        result = super().forward(views)
        return ObjectiveResult(result.loss * math.nan) if self.n_calls > 3 else result


def test_a_loss_that_is_not_finite_stops_with_the_good_weights_kept(tmp_path: Path) -> None:
    torch.manual_seed(0)
    run = RunFolder(tmp_path)
    with pytest.raises(UserFacingError, match="not finite in step 3"):
        fit(task(_Diverges()), LOOP, RATES, run, ALONE)
    assert all(torch.isfinite(value).all() for value in weights(run).values())
    fit(task(fresh_objective()), LOOP, RATES, run, ALONE)  # goes on


def test_a_full_disk_is_said_and_what_was_saved_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(tmp_path)
    fit(task(fresh_objective()), LOOP.model_copy(update={"n_epochs": 1}), RATES, run, ALONE)
    before = run.last.read_bytes()

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("physioclr_core.train.checkpoint.save_file", full)
    with pytest.raises(UserFacingError, match="No space left on device"):
        fit(task(fresh_objective()), LOOP.model_copy(update={"n_epochs": 2}), RATES, run, ALONE)
    assert run.last.read_bytes() == before
    assert not list(tmp_path.glob("*.partial"))


def test_too_few_records_for_a_batch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserFacingError, match="80 records to train on and a batch takes 128; set loop.batch_size to 80"
    ):
        fit(task(fresh_objective()), LOOP.model_copy(update={"batch_size": 128}), RATES, RunFolder(tmp_path), ALONE)


_TWO = """
import sys
import torch
from pathlib import Path
from test_loop import LOOP, RATES, task
from toy_objective import fresh_objective
from physioclr_core.train.distributed import world
from physioclr_core.train.loop import fit
from physioclr_core.train.run_folder import RunFolder
torch.set_num_threads(1)
with world() as here:
    fit(task(fresh_objective()), LOOP, RATES, RunFolder(Path(sys.argv[1])), here)
"""


@pytest.mark.slow
def test_two_processes_train_as_one(tmp_path: Path) -> None:
    script = tmp_path / "two.py"
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "support")]
    script.write_text(f"import sys\nsys.path[:0] = {folders!r}\n{_TWO}", encoding="utf-8")
    one, two = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "two")
    fit(task(fresh_objective()), LOOP, RATES, one, ALONE)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    subprocess.run([*command, str(script), str(two.path)], check=True, capture_output=True, timeout=110)
    for key, value in weights(one).items():
        torch.testing.assert_close(weights(two)[key], value, rtol=1e-4, atol=1e-6)
    losses = [
        [json.loads(line)["loss"] for line in (run.path / "events.jsonl").read_text().splitlines()]
        for run in (one, two)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_lack_of_memory_is_told_from_other_errors() -> None:
    assert loop_module.is_out_of_memory(RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate"))
    assert not loop_module.is_out_of_memory(RuntimeError("shapes do not match"))
