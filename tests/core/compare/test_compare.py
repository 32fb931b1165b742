"""A comparison on real ECGs: every run in its folder, one table of all."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_training import SMALL_ENCODER, pretraining

from physioclr_core import cli
from physioclr_core.compare.config import CompareConfig
from physioclr_core.compare.kept_areas import MIN_POSITIVE
from physioclr_core.compare.labels import compare_labels
from physioclr_core.compare.page import write_table
from physioclr_core.compare.plots import _families
from physioclr_core.compare.runs import planned_runs, require_finished, run_comparison
from physioclr_core.compare.table import TableRow, compare_table
from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.auroc import macro_auroc
from physioclr_core.evaluate.bootstrap import Interval
from physioclr_core.train.config_file import load_config
from physioclr_core.train.predictions_file import read_predictions
from physioclr_core.train.run_folder import RunFolder


def settings(prepared: Path) -> dict[str, Any]:
    loop = {"n_epochs": 1, "batch_size": 32, "n_loader_threads": 0}
    return {
        "data": {"prepared": [str(prepared)]},
        "task": "ptbxl-superclass",
        "encoder": SMALL_ENCODER,
        "seeds": [0, 1],
        "reference": "random",
        "own": ["simclr"],
        "arms": {
            "random": {"evaluations": ["linear"]},
            "simclr": {
                "pretrain": {"objective": pretraining(prepared)["objective"], "loop": loop},
                "evaluations": ["linear", "full"],
            },
        },
        "evaluations": {"linear": {"mode": "linear-probe"}, "full": {"loop": loop}},
    }


def test_one_command_runs_what_is_missing_and_writes_the_table(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config_file = tmp_path / "comparison.yaml"
    config_file.write_text(json.dumps(settings(prepared)))
    out = tmp_path / "out"
    assert cli.main(["compare", str(config_file), "--run", str(out), "--cpu"]) == 0
    config = load_config(CompareConfig, config_file)
    runs = planned_runs(config, out)
    assert [(run.arm, run.what) for run in runs if run.seed == 0] == [
        ("random", "linear"),
        ("simclr", "pretrain"),
        ("simclr", "linear"),
        ("simclr", "full"),
    ]
    table = json.loads((out / "table.json").read_text())
    rows = {(row["arm"], row["evaluation"]): row for row in table["rows"]}
    for (arm, evaluation), row in rows.items():
        kept = [read_predictions(out / arm / f"seed-{seed}" / evaluation) for seed in (0, 1)]
        each = [macro_auroc(k.labels, k.logits) for k in kept]
        np.testing.assert_allclose(row["of_seeds"], each)
        assert row["macro_auroc"]["value"] == pytest.approx(np.mean(each))
    gap = rows["simclr", "linear"]["macro_auroc"]["value"] - rows["random", "linear"]["macro_auroc"]["value"]
    assert rows["simclr", "linear"]["difference"]["value"] == pytest.approx(gap)
    assert rows["random", "linear"]["over_best"] is None
    assert rows["simclr", "linear"]["over_best"] == {
        "rival": "random",
        "difference": rows["simclr", "linear"]["difference"],
    }
    assert rows["simclr", "linear"]["over_best_pretrained"] is None, "there is no rival with a pretraining"
    assert rows["simclr", "full"]["over_best"] is None, "there is no rival at all"
    assert (out / "table.png").stat().st_size > 5000
    assert not (out / "shares.png").exists(), "no evaluation was made with several shares of the labels"
    assert "| linear | simclr |" in capsys.readouterr().out

    written = {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}
    assert cli.main(["compare", str(config_file), "--run", str(out), "--cpu", "--table-only"]) == 0
    assert written == {path: path.stat().st_mtime_ns for path in out.rglob("*.safetensors")}

    for path in out.rglob("predictions.safetensors"):
        path.unlink()
    assert cli.main(["compare", str(config_file), "--run", str(out), "--cpu", "--table-only"]) == 0
    assert json.loads((out / "table.json").read_text()) == table, "what is left of the runs is enough for the table"


def test_two_arms_are_compared_label_by_label_and_the_groups_are_means(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {**settings(prepared), "task": "ptbxl-all", "seeds": [0]}
    values["arms"]["simclr"]["evaluations"] = ["linear"]
    config_file, out = tmp_path / "comparison.yaml", tmp_path / "out"
    config_file.write_text(json.dumps(values))
    cli.main(["compare", str(config_file), "--run", str(out), "--cpu"])
    asked = ["--table-only", "--labels", "linear", "simclr", "random", "--labels", "linear", "random", "simclr"]
    assert cli.main(["compare", str(config_file), "--run", str(out), *asked]) == 0
    assert "# simclr minus random, linear" in capsys.readouterr().out
    often = (read_predictions(out / "random" / "seed-0" / "linear").labels == 1.0).sum(axis=0) >= MIN_POSITIVE
    assert 0 < often.sum() < 71
    for row in json.loads((out / "table.json").read_text())["rows"]:
        judged = read_predictions(out / row["arm"] / "seed-0" / "linear")
        assert row["common"]["n_labels"] == often.sum()
        expected = macro_auroc(judged.labels[:, often], judged.logits[:, often])
        assert row["common"]["macro_auroc"]["value"] == pytest.approx(expected)
    assert f"## Labels with at least {MIN_POSITIVE} positive records" in (out / "table.md").read_text()
    rows = json.loads((out / "labels-linear-simclr-random.json").read_text())
    kept = {arm: read_predictions(out / arm / "seed-0" / "linear") for arm in ("simclr", "random")}
    labels = [row for row in rows if row["label"]]
    turned = json.loads((out / "labels-linear-random-simclr.json").read_text())
    assert [-row["difference"]["value"] for row in turned] == [row["difference"]["value"] for row in rows]
    of_all = macro_auroc(kept["simclr"].labels, kept["simclr"].logits)
    assert np.mean([row["arm"] for row in labels]) == pytest.approx(of_all)
    rhythm = [row for row in labels if row["group"] == "Rhythm"]
    mean = next(row for row in rows if not row["label"] and row["group"] == "Rhythm")
    assert mean["n_labels"] == len(rhythm)
    gaps = [row["difference"]["value"] for row in rhythm]
    assert mean["difference"]["value"] == pytest.approx(np.mean(gaps))
    assert (out / "labels-linear-simclr-random.png").is_file()
    with pytest.raises(UserFacingError, match="no evaluation linear of the arm cmsc"):
        compare_labels(planned_runs(load_config(CompareConfig, config_file), out), "linear", "simclr", "cmsc")


def test_leads_are_over_the_best_rival_and_shares_of_the_labels_are_drawn(prepared: Path, tmp_path: Path) -> None:
    values = {**settings(prepared), "seeds": [0], "own": ["ours"]}
    pretrained = values["arms"].pop("simclr") | {"evaluations": ["linear", "linear-50"]}
    values["arms"]["random"]["evaluations"] = ["linear", "linear-50"]
    values["arms"] |= {"rival": pretrained, "ours": pretrained}
    values["evaluations"]["linear-50"] = {"mode": "linear-probe", "data": {"label_fraction": 0.5}}
    config = CompareConfig.model_validate(values)
    assert not run_comparison(config, tmp_path, lambda run, number, total: lambda d, n, loss: None, allow_gpu=False)
    rows = compare_table(planned_runs(config, tmp_path), config.reference, config.own, n_resamples=50)
    of = {(row.arm, row.evaluation): row for row in rows}
    for evaluation, share in (("linear", 1.0), ("linear-50", 0.5)):
        ours = of["ours", evaluation]
        assert ours.label_fraction == share
        assert ours.over_best is not None
        assert ours.over_best_pretrained is not None
        figures = {arm: of[arm, evaluation].macro_auroc.value or 0.0 for arm in ("random", "rival", "ours")}
        best = max(("random", "rival"), key=lambda arm: figures[arm])
        assert ours.over_best.rival == best
        assert ours.over_best.difference.value == pytest.approx(figures["ours"] - figures[best])
        assert ours.over_best_pretrained.rival == "rival"
        assert ours.over_best_pretrained.difference.value == 0.0, "the same settings and seed"
        assert of["rival", evaluation].over_best is None
    text = write_table(rows, config, "Shares", tmp_path)
    assert re.search(r"^\| linear \| ours \| (random|rival): [+-]\d\.\d{3} ", text, re.MULTILINE)
    assert (tmp_path / "shares.png").stat().st_size > 5000


def test_arms_with_other_seeds_are_compared_over_those_that_both_have(prepared: Path, tmp_path: Path) -> None:
    values = settings(prepared) | {"seeds": [0, 1], "own": ["again"]}
    values["arms"] = {"random": {"evaluations": ["few"], "seeds": [0, 1, 2]}, "again": {"evaluations": ["few"]}}
    values["evaluations"] = {"few": {"mode": "linear-probe", "data": {"label_fraction": 0.5}}}
    config = CompareConfig.model_validate(values)
    assert not run_comparison(config, tmp_path, lambda run, number, total: lambda d, n, loss: None, allow_gpu=False)
    rows = compare_table(planned_runs(config, tmp_path), config.reference, config.own, n_resamples=50)
    random, again = rows
    assert random.macro_auroc.value != again.macro_auroc.value, "another draw of the labels"
    assert again.difference == Interval(0.0, 0.0, 0.0)
    assert again.over_best is not None
    assert again.over_best.difference == again.difference
    labels = compare_labels(planned_runs(config, tmp_path), "few", "again", "random", n_resamples=50)
    assert labels
    assert all(row.arm == row.rival and row.difference == Interval(0.0, 0.0, 0.0) for row in labels)
    apart = config.model_copy(
        update={"arms": {**config.arms, "again": config.arms["again"].model_copy(update={"seeds": [3]})}}
    )
    with pytest.raises(UserFacingError, match="again and random have no seed in common under few"):
        compare_labels(planned_runs(apart, tmp_path), "few", "again", "random")


def test_only_shares_of_the_labels_are_drawn_as_such() -> None:
    def row(evaluation: str, label_fraction: float) -> TableRow:
        figure = Interval(0.9, 0.8, 1.0)
        return TableRow("ours", evaluation, figure, (0.9,), None, None, None, None, label_fraction, 0.0, 0.0, 10, 2)

    rows = [row("linear", 1.0), row("linear-spread", 1.0), row("linear-10", 0.1), row("superclass-1", 0.01)]
    assert _families(rows) == {"linear": ["linear", "linear-10"]}


def test_an_arm_may_differ_in_how_its_evaluations_are_made(prepared: Path, tmp_path: Path) -> None:
    values = settings(prepared)
    values["arms"]["features"] = {"evaluations": ["linear"], "finetune": {"mode": "features-logistic"}}
    runs = planned_runs(CompareConfig.model_validate(values), tmp_path)
    modes = {(run.arm, run.what): getattr(run.config, "mode", None) for run in runs}
    assert modes["features", "linear"] == "features-logistic"
    assert modes["random", "linear"] == "linear-probe"
    values["arms"]["features"]["finetune"] = {"mood": "features-logistic"}
    with pytest.raises(ValueError, match="mood"):
        CompareConfig.model_validate(values)


def test_an_arm_may_have_seeds_of_its_own_and_each_seed_draws_its_share_of_the_labels(
    prepared: Path, tmp_path: Path
) -> None:
    values = settings(prepared)
    values["arms"]["random"]["seeds"] = [0, 1, 4]
    values["evaluations"]["linear"]["data"] = {"label_fraction": 0.5}
    runs = planned_runs(CompareConfig.model_validate(values), tmp_path)
    seeds = {arm: [run.seed for run in runs if run.arm == arm and run.what == "linear"] for arm in values["arms"]}
    assert seeds == {"random": [0, 1, 4], "simclr": [0, 1]}
    assert [run.config.data.split_seed for run in runs if run.arm == "random"] == [0, 1, 4]


def test_a_run_that_another_process_is_at_is_left_to_it(prepared: Path, tmp_path: Path) -> None:
    config = CompareConfig.model_validate({**settings(prepared), "seeds": [0]})
    runs = planned_runs(config, tmp_path)
    folder = RunFolder(next(run.folder for run in runs if run.what == "pretrain"))
    # Process 1 is alive on every system that this runs on.
    (folder.path / "lock.json").write_text(json.dumps({"pid": 1, "host": "another"}))
    left = run_comparison(config, tmp_path, lambda run, number, total: lambda done, steps, loss: None, allow_gpu=False)
    assert [(run.arm, run.what) for run in left] == [("simclr", "pretrain"), ("simclr", "linear"), ("simclr", "full")]
    with pytest.raises(UserFacingError, match="not finished, nor are 2 other"):
        require_finished(runs)


def test_the_same_arm_twice_differs_by_nothing(prepared: Path, tmp_path: Path) -> None:
    values = settings(prepared)
    values["arms"] = {"random": {"evaluations": ["linear"]}, "again": {"evaluations": ["linear"]}}
    values["own"] = []
    config = CompareConfig.model_validate({**values, "seeds": [0]})
    assert not run_comparison(config, tmp_path, lambda run, number, total: lambda d, n, loss: None, allow_gpu=False)
    rows = compare_table(planned_runs(config, tmp_path), "random", n_resamples=50)
    difference = rows[1].difference
    assert difference is not None
    assert (difference.value, difference.low, difference.high) == (0.0, 0.0, 0.0)


def test_a_table_is_made_of_the_predictions_there_are_and_never_of_figures_of_others(
    prepared: Path, tmp_path: Path
) -> None:
    values = settings(prepared)
    values["arms"] = {"random": {"evaluations": ["linear"]}}
    config = CompareConfig.model_validate({**values, "seeds": [0, 1], "own": []})
    assert not run_comparison(config, tmp_path, lambda run, number, total: lambda d, n, loss: None, allow_gpu=False)
    runs = planned_runs(config, tmp_path)
    before = compare_table(runs, None, n_resamples=50)[0]
    kept = read_predictions(runs[0].folder)
    replace(kept, logits=-kept.logits).write(runs[0].folder)
    after = compare_table(runs, None, n_resamples=50)[0]
    assert after.of_seeds == pytest.approx((1.0 - before.of_seeds[0], before.of_seeds[1]))

    (runs[0].folder / "predictions.safetensors").unlink()
    assert compare_table(runs, None, n_resamples=50)[0] == after
    with pytest.raises(UserFacingError, match="linear: neither predictions nor figures of today are there"):
        compare_table(runs, None, n_resamples=40)

    replace(kept, row=kept.row + 1).write(runs[0].folder)
    with pytest.raises(UserFacingError, match="was judged on other records"):
        compare_table(runs, None, n_resamples=50)
    (runs[0].folder / "areas.safetensors").write_bytes(b"damaged")
    with pytest.raises(UserFacingError, match="areas.safetensors: cannot be read"):
        compare_table(runs, None, n_resamples=50)
    (runs[0].folder / "areas.safetensors").unlink()
    kept.write(runs[0].folder)
    assert compare_table(runs, None, n_resamples=50)[0] == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reference": "nobody", "own": []}, "the reference nobody is no arm"),
        ({"own": ["nobody"]}, "own names nobody, which is no arm"),
        (
            {"arms": {"a": {"evaluations": ["missing"]}}, "reference": "a", "own": []},
            "evaluation missing, which is not there",
        ),
        ({"evaluations": {"linear": {"mode": "guess"}}}, "mode"),
    ],
)
def test_a_comparison_that_cannot_be_run_is_refused_before_anything_is_done(
    prepared: Path, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    path = tmp_path / "comparison.yaml"
    values = {**settings(prepared), **change}
    if "arms" not in change:
        values["arms"] = {"random": {"evaluations": ["linear"]}}
        values["own"] = change.get("own", [])
    path.write_text(json.dumps(values))
    with pytest.raises(UserFacingError, match=message):
        load_config(CompareConfig, path)
