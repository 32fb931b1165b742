"""Folders into the worklist: files a second and the longest stall of the window. Never fails on wall time."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from report import BenchmarkReport

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

WFDB_FOLDERS = ("georgia", "chapman-ningbo", "cpsc-extra", "cpsc2018", "ptb-xl-500hz")


def timings(folder: Path) -> dict[str, float]:
    """Open a folder in a window of its own process."""
    command = [sys.executable, str(Path(__file__).with_name("folder_timings.py")), str(folder)]
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def add_rows(report: BenchmarkReport, what: str, n_files: int, target: str, measured: dict[str, float]) -> None:
    assert (measured["n_read"], measured["n_errors"]) == (n_files, 0)
    report.add(f"worklist, {what}", n_files / measured["elapsed_s"], "files/s", target=target)
    report.add(f"longest stall of the window, {what}", measured["longest_stall_ms"], "ms", target="< 50 ms")


def copied_wfdb(header: Path, stem: Path) -> None:
    """Copy a record under another name."""
    text = header.read_text(encoding="utf-8", errors="replace")
    for suffix in (".mat", ".dat"):
        signal_file = header.with_suffix(suffix)
        if signal_file.is_file():
            shutil.copyfile(signal_file, stem.with_suffix(suffix))
            text = text.replace(signal_file.name, stem.with_suffix(suffix).name)
    lines = text.split("\n")
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    lines[first] = lines[first].replace(header.stem, stem.name, 1)
    stem.with_suffix(".hea").write_text("\n".join(lines), encoding="utf-8")


def test_a_thousand_wfdb_records(test_data: Callable[..., Path], tmp_path: Path, report: BenchmarkReport) -> None:
    headers = [path for name in WFDB_FOLDERS for path in sorted(test_data(name).rglob("*.hea"))]
    for number in range(1000):
        copied_wfdb(headers[number % len(headers)], tmp_path / f"r{number:04d}")
    add_rows(report, "1,000 WFDB records", 1000, ">= 200 files/s", timings(tmp_path))


def test_mixed_dicom_and_xml(test_data: Callable[..., Path], tmp_path: Path, report: BenchmarkReport) -> None:
    files = [p for p in sorted(test_data("clinical-formats").rglob("*")) if p.suffix.lower() in (".dcm", ".xml")]
    for number in range(400):
        source = files[number % len(files)]
        shutil.copyfile(source, tmp_path / f"{number:03d}{source.suffix}")
    add_rows(report, "400 files of DICOM and XML", 400, ">= 40 files/s", timings(tmp_path))


def test_ten_thousand_records(test_data: Callable[..., Path], tmp_path: Path, report: BenchmarkReport) -> None:
    header = sorted(test_data("ptb-xl-500hz").rglob("*.hea"))[0]
    copied_wfdb(header, tmp_path / "r")
    text = (tmp_path / "r.hea").read_text(encoding="utf-8")
    (tmp_path / "r.hea").unlink()
    for number in range(10_000):
        # All headers share one signal file: what is measured is the list.
        (tmp_path / f"r{number:05d}.hea").write_text(text.replace("r ", f"r{number:05d} ", 1), encoding="utf-8")
    add_rows(report, "10,000 records", 10_000, "", timings(tmp_path))
