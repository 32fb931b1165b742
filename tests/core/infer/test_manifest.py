from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from physioclr_core.errors import ModelError
from physioclr_core.files import sha256_of
from physioclr_core.infer.manifest import SCHEMA, fingerprint_of, load_manifest
from physioclr_core.infer.model import default_model_dir
from physioclr_core.statements import statement_codes


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A copy of the shipped bundle to tamper with."""
    return Path(shutil.copytree(default_model_dir(), tmp_path / "model"))


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    edit(values)
    (folder / "manifest.json").write_text(json.dumps(values), encoding="utf-8")


def refusal(folder: Path) -> str:
    """Return the text of the refusal, which is one sentence on one line."""
    with pytest.raises(ModelError) as caught:
        load_manifest(folder)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    assert str(folder) in text
    return text


# --- the shipped bundle ----------------------------------------------------------------------------------------------


def test_the_shipped_manifest_describes_the_71_statements() -> None:
    manifest = load_manifest(default_model_dir())
    assert set(manifest.codes) == set(statement_codes())
    assert len(manifest.codes) == 71
    assert manifest.input.leads[0] == "I"
    assert (manifest.input.fs_hz, manifest.input.window_samples, manifest.input.min_samples) == (100.0, 1000, 500)
    assert manifest.short_id == f"{manifest.name} {manifest.fingerprint[:8]}"
    assert max(manifest.parity.values()) <= 1e-4


def test_the_shipped_thresholds_exist_exactly_where_there_were_ten_positives() -> None:
    for label in load_manifest(default_model_dir()).labels:
        assert (label.threshold is not None) == (label.n_positive >= 10)
        assert label.threshold is None or 0.0 < label.threshold < 1.0
        assert 0.1 < label.temperature < 8.0
        if label.auroc is not None:
            assert label.auroc_low is not None
            assert label.auroc_high is not None
            assert label.auroc_low <= label.auroc <= label.auroc_high
    manifest = load_manifest(default_model_dir())
    # Too few to fit one of their own: they share the one pooled over all statements.
    assert len({label.temperature for label in manifest.labels if label.n_positive < 10}) == 1


def test_the_macro_figure_is_the_mean_of_the_labels_figures() -> None:
    manifest = load_manifest(default_model_dir())
    areas = [label.auroc for label in manifest.labels if label.auroc is not None]
    macro = manifest.metrics["macro_auroc"]
    assert np.mean(areas) == pytest.approx(macro["value"], abs=1e-5)
    assert macro["low"] < macro["value"] < macro["high"]


def test_writing_and_loading_gives_the_same_manifest(bundle: Path) -> None:
    before = load_manifest(bundle)
    before.write(bundle)
    assert load_manifest(bundle) == before


# --- what cannot be trusted ------------------------------------------------------------------------------------------


def test_refuses_a_changed_network(bundle: Path) -> None:
    network = bundle / "model.onnx"
    content = bytearray(network.read_bytes())
    content[len(content) // 2] ^= 1
    network.write_bytes(content)
    assert "hash" in refusal(bundle)


def test_refuses_a_missing_network(bundle: Path) -> None:
    (bundle / "model.onnx").unlink()
    assert "model.onnx" in refusal(bundle)


def test_refuses_a_folder_without_manifest(tmp_path: Path) -> None:
    assert "not a model bundle" in refusal(tmp_path)
    assert "not a model bundle" in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize("schema", [SCHEMA + 1, str(SCHEMA), None])
def test_refuses_another_schema(bundle: Path, schema: object) -> None:
    change(bundle, lambda values: values.update(schema=schema))
    assert "schema" in refusal(bundle)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"text"', "\ufeff{}", "{}"])
def test_refuses_what_is_no_manifest(bundle: Path, text: str) -> None:
    (bundle / "manifest.json").write_text(text, encoding="utf-8")
    refusal(bundle)


def test_refuses_bytes_that_are_no_text(bundle: Path) -> None:
    (bundle / "manifest.json").write_bytes(b"\xff\xfe\x00\x80")
    refusal(bundle)


@pytest.mark.parametrize("field", ["fingerprint", "labels", "input", "onnx_file", "onnx_sha256", "training"])
def test_refuses_a_manifest_with_a_field_missing(bundle: Path, field: str) -> None:
    change(bundle, lambda values: values.pop(field))
    assert field in refusal(bundle)


@pytest.mark.parametrize(
    "edit",
    [
        lambda values: values["input"].pop("fs_hz"),
        lambda values: values["labels"][3].pop("temperature"),
        lambda values: values["labels"].append(7),
        lambda values: values.update(input=[1, 2]),
        lambda values: values.update(labels=None),
        lambda values: values.update(surprise=1),
    ],
)
def test_refuses_a_manifest_of_another_shape(bundle: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    change(bundle, edit)
    refusal(bundle)


@pytest.mark.parametrize(
    "edit",
    [
        lambda values: values.update(fingerprint="0" * 64),
        lambda values: values["input"].update(scale_mv=0.5),
        lambda values: values["input"]["leads"].reverse(),
    ],
)
def test_refuses_a_fingerprint_of_another_input(bundle: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    change(bundle, edit)
    assert "fingerprint" in refusal(bundle)


@pytest.mark.parametrize(
    "name",
    [
        "../model/model.onnx",
        "sub/model.onnx",
        "/etc/hostname",
        "..",
        ".",
        "",
        "model.onnx/",
        "model\x00.onnx",
        3,
        None,
        [],
    ],
)
def test_the_network_is_a_file_of_the_bundle_and_nothing_else(bundle: Path, name: object) -> None:
    (bundle / "sub").mkdir()
    shutil.copy(bundle / "model.onnx", bundle / "sub")
    change(bundle, lambda values: values.update(onnx_file=name))
    with pytest.raises(ModelError, match="missing"):
        load_manifest(bundle)


def test_a_fingerprint_depends_on_the_network_and_on_every_input_field(bundle: Path) -> None:
    manifest = load_manifest(bundle)
    assert fingerprint_of(manifest.onnx_sha256, manifest.input) == manifest.fingerprint
    assert fingerprint_of("0" * 64, manifest.input) != manifest.fingerprint
    assert sha256_of(bundle / manifest.onnx_file) == manifest.onnx_sha256
