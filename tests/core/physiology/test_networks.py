from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from physioclr_core.errors import ModelError
from physioclr_core.physiology.networks import (
    MANIFEST,
    OnnxNetwork,
    networks_dir,
    read_manifest,
    shipped_network,
    sigmoid,
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in ("beats.onnx", "waves.onnx", MANIFEST):
        shutil.copy(networks_dir() / name, tmp_path)
    return tmp_path


def test_the_shipped_networks_take_any_number_of_leads_and_any_whole_step() -> None:
    for n_leads, n_samples in ((1, 160), (12, 2512), (15, 16)):
        ecg = np.random.default_rng(0).standard_normal((2, n_leads, n_samples)).astype(np.float32)
        assert shipped_network("beats").logits(ecg).shape == (2, n_samples // 2)
        assert shipped_network("waves").logits(ecg).shape == (2, n_leads, 6, n_samples)


def test_the_order_of_the_leads_does_not_matter() -> None:
    ecg = np.random.default_rng(0).standard_normal((1, 12, 800)).astype(np.float32)
    turned = np.ascontiguousarray(ecg[:, ::-1])
    np.testing.assert_allclose(shipped_network("beats").logits(turned), shipped_network("beats").logits(ecg), atol=1e-4)
    waves = shipped_network("waves")
    np.testing.assert_allclose(waves.logits(turned)[:, ::-1], waves.logits(ecg), atol=1e-3)


def test_the_manifest_says_what_the_networks_were_trained_on_and_what_they_are_worth() -> None:
    manifest = read_manifest(networks_dir())
    for name in ("beats", "waves"):
        entry = manifest["networks"][name]
        assert entry["data"]
        assert entry["parity"] <= 1e-4
        assert entry["figures"]
    assert manifest["use"] == "research use only"


def test_another_network_than_the_manifests_is_refused(copy: Path) -> None:
    shutil.copy(copy / "waves.onnx", copy / "beats.onnx")
    with pytest.raises(ModelError, match=r"beats\.onnx: this is not the network"):
        OnnxNetwork(copy, "beats")


def test_a_missing_network_is_named(copy: Path) -> None:
    (copy / "beats.onnx").unlink()
    with pytest.raises(ModelError, match=r"beats\.onnx: the network cannot be read"):
        OnnxNetwork(copy, "beats")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"networks": {}}', '{"format_version": 1, "networks": {"beats": 1}}'])
def test_a_damaged_manifest_is_refused(copy: Path, text: str) -> None:
    (copy / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match="is damaged"):
        read_manifest(copy)


def test_a_manifest_of_the_future_and_none_are_refused(copy: Path) -> None:
    content = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))
    (copy / MANIFEST).write_text(json.dumps({**content, "format_version": 99}), encoding="utf-8")
    with pytest.raises(ModelError, match="format 99 is not known"):
        read_manifest(copy)
    (copy / MANIFEST).unlink()
    with pytest.raises(ModelError, match="cannot be read"):
        read_manifest(copy)


def test_the_sigmoid_neither_overflows_nor_errs() -> None:
    x = np.array([-1e4, -3.0, 0.0, 3.0, 1e4], np.float32)
    np.testing.assert_allclose(sigmoid(x), [0.0, 1 / (1 + np.exp(3.0)), 0.5, 1 / (1 + np.exp(-3.0)), 1.0], atol=1e-6)
