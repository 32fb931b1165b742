"""Training with what was measured: kept once, refused where it is another version's, counted in the run's record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from real_records import real_signal_mv
from safetensors.torch import load_file
from small_training import finetuning, pretraining, quiet

from physioclr_core import cli
from physioclr_core.data.measure_physiology import measure_physiology, measured_row
from physioclr_core.data.physiology_cache import FOLDER, MANIFEST, RECORDS, SCHEMA, cache_of, open_physiology
from physioclr_core.data.physiology_tracks import WAVE_BITS, may_shuffle, waves_track
from physioclr_core.data.prepared import open_prepared
from physioclr_core.errors import UserFacingError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.analysis import analyse
from physioclr_core.train.data_config import DataConfig
from physioclr_core.train.finetune import finetune, load_finetuned
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.pretrain import pretrain
from physioclr_core.train.pretrain_config import PretrainConfig
from physioclr_core.train.records import open_training_data, with_physiology
from physioclr_core.train.run_folder import read_json


@pytest.fixture(scope="session")
def measured(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the prepared data set that was measured."""
    folder = tmp_path_factory.mktemp("measured") / "prepared"
    shutil.copytree(prepared, folder)
    assert cli.main(["features", str(folder), "--jobs", "1"]) == 0
    return folder


def physioclr(prepared: Path, epochs: int | None = None, **changes: Any) -> PretrainConfig:
    objective = {"preset": "paper", "n_hidden": 16, "n_projection": 8, "decoder_channels": 16, **changes}
    settings = pretraining(prepared, objective=objective, augment="rlm")
    if epochs is not None:
        settings["loop"] = {**settings["loop"], "n_epochs": epochs}
    return PretrainConfig.model_validate(settings)


def test_an_augmentation_that_warps_time_is_refused_where_samples_are_restored(prepared: Path) -> None:
    settings = pretraining(prepared, objective="paper", augment="contrastive")
    with pytest.raises(ValueError, match="warps time moves what is restored"):
        PretrainConfig.model_validate(settings)
    no_parts = {"preset": "paper", "reconstruction_weight": 0.0, "peak_weight": 0.0}
    PretrainConfig.model_validate({**settings, "objective": no_parts})


def test_what_was_measured_is_what_the_engine_finds_in_each_record(measured: Path) -> None:
    dataset, cache = open_prepared(measured), open_physiology([measured])
    assert len(cache) == len(dataset)
    for row in (0, 7, len(dataset) - 1):
        found = analyse(dataset.record_mv(row), 100.0, STANDARD_LEADS, sex=dataset.index["sex"][row].as_py() or None)
        np.testing.assert_array_equal(cache.features[row], found.features.values)
        np.testing.assert_array_equal(cache.r_sample[cache.beats_of(row)], found.delineation.beats.r_samples)
    rows = np.array([0, 7])
    track = waves_track(cache, rows, 1000)
    assert np.flatnonzero(track[1] & WAVE_BITS["R"]).tolist() == cache.r_sample[cache.beats_of(7)].tolist()


def test_measuring_again_does_nothing_and_an_interrupted_measurement_goes_on(
    prepared: Path, measured: Path, tmp_path: Path
) -> None:
    kept = (measured / FOLDER / RECORDS).stat().st_mtime_ns
    measure_physiology(measured)
    assert (measured / FOLDER / RECORDS).stat().st_mtime_ns == kept
    folder = tmp_path / "prepared"
    shutil.copytree(prepared, folder)

    def stop(n: int) -> None:
        if n:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_physiology(folder, on_records=stop)
    n_done: list[int] = []
    manifest = measure_physiology(folder, on_records=n_done.append)
    assert n_done[0] >= 64
    assert sum(n_done) == len(open_prepared(folder))
    assert manifest["records_sha256"] == read_json(measured / FOLDER / MANIFEST)["records_sha256"]


def test_without_measurements_the_sentence_names_the_command(prepared: Path, tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match=r"were not measured yet; measure it with: physioclr features"):
        pretrain(physioclr(prepared), tmp_path / "run", quiet, allow_gpu=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("measurements", "0" * 64, "another version"),
        ("feature_schema", 99, "another version"),
        ("data_sha256", "0" * 64, "other records"),
    ],
)
def test_measurements_of_another_version_or_of_other_records_are_refused(
    measured: Path, tmp_path: Path, key: str, value: object, sentence: str
) -> None:
    folder = tmp_path / "prepared"
    shutil.copytree(measured, folder)
    path = folder / FOLDER / MANIFEST
    path.write_text(json.dumps({**read_json(path), key: value}))
    with pytest.raises(UserFacingError, match=sentence):
        open_physiology([folder])


def test_damaged_measurements_are_refused(measured: Path, tmp_path: Path) -> None:
    folder = tmp_path / "prepared"
    shutil.copytree(measured, folder)
    records = folder / FOLDER / RECORDS
    records.write_bytes(records.read_bytes()[:1000])
    with pytest.raises(UserFacingError, match="damaged"):
        open_physiology([folder])


