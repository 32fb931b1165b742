"""``physioclr predict`` with a model that knows its limits, and with one that does not."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from exported_model import changed_model, without_limits
from real_records import real_signal_mv, to_adu, write_wfdb

from physioclr_core import cli
from physioclr_core.infer.model import EcgModel, default_model_dir
from physioclr_core.readers import read_record
from physioclr_core.statements import statement_codes

LIMITS = ["prediction_set", "abstention", "distance", "distance_limit", "out_of_distribution"]


@pytest.fixture
def ecgs(tmp_path: Path) -> Path:
    """Return a folder with an ECG, noise in an ECG's place, and four seconds."""
    folder = tmp_path / "ecgs"
    write_wfdb(folder / "a_ecg", to_adu(real_signal_mv(0)))
    write_wfdb(folder / "b_noise", to_adu(np.random.default_rng(0).normal(0.0, 1.0, (12, 1000))))
    write_wfdb(folder / "c_short", to_adu(real_signal_mv(2)[:, :400]))
    return folder


def test_both_forms_carry_set_abstention_and_distance(exported_model: Path, ecgs: Path, tmp_path: Path) -> None:
    bundle = changed_model(
        exported_model, tmp_path / "model", lambda values: values["metrics"]["conformal"].update(threshold=0.1)
    )
    out = tmp_path / "out.csv", tmp_path / "out.json"
    asked = ["predict", str(ecgs), "--model", str(bundle), "--csv", str(out[0]), "--json", str(out[1]), "--cpu"]
    assert cli.main(asked) == 0
    model = EcgModel(bundle, allow_gpu=False)
    assert model.known is not None
    said = json.loads(out[1].read_text(encoding="utf-8"))
    assert said["prediction_sets"] == {"level": 0.9, "threshold": 0.1, "largest": 35}
    assert said["distance_limit"] == pytest.approx(model.known.threshold, abs=1e-5)
    with out[0].open(newline="", encoding="utf-8") as file:
        rows = {row["record"]: row for row in csv.DictReader(file)}
    assert list(rows["a_ecg"]) == ["record", *statement_codes(), *LIMITS]
    for name, abstention in (("a_ecg", "no"), ("b_noise", "unlike")):
        assessment = model.assess(read_record(ecgs / name))
        assert assessment.is_in_set is not None
        members = {code for code, is_in in zip(model.manifest.codes, assessment.is_in_set, strict=True) if is_in}
        row, values = rows[name], said["records"][name]
        assert {*row["prediction_set"].split(";")} == {*values["prediction_set"]} == members
        assert row["abstention"] == abstention
        assert values["abstains"] == (abstention != "no")
        assert float(row["distance"]) == pytest.approx(assessment.distance, abs=1e-3)
        assert values["distance"] == pytest.approx(assessment.distance, abs=1e-3)
        assert float(row["distance_limit"]) == pytest.approx(model.known.threshold, abs=1e-5)
        assert row["out_of_distribution"] == str(int(name == "b_noise"))
        assert values["out_of_distribution"] is (name == "b_noise")
        assert values["probability"].keys() == {*statement_codes()}
        assert float(row["AFIB"]) == values["probability"]["AFIB"]
    assert {cell for column, cell in rows["c_short"].items() if column != "record"} == {""}
    assert said["records"]["c_short"]["not_assessed"].startswith("4 s recorded")


def test_an_empty_set_is_told_from_an_unknown_one(exported_model: Path, ecgs: Path, tmp_path: Path) -> None:
    bundle = changed_model(
        exported_model, tmp_path / "model", lambda values: values["metrics"]["conformal"].update(threshold=0.9999)
    )
    out = tmp_path / "out.csv"
    assert cli.main(["predict", str(ecgs), "--model", str(bundle), "--csv", str(out), "--cpu"]) == 0
    with out.open(newline="", encoding="utf-8") as file:
        rows = {row["record"]: row for row in csv.DictReader(file)}
    assert (rows["a_ecg"]["prediction_set"], rows["a_ecg"]["abstention"]) == ("-", "empty")
    assert rows["c_short"]["prediction_set"] == ""


def test_of_a_model_without_limits_the_table_has_no_such_column_and_json_says_unknown(
    ecgs: Path, tmp_path: Path
) -> None:
    bundle = changed_model(default_model_dir(), tmp_path / "model", without_limits)
    out = tmp_path / "out.csv", tmp_path / "out.json"
    asked = ["predict", str(ecgs), "--model", str(bundle), "--csv", str(out[0]), "--json", str(out[1]), "--cpu"]
    assert cli.main(asked) == 0
    assert out[0].read_text(encoding="utf-8").splitlines()[0] == ",".join(["record", *statement_codes()])
    said = json.loads(out[1].read_text(encoding="utf-8"))
    assert (said["prediction_sets"], said["distance_limit"]) == (None, None)
    values = said["records"]["a_ecg"]
    unknown = ("prediction_set", "abstains", "abstention", "distance", "out_of_distribution")
    assert [values[name] for name in unknown] == [None] * 5


def test_without_a_file_to_write_it_says_so(ecgs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["predict", str(ecgs)]) == 2
    assert "--csv OUT, --json OUT or both" in capsys.readouterr().err
