"""What guiding pairs by physiology costs, and how fast a data set is measured. Never fails on wall time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from real_records import shipped_library, write_ptbxl_tree
from report import BenchmarkReport

from physioclr_core.augment.presets import AUGMENT_PRESETS
from physioclr_core.data.measure_physiology import measure_physiology
from physioclr_core.data.prepare import prepare
from physioclr_core.data.prepared import open_prepared
from physioclr_core.data.sources.ptbxl import ptbxl_source
from physioclr_core.losses.objective import Objective
from physioclr_core.losses.presets import OBJECTIVE_PRESETS
from physioclr_core.physiology.analysis import analyse
from physioclr_core.train.data_config import DataConfig
from physioclr_core.train.pretrain import new_objective
from physioclr_core.train.pretrain_config import PretrainConfig
from physioclr_core.train.records import TrainingRecords, open_training_data, with_physiology

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

N_RECORDS, N_BATCH, N_STEPS = 600, 128, 7


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread: two wait for each other as soon as anything else holds a core."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("physioclr")
    entries = shipped_library().entries[:N_RECORDS]
    prepare(ptbxl_source(write_ptbxl_tree(folder / "tree", entries), 100.0), folder / "prepared", 100.0)
    return folder / "prepared"


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def test_measuring_beats_and_features_of_a_data_set(report: BenchmarkReport, prepared: Path) -> None:
    dataset = open_prepared(prepared)

    def one_by_one() -> None:
        for row in range(100):
            analyse(dataset.record_mv(row), dataset.fs_hz, dataset.lead_names).features  # noqa: B018

    one_by_one()
    baseline = 100.0 / seconds(one_by_one)
    rate = len(dataset) / seconds(lambda: measure_physiology(prepared, 2))
    report.add(
        f"`physioclr features PREPARED`, {len(dataset)} records at 100 Hz, two cores, start of processes included",
        rate,
        "records/s",
        target=">= 109 records/s: the given PTB-XL in 3 minutes",
        baseline=baseline,
        baseline_name="one process",
    )


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("recipe", ["paper", "physio+"])
def test_pairing_by_features_in_a_pretraining_step(report: BenchmarkReport, prepared: Path, recipe: str) -> None:
    measure_physiology(prepared, 2)
    preset = OBJECTIVE_PRESETS[recipe]
    config = preset.model_dump()
    data_config = DataConfig(prepared=(prepared,))
    records = with_physiology(open_training_data(data_config), data_config, preset.median_weight > 0.0).train
    # Without pairs every other record is a negative; views, encoder and the other parts are the same.
    settings = {"guided": config, "plain": {**config, "pairs": "none"}}
    models = {name: objective(prepared, values) for name, values in settings.items()}
    views = {name: views_of(model, records) for name, model in models.items()}

    def step(name: str) -> None:
        models[name].zero_grad(set_to_none=True)
        models[name](views[name]).loss.backward()

    for name in models:
        step(name)
    times: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(N_STEPS):
        for name in models:
            times[name].append(seconds(lambda name=name: step(name)))  # type: ignore[misc]
    ratio = statistics.median(g / p for g, p in zip(times["guided"], times["plain"], strict=True))
    plain_ms = 1000.0 * statistics.median(times["plain"])
    report.add(
        f"a step of `{recipe}`, {N_BATCH} records, pairs by features",
        ratio * plain_ms,
        "ms",
        target="ratio <= 1.05",
        baseline=plain_ms,
        baseline_name="every other record a negative",
    )


def objective(prepared: Path, settings: dict[str, object]) -> Objective:
    config = PretrainConfig.model_validate(
        {"data": {"prepared": [str(prepared)]}, "objective": settings, "augment": AUGMENT_PRESETS["rlm"].model_dump()}
    )
    return new_objective(config).train()


def views_of(model: Objective, records: TrainingRecords) -> dict[str, torch.Tensor]:
    made = model.views(records.segments(np.arange(N_BATCH)), np.random.default_rng(0))
    return {name: torch.from_numpy(view) for name, view in made.items()}
