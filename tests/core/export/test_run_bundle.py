"""From a run of fine-tuning to a bundle that the application opens."""

from __future__ import annotations

import shutil
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from real_records import real_signal_mv, record_of

from physioclr_core.errors import UserFacingError
from physioclr_core.evaluate.auroc import auroc
from physioclr_core.evaluate.calibration import fit_calibration
from physioclr_core.export.onnx_export import PARITY_LIMIT
from physioclr_core.export.run_bundle import export_run
from physioclr_core.infer.manifest import load_manifest
from physioclr_core.infer.model import EcgModel
from physioclr_core.statements import statement_codes, statements
from physioclr_core.train.finetune import load_finetuned
from physioclr_core.train.predictions_file import read_predictions


def test_the_bundle_opens_and_assesses_records_of_many_lengths(exported_model: Path) -> None:
    model = EcgModel(exported_model, allow_gpu=False)
    assert (model.manifest.name, model.manifest.version) == ("small", "1")
    assert set(model.manifest.codes) == set(statement_codes())
    assert (model.manifest.input.fs_hz, model.manifest.input.window_samples) == (100.0, 1000)
    for n_samples in (1000, 730, 500, 2400):
        signal = np.tile(real_signal_mv(0), (1, 3))[:, :n_samples]
        assert np.isfinite(model.assess(record_of(signal)).probability).all()


def test_the_bundle_holds_its_files_and_leaves_nothing_beside_it(exported_model: Path) -> None:
    assert sorted(path.name for path in exported_model.iterdir()) == [
        "known.safetensors",
        "manifest.json",
        "model.int8.onnx",
        "model.onnx",
        "model_card.md",
        "report.json",
        "report.md",
    ]
    assert {path.name for path in exported_model.parent.iterdir()} == {"model", "prepared", "run", "tree"}


@pytest.mark.skipif(sys.platform == "win32", reason="access is not in the mode there")
def test_whoever_may_read_one_file_of_a_bundle_may_read_all(exported_model: Path) -> None:
    assert len({stat.S_IMODE(path.stat().st_mode) for path in exported_model.iterdir()}) == 1


def test_figures_temperatures_and_thresholds_are_those_of_the_records_that_selected(exported_model: Path) -> None:
    manifest, kept = load_manifest(exported_model), read_predictions(exported_model.parent / "run")
    n_positive = (kept.labels == 1.0).sum(axis=0)
    area, fit = auroc(kept.labels, kept.logits), fit_calibration(kept.labels, kept.logits.astype(float), n_positive)
    assert sum(label.threshold is not None for label in manifest.labels) > 3
    for index, label in enumerate(manifest.labels):
        assert label.n_positive == n_positive[index]
        assert label.temperature == pytest.approx(fit.temperature[index], abs=1e-4)
        assert (label.threshold is None) == (label.n_positive < 10)
        if label.threshold is not None:
            assert label.threshold == pytest.approx(fit.threshold[index], abs=1e-4)
        assert (label.auroc is None) == bool(np.isnan(area[index]))
        if label.auroc is not None:
            assert label.auroc == pytest.approx(area[index], abs=1e-9)
    assert manifest.metrics["macro_auroc"]["value"] == pytest.approx(np.nanmean(area), abs=1e-5)
    assert manifest.metrics["n_records"] == len(kept.labels)
    classifier, _, record = load_finetuned(exported_model.parent / "run")
    assert manifest.n_parameters == sum(p.numel() for p in classifier.parameters())
    assert manifest.training["data_sets"] == {"ptbxl": record["n_train"]}
    assert set(manifest.parity) == {"logits", "embedding", "probability"}
    assert max(manifest.parity.values()) <= PARITY_LIMIT


def test_the_card_says_what_the_manifest_says(exported_model: Path) -> None:
    manifest, card = load_manifest(exported_model), (exported_model / "model_card.md").read_text(encoding="utf-8")
    assert manifest.fingerprint[:16] in card
    assert f"| macro AUROC | {manifest.metrics['macro_auroc']['value']:.3f} (" in card
    assert f"{manifest.training['n_train']} records (folds 1, 2, 3, 4, 5, 6, 7, 8 by patient; 9 selected)" in card
    assert "PTB-XL 1.0.3, CC BY 4.0: Wagner et al." in card
    assert "A high probability is not a diagnosis" in card
    described = {each.code: each.description for each in statements()}
    for label in manifest.labels:
        (row,) = [line for line in card.splitlines() if f"({label.code}) |" in line]
        assert row.startswith(f"| {described[label.code]} (")
        assert f"| {label.n_positive} |" in row
        assert ("no threshold" in row) == (label.threshold is None)
        if label.auroc is not None:
            assert f"| {label.auroc:.3f} " in row


@pytest.mark.slow
def test_a_bundle_replaces_another_whole(exported_model: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(exported_model, tmp_path / "model"))
    (out / "model.onnx").write_bytes(b"damaged")
    manifest = export_run(exported_model.parent / "run", out, "small", "2", "test", n_resamples=20)
    opened = load_manifest(out)
    assert (opened.version, opened.fingerprint, opened.labels) == ("2", manifest.fingerprint, manifest.labels)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("damaged", ["best.safetensors", "predictions.safetensors"])
def test_an_export_that_fails_leaves_the_old_bundle_alone(exported_model: Path, tmp_path: Path, damaged: str) -> None:
    out = Path(shutil.copytree(exported_model, tmp_path / "model"))
    broken = Path(shutil.copytree(exported_model.parent / "run", tmp_path / "run"))
    (broken / damaged).write_bytes(b"damaged")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(UserFacingError, match=damaged):
        export_run(broken, out, "small", "2", "test", n_resamples=20)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "run"]


@pytest.mark.slow
def test_an_export_that_fails_half_way_leaves_the_old_bundle_alone_and_nothing_beside_it(
    exported_model: Path, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(exported_model, tmp_path / "model"))
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def stop(stage: str) -> None:
        if stage == "measuring":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_run(exported_model.parent / "run", out, "small", "2", "test", n_resamples=20, on_stage=stop)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
