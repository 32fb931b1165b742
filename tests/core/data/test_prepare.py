"""Prepared data sets from real records in PTB-XL's and the challenges' layouts."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from real_records import real_signal_mv, record_of, shipped_library, to_adu, write_wfdb

from physioclr_core.data import prepare as prepare_module
from physioclr_core.data.prepare import prepare
from physioclr_core.data.prepare import to_adu as prepared_samples
from physioclr_core.data.prepared import GAP_ADU, open_prepared
from physioclr_core.data.sources.cinc import cinc_source
from physioclr_core.data.sources.ptbxl import DATABASE, ptbxl_source
from physioclr_core.errors import UserFacingError
from physioclr_core.leads import STANDARD_LEADS

N = 7


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return PTB-XL's layout with seven real records of the shipped library."""
    root = tmp_path / "ptbxl"
    (root / "records100" / "00000").mkdir(parents=True)
    with (root / DATABASE).open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["ecg_id", "patient_id", "age", "sex", "strat_fold", "filename_lr", "scp_codes"])
        for number in range(N):
            entry = shipped_library().entries[number]
            stem = f"records100/00000/{number + 1:05d}_lr"
            write_wfdb(root / stem, to_adu(real_signal_mv(number)))
            codes = str(dict.fromkeys(entry.statements, 0.0))
            table.writerow([number + 1, f"{number // 2}.0", 60, number % 2, number % 3 + 1, stem, codes])
    return root


def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_module, "RECORDS_A_SHARD", 3)


def test_samples_patients_folds_and_statements_are_those_of_the_source(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_shards(monkeypatch)
    manifest = prepare(ptbxl_source(tree, 100.0), tmp_path / "out", 100.0)
    dataset = open_prepared(tmp_path / "out")
    assert (len(dataset), manifest["n_patients"], len(dataset.shards)) == (N, 4, 3)
    rows = np.array([5, 0, 3])
    segments = dataset.segments(rows, 1000)
    for place, row in enumerate(rows):
        np.testing.assert_allclose(segments.signal_mv[place], real_signal_mv(int(row)), atol=5.1e-4)
    assert segments.mask.all()
    assert segments.has_lead.all()
    assert dataset.fold.tolist() == [1, 2, 3, 1, 2, 3, 1]
    assert dataset.patient[0] == dataset.patient[1] != dataset.patient[2]
    assert dataset.texts("statements") == [tuple(e.statements) for e in shipped_library().entries[:N]]


def test_longer_than_a_record_is_padded_and_masked(tree: Path, tmp_path: Path) -> None:
    prepare(ptbxl_source(tree, 100.0), tmp_path / "out", 100.0)
    segments = open_prepared(tmp_path / "out").segments(np.array([0]), 1200)
    assert segments.mask[0].sum() == 1000
    assert not segments.signal_mv[0, :, 1000:].any()


def test_an_interrupted_preparation_goes_on_to_the_same_data(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_shards(monkeypatch)
    whole = prepare(ptbxl_source(tree, 100.0), tmp_path / "whole", 100.0)

    def stop(n: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(ptbxl_source(tree, 100.0), tmp_path / "parted", 100.0, on_records=stop)
    with pytest.raises(UserFacingError, match="not a finished one"):
        open_prepared(tmp_path / "parted")
    done: list[int] = []
    parted = prepare(ptbxl_source(tree, 100.0), tmp_path / "parted", 100.0, on_records=done.append)
    assert parted == whole
    assert sum(done) == N


def test_a_record_that_cannot_be_read_is_named_and_does_not_end_the_work(tree: Path, tmp_path: Path) -> None:
    (tree / "records100/00000/00003_lr.dat").write_bytes(b"")
    manifest = prepare(ptbxl_source(tree, 100.0), tmp_path / "out", 100.0)
    assert manifest["n_records"] == N - 1
    assert [entry["record_id"] for entry in manifest["left_out"]] == ["ptbxl:3"]
    assert "00003_lr" in manifest["left_out"][0]["reason"]


def test_a_folder_of_other_settings_or_of_something_else_is_refused(tree: Path, tmp_path: Path) -> None:
    source = ptbxl_source(tree, 100.0)
    prepare(source, tmp_path / "out", 100.0)
    with pytest.raises(UserFacingError, match="other settings"):
        prepare(source, tmp_path / "out", 50.0)
    with pytest.raises(UserFacingError, match="not empty"):
        prepare(source, tree, 100.0)
    with pytest.raises(UserFacingError, match="no record to prepare"):
        prepare(replace(source, records=()), tmp_path / "empty", 100.0)


def test_a_damaged_data_set_is_refused_by_name(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare(ptbxl_source(tree, 100.0), out, 100.0)
    shard = out / "shard-00000.i16"
    shard.write_bytes(shard.read_bytes()[:-2])
    with pytest.raises(UserFacingError, match=r"shard-00000\.i16"):
        open_prepared(out)
    manifest = json.loads((out / "dataset.json").read_text())
    (out / "dataset.json").write_text(json.dumps({**manifest, "schema": 99}))
    with pytest.raises(UserFacingError, match="format 99"):
        open_prepared(out)


def test_gaps_stay_gaps_missing_limb_leads_follow_and_flat_leads_are_missing() -> None:
    signal_mv = real_signal_mv(0).copy()
    signal_mv[:, 100:120] = np.nan
    signal_mv[STANDARD_LEADS.index("V3")] = 0.0
    kept = [row for row, name in enumerate(STANDARD_LEADS) if name not in ("III", "aVR")]
    record = record_of(signal_mv[kept], lead_names=[STANDARD_LEADS[row] for row in kept])
    samples, has_lead, n_clipped = prepared_samples(record, 100.0)
    assert [name for name, has in zip(STANDARD_LEADS, has_lead, strict=True) if not has] == ["V3"]
    assert n_clipped == 0
    assert (samples[:, 100:120] == GAP_ADU).all()
    row = STANDARD_LEADS.index("III")
    np.testing.assert_allclose(samples[row, :100] / 1000.0, real_signal_mv(0)[row, :100], atol=3e-3)


def test_challenge_records_are_of_the_data_set_that_their_name_says(tmp_path: Path) -> None:
    folder = tmp_path / "challenge"
    folder.mkdir()
    for name in ("A0001", "E00002", "HR00003", "JS00004", "Q0005"):
        write_wfdb(folder / name, to_adu(real_signal_mv(0)))
    source = cinc_source(folder)
    assert [record.dataset for record in source.records] == [
        "cpsc2018",
        "georgia",
        "ptbxl",
        "chapman-ningbo",
        "cpsc-extra",
    ]
    assert source.records[2].record_id == "ptbxl:3"
    write_wfdb(folder / "patient7", to_adu(real_signal_mv(0)))
    with pytest.raises(UserFacingError, match="patient7 is no record name"):
        cinc_source(folder)


def test_a_table_without_its_records_or_its_columns_is_refused(tree: Path) -> None:
    (tree / "records100/00000/00002_lr.hea").unlink()
    with pytest.raises(UserFacingError, match="00002_lr is listed but not there"):
        ptbxl_source(tree, 100.0)
    (tree / DATABASE).write_text("ecg_id,strat_fold,filename_lr\n1,1,x\n", encoding="utf-8")
    with pytest.raises(UserFacingError, match="column patient_id is missing"):
        ptbxl_source(tree, 100.0)
    with pytest.raises(UserFacingError, match=DATABASE):
        ptbxl_source(tree.parent, 100.0)
