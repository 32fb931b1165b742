from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_records import to_adu, unpacked_fold, write_wfdb

from physioclr_core.errors import LibraryError
from physioclr_core.infer.model import EcgModel
from physioclr_core.library.demo import DEMOS, bundle_demos
from physioclr_core.paths import assets_dir
from physioclr_core.readers import read_record
from physioclr_core.statements import statement_codes


@pytest.fixture(scope="module")
def index() -> list[dict[str, Any]]:
    return json.loads((assets_dir() / "demo" / "index.json").read_text(encoding="utf-8"))


def test_the_shipped_demos_are_those_of_the_list(index: list[dict[str, Any]]) -> None:
    assert [entry["title"] for entry in index] == [demo.title for demo in DEMOS]
    assert len({entry["file"] for entry in index}) == len(DEMOS)
    for entry in index:
        assert set(entry["statements"]) <= set(statement_codes())
        assert entry["statements"]
        assert "CC BY 4.0" in entry["source"]


def test_every_shipped_demo_opens_with_twelve_leads_and_its_statements(index: list[dict[str, Any]]) -> None:
    for entry in index:
        record = read_record(assets_dir() / "demo" / entry["file"])
        assert record.n_leads == 12
        assert record.duration_s >= 9.9
        assert record.patient.patient_id == entry["patient_id"]
        assert set(entry["statements"]) <= set(record.acquisition.statements)
        assert record.patient.sex in {"male", "female"}
        assert np.isfinite(record.signal_mv).all()


def test_every_shipped_demo_can_be_assessed(index: list[dict[str, Any]]) -> None:
    model = EcgModel(allow_gpu=False)
    for entry in index:
        assessment = model.assess(read_record(assets_dir() / "demo" / entry["file"]))
        assert np.isfinite(assessment.probability).all()


def test_the_demo_folder_holds_nothing_else(index: list[dict[str, Any]]) -> None:
    stems = {Path(entry["file"]).stem for entry in index} | {"index"}
    assert {path.stem for path in (assets_dir() / "demo").iterdir()} == stems


@pytest.fixture(scope="module")
def ptbxl(test_data: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo records of fold 9 in a tree of PTB-XL's own form."""
    root = tmp_path_factory.mktemp("ptbxl")
    shutil.copy(test_data("ptbxl100", "ptbxl_database.csv"), root)
    fold = unpacked_fold(test_data("ptbxl100"), 9)
    for demo in DEMOS:
        if demo.source.isdigit():
            ecg_id = int(demo.source)
            stem = root / f"records100/{ecg_id // 1000 * 1000:05d}/{ecg_id:05d}_lr"
            write_wfdb(stem, to_adu(fold[ecg_id]))
    return root


def test_bundling_gives_what_ships_and_leaves_samples_untouched(
    ptbxl: Path, test_data: Callable[..., Path], tmp_path: Path
) -> None:
    bundle_demos(tmp_path / "demo", ptbxl, test_data("ptb-xl-500hz"), test_data("cpsc2018"))
    shipped = assets_dir() / "demo"
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {path.name for path in shipped.iterdir()}
    for path in sorted((tmp_path / "demo").iterdir()):
        if path.suffix in {".dat", ".mat"}:
            assert path.read_bytes() == (shipped / path.name).read_bytes()


def test_a_missing_demo_record_is_named(ptbxl: Path, test_data: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match=r"A0131\.hea: this demo record is missing"):
        bundle_demos(tmp_path / "demo", ptbxl, test_data("ptb-xl-500hz"), test_data("ludb"))
