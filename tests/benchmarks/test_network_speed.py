"""The exported CNN alone, and the loader beside the small encoder that it feeds. Never fails on wall time."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from real_records import real_signal_mv
from report import BenchmarkReport
from small_training import small_dataset

from physioclr_core.augment.presets import AUGMENT_PRESETS
from physioclr_core.data.open_all import open_all
from physioclr_core.data.segments import network_input
from physioclr_core.export.onnx_export import check_parity, export_onnx
from physioclr_core.models.build import build_encoder
from physioclr_core.models.classifier import Classifier
from physioclr_core.models.presets import ENCODER_PRESETS
from physioclr_core.train.pretrain import augmentation

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

BATCH = 8
N_BATCHES = 60


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the residual CNN with 71 labels as ONNX; its speed does not depend on its weights."""
    torch.manual_seed(0)
    classifier = Classifier(build_encoder(ENCODER_PRESETS["residual-cnn"]), 71).eval()
    path = tmp_path_factory.mktemp("network") / "model.onnx"
    export_onnx(classifier, path, 1000)
    x, mask = windows()
    check_parity(classifier, path, x, mask)
    return path


def windows() -> tuple[np.ndarray, np.ndarray]:
    signal_mv = np.stack([real_signal_mv(entry) for entry in range(BATCH)])
    mask = np.ones((BATCH, 1000), np.bool_)
    return network_input(signal_mv, mask), mask.astype(np.float32)


def session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])


def test_the_exported_cnn(network: Path, report: BenchmarkReport) -> None:
    x, mask = windows()
    sessions = [session(network) for _ in range(2)]

    def work(run: onnxruntime.InferenceSession) -> None:
        for _ in range(N_BATCHES):
            run.run(None, {"ecg": x, "mask": mask})

    rates = []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            started = time.perf_counter()
            list(pool.map(work, sessions))
            rates.append(2 * N_BATCHES * BATCH / (time.perf_counter() - started))
    classifier = Classifier(build_encoder(ENCODER_PRESETS["residual-cnn"]), 71).eval()
    with torch.inference_mode():
        started = time.perf_counter()
        for _ in range(N_BATCHES // 4):
            classifier(torch.from_numpy(x), torch.from_numpy(mask))
        plain = N_BATCHES // 4 * BATCH / (time.perf_counter() - started)
    report.add(
        "exported residual CNN, two processes' worth of threads",
        max(rates),
        "records/s",
        target="500 records/s",
        baseline=plain,
        baseline_name=f"torch, {torch.get_num_threads()} threads of {os.cpu_count()} cores",
    )
    one = []
    for _ in range(100):
        started = time.perf_counter()
        sessions[0].run(None, {"ecg": x[:1], "mask": mask[:1]})
        one.append(time.perf_counter() - started)
    report.add("exported residual CNN, one record", 1000 * float(np.median(one)), "ms", target="5 ms")


def test_the_loader_beside_the_small_encoder(tmp_path: Path, report: BenchmarkReport) -> None:
    dataset = open_all((small_dataset(tmp_path),))
    rng = np.random.default_rng(0)
    light = augmentation(AUGMENT_PRESETS["light"])
    rows = rng.integers(0, len(dataset), (40, 64))

    def load(batch: np.ndarray, is_augmented: bool) -> np.ndarray:
        part = dataset.segments(batch, 1000).random_cut(400, rng)
        if is_augmented:
            part = light(part, rng)
        return network_input(part.signal_mv, part.mask)

    def rate(is_augmented: bool) -> float:
        best = 0.0
        for _ in range(3):
            started = time.perf_counter()
            for batch in rows:
                load(batch, is_augmented)
            best = max(best, rows.size / (time.perf_counter() - started))
        return best

    loader, augmented = rate(False), rate(True)
    torch.set_num_threads(1)
    encoder = build_encoder(ENCODER_PRESETS["small"]).train()
    optimizer = torch.optim.AdamW(encoder.parameters(), 1e-4)
    x, mask = torch.from_numpy(load(rows[0], True)[:32]), torch.ones(32, 400)
    steps = []
    for _ in range(4):
        started = time.perf_counter()
        encoder(x, mask).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
        steps.append(time.perf_counter() - started)
    trained = 32 / min(steps)
    name = "training step of the small encoder"
    report.add("loading 4 s parts", loader, "records/s", target="ratio >= 10", baseline=trained, baseline_name=name)
    report.add("the same, augmented", augmented, "records/s", target=">= 10", baseline=trained, baseline_name=name)
