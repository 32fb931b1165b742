"""The physiology engine beside NeuroKit2, many records, and a day of beats. Never fails on wall time."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from real_records import long_signal_mv, real_signal_mv, to_adu, write_wfdb
from report import BenchmarkReport

from physioclr_core.leads import STANDARD_LEADS
from physioclr_core.physiology.analysis import analyse
from physioclr_core.physiology.beats import detect_beats
from physioclr_core.signal.resample import resample

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

N_RECORDS = {100.0: 1200, 500.0: 600}


def median_ms(work: Callable[[], object], n: int) -> float:
    """Return the median time of ``n`` calls after three that are not counted."""
    for _ in range(3):
        work()
    times = []
    for _ in range(n):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000.0 * statistics.median(times)


def everything_of(signal_mv: np.ndarray, fs_hz: float) -> None:
    """Filters, beats, waves, measurements and the 150 features."""
    analysis = analyse(signal_mv, fs_hz, STANDARD_LEADS)
    assert analysis.measurements["hr_bpm"].value is not None
    assert analysis.features.is_valid.any()


def neurokit_of(signal_mv: np.ndarray, fs_hz: int, method: str) -> None:
    """Clean every lead, find its R peaks and delineate it."""
    import neurokit2

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for lead in signal_mv:
            clean = neurokit2.ecg_clean(lead.astype(np.float64), sampling_rate=fs_hz)
            _, peaks = neurokit2.ecg_peaks(clean, sampling_rate=fs_hz)
            neurokit2.ecg_delineate(clean, peaks["ECG_R_Peaks"], sampling_rate=fs_hz, method=method)


def test_one_record_beside_neurokit(report: BenchmarkReport) -> None:
    signal = resample(real_signal_mv(5), 100.0, 500.0)
    ours = median_ms(lambda: everything_of(signal, 500.0), 60)
    for method, target in (("dwt", "<= 12 ms, ratio <= 1/45"), ("prominence", "ratio < 1")):
        theirs = median_ms(lambda method=method: neurokit_of(signal, 500, method), 3)  # type: ignore[misc]
        report.add(
            "12 leads x 10 s x 500 Hz: beats, waves, measurements, 150 features",
            ours,
            "ms",
            target=target,
            baseline=theirs,
            baseline_name=f"NeuroKit2 {method}: clean, peaks, delineate",
        )
    at_100 = median_ms(lambda: everything_of(real_signal_mv(5), 100.0), 60)
    report.add("the same at 100 Hz", at_100, "ms", target="<= 12 ms")


@pytest.mark.parametrize(("fs_hz", "target"), [(100.0, ">= 150 records/s"), (500.0, ">= 110 records/s")])
def test_features_of_many_records(fs_hz: float, target: str, tmp_path: Path, report: BenchmarkReport) -> None:
    n_records = N_RECORDS[fs_hz]
    for entry in range(n_records):
        write_wfdb(tmp_path / "in" / f"{entry:05d}", to_adu(resample(real_signal_mv(entry), 100.0, fs_hz)), fs_hz)
    command = [sys.executable, "-m", "physioclr_core.cli", "features", tmp_path / "in", "--out"]
    start = time.perf_counter()
    subprocess.run([*command, tmp_path / "two.parquet"], check=True)
    both = n_records / (time.perf_counter() - start)
    start = time.perf_counter()
    subprocess.run([*command, tmp_path / "one.parquet", "--jobs", "1"], check=True)
    alone = n_records / (time.perf_counter() - start)
    report.add(
        f"physioclr features, {n_records} records at {fs_hz:g} Hz, all cores",
        both,
        "records/s",
        target=target,
        baseline=alone,
        baseline_name="one process",
    )


def test_beats_of_half_an_hour(report: BenchmarkReport) -> None:
    import neurokit2

    signal = resample(long_signal_mv(180_000)[1:2], 100.0, 360.0)
    ours = median_ms(lambda: detect_beats(signal, 360.0), 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lead = signal[0].astype(np.float64)
        theirs = median_ms(
            lambda: neurokit2.ecg_peaks(neurokit2.ecg_clean(lead, sampling_rate=360), sampling_rate=360), 3
        )
    report.add(
        "beats and their classes, one lead x 30 min x 360 Hz",
        ours,
        "ms",
        baseline=theirs,
        baseline_name="NeuroKit2 clean and peaks",
    )


def test_beats_of_a_day(tmp_path: Path, report: BenchmarkReport) -> None:
    hour = resample(long_signal_mv(90_000)[[0, 1, 6]], 100.0, 250.0)
    day = np.tile(to_adu(hour), (1, 96))
    header = write_wfdb(tmp_path / "day", day, 250.0, ("I", "II", "V1"))
    out = tmp_path / "beats.json"
    start = time.perf_counter()
    process = psutil.Popen([sys.executable, "-m", "physioclr_core.cli", "beats", header, "--json", out])
    peak_mb = 0.0
    while process.poll() is None:
        try:
            peak_mb = max(peak_mb, process.memory_info().rss / 2**20)
        except psutil.Error:
            break
        time.sleep(0.05)
    assert process.wait() == 0
    seconds = time.perf_counter() - start
    assert len(json.loads(out.read_text())["day"]) > 80_000
    report.add("physioclr beats, 24 h x 3 leads x 250 Hz, with process start", seconds, "s", target="<= 10 s")
    report.add("its largest memory", peak_mb, "MB", target="<= 300 MB")
    assert peak_mb < 600
