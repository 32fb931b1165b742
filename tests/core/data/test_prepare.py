"""Prepared data sets from real records in PTB-XL's layout: what is written, and what happens when it goes wrong."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from real_records import real_signal_mv, record_of, shipped_library, write_ptbxl_tree

from physioclr_core.data import prepare as prepare_module
from physioclr_core.data import prepare_plan, prepare_shard
from physioclr_core.data.prepare import prepare
from physioclr_core.data.prepare_shard import to_adu as prepared_samples
from physioclr_core.data.prepared import GAP_ADU, open_prepared
from physioclr_core.data.sources.ptbxl import ptbxl_source
from physioclr_core.errors import UserFacingError
from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.record import EcgRecord

N = 7
ENTRIES = sorted(shipped_library().entries[:N], key=lambda entry: entry.ecg_id)
IDS = [f"ptbxl:{entry.ecg_id}" for entry in ENTRIES]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return PTB-XL's layout with seven real records, the first two of one patient."""
    return write_ptbxl_tree(tmp_path / "ptbxl", ENTRIES, {entry.ecg_id: 5 for entry in ENTRIES[:2]})


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_module, "RECORDS_A_SHARD", 3)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def samples_of(tree: Path, number: int) -> Path:
    return next(tree.rglob(f"{ENTRIES[number].ecg_id:05d}_lr.dat"))


