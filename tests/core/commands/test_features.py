"""``physioclr features`` as a user runs it: in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from real_records import real_signal_mv, to_adu, write_wfdb

from physioclr_core.errors import UserFacingError
from physioclr_core.physiology.analysis import analyse_record
from physioclr_core.physiology.features.schema import NAMES, SCHEMA_VERSION
from physioclr_core.physiology.features.table import FeatureParts, failed_row, read_feature_table
from physioclr_core.physiology.fingerprint import measurement_fingerprint
from physioclr_core.readers import read_record

COLUMNS = ["record", "path", "fs_hz", "n_beats", "schema_version", "reason", *NAMES]


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "physioclr_core.cli", "features", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=cwd)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four records: a good one, one cut off, a flat one, and another good one."""
    folder = tmp_path_factory.mktemp("records")
    write_wfdb(folder / "a_good", to_adu(real_signal_mv(0)))
    write_wfdb(folder / "b_cut", to_adu(real_signal_mv(1)))
    data = folder / "b_cut.dat"
    data.write_bytes(data.read_bytes()[:4000])
    write_wfdb(folder / "c_flat", np.zeros((12, 1000), np.int16))
    write_wfdb(folder / "d_good", to_adu(real_signal_mv(4)))
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four hundred records that share the samples of eight."""
    root = tmp_path_factory.mktemp("many")
    for i in range(8):
        header = write_wfdb(root / f"s{i}", to_adu(real_signal_mv(i)))
        text = header.read_text()
        header.unlink()
        for index in range(i, 400, 8):
            (root / f"r{index:04d}.hea").write_text(text.replace(f"s{i} 12", f"r{index:04d} 12", 1))
    return root


@pytest.fixture(scope="module")
def table_path(records: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the table of all four, made once."""
    folder = tmp_path_factory.mktemp("table")
    done = run(records, "--out", folder / "out.parquet")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("physioclr: b_cut: ")
    assert [path.name for path in folder.iterdir()] == ["out.parquet"]
    return folder / "out.parquet"


@pytest.fixture
def table(table_path: Path) -> pa.Table:
    return pq.read_table(table_path)


def test_the_table_has_a_row_for_each_record_and_a_column_for_each_feature(table: pa.Table, records: Path) -> None:
    assert table.column_names == COLUMNS
    assert table["record"].to_pylist() == ["a_good", "b_cut", "c_flat", "d_good"]
    assert table["path"].to_pylist() == [str(records / f"{name}.hea") for name in table["record"].to_pylist()]
    assert table["schema_version"].to_pylist() == [SCHEMA_VERSION] * 4
    assert table["fs_hz"].to_pylist() == [100.0, None, 100.0, 100.0]
    assert table.schema.field("pr_ms").type == pa.float32()
    assert table.schema.field("pr_ms").metadata[b"unit"] == b"ms"


def test_values_are_those_of_the_analysis_with_nulls_where_not_valid(table: pa.Table, records: Path) -> None:
    for row, name in ((0, "a_good"), (3, "d_good")):
        analysis = analyse_record(read_record(records / name))
        expected = [
            value if is_valid else None
            for value, is_valid in zip(analysis.features.values.tolist(), analysis.features.is_valid, strict=True)
        ]
        found = table.slice(row, 1).to_pylist()[0]
        for feature, value in zip(NAMES, expected, strict=True):
            assert found[feature] == pytest.approx(value, rel=1e-4, abs=1e-4), feature
        assert found["n_beats"] == len(analysis.delineation.beats)
        assert found["reason"] is None


def test_what_failed_and_what_has_no_beats_is_a_row_of_nulls_with_the_reason(table: pa.Table) -> None:
    cut, flat = table.slice(1, 1).to_pylist()[0], table.slice(2, 1).to_pylist()[0]
    assert all(row[name] is None for row in (cut, flat) for name in NAMES)
    assert cut["reason"].startswith("b_cut")
    assert cut["n_beats"] is None
    assert flat["n_beats"] == 0
    assert flat["reason"]


def test_the_table_can_be_read_again(table: pa.Table, table_path: Path) -> None:
    labels, values, is_valid = read_feature_table(table_path)
    assert labels == ["a_good", "b_cut", "c_flat", "d_good"]
    assert is_valid.any(axis=1).tolist() == [True, False, False, True]
    assert np.isnan(values[~is_valid]).all()
    column = NAMES.index("rr_median_ms")
    assert values[0, column] == pytest.approx(table["rr_median_ms"][0].as_py())


def test_a_record_that_is_named_twice_is_one_row(records: Path, tmp_path: Path) -> None:
    done = run(records / "a_good.hea", records / "a_good.hea", records / "d_good.hea", "--out", tmp_path / "o.parquet")
    assert (done.returncode, done.stderr) == (0, "")
    paths = pq.read_table(tmp_path / "o.parquet")["path"].to_pylist()
    assert paths == [str(records / "a_good.hea"), str(records / "d_good.hea")]


