"""Opening prepared data sets, and the segments that they give, on real records with leads that lost contact."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from real_records import real_signal_mv, shipped_library, to_adu, write_ptbxl_tree, write_wfdb

from physioclr_core.data.open_all import open_all
from physioclr_core.data.prepare import prepare
from physioclr_core.data.prepared import PreparedDataset, open_prepared
from physioclr_core.data.segments import network_input
from physioclr_core.data.sources.cinc import cinc_source
from physioclr_core.data.sources.folder import folder_source
from physioclr_core.data.sources.ptbxl import ptbxl_source
from physioclr_core.errors import UserFacingError
from physioclr_core.infer.preprocess import model_input
from physioclr_core.leads import STANDARD_LEADS

# What format 16 of WFDB says instead of a sample.
NO_SAMPLE = -32768


def prepared(folder: Path, records: dict[str, np.ndarray]) -> PreparedDataset:
    """Prepare a plain folder of 100 Hz records given in mV, NaN where there is no sample."""
    for name, signal_mv in records.items():
        adu = to_adu(np.nan_to_num(signal_mv))
        adu[np.isnan(signal_mv)] = NO_SAMPLE
        write_wfdb(folder / "in" / name, adu)
    prepare(folder_source(folder / "in"), folder / "out", 100.0)
    return open_prepared(folder / "out")


def test_a_lead_that_lost_contact_is_zero_there_and_hides_nothing_of_the_others(tmp_path: Path) -> None:
    whole = np.round(real_signal_mv(0), 3)
    signal_mv = whole.copy()
    signal_mv[7] += 1.5
    signal_mv[7, 200:500] = np.nan
    dataset = prepared(tmp_path, {"a": whole, "b": signal_mv})
    segments = dataset.segments(np.array([1, 0]), 1000)
    assert segments.mask.all()
    assert segments.has_lead.all()
    others = [lead for lead in range(12) if lead != 7]
    np.testing.assert_array_equal(segments.signal_mv[0, others], segments.signal_mv[1, others])
    assert not segments.signal_mv[0, 7, 200:500].any()
    # Its level is taken off, so that the gap is no step for the network.
    is_there = ~np.isnan(signal_mv[7])
    expected = signal_mv[7, is_there] - signal_mv[7, is_there].mean()
    np.testing.assert_allclose(segments.signal_mv[0, 7, is_there], expected, atol=2e-6)
    given = network_input(segments.signal_mv, segments.mask)
    np.testing.assert_allclose(given[0, 7, 200:500], 0.0, atol=1e-5)
    np.testing.assert_allclose(given[1], model_input(segments.signal_mv[1]), atol=2e-5)


def test_time_without_a_sample_in_any_lead_is_masked_and_levels_stay(tmp_path: Path) -> None:
    whole = np.round(real_signal_mv(0), 3)
    signal_mv = whole.copy()
    signal_mv[:, 300:400] = np.nan
    segments = prepared(tmp_path, {"a": signal_mv}).segments(np.array([0]), 1000)
    is_there = ~np.isnan(signal_mv[0])
    np.testing.assert_array_equal(segments.mask[0], is_there)
    np.testing.assert_allclose(segments.signal_mv[0][:, is_there], whole[:, is_there], atol=1e-6)
    assert not segments.signal_mv[0][:, ~is_there].any()


def test_a_lead_without_a_sample_in_the_segment_is_not_present_in_it(tmp_path: Path) -> None:
    signal_mv = real_signal_mv(0).copy()
    signal_mv[9, :600] = np.nan
    dataset = prepared(tmp_path, {"a": signal_mv})
    assert dataset.has_lead.all()
    short, whole = dataset.segments(np.array([0]), 500), dataset.segments(np.array([0]), 1000)
    assert np.flatnonzero(~short.has_lead[0]).tolist() == [9]
    assert whole.has_lead.all()
    assert short.mask.all()


def test_longer_than_a_record_is_padded_and_masked_and_missing_leads_are_zero(tmp_path: Path) -> None:
    signal_mv = real_signal_mv(0).copy()
    signal_mv[8] = 0.0
    segments = prepared(tmp_path, {"a": signal_mv, "b": real_signal_mv(1)}).segments(np.array([0, 1, 0]), 1200)
    assert segments.mask.sum(axis=1).tolist() == [1000, 1000, 1000]
    assert not segments.signal_mv[:, :, 1000:].any()
    assert segments.has_lead[:, 8].tolist() == [False, True, False]
    assert not segments.signal_mv[[0, 2], 8].any()
    np.testing.assert_allclose(segments.signal_mv[1, :, :1000], real_signal_mv(1), atol=5.1e-4)


def test_segments_are_what_a_plain_loop_over_the_samples_gives(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    records = {}
    for number in range(6):
        signal_mv = real_signal_mv(number)[:, : 1000 - 50 * number].copy()
        for lead in rng.choice(12, 4, replace=False):
            start = rng.integers(0, 600)
            signal_mv[lead, start : start + rng.integers(20, 200)] = np.nan
        records[f"r{number}"] = signal_mv
    dataset = prepared(tmp_path, records)
    rows = rng.permutation(6)
    segments = dataset.segments(rows, 900)
    for place, row in enumerate(rows):
        signal_mv = np.full((12, 900), np.nan)
        record = np.round(records[f"r{row}"].astype(np.float64) * 1000.0) / 1000.0
        signal_mv[:, : record.shape[1]] = record[:, :900]
        is_there = np.isfinite(signal_mv)
        mask = is_there.any(axis=0)
        np.testing.assert_array_equal(segments.mask[place], mask)
        for lead in range(12):
            valid = signal_mv[lead, is_there[lead]]
            level = valid.mean() if len(valid) < mask.sum() else 0.0
            expected = np.where(is_there[lead], signal_mv[lead] - level, 0.0)
            np.testing.assert_allclose(segments.signal_mv[place, lead], expected, atol=1e-5)


def test_damage_is_named_its_size_always_and_its_content_where_that_is_asked_for(tmp_path: Path) -> None:
    prepared(tmp_path, {"a": real_signal_mv(0)})
    out = tmp_path / "out"
    shard = out / "shard-00000.i16"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    open_prepared(out)
    with pytest.raises(UserFacingError, match=r"shard-00000\.i16: is not what was written"):
        open_prepared(out, verify=True)
    shard.write_bytes(content[:-2])
    with pytest.raises(UserFacingError, match=r"shard-00000\.i16: is missing or has not the size"):
        open_prepared(out)
    shard.write_bytes(content)
    index = (out / "index.arrow").read_bytes()
    (out / "index.arrow").write_bytes(index.replace(b"in:a", b"in:b"))
    with pytest.raises(UserFacingError, match=r"index\.arrow: is not what was written"):
        open_prepared(out, verify=True)
    (out / "index.arrow").write_bytes(index[:100])
    with pytest.raises(UserFacingError, match="the prepared data set is damaged"):
        open_prepared(out)
    manifest = json.loads((out / "dataset.json").read_text())
    (out / "dataset.json").write_text(json.dumps({**manifest, "schema": 99}))
    with pytest.raises(UserFacingError, match="format 99"):
        open_prepared(out)
    (out / "dataset.json").write_text("[]")
    with pytest.raises(UserFacingError, match="the prepared data set is damaged"):
        open_prepared(out)


def test_several_sets_are_one_and_the_same_record_has_one_patient(tmp_path: Path) -> None:
    entries = shipped_library().entries[:3]
    tree = write_ptbxl_tree(tmp_path / "ptbxl", entries)
    prepare(ptbxl_source(tree, 100.0), tmp_path / "p", 100.0)
    # A copy of one of them as the challenges publish it, and another record whose number is that of a patient.
    patient = entries[0].patient_id
    for number in (entries[1].ecg_id, patient):
        write_wfdb(tmp_path / "cinc" / f"HR{number:05d}", to_adu(real_signal_mv(7)))
    prepare(cinc_source(tmp_path / "cinc"), tmp_path / "c", 100.0)
    parts = [open_prepared(tmp_path / name) for name in ("p", "c")]
    both = open_all([tmp_path / "p", tmp_path / "c"])
    assert len(both) == 5
    ids = both.index["record_id"].to_pylist()
    copies = [row for row, name in enumerate(ids) if name == f"ptbxl:{entries[1].ecg_id}"]
    assert len(copies) == 2
    assert both.patient[copies[0]] == both.patient[copies[1]]
    other = ids.index(f"ptbxl:{patient}", 3)
    assert both.patient_id[other] not in both.patient_id[:3].tolist()
    together = both.segments(np.arange(5), 1000).signal_mv
    alone = [part.segments(np.arange(len(part)), 1000).signal_mv for part in parts]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    assert both.data_sha256 not in [part.data_sha256 for part in parts]
    assert open_all([tmp_path / "p"]).data_sha256 == parts[0].data_sha256


def test_labels_and_patients_of_folders_with_equal_names_stay_apart(tmp_path: Path) -> None:
    for name, label, entry in (("one", "flutter", 0), ("two", "fibrillation", 1)):
        write_wfdb(tmp_path / name / "ecgs" / "a", to_adu(real_signal_mv(entry)))
        table = tmp_path / f"{name}.csv"
        table.write_text(f"record,patient,{label}\na,7,1\n", encoding="utf-8")
        prepare(folder_source(tmp_path / name / "ecgs", table), tmp_path / f"{name}-out", 100.0)
    both = open_all([tmp_path / "one-out", tmp_path / "two-out"])
    assert both.patient.tolist() in ([0, 1], [1, 0])
    assert len({*both.index["record_id"].to_pylist()}) == 2
    assert both.label_names == ("flutter", "fibrillation")
    np.testing.assert_array_equal(both.label_values, np.array([[1, np.nan], [np.nan, 1]], np.float32))


def test_sets_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    tree = write_ptbxl_tree(tmp_path / "ptbxl", shipped_library().entries[:1])
    prepare(ptbxl_source(tree, 100.0), tmp_path / "a", 100.0)
    prepare(ptbxl_source(tree, 50.0), tmp_path / "b", 50.0)
    with pytest.raises(UserFacingError, match="at 50 Hz and .* at 100 Hz; prepare both alike"):
        open_all([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(UserFacingError, match="given twice"):
        open_all([tmp_path / "a", tmp_path / "a"])
    manifest = json.loads((tmp_path / "b" / "dataset.json").read_text())
    other = {**manifest, "fs_hz": 100.0, "lead_names": [*STANDARD_LEADS[1:], "V7"]}
    (tmp_path / "b" / "dataset.json").write_text(json.dumps(other))
    with pytest.raises(UserFacingError, match="other leads"):
        open_all([tmp_path / "a", tmp_path / "b"])
