"""One network learns from what others say: mixtures in closed form, and what does not fit is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from small_training import finetuning, quiet

from physioclr_core.errors import UserFacingError
from physioclr_core.losses.supervised import known_cross_entropy
from physioclr_core.train import teachers
from physioclr_core.train.estimate import estimate_finetuning
from physioclr_core.train.finetune import finetune, load_finetuned
from physioclr_core.train.finetune_config import FinetuneConfig
from physioclr_core.train.predict import predict
from physioclr_core.train.predictions_file import read_predictions
from physioclr_core.train.records import open_training_data
from physioclr_core.train.run_folder import read_json
from physioclr_core.train.soft_labels import with_soft_labels


@pytest.fixture(scope="module")
def runs(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return two trained networks."""
    folder = tmp_path_factory.mktemp("teachers")
    made = []
    for seed in (0, 1):
        settings = finetuning(prepared, task="ptbxl-superclass")
        settings["loop"] = {**settings["loop"], "seed": seed}
        finetune(FinetuneConfig.model_validate(settings), folder / str(seed), quiet, allow_gpu=False)
        made.append(folder / str(seed))
    return made


def test_labels_become_a_mixture_with_the_teachers_mean_and_a_run_learns_from_it(
    prepared: Path, runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soft = tmp_path / "soft.safetensors"
    assert teachers.main([*map(str, runs), "--out", str(soft)]) == 0
    assert "2 teachers" in capsys.readouterr().out
    config = FinetuneConfig.model_validate(
        finetuning(prepared, task="ptbxl-superclass", soft_labels=str(soft), soft_share=0.25)
    )
    data = open_training_data(config.data, config.task)
    logits = [predict(load_finetuned(run)[0], data.train, config.windows).logits for run in runs]
    scores = np.mean([(own - own.mean(axis=0)) / own.std(axis=0) for own in logits], axis=0)
    mixed = with_soft_labels(data, soft, 0.25)
    hard = data.train.known_labels
    said = teachers.calibrated(scores, hard)
    assert np.isnan(hard).any()  # a record without a superclass: what the networks say is all there is
    expected = np.where(np.isnan(hard), said, 0.75 * hard + 0.25 * said)
    np.testing.assert_allclose(mixed.train.known_labels, expected, atol=1e-5)
    np.testing.assert_array_equal(mixed.select.known_labels, data.select.known_labels)
    side = mixed.train.segments(np.arange(3)).side["teacher_logits"]
    np.testing.assert_allclose(side, np.log(said[:3] / (1 - said[:3])), rtol=1e-3)
    assert "teacher_logits" not in mixed.select.segments(np.arange(3)).side
    finetune(config, tmp_path / "student", quiet, allow_gpu=False)
    record = read_json(tmp_path / "student" / "config.json")
    assert len(record["teachers"]) == 2
    assert "soft_labels" not in record["config"]
    # Its logits may be learnt too, and how long that takes can be asked before.
    by_logits = config.model_copy(update={"soft_logit_weight": 1.0})
    assert estimate_finetuning(by_logits).n_records == len(data.train)
    finetune(by_logits, tmp_path / "by-logits", quiet, allow_gpu=False)
    events = (tmp_path / "by-logits" / "events.jsonl").read_text()
    assert '"logit_distance"' in events
    # Another file is another run.
    other = tmp_path / "other.safetensors"
    teachers.main([str(runs[0]), "--out", str(other)])
    with pytest.raises(UserFacingError, match="soft_labels_sha256"):
        finetune(config.model_copy(update={"soft_labels": other}), tmp_path / "student", quiet, allow_gpu=False)


def test_parts_that_learnt_from_each_others_records_are_one_teacher_that_has_seen_none(
    prepared: Path, tmp_path: Path
) -> None:
    folds = {"a": ([1, 2, 3, 4], [5, 6, 7, 8]), "b": ([5, 6, 7, 8], [1, 2, 3, 4])}
    for name, (train, select) in folds.items():
        data = {"prepared": [str(prepared)], "train_folds": train, "select_folds": select}
        settings = finetuning(prepared, task="ptbxl-superclass", data=data, choose_in="training")
        settings["loop"] = {**settings["loop"], "batch_size": 16}
        finetune(FinetuneConfig.model_validate(settings), tmp_path / name, quiet, allow_gpu=False)
    soft = tmp_path / "soft.safetensors"
    assert teachers.main([f"{tmp_path / 'a'}+{tmp_path / 'b'}", "--out", str(soft)]) == 0
    config = FinetuneConfig.model_validate(finetuning(prepared, task="ptbxl-superclass", soft_labels=str(soft)))
    data = open_training_data(config.data, config.task)
    kept = [read_predictions(tmp_path / name) for name in ("a", "b")]
    logits = np.full(data.train.known_labels.shape, np.nan)
    for part in kept:
        places = np.searchsorted(data.train.rows, part.row)
        logits[places] = (part.logits - part.logits.mean(axis=0)) / part.logits.std(axis=0)
    np.testing.assert_allclose(
        with_soft_labels(data, soft, 1.0).train.known_labels,
        teachers.calibrated(logits.astype(np.float32), data.train.known_labels),
        atol=1e-5,
    )
    assert teachers.main([f"{tmp_path / 'a'}+{tmp_path / 'a'}", "--out", str(soft)]) == 2


def test_calibrated_scores_are_the_probabilities_that_they_were_drawn_with() -> None:
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((20000, 2)).astype(np.float32)
    true = 1.0 / (1.0 + np.exp(-(np.array([2.0, 0.5]) * scores + np.array([-3.0, 1.0]))))
    labels = (rng.random(true.shape) < true).astype(np.float32)
    labels[:100] = np.nan
    np.testing.assert_allclose(teachers.calibrated(scores, labels), true, atol=0.03)
    # A label that is never there stays rare rather than impossible.
    never = teachers.calibrated(scores[:1000], np.zeros((1000, 2), np.float32))
    assert (never > 0.0).all()
    assert never.max() < 0.01


def test_mixing_labels_is_mixing_losses() -> None:
    logits = torch.randn(5, 3, generator=torch.manual_seed(0))
    hard, soft = (torch.rand(5, 3, generator=torch.manual_seed(1)) > 0.5).float(), torch.rand(5, 3)
    mixed = known_cross_entropy(logits, 0.3 * hard + 0.7 * soft)
    apart = 0.3 * known_cross_entropy(logits, hard) + 0.7 * known_cross_entropy(logits, soft)
    assert mixed.item() == pytest.approx(apart.item(), rel=1e-5)


def test_soft_labels_of_another_task_or_of_fewer_records_are_refused(
    prepared: Path, runs: list[Path], tmp_path: Path
) -> None:
    soft = tmp_path / "soft.safetensors"
    teachers.write_soft_labels([[run] for run in runs], soft)
    other = FinetuneConfig.model_validate(finetuning(prepared, task="ptbxl-rhythm"))
    with pytest.raises(UserFacingError, match="another task"):
        with_soft_labels(open_training_data(other.data, other.task), soft, 0.5)
    swapped = {"prepared": [str(prepared)], "train_folds": [1, 2, 9], "select_folds": [8]}
    more = FinetuneConfig.model_validate(finetuning(prepared, task="ptbxl-superclass", data=swapped))
    with pytest.raises(UserFacingError, match="have no soft labels"):
        with_soft_labels(open_training_data(more.data, more.task), soft, 0.5)


def test_teachers_of_different_records_are_refused(prepared: Path, runs: list[Path], tmp_path: Path) -> None:
    data = {"prepared": [str(prepared)], "train_folds": [1, 2, 3, 4, 5, 6, 7], "select_folds": [9]}
    settings = FinetuneConfig.model_validate(finetuning(prepared, task="ptbxl-superclass", data=data))
    finetune(settings, tmp_path / "fewer", quiet, allow_gpu=False)
    assert teachers.main([str(runs[0]), str(tmp_path / "fewer"), "--out", str(tmp_path / "x.safetensors")]) == 2
    assert not (tmp_path / "x.safetensors").exists()


def test_logits_are_learnt_of_what_networks_say_and_of_single_records(prepared: Path, tmp_path: Path) -> None:
    settings = {**finetuning(prepared), "soft_logit_weight": 1.0}
    with pytest.raises(UserFacingError, match="name soft_labels too"):
        finetune(FinetuneConfig.model_validate(settings), tmp_path / "run", quiet, allow_gpu=False)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ValueError, match="exclude each other"):
        FinetuneConfig.model_validate({**settings, "soft_labels": "soft.safetensors", "mixup": 0.2})