def test_a_run_writes_down_what_it_knew_of_its_records_and_learns_the_same_when_it_goes_on(
    measured: Path, tmp_path: Path
) -> None:
    config = physioclr(measured)
    whole = pretrain(config, tmp_path / "whole", quiet, allow_gpu=False)
    record = read_json(tmp_path / "whole" / "config.json")
    assert record["physiology"]["n_unmeasured"] == 0
    assert record["physiology"]["scaling"] in ("training records", "shipped")
    assert 0 < record["physiology"]["n_may_shuffle"] < record["physiology"]["n_records"]
    assert len(record["physiology_sha256"]) == 64

    def stop(done: int, total: int, loss: float) -> None:
        if done == total // 2 + 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(config, tmp_path / "parts", stop, allow_gpu=False)
    assert pretrain(config, tmp_path / "parts", quiet, allow_gpu=False)["n_steps"] == whole["n_steps"]
    first, second = (load_file(tmp_path / name / "best.safetensors") for name in ("whole", "parts"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_median_beats_are_predicted_and_their_components_part_of_what_a_run_depends_on(
    measured: Path, tmp_path: Path
) -> None:
    for name, weight in (("without", 0.0), ("with", 5.0)):
        pretrain(physioclr(measured, median_weight=weight, epochs=6), tmp_path / name, quiet, allow_gpu=False)
    without, with_medians = (read_json(tmp_path / name / "config.json") for name in ("without", "with"))
    assert "n_with_median_beat" not in without["physiology"]
    assert 0 < with_medians["physiology"]["n_with_median_beat"] <= with_medians["physiology"]["n_records"]
    assert without["physiology_sha256"] != with_medians["physiology_sha256"]
    events = [json.loads(line) for line in (tmp_path / "with" / "events.jsonl").read_text().splitlines()]
    explained = [event["median_explained"] for event in events if event["event"] == "epoch"]
    assert explained[-1] > explained[0]


def test_records_in_which_nothing_can_be_measured_are_counted_and_like_no_other(measured: Path, tmp_path: Path) -> None:
    folder = tmp_path / "prepared"
    shutil.copytree(measured, folder)
    with pa.memory_map(str(folder / FOLDER / RECORDS)) as file:
        rows = pa.ipc.open_file(file).read_all().to_pylist()
    flat = measured_row(np.zeros((12, 1000), np.float32), 100.0, STANDARD_LEADS)
    assert flat["reason"]
    for row in range(0, len(rows), 3):
        rows[row] = flat
    cache = cache_of(pa.Table.from_pylist(rows, schema=SCHEMA), "x")
    assert not cache.is_measured[::3].any()
    config = DataConfig(prepared=(measured,))
    data = with_physiology(open_training_data(config), config)
    assert data.train.physiology is not None
    changed = type(data.train.physiology)(cache, data.train.physiology.scaling, "shipped", 100.0)
    segments = changed.added_to(data.train.dataset.segments(np.arange(6), 1000))
    assert segments.side["is_measured"].tolist() == [0, 1, 1, 0, 1, 1]
    assert (segments.side["scores"][0] == 0).all()
    assert changed.record(np.arange(6))["n_unmeasured"] == 2
    assert not may_shuffle(cache, 100.0)[::3].any()


def test_the_order_of_irregular_and_ectopic_rhythms_is_left_alone() -> None:
    regular = measured_row(real_signal_mv(0), 100.0, STANDARD_LEADS)
    beats = np.arange(50, 1000, 80)

    def row(r_samples: np.ndarray[Any, Any], ectopic: bool = False) -> dict[str, Any]:
        classes = np.ones(len(r_samples), np.int8)
        classes[3] = 2 if ectopic else 1
        waves = np.full(len(r_samples), -1, np.int32)
        return {**regular, "r_sample": r_samples, "p_sample": waves, "t_sample": waves, "beat_class": classes}

    early = beats.copy()
    early[5] -= 35
    table = pa.Table.from_pylist([row(beats), row(early), row(beats, ectopic=True), row(beats[:4])], SCHEMA)
    assert may_shuffle(cache_of(table, "x"), 100.0).tolist() == [True, False, False, True]


@pytest.mark.parametrize("mode", ["features-logistic", "features-boosting", "nearest-neighbours"])
@pytest.mark.parametrize("choose_in", ["selecting", "training"])
def test_models_without_a_network_keep_predictions_and_say_that_they_have_none(
    measured: Path, tmp_path: Path, mode: str, choose_in: str
) -> None:
    config = FinetuneConfig.model_validate(
        finetuning(measured, mode=mode, choose_in=choose_in, task="ptbxl-superclass")
    )
    result = finetune(config, tmp_path / "run", quiet, allow_gpu=False)
    assert result["best"] > (0.55 if mode == "nearest-neighbours" else 0.7)
    assert (tmp_path / "run" / "predictions.safetensors").is_file()
    with pytest.raises(UserFacingError, match="no network of its own"):
        load_finetuned(tmp_path / "run")


def test_a_penalty_that_is_chosen_among_training_records_does_not_depend_on_those_that_judge(
    measured: Path, tmp_path: Path
) -> None:
    chosen = {}
    for fold in (8, 9):
        data = {"prepared": [str(measured)], "train_folds": list(range(1, 8)), "select_folds": [fold]}
        config = FinetuneConfig.model_validate(
            finetuning(measured, mode="features-logistic", choose_in="training", task="ptbxl-superclass", data=data)
        )
        finetune(config, tmp_path / str(fold), quiet, allow_gpu=False)
        events = (tmp_path / str(fold) / "events.jsonl").read_text().splitlines()
        chosen[fold] = json.loads(events[-1])["penalty"]
    assert chosen[8] == chosen[9]
