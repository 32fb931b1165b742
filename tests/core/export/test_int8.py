"""The network in 8 bits: it says nearly the same, and it is never mistaken for the other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from exported_model import changed_model, held_out_entries
from real_records import record_of, shipped_library, to_adu, write_wfdb

from physioclr_core import cli
from physioclr_core.errors import ModelError
from physioclr_core.export.int8 import INT8_NAME
from physioclr_core.infer.model import EcgModel


def test_it_is_smaller_and_says_nearly_the_same_of_real_ecgs(exported_model: Path) -> None:
    whole, small = EcgModel(exported_model), EcgModel(exported_model, precision="int8")
    assert (exported_model / INT8_NAME).stat().st_size < (exported_model / "model.onnx").stat().st_size
    records = [record_of(shipped_library().signal_mv(entry)) for entry in held_out_entries()[:20]]
    difference = [np.abs(whole.assess(r).probability - small.assess(r).probability) for r in records]
    told = whole.manifest.metrics["int8"]
    assert 0.0 < np.max(difference) < 0.15
    assert 0.0 < told["probability_difference_99"] <= told["probability_difference_max"] < 0.2
    assert abs(told["macro_auroc"] - told["macro_auroc_fp32"]) < 0.02
    assert "In 8 bits" in (exported_model / "model_card.md").read_text(encoding="utf-8")


def test_its_embeddings_do_not_mix_with_the_others(exported_model: Path) -> None:
    whole, small = EcgModel(exported_model), EcgModel(exported_model, precision="int8")
    assert whole.manifest.fingerprint != small.manifest.fingerprint


def test_a_damaged_or_missing_file_is_refused(exported_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported_model, tmp_path / "model"))
    content = (folder / INT8_NAME).read_bytes()
    (folder / INT8_NAME).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelError, match="is damaged or was replaced"):
        EcgModel(folder, precision="int8")
    EcgModel(folder)
    (folder / INT8_NAME).unlink()
    with pytest.raises(ModelError, match="is missing"):
        EcgModel(folder, precision="int8")
    none = changed_model(exported_model, tmp_path / "none", lambda values: values["metrics"].pop("int8"))
    with pytest.raises(ModelError, match="has no network in 8 bits"):
        EcgModel(none, precision="int8")


def test_predict_takes_it(exported_model: Path, tmp_path: Path) -> None:
    header = write_wfdb(tmp_path / "ecg", to_adu(shipped_library().signal_mv(held_out_entries()[0])))
    found = {}
    for precision in ("fp32", "int8"):
        out = tmp_path / f"{precision}.json"
        options = ["--model", str(exported_model), "--precision", precision, "--json", str(out)]
        assert cli.main(["predict", str(header), *options]) == 0
        found[precision] = json.loads(out.read_text(encoding="utf-8"))
    assert found["fp32"] != found["int8"]


def test_the_shipped_model_has_one() -> None:
    assert EcgModel(precision="int8").manifest.onnx_file == INT8_NAME