def test_a_single_record_that_cannot_be_read_is_one_sentence_and_leaves_an_older_file_alone(
    records: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    out.write_text("yesterday's")
    done = run(records / "b_cut.hea", "--out", out)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert out.read_text() == "yesterday's"
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]


@pytest.mark.parametrize("out", ["missing/out.parquet", "."])
def test_a_place_that_cannot_be_written_to_is_refused_before_any_work(records: Path, tmp_path: Path, out: str) -> None:
    done = run(records, "--out", tmp_path / out)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


# --- going on after an interrupt -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to a single process there")
def test_an_interrupted_run_goes_on_where_it_was_and_gives_the_same_table(many: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    command = [sys.executable, "-m", "physioclr_core.cli", "features", str(many), "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        parts = tmp_path / ".out.parquet.parts"
        while not list(parts.glob("*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert not out.exists()
    n_done = sum(pq.read_metadata(piece).num_rows for piece in parts.glob("*.parquet"))
    assert 256 <= n_done < 400
    done = run(many, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == ["out.parquet"]
    assert run(many, "--out", tmp_path / "whole.parquet").returncode == 0
    whole, resumed = (pq.read_table(path) for path in (tmp_path / "whole.parquet", out))
    assert resumed["record"].to_pylist() == [f"r{index:04d}" for index in range(400)]
    assert resumed.equals(whole)


@pytest.fixture
def done_once(records: Path, tmp_path: Path) -> Callable[..., FeatureParts]:
    """Return a function that leaves a piece with an impossible heart rate, so that it is seen whether it is used."""

    def leave(code: str | None = None) -> FeatureParts:
        own = measurement_fingerprint("readers", "signal")
        parts = FeatureParts(tmp_path / "out.parquet", own if code is None else code)
        rows = []
        for name in ("a_good", "b_cut"):
            path = str(records / f"{name}.hea")
            row = failed_row(name, path, "it was too late")
            if name == "a_good":
                values, is_valid = np.full(150, 12345.0, np.float32), np.ones(150, np.bool_)
                row = type(row)(name, path, 100.0, 7, None, False, values, is_valid)
            rows.append(row)
        parts.add(rows)
        return parts

    return leave


def marker_of(tmp_path: Path) -> list[bool]:
    return [value == 12345.0 for value in pq.read_table(tmp_path / "out.parquet")["rr_median_ms"].to_pylist()]


def test_a_finished_piece_is_used_but_records_that_failed_are_tried_again(
    records: Path, tmp_path: Path, done_once: Callable[..., FeatureParts]
) -> None:
    done_once()
    done = run(records, "--out", tmp_path / "out.parquet")
    assert done.returncode == 1
    assert "b_cut" in done.stderr
    assert "too late" not in done.stderr
    assert marker_of(tmp_path) == [True, False, False, False]


def test_a_piece_of_other_code_is_not_used(
    records: Path, tmp_path: Path, done_once: Callable[..., FeatureParts]
) -> None:
    done_once(code="0" * 64)
    assert run(records, "--out", tmp_path / "out.parquet").returncode == 1
    assert marker_of(tmp_path) == [False] * 4


def test_a_damaged_piece_is_not_used(records: Path, tmp_path: Path, done_once: Callable[..., FeatureParts]) -> None:
    (piece,) = done_once().folder.glob("*.parquet")
    piece.write_bytes(piece.read_bytes()[:-20])
    assert run(records, "--out", tmp_path / "out.parquet").returncode == 1
    assert marker_of(tmp_path) == [False] * 4


def test_rows_of_records_that_are_not_asked_for_are_left_out(
    records: Path, tmp_path: Path, done_once: Callable[..., FeatureParts]
) -> None:
    done_once()
    assert run(records / "c_flat.hea", records / "d_good.hea", "--out", tmp_path / "out.parquet").returncode == 0
    assert pq.read_table(tmp_path / "out.parquet")["record"].to_pylist() == ["c_flat", "d_good"]


# --- reading tables ---------------------------------------------------------------------------------------------------


def test_a_file_that_is_no_table_of_features_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_text("no Parquet")
    with pytest.raises(UserFacingError, match="cannot be read"):
        read_feature_table(path)
    with pytest.raises(UserFacingError, match="cannot be read"):
        read_feature_table(tmp_path / "missing.parquet")
    other = pa.table({"a": [1.0]})
    pq.write_table(other, path)
    with pytest.raises(UserFacingError, match="no table of features"):
        read_feature_table(path)
    old = {b"physioclr": json.dumps({"schema_version": SCHEMA_VERSION + 1}).encode()}
    pq.write_table(other.replace_schema_metadata(old), path)
    with pytest.raises(UserFacingError, match="no table of features"):
        read_feature_table(path)
