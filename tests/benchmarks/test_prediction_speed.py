"""Reading, prediction, search and the worker, each beside the plainest way to do the same. Never fails on wall time."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import wfdb
from real_records import real_signal_mv, shipped_library, to_adu, write_wfdb
from report import BenchmarkReport
from worker_process import WorkerProcess

from ecgviewer.jobs.protocol import HeartRate, Predictions, Ready, Similar
from physioclr_core.infer.model import EcgModel
from physioclr_core.infer.preprocess import model_input
from physioclr_core.readers import read_record

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

N_RECORDS = 2000
N_BASELINE = 300


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two thousand real records as WFDB files, without a table of patients beside them."""
    folder = tmp_path_factory.mktemp("ptbxl")
    for entry in range(N_RECORDS):
        write_wfdb(folder / f"{entry:05d}_lr", to_adu(real_signal_mv(entry)))
    return folder


def median_ms(work: Callable[[int], object], n: int) -> float:
    """Return the median time of calls with the numbers 0 ... n - 1, after three that are not counted."""
    for index in range(3):
        work(index)
    times = []
    for index in range(n):
        start = time.perf_counter()
        work(index)
        times.append(time.perf_counter() - start)
    return 1000.0 * statistics.median(times)


def test_reading_one_record(records: Path, report: BenchmarkReport) -> None:
    stems = [str(records / f"{entry:05d}_lr") for entry in range(200)]
    ours = median_ms(lambda i: read_record(stems[i]), 200)
    theirs = median_ms(lambda i: wfdb.rdrecord(stems[i]), 200)
    report.add("read a PTB-XL record", ours, "ms", target="ratio < 1", baseline=theirs, baseline_name="wfdb.rdrecord")


def test_predicting_two_thousand_records(records: Path, tmp_path: Path, report: BenchmarkReport) -> None:
    command = [sys.executable, "-m", "physioclr_core.cli", "predict", records, "--cpu", "--csv", tmp_path / "out.csv"]
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        subprocess.run(command, check=True)
        seconds.append(time.perf_counter() - start)
    # The plain loop: wfdb, the same preprocessing, one run of the same network a record, all the runtime's threads.
    model = EcgModel(allow_gpu=False)
    session = onnxruntime.InferenceSession(model.folder / model.manifest.onnx_file, providers=["CPUExecutionProvider"])
    mask = np.ones((1, 1000), np.float32)
    start = time.perf_counter()
    for entry in range(N_BASELINE):
        signal = wfdb.rdrecord(str(records / f"{entry:05d}_lr")).p_signal.T.astype(np.float32)
        session.run(["logits"], {"ecg": model_input(signal)[None], "mask": mask})
    baseline = N_BASELINE / (time.perf_counter() - start)
    report.add(
        "physioclr predict, 2,000 records with process start",
        N_RECORDS / min(seconds),
        "records/s",
        target=">= 300 records/s",
        baseline=baseline,
        baseline_name="wfdb + onnxruntime, one by one",
    )


def test_predicting_one_record(records: Path, report: BenchmarkReport) -> None:
    model = EcgModel(allow_gpu=False)
    opened = [read_record(records / f"{entry:05d}_lr") for entry in range(100)]
    one = median_ms(lambda i: model.assess(opened[i]), 100)
    session = onnxruntime.InferenceSession(model.folder / model.manifest.onnx_file, providers=["CPUExecutionProvider"])
    mask = np.ones((1, 1000), np.float32)
    inputs = [{"ecg": model_input(record.signal_mv)[None], "mask": mask} for record in opened]
    alone = median_ms(lambda i: session.run(["logits", "embedding"], inputs[i]), 100)
    report.add(
        "predict one opened record", one, "ms", baseline=alone, baseline_name="the network alone, default threads"
    )


def test_finding_ten_neighbours(report: BenchmarkReport) -> None:
    library = shipped_library()
    embeddings, rng = library.embeddings, np.random.default_rng(0)
    queries = embeddings[:200] + rng.normal(0, 0.01, (200, embeddings.shape[1])).astype(np.float32)
    ours = median_ms(lambda i: library.search(queries[i], library.fingerprint, 10), 200)
    with_same = median_ms(
        lambda i: library.search(queries[i], library.fingerprint, 10, signal_mv=real_signal_mv(i)), 50
    )

    def brute_force(index: int) -> np.ndarray:
        similarity = embeddings @ queries[index]
        nearest = np.argpartition(-similarity, 10)[:10]
        return nearest[np.argsort(-similarity[nearest])]

    theirs = median_ms(brute_force, 200)
    name = f"numpy, {len(library)} entries"
    report.add("10 nearest of the library", ours, "ms", baseline=theirs, baseline_name=name)
    report.add("10 nearest, the same signal looked for", with_same, "ms", baseline=theirs, baseline_name=name)


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    worker = WorkerProcess()
    yield worker
    worker.close()


def test_an_answer_of_the_worker(worker: WorkerProcess, records: Path, tmp_path: Path, report: BenchmarkReport) -> None:
    start = time.perf_counter()
    worker.receive(Ready)
    report.add("worker: start until ready", 1000 * (time.perf_counter() - start), "ms")
    times: dict[str, list[float]] = {"predictions": [], "heart rate": [], "neighbours": []}
    for job in range(33):
        start = time.perf_counter()
        record = read_record(records / f"{job:05d}_lr")
        worker.analyse(record.signal_mv, tmp_path, job, fs_hz=record.fs_hz, lead_names=record.lead_names)
        for name, kind in zip(times, (Predictions, HeartRate, Similar), strict=True):
            worker.receive(kind)
            times[name].append(1000 * (time.perf_counter() - start))
    target = {"predictions": "<= 150 ms after open"}
    for name, values in times.items():
        report.add(f"worker: file to {name}, warm", statistics.median(values[3:]), "ms", target=target.get(name, ""))
    report.add("worker: file to predictions, first record", times["predictions"][0], "ms")
