"""How fast records are prepared, and how fast a prepared set gives them back."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from real_records import shipped_library, write_ptbxl_tree
from report import BenchmarkReport

from physioclr_core.data.prepare import prepare
from physioclr_core.data.prepared import PreparedDataset, open_prepared
from physioclr_core.data.sources.ptbxl import ptbxl_source

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

N_OF_PTBXL = 21_799


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ptbxl_tree(tmp_path_factory.mktemp("tree") / "ptbxl", shipped_library().entries)


def test_preparing(tree: Path, tmp_path: Path, report: BenchmarkReport) -> None:
    n_records = len(shipped_library().entries)
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", "physioclr_core.cli", "prepare", tree, "--out", tmp_path / "out"], check=True)
    report.add(
        f"physioclr prepare, {n_records} records with process start, {os.cpu_count()} processes",
        n_records / (time.perf_counter() - started),
        "records/s",
        target=f">= {N_OF_PTBXL / 60.0:.0f} records/s",
    )


def test_loading_whole_records_in_random_order(tree: Path, tmp_path: Path, report: BenchmarkReport) -> None:
    prepare(ptbxl_source(tree, 100.0), tmp_path / "out", 100.0)
    dataset = open_prepared(tmp_path / "out")
    rng = np.random.default_rng(0)
    report.add(
        "whole records of a prepared set, one thread",
        max(_records_s(dataset, rng.permutation(len(dataset))) for _ in range(5)),
        "records/s",
        target=">= 40000 records/s",
        baseline=max(_copied_s(dataset, rng.permutation(len(dataset))) for _ in range(5)),
        baseline_name="indexing one array of 32-bit samples",
    )


def _records_s(dataset: PreparedDataset, rows: np.ndarray) -> float:
    dataset.segments(rows[:64], 1000)
    started = time.perf_counter()
    for start in range(0, len(rows), 64):
        dataset.segments(rows[start : start + 64], 1000)
    return len(rows) / (time.perf_counter() - started)


def _copied_s(dataset: PreparedDataset, rows: np.ndarray) -> float:
    samples = dataset.segments(np.arange(len(dataset)), 1000).signal_mv
    started = time.perf_counter()
    for start in range(0, len(rows), 64):
        samples[rows[start : start + 64]]
    return len(rows) / (time.perf_counter() - started)
