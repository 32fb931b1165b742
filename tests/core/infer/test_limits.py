"""What a bundle says of its own limits: prediction sets, abstention, distance to known ECGs. A really exported run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported_model import changed_model, held_out_entries, without_limits
from real_records import real_signal_mv, record_of, shipped_library
from safetensors.numpy import load_file, save_file

from physioclr_core.errors import ModelError
from physioclr_core.files import sha256_of
from physioclr_core.infer.known_ecgs import load_known_ecgs
from physioclr_core.infer.manifest import load_manifest
from physioclr_core.infer.model import Assessment, EcgModel, default_model_dir
from physioclr_core.infer.prediction_set import PredictionSets, prediction_sets_of


@pytest.fixture(scope="module")
def model(exported_model: Path) -> EcgModel:
    return EcgModel(exported_model, allow_gpu=False)


@pytest.fixture(scope="module")
def held_out(model: EcgModel) -> dict[int, Assessment]:
    return {entry: model.assess(record_of(real_signal_mv(entry))) for entry in held_out_entries()}


def noise_mv() -> np.ndarray:
    return np.random.default_rng(0).normal(0.0, 1.0, (12, 1000))


def figures_of(**figures: object) -> Callable[[dict[str, Any]], object]:
    return lambda values: values["metrics"]["conformal"].update(figures)


# --- a bundle that has them ------------------------------------------------------------------------------------------


def test_a_set_is_what_is_over_the_shipped_threshold(model: EcgModel, held_out: dict[int, Assessment]) -> None:
    shipped = model.manifest.metrics["conformal"]
    assert model.sets is not None
    assert (model.sets.level, model.sets.threshold) == (0.9, shipped["threshold"])
    for assessment in held_out.values():
        assert assessment.is_in_set is not None
        np.testing.assert_array_equal(assessment.is_in_set, assessment.probability > shipped["threshold"])


def test_sets_of_ecgs_that_had_no_part_hold_about_the_promised_share_of_their_statements(
    model: EcgModel, held_out: dict[int, Assessment]
) -> None:
    shares = []
    for entry, assessment in held_out.items():
        applies = np.isin(model.manifest.codes, shipped_library().entries[entry].statements)
        assert assessment.is_in_set is not None
        shares.append(assessment.is_in_set[applies].mean())
    # These ECGs are normal more often than those that set the threshold: a bound, not an equation.
    assert len(shares) > 100
    assert np.mean(shares) > 0.87


def test_the_distance_is_the_one_of_training_and_few_held_out_ecgs_are_beyond_its_limit(
    model: EcgModel, exported_model: Path, held_out: dict[int, Assessment]
) -> None:
    from physioclr_core.train.finetune import load_finetuned
    from physioclr_core.train.predict import embed
    from physioclr_core.train.records import open_training_data

    classifier, config, _ = load_finetuned(exported_model.parent / "run")
    data = open_training_data(config.data, config.task)
    assert model.known is not None
    expected = model.known.score(embed(classifier.encoder, data.select, config.windows))
    for row in (0, 7, 40):
        assessment = model.assess(record_of(data.select.segments(np.array([row])).signal_mv[0]))
        assert assessment.distance == pytest.approx(expected[row], abs=2e-3)
    entry = model.manifest.metrics["out_of_distribution"]
    assert model.known.threshold == pytest.approx(entry["threshold"], abs=1e-5)
    for assessment in held_out.values():
        assert assessment.distance is not None
        assert assessment.is_out_of_distribution == (assessment.distance > model.known.threshold)
    assert np.mean([assessment.is_out_of_distribution for assessment in held_out.values()]) < 0.06


def test_noise_for_an_ecg_makes_the_model_abstain_as_unlike_whatever_its_set(model: EcgModel) -> None:
    assessment = model.assess(record_of(noise_mv()))
    assert assessment.is_out_of_distribution is True
    assert assessment.abstention == "unlike"


def test_a_network_that_has_hardly_learnt_abstains_for_its_sets_are_too_large(held_out: dict[int, Assessment]) -> None:
    said = [assessment.abstention for assessment in held_out.values() if not assessment.is_out_of_distribution]
    assert set(said) == {"too large"}


@pytest.mark.parametrize(
    ("figures", "abstention"),
    [
        ({"threshold": 0.9999}, "empty"),
        ({"threshold": 0.9999, "n": 80}, ""),  # a tenth of the known ECGs carried no label
        ({"threshold": 0.15}, ""),
        ({"threshold": 0.15, "largest": 1}, "too large"),
        ({"threshold": 0.0, "largest": 71}, "too large"),
    ],
)
def test_an_empty_set_and_one_that_rules_little_out_are_no_suggestion(
    exported_model: Path, tmp_path: Path, figures: dict[str, object], abstention: str
) -> None:
    changed = EcgModel(changed_model(exported_model, tmp_path / "model", figures_of(**figures)), allow_gpu=False)
    assessment = changed.assess(record_of(real_signal_mv(0)))
    assert assessment.is_out_of_distribution is False
    assert assessment.abstention == abstention


def test_the_limit_of_a_sets_size_is_what_was_usual_and_never_most_of_what_there_is(exported_model: Path) -> None:
    def most(n_labels: int, largest: int | None) -> int | None:
        manifest = load_manifest(exported_model)
        manifest.metrics["conformal"]["largest"] = largest
        object.__setattr__(manifest, "labels", manifest.labels[:n_labels])
        sets = prediction_sets_of(manifest)
        assert sets is not None
        return sets.most

    assert [most(71, 16), most(71, 64), most(71, None)] == [16, 35, 35]
    assert [most(5, 3), most(5, 5), most(2, 2)] == [3, 4, 1]
    assert most(1, 1) is None


def test_how_many_statements_apply_in_sets_of_a_size_is_read_and_unknown_where_sets_held_few(
    exported_model: Path,
) -> None:
    manifest = load_manifest(exported_model)
    manifest.metrics["conformal"]["by_size"] = [
        {"smallest": 1, "largest": 2, "n_records": 60, "n_held": 100, "n_right": 90},
        {"smallest": 3, "largest": 4, "n_records": 8, "n_held": 25, "n_right": 20},
        {"smallest": 5, "largest": None, "n_records": 30, "n_held": 200, "n_right": 110},
    ]
    sets = prediction_sets_of(manifest)
    assert sets is not None
    shares = [sets.share_right(size) for size in (0, 1, 2, 3, 4, 5, 40)]
    assert shares == [None, 0.9, 0.9, None, None, 0.55, 0.55]
    del manifest.metrics["conformal"]["by_size"]  # bundles of before it was measured
    sets = prediction_sets_of(manifest)
    assert sets is not None
    assert sets.share_right(3) is None


def test_one_label_alone_is_an_answer_in_and_out_of_the_set() -> None:
    sets = PredictionSets(0.9, 0.2, None, may_be_empty=True)
    for probability in (0.1, 0.9):
        assert sets.abstention(sets.members(np.array([probability]))) == ""


def test_the_card_says_how_sets_distance_and_abstention_come_about(exported_model: Path) -> None:
    card = (exported_model / "model_card.md").read_text(encoding="utf-8")
    assert "in the mean over ECGs; it is no promise for a single ECG" in card
    assert "abstains where no label is in the set or more than 35 of 71 are" in card
    assert "of 90 held-out ECGs 1 % are farther than" in card


# --- the shipped one -------------------------------------------------------------------------------------------------


def test_sets_of_the_shipped_model_hold_the_promised_share_on_ecgs_that_did_not_train_it() -> None:
    shipped = EcgModel(allow_gpu=False)
    assert shipped.sets is not None
    entries = [entry for entry in shipped_library().entries if entry.fold == 9]
    shares, sizes, n_unlike = [], [], 0
    for entry in entries[:200]:
        assessment = shipped.assess(record_of(real_signal_mv(entry.entry)))
        assert assessment.is_in_set is not None
        members = {c for c, is_in in zip(shipped.manifest.codes, assessment.is_in_set, strict=True) if is_in}
        shares.append(len(members & {*entry.statements}) / len(entry.statements))
        sizes.append(len(members))
        n_unlike += bool(assessment.is_out_of_distribution)
    # The library has more rare statements than the fold that set the threshold, so a little less than 90 % is found.
    assert np.mean(shares) > 0.8
    assert 2 < np.mean(sizes) < 10
    assert n_unlike < 10


def test_noise_in_an_ecgs_place_is_unlike_what_the_shipped_model_learnt_from() -> None:
    assert EcgModel(allow_gpu=False).assess(record_of(noise_mv())).abstention == "unlike"


# --- one that has not ------------------------------------------------------------------------------------------------


def test_of_a_model_without_them_they_are_unknown(tmp_path: Path) -> None:
    without = EcgModel(changed_model(default_model_dir(), tmp_path / "model", without_limits), allow_gpu=False)
    assert (without.sets, without.known) == (None, None)
    assessment = without.assess(record_of(real_signal_mv(0)))
    assert assessment.is_in_set is None
    assert assessment.abstention is None
    assert (assessment.distance, assessment.is_out_of_distribution) == (None, None)


def test_what_could_not_be_made_is_unknown_and_the_other_stands(exported_model: Path, tmp_path: Path) -> None:
    def no_distance(values: dict[str, Any]) -> None:
        values["metrics"]["out_of_distribution"] = {"file": None, "reason": "too few records"}

    no_sets = changed_model(exported_model, tmp_path / "a", lambda values: values["metrics"].update(conformal=None))
    only_sets = changed_model(exported_model, tmp_path / "b", no_distance)
    assessed = [EcgModel(f, allow_gpu=False).assess(record_of(real_signal_mv(0))) for f in (no_sets, only_sets)]
    assert (assessed[0].is_in_set, assessed[0].abstention) == (None, "")
    assert assessed[0].distance is not None
    assert (assessed[1].distance, assessed[1].is_out_of_distribution) == (None, None)
    assert assessed[1].abstention == "too large"


# --- what cannot be trusted ------------------------------------------------------------------------------------------


def with_distance(source: Path, folder: Path, change: Callable[[dict[str, np.ndarray]], object]) -> Path:
    """Return a copy of a bundle with other tensors and the hash to them."""
    tensors = load_file(source / "known.safetensors")
    change(tensors)
    shutil.copytree(source, folder)
    save_file(tensors, folder / "known.safetensors")
    digest = sha256_of(folder / "known.safetensors")
    shutil.move(folder, aside := folder.with_name("aside"))
    return changed_model(aside, folder, lambda values: values["metrics"]["out_of_distribution"].update(sha256=digest))


def refusal(folder: Path) -> str:
    with pytest.raises(ModelError) as caught:
        load_known_ecgs(folder, load_manifest(folder))
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def test_a_distance_that_is_missing_damaged_or_elsewhere_is_refused(exported_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported_model, tmp_path / "model"))
    path = folder / "known.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"\x7f")
    assert "hash" in refusal(folder)
    path.unlink()
    assert "missing" in refusal(folder)
    for number, name in enumerate(("../model/known.safetensors", "..", "", 7)):
        elsewhere = changed_model(
            exported_model,
            tmp_path / str(number),
            lambda values, name=name: values["metrics"]["out_of_distribution"].update(file=name),
        )
        assert "missing" in refusal(elsewhere)


def test_a_distance_of_another_network_or_without_sense_is_refused(exported_model: Path, tmp_path: Path) -> None:
    changes: dict[str, Callable[[dict[str, np.ndarray]], object]] = {
        "another size": lambda tensors: tensors.update(mean=tensors["mean"][1:]),
        "not finite": lambda tensors: tensors["whitening"].fill(np.nan),
        "cannot be read": lambda tensors: tensors.pop("threshold"),
    }
    for number, (words, change) in enumerate(changes.items()):
        assert words in refusal(with_distance(exported_model, tmp_path / str(number) / "model", change))


@pytest.mark.parametrize(
    "change",
    [
        lambda values: values["metrics"]["conformal"].pop("threshold"),
        lambda values: values["metrics"]["conformal"].update(level="high"),
        lambda values: values["metrics"]["conformal"].update(threshold=1.5),
        lambda values: values["metrics"].update(conformal=[1]),
        lambda values: values["metrics"].pop("n_records"),
        lambda values: values["metrics"]["conformal"].update(by_size=[{"smallest": 1}]),
        lambda values: values["metrics"]["conformal"].update(by_size=[{"smallest": 1, "n_held": 60, "n_right": 61}]),
    ],
)
def test_figures_of_sets_that_are_not_understood_are_refused(
    exported_model: Path, tmp_path: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    with pytest.raises(ModelError, match="prediction sets"):
        EcgModel(changed_model(exported_model, tmp_path / "model", change), allow_gpu=False)