def stopped(tree: Path, out: Path) -> None:
    """Prepare and stop after the first shard of three records."""

    def stop(n: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(ptbxl_source(tree, 100.0), out, 100.0, on_records=stop)


@pytest.mark.usefixtures("small_shards")
def test_samples_patients_folds_and_statements_are_those_of_the_source(tree: Path, tmp_path: Path) -> None:
    manifest = prepare(ptbxl_source(tree, 100.0), tmp_path / "out", 100.0)
    dataset = open_prepared(tmp_path / "out", verify=True)
    assert (len(dataset), manifest["n_patients"], len(dataset.shards)) == (N, len({*dataset.patient_id.tolist()}), 3)
    rows = np.array([5, 0, 3])
    segments = dataset.segments(rows, 1000)
    for place, row in enumerate(rows):
        expected = shipped_library().signal_mv(ENTRIES[row].entry)
        np.testing.assert_allclose(segments.signal_mv[place], expected, atol=5.1e-4)
    assert segments.mask.all()
    assert segments.has_lead.all()
    assert dataset.index["record_id"].to_pylist() == IDS
    assert dataset.fold.tolist() == [entry.fold for entry in ENTRIES]
    assert dataset.patient[0] == dataset.patient[1] != dataset.patient[2]
    assert dataset.texts("statements") == [tuple(entry.statements) for entry in ENTRIES]


@pytest.mark.usefixtures("small_shards")
def test_an_interrupted_preparation_goes_on_to_the_same_bytes(tree: Path, tmp_path: Path) -> None:
    whole = prepare(ptbxl_source(tree, 100.0), tmp_path / "whole", 100.0)
    stopped(tree, tmp_path / "parted")
    with pytest.raises(UserFacingError, match="not a finished one"):
        open_prepared(tmp_path / "parted")
    done: list[int] = []
    parted = prepare(ptbxl_source(tree, 100.0), tmp_path / "parted", 100.0, on_records=done.append)
    assert parted == whole
    assert sum(done) == N
    assert contents(tmp_path / "parted") == contents(tmp_path / "whole")


KILLED = """
import sys, time
from pathlib import Path
from physioclr_core.data import prepare as prepare_module
from physioclr_core.data import prepare_shard
from physioclr_core.data.sources.ptbxl import ptbxl_source
prepare_module.RECORDS_A_SHARD = 3
prepare_shard.RECORDS_BETWEEN_REPORTS = 1
n_done = 0
def on_records(n):
    global n_done
    n_done += n
    if n_done == 5:
        print("in the middle of the second shard", flush=True)
        time.sleep(60)
prepare_module.prepare(ptbxl_source(Path(sys.argv[1]), 100.0), Path(sys.argv[2]), 100.0, on_records=on_records)
"""


@pytest.mark.usefixtures("small_shards")
def test_a_killed_preparation_goes_on_to_the_same_bytes_and_leaves_nothing_else(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tree), str(out)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("in the middle")
        process.kill()
    names = [path.name for path in out.iterdir()]
    assert "shard-00000.json" in names
    assert "shard-00001.i16" not in names
    assert any(name.startswith(".shard-00001.i16.") for name in names)
    prepare(ptbxl_source(tree, 100.0), out, 100.0)
    prepare(ptbxl_source(tree, 100.0), tmp_path / "whole", 100.0)
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.slow
def test_several_processes_write_the_same_bytes_and_report_every_record(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare_module, "RECORDS_A_SHARD", 2)
    monkeypatch.setattr(prepare_module, "MIN_FOR_PROCESSES", 1)
    done: list[int] = []
    prepare(ptbxl_source(tree, 100.0), tmp_path / "two", 100.0, 2, done.append)
    prepare(ptbxl_source(tree, 100.0), tmp_path / "one", 100.0)
    assert sum(done) == N
    assert contents(tmp_path / "two") == contents(tmp_path / "one")


def test_progress_moves_within_a_shard(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare_shard, "RECORDS_BETWEEN_REPORTS", 2)
    done: list[int] = []
    prepare(ptbxl_source(tree, 100.0), tmp_path / "out", 100.0, on_records=done.append)
    assert done == [2, 2, 2, 1]


def test_a_finished_set_is_left_as_it_is(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    manifest = prepare(ptbxl_source(tree, 100.0), out, 100.0)
    before = contents(out)
    monkeypatch.setattr(prepare_plan, "__version__", "99.0")
    assert prepare(ptbxl_source(tree, 100.0), out, 100.0) == manifest
    assert contents(out) == before


def test_a_record_that_cannot_be_read_is_named_and_does_not_end_the_work(tree: Path, tmp_path: Path) -> None:
    samples_of(tree, 2).write_bytes(b"")
    manifest = prepare(ptbxl_source(tree, 100.0), tmp_path / "out", 100.0)
    assert manifest["n_records"] == N - 1
    assert [entry["record_id"] for entry in manifest["left_out"]] == [IDS[2]]
    assert samples_of(tree, 2).name.removesuffix(".dat") in manifest["left_out"][0]["reason"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EIO, "Input/output error"), "cannot be read (Input/output error)."),
        (ZeroDivisionError("division\nby zero"), "cannot be read (ZeroDivisionError: division by zero)."),
        (MemoryError(), "cannot be read (MemoryError: )."),
    ],
)
def test_any_error_of_one_record_leaves_out_that_record_only(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    read_record = prepare_shard.read_record

    def broken(path: str) -> EcgRecord:
        if path == str(samples_of(tree, 4).with_suffix("")):
            raise error
        return read_record(path)

    monkeypatch.setattr(prepare_shard, "read_record", broken)
    manifest = prepare(ptbxl_source(tree, 100.0), tmp_path / "out", 100.0)
    assert manifest["n_records"] == N - 1
    (entry,) = manifest["left_out"]
    assert entry["record_id"] == IDS[4]
    assert entry["reason"].endswith(reason)


def test_a_source_that_vanishes_ends_the_work_instead_of_leaving_everything_out(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanish(path: str) -> EcgRecord:
        if tree.is_dir():
            tree.rename(tmp_path / "unplugged")
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    source = ptbxl_source(tree, 100.0)
    monkeypatch.setattr(prepare_shard, "read_record", vanish)
    with pytest.raises(UserFacingError, match="no longer there; the same command goes on"):
        prepare(source, tmp_path / "out", 100.0)


@pytest.mark.usefixtures("small_shards")
def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    replaced = prepare_shard.replaced

    class Full:
        def write(self, content: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    @contextmanager
    def full(path: Path) -> Iterator[BinaryIO | Any]:
        with replaced(path) as file:
            yield Full() if path.name == "shard-00001.i16" else file

    with monkeypatch.context() as patch:
        patch.setattr(prepare_shard, "replaced", full)
        with pytest.raises(UserFacingError, match=r"the disk is full\); the same command goes on where it was\.$"):
            prepare(ptbxl_source(tree, 100.0), out, 100.0)
    prepare(ptbxl_source(tree, 100.0), out, 100.0)
    prepare(ptbxl_source(tree, 100.0), tmp_path / "whole", 100.0)
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.usefixtures("small_shards")
def test_going_on_with_another_version_or_a_changed_source_is_refused_and_restarting_is_not(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    stopped(tree, out)
    with monkeypatch.context() as patch:
        patch.setattr(prepare_plan, "__version__", "99.0")
        with pytest.raises(UserFacingError, match=r"begun by version .* of the program, this is 99\.0; .*--restart"):
            prepare(ptbxl_source(tree, 100.0), out, 100.0)
    samples = samples_of(tree, 0)
    status = samples.stat()
    samples.write_bytes(samples.read_bytes()[::-1])
    os.utime(samples, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    with pytest.raises(UserFacingError, match="files of the source have changed since it was begun"):
        prepare(ptbxl_source(tree, 100.0), out, 100.0)
    prepare(ptbxl_source(tree, 100.0), out, 100.0, restart=True)
    prepare(ptbxl_source(tree, 100.0), tmp_path / "whole", 100.0)
    assert contents(out) == contents(tmp_path / "whole")


def test_a_folder_of_other_settings_format_or_of_something_else_is_refused(tree: Path, tmp_path: Path) -> None:
    source = ptbxl_source(tree, 100.0)
    out = tmp_path / "out"
    prepare(source, out, 100.0)
    with pytest.raises(UserFacingError, match="other settings"):
        prepare(source, out, 50.0)
    plan = json.loads((out / "plan.json").read_text())
    (out / "plan.json").write_text(json.dumps({**plan, "schema": 1}))
    with pytest.raises(UserFacingError, match="data of format 1, this version writes"):
        prepare(source, out, 100.0)
    for restart in (False, True):
        with pytest.raises(UserFacingError, match="not empty"):
            prepare(source, tree, 100.0, restart=restart)
    with pytest.raises(UserFacingError, match="no record to prepare"):
        prepare(replace(source, records=()), tmp_path / "empty", 100.0)
    with pytest.raises(UserFacingError, match=f"{IDS[0]} is listed twice"):
        prepare(replace(source, records=(source.records[0], source.records[0])), tmp_path / "twice", 100.0)


def test_where_the_source_lies_does_not_change_the_data(tree: Path, tmp_path: Path) -> None:
    first = prepare(ptbxl_source(tree, 100.0), tmp_path / "first", 100.0)
    moved = tree.rename(tmp_path / "elsewhere")
    second = prepare(ptbxl_source(moved, 100.0), tmp_path / "second", 100.0)
    assert second["provenance_sha256"] == first["provenance_sha256"]
    assert prepare(ptbxl_source(moved, 100.0), tmp_path / "first", 100.0) == first


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


def test_a_record_without_a_standard_lead_is_refused() -> None:
    with pytest.raises(UserFacingError, match="none of the twelve standard leads has signal"):
        prepared_samples(record_of(real_signal_mv(0)[:2], lead_names=["MLII", "V7"]), 100.0)
