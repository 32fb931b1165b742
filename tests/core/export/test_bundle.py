"""From a run folder to a bundle that the application opens: slow, because PyTorch's exporter is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from real_records import real_signal_mv, record_of, tiny_selection, write_ptbxl_tree

from physioclr_core.data.ptbxl import load_ptbxl
from physioclr_core.errors import ModelError
from physioclr_core.evaluate.auroc import auroc
from physioclr_core.evaluate.calibration import fit_calibration, sigmoid
from physioclr_core.export.bundle import INPUT, make_bundle
from physioclr_core.export.model_card import model_card
from physioclr_core.export.onnx_export import PARITY_LIMIT, check_parity, export_onnx
from physioclr_core.infer.manifest import ModelManifest, load_manifest
from physioclr_core.infer.model import EcgModel
from physioclr_core.infer.preprocess import model_input
from physioclr_core.models.residual_cnn import ResidualCnn, ResidualCnnConfig
from physioclr_core.statements import statement_codes
from physioclr_core.train.supervised import DEFAULT, load_best, predict_logits, train

pytestmark = [
    pytest.mark.slow,
    # PyTorch's exporter warns of itself; numpy's warnings stay errors.
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"),
]

NANO = replace(
    DEFAULT,
    model=ResidualCnnConfig(
        n_leads=12,
        n_labels=71,
        stem_channels=16,
        stem_kernel=15,
        stem_stride=2,
        stages=((16, 1, 1), (24, 1, 2), (32, 1, 2)),
        kernel=5,
        squeeze=4,
        dropout=0.1,
    ),
    n_epochs=6,
    batch_size=16,
    crop_samples=500,
    max_learning_rate=1e-2,
    ema_decay=0.9,
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ptbxl_tree(tmp_path_factory.mktemp("ptbxl"), tiny_selection(60))


@pytest.fixture(scope="module")
def run(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("runs") / "run"
    train(tree, run, NANO)
    return run


@pytest.fixture(scope="module")
def bundle(run: Path, tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "model"
    make_bundle(run, tree, out, "nano", "7")
    return out


def test_the_bundle_opens_and_assesses(bundle: Path) -> None:
    model = EcgModel(bundle, allow_gpu=False)
    assert (model.manifest.name, model.manifest.version, model.manifest.codes) == ("nano", "7", statement_codes())
    assert model.manifest.input == INPUT
    for n_samples in (1000, 730, 500, 2400):
        signal = np.tile(real_signal_mv(0), (1, 3))[:, :n_samples]
        assert np.isfinite(model.assess(record_of(signal)).probability).all()


def test_the_bundle_holds_three_files_and_leaves_nothing_beside_it(bundle: Path) -> None:
    assert sorted(path.name for path in bundle.iterdir()) == ["manifest.json", "model.onnx", "model_card.md"]
    assert [path.name for path in bundle.parent.iterdir()] == ["model"]


def test_onnx_computes_what_torch_computes(bundle: Path, run: Path) -> None:
    manifest, (model, _, _) = load_manifest(bundle), load_best(run)
    assert set(manifest.parity) == {"logits", "embedding", "probability"}
    assert max(manifest.parity.values()) <= PARITY_LIMIT
    signal = np.stack([real_signal_mv(i) for i in range(0, 400, 40)])
    expected = sigmoid(
        predict_logits(model, model_input(signal)).astype(np.float64) / [label.temperature for label in manifest.labels]
    )
    opened = EcgModel(bundle, allow_gpu=False)
    got = np.stack([opened.assess(record_of(s)).probability for s in signal])
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_figures_temperatures_and_thresholds_are_those_of_the_selection_fold(
    bundle: Path, run: Path, tree: Path
) -> None:
    manifest, (model, _, recorded) = load_manifest(bundle), load_best(run)
    part = load_ptbxl(tree, (9,))
    logits = predict_logits(model, model_input(part.signal_adu.astype(np.float32) / 1000)).astype(np.float64)
    area, fit = auroc(part.labels, logits), fit_calibration(part.labels, logits, part.labels.sum(axis=0))
    assert recorded["select_folds"] == [9]
    for index, label in enumerate(manifest.labels):
        assert label.n_positive == part.labels[:, index].sum()
        assert label.temperature == pytest.approx(fit.temperature[index], abs=1e-3)
        assert (label.threshold is None) == (label.n_positive < 10)
        if label.threshold is not None:
            assert label.threshold == pytest.approx(fit.threshold[index], abs=1e-3)
        assert (label.auroc is None) == bool(np.isnan(area[index]))
        if label.auroc is not None:
            assert label.auroc == pytest.approx(area[index], abs=2e-4)
    assert manifest.metrics["macro_auroc"] == pytest.approx(np.nanmean(area), abs=2e-4)
    assert (manifest.metrics["fold"], manifest.metrics["n_records"]) == (9, len(part))
    assert manifest.training["train_folds"] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert manifest.n_parameters == sum(p.numel() for p in model.parameters())


def test_the_card_says_what_the_manifest_says(bundle: Path) -> None:
    manifest, card = load_manifest(bundle), (bundle / "model_card.md").read_text(encoding="utf-8")
    assert card == model_card(manifest)
    assert manifest.fingerprint[:16] in card
    assert f"**{manifest.metrics['macro_auroc']:.3f}**" in card
    for label in manifest.labels:
        (row,) = [line for line in card.splitlines() if f"({label.code}) |" in line]
        assert f"| {label.n_positive} |" in row
        assert ("too few examples" in row) == (label.threshold is None)
        if label.auroc is not None:
            assert f"{label.auroc:.3f}" in row


def test_a_bundle_replaces_another_whole(bundle: Path, run: Path, tree: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(bundle, tmp_path / "model"))
    (out / "model.onnx").write_bytes(b"damaged")
    manifest = make_bundle(run, tree, out, "nano", "8")
    opened = load_manifest(out)
    assert (opened.version, opened.fingerprint, opened.labels) == ("8", manifest.fingerprint, manifest.labels)


def test_a_bundle_that_fails_leaves_the_old_one_alone(bundle: Path, run: Path, tree: Path, tmp_path: Path) -> None:
    out, broken = Path(shutil.copytree(bundle, tmp_path / "model")), Path(shutil.copytree(run, tmp_path / "run"))
    (broken / "best.safetensors").write_bytes(b"damaged")
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(Exception, match=r".+"):
        make_bundle(broken, tree, out, "nano", "8")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "run"]


def test_a_manifest_survives_being_written(bundle: Path, tmp_path: Path) -> None:
    manifest: ModelManifest = load_manifest(bundle)
    shutil.copy(bundle / "model.onnx", tmp_path)
    manifest.write(tmp_path)
    assert load_manifest(tmp_path) == manifest


def test_exporting_leaves_the_model_as_it_was_and_a_network_that_differs_is_refused(run: Path, tmp_path: Path) -> None:
    model, _, _ = load_best(run)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    path = tmp_path / "model.onnx"
    export_onnx(model, path, 1000)
    assert model.state_dict().keys() == before.keys()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    x, mask = np.stack([model_input(real_signal_mv(i)) for i in range(3)]), np.ones((3, 1000), np.float32)
    assert check_parity(model, path, x, mask).logits <= PARITY_LIMIT
    with torch.no_grad():
        model.head.bias.add_(0.001)
    with pytest.raises(ModelError, match="ONNX differs from torch by 1.0e-03"):
        check_parity(model, path, x, mask)


@pytest.mark.parametrize("n_samples", [1000, 1002])
def test_pooled_shortcuts_are_the_same_as_strided_convolutions_at_any_length(n_samples: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = ResidualCnn(NANO.model).to(memory_format=torch.channels_last).eval()
    path = tmp_path / "model.onnx"
    export_onnx(model, path, n_samples)
    x = model_input(np.stack([np.tile(real_signal_mv(i), (1, 2))[:, :n_samples] for i in range(3)]))
    mask = np.ones((3, n_samples), np.float32)
    mask[1, n_samples // 2 :] = 0.0
    parity = check_parity(model, path, x, mask)
    assert max(parity.logits, parity.embedding, parity.probability) <= PARITY_LIMIT
