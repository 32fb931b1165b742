"""Pretraining, fine-tuning, evaluation and export of real ECGs, from configuration to a model that opens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from real_records import real_signal_mv, record_of
from safetensors.numpy import load_file as load_numpy
from safetensors.torch import load_file
from small_training import SMALL_ENCODER, finetuning, pretraining, quiet

from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.auroc import macro_auroc
from physioclr_core.evaluate.ood import OutOfDistribution
from physioclr_core.export.run_bundle import export_run
from physioclr_core.infer.model import EcgModel
from physioclr_core.infer.windows import window_starts
from physioclr_core.train.evaluation import evaluate_run, open_evaluation
from physioclr_core.train.finetune import class_weights, finetune, load_finetuned
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.predict import predict
from physioclr_core.train.predictions_file import read_predictions
from physioclr_core.train.pretrain import load_pretrained, pretrain
from physioclr_core.train.pretrain_config import PretrainConfig
from physioclr_core.train.records import open_training_data


def tuned(prepared: Path, run: Path, **changes: Any) -> dict[str, Any]:
    return finetune(FinetuneConfig.model_validate(finetuning(prepared, **changes)), run, quiet, allow_gpu=False)


def test_a_pretraining_that_was_interrupted_keeps_the_same_encoder(
    prepared: Path, pretrained: Path, tmp_path: Path
) -> None:
    config = PretrainConfig.model_validate(pretraining(prepared))

    def stop(done: int, total: int, loss: float) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pretrain(config, tmp_path / "parted", stop, allow_gpu=False)
    assert json.loads((tmp_path / "parted" / "status.json").read_text())["state"] == "interrupted"
    pretrain(config, tmp_path / "parted", quiet, allow_gpu=False)
    whole, parted = load_file(pretrained / "best.safetensors"), load_file(tmp_path / "parted" / "best.safetensors")
    assert all(torch.equal(whole[key], parted[key]) for key in whole)
    assert json.loads((tmp_path / "parted" / "status.json").read_text())["state"] == "finished"


def test_a_run_writes_down_its_configuration_data_code_and_versions_but_no_folder(
    prepared: Path, pretrained: Path
) -> None:
    text = (pretrained / "config.json").read_text()
    record = json.loads(text)
    assert str(prepared.parent) not in text
    assert record["config"]["loop"]["seed"] == 1
    assert len(record["data_sha256"]) == len(record["code_sha256"]) == 64
    assert record["torch"] == torch.__version__


@pytest.mark.parametrize(
    ("mode", "head"),
    [
        ("full", "linear"),
        ("full", "attention"),
        ("frozen", "attention"),
        ("linear-probe", "linear"),
        ("linear-probe", "linear-spread"),
    ],
)
def test_every_mode_trains_from_a_pretrained_encoder_and_is_read_back(
    prepared: Path, pretrained: Path, tmp_path: Path, mode: str, head: str
) -> None:
    run = tmp_path / "run"
    result = tuned(prepared, run, mode=mode, head=head, encoder=None, pretrained=str(pretrained))
    assert 0.0 < result["best"] <= 1.0
    classifier, config, record = load_finetuned(run)
    assert len(record["labels"]) == 71
    data = open_training_data(config.data, config.task)
    kept = read_predictions(run)
    predictions = predict(classifier, data.select, config.windows)
    np.testing.assert_allclose(predictions.logits, kept.logits, atol=1e-5)
    start = load_pretrained(pretrained).state_dict()
    is_same = all(torch.equal(value, start[key]) for key, value in classifier.encoder.state_dict().items())
    assert is_same == (mode != "full")


@pytest.mark.parametrize("choose_in", ["selecting", "training"])
def test_what_a_training_reports_is_the_figure_of_the_network_it_keeps(
    prepared: Path, tmp_path: Path, choose_in: str
) -> None:
    result = tuned(prepared, tmp_path / "run", mode="full", choose_in=choose_in)
    kept = read_predictions(tmp_path / "run")
    assert result["best"] == pytest.approx(macro_auroc(kept.labels, kept.logits), abs=1e-6)


def test_a_pretraining_of_another_encoder_is_refused(prepared: Path, pretrained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="another encoder"):
        tuned(prepared, tmp_path / "run", encoder={**SMALL_ENCODER, "stem_channels": 4}, pretrained=str(pretrained))


def test_a_folder_of_another_configuration_is_refused_and_stays(prepared: Path, pretrained: Path) -> None:
    before = (pretrained / "best.safetensors").read_bytes()
    config = PretrainConfig.model_validate(pretraining(prepared, objective={"kind": "simclr", "temperature": 0.5}))
    with pytest.raises(UserFacingError, match="another run.*crop_s: 2.5 there, 5.0 here"):
        pretrain(config, pretrained, quiet, allow_gpu=False)
    assert (pretrained / "best.safetensors").read_bytes() == before


def test_a_run_of_before_a_setting_existed_goes_on(prepared: Path, tmp_path: Path) -> None:
    tuned(prepared, tmp_path / "run", mode="linear-probe")
    path = tmp_path / "run" / "config.json"
    record = json.loads(path.read_text())
    del record["config"]["encoder"]["head_channels"], record["config"]["encoder_rate"]
    path.write_text(json.dumps(record))
    tuned(prepared, tmp_path / "run", mode="linear-probe")
    with pytest.raises(UserFacingError, match="another run"):
        tuned(prepared, tmp_path / "run", mode="linear-probe", encoder_rate=0.5)


def test_a_finetuning_folder_is_no_pretraining(prepared: Path, pretrained: Path, tmp_path: Path) -> None:
    tuned(prepared, tmp_path / "run", mode="linear-probe")
    with pytest.raises(UserFacingError, match="no pretrain run"):
        tuned(prepared, tmp_path / "second", encoder=None, pretrained=str(tmp_path / "run"))
    with pytest.raises(UserFacingError, match="no finetune run"):
        load_finetuned(pretrained)


def test_one_lead_five_second_windows_and_a_binary_task_give_a_model_that_opens(prepared: Path, tmp_path: Path) -> None:
    data = {"prepared": [str(prepared)], "leads": ["II"]}
    windows = {"window_s": 5.0, "overlap": 0.5}
    tuned(prepared, tmp_path / "run", data=data, task="af", windows=windows, class_weights="balanced")
    manifest = export_run(tmp_path / "run", tmp_path / "model", "af-one-lead", "1", "test", n_resamples=20)
    assert manifest.input.leads == ("II",)
    assert manifest.codes == ("atrial fibrillation",)
    assert max(manifest.parity.values()) <= 1e-4
    model = EcgModel(tmp_path / "model", allow_gpu=False)
    assessed = model.assess(record_of(real_signal_mv(0)[1:2], lead_names=["II"]))
    assert assessed.n_windows == 3
    assert assessed.probability.shape == (1,)
    assert "Research use only" in (tmp_path / "model" / "model_card.md").read_text()


def test_an_exported_run_predicts_what_training_predicted(prepared: Path, tmp_path: Path) -> None:
    tuned(prepared, tmp_path / "run")
    manifest = export_run(tmp_path / "run", tmp_path / "model", "small", "1", "test", n_resamples=20)
    classifier, config, _ = load_finetuned(tmp_path / "run")
    data = open_training_data(config.data, config.task)
    expected = predict(classifier, data.select, config.windows)
    model = EcgModel(tmp_path / "model", allow_gpu=False)
    temperature = np.array([label.temperature for label in manifest.labels])
    for row in range(3):
        signal_mv = data.select.segments(np.array([row])).signal_mv[0]
        assessed = model.assess(record_of(signal_mv))
        np.testing.assert_allclose(
            assessed.probability, 1 / (1 + np.exp(-expected.logits[row] / temperature)), atol=1e-4
        )
        np.testing.assert_allclose(assessed.embedding, expected.embedding[row], atol=1e-4)


def test_an_exported_run_knows_real_ecgs_from_noise(prepared: Path, tmp_path: Path) -> None:
    tuned(prepared, tmp_path / "run", data={"prepared": [str(prepared)], "split": "random", "select_fraction": 0.55})
    manifest = export_run(tmp_path / "run", tmp_path / "model", "small", "1", "test", n_resamples=20)
    known = manifest.metrics["out_of_distribution"]
    distance = OutOfDistribution.from_tensors(load_numpy(tmp_path / "model" / known["file"]))
    assert distance.threshold == pytest.approx(known["threshold"], abs=1e-5)
    model = EcgModel(tmp_path / "model", allow_gpu=False)
    rng = np.random.default_rng(0)
    real = [model.assess(record_of(real_signal_mv(entry))).embedding for entry in range(400, 420)]
    noise = [model.assess(record_of(rng.normal(0.0, 1.0, (12, 1000)))).embedding for _ in range(20)]
    assert (distance.score(np.stack(noise)) > distance.threshold).all()
    assert (distance.score(np.stack(real)) < distance.threshold).mean() > 0.8


def test_an_evaluation_reports_every_label_with_its_numbers(prepared: Path, tmp_path: Path) -> None:
    tuned(prepared, tmp_path / "run", task="ptbxl-superclass")
    report = evaluate_run(open_evaluation(tmp_path / "run", (), None, allow_gpu=False), tmp_path / "report", 20)
    assert {path.name for path in (tmp_path / "report").iterdir()} == {
        "report.json",
        "report.md",
        "labels.png",
        "curves.png",
        "predictions.safetensors",
    }
    assert [label.label for label in report.labels] == ["CD", "HYP", "MI", "NORM", "STTC"]
    assert report.n_records == len(read_predictions(tmp_path / "run").row)
    area = report.macro_auroc
    assert area.value is not None
    assert area.low is not None
    assert area.high is not None
    assert area.low <= area.value <= area.high


def test_the_training_data_are_no_other_data_set_to_evaluate_on(prepared: Path, tmp_path: Path) -> None:
    tuned(prepared, tmp_path / "run", mode="linear-probe")
    with pytest.raises(UserFacingError, match="trained on this data set"):
        open_evaluation(tmp_path / "run", (prepared,), None)


def test_a_task_without_a_positive_record_to_learn_from_is_refused(prepared: Path, tmp_path: Path) -> None:
    data = {"prepared": [str(prepared)], "train_folds": [1], "select_folds": [9]}
    with pytest.raises(UserFacingError, match="bigeminy"):
        tuned(prepared, tmp_path / "run", data=data, task="bigeminy")


def test_a_random_split_keeps_patients_apart_and_shares_of_labels_are_nested(prepared: Path) -> None:
    def rows(fraction: float) -> set[int]:
        config = {"prepared": [str(prepared)], "split": "random", "label_fraction": fraction}
        data = open_training_data(FinetuneConfig.model_validate({"data": config}).data, "ptbxl-superclass")
        assert not {*data.train.patient.tolist()} & {*data.select.patient.tolist()}
        return {*data.train.rows.tolist()}

    assert rows(0.1) < rows(0.5) < rows(1.0)


def test_windows_cover_a_record_and_the_last_ends_with_it() -> None:
    assert window_starts(1000, 500, 0.5) == [0, 250, 500]
    assert window_starts(1100, 500, 0.5) == [0, 250, 500, 600]
    assert window_starts(400, 500, 0.5) == [0]


def test_class_weights_are_the_ratio_of_known_negatives_to_positives() -> None:
    labels = np.array([[1, 0], [0, 0], [0, np.nan], [0, 1]], np.float32)
    weight = class_weights(labels, 1.0)
    assert weight is not None
    np.testing.assert_allclose(weight.numpy(), [3.0, 2.0])
    half = class_weights(labels, 0.5)
    assert half is not None
    np.testing.assert_allclose(half.numpy(), np.sqrt([3.0, 2.0]), rtol=1e-6)
    assert class_weights(labels, 0.0) is None
