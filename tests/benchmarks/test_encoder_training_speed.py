"""A training step of the paper's encoder beside the matrix products of the same machine. Never fails on wall time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import pytest
import torch
from report import BenchmarkReport
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from physioclr_core.models.build import build_encoder
from physioclr_core.models.presets import ENCODER_PRESETS

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

N_RECORDS, N_SAMPLES = 8, 2500
N_STEPS = 3
N_MATRIX = 2048


@pytest.fixture
def one_thread() -> Iterator[None]:
    """One thread: two wait for each other as soon as anything else holds a core."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n_threads)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.usefixtures("one_thread")
def test_training_step_of_the_papers_encoder(report: BenchmarkReport) -> None:
    torch.manual_seed(0)
    encoder = build_encoder(ENCODER_PRESETS["paper"]).train()
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-5, fused=True)
    x, mask = torch.randn(N_RECORDS, 12, N_SAMPLES), torch.ones(N_RECORDS, N_SAMPLES)
    a, b = torch.randn(N_MATRIX, N_MATRIX), torch.randn(N_MATRIX, N_MATRIX)

    def step(is_bf16: bool = False) -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=is_bf16):
            loss: Tensor = encoder(x, mask).float().square().mean()
        loss.backward()
        optimizer.step()

    def product() -> None:
        for _ in range(8):
            torch.mm(a, b)

    # Products that the step really does: nothing for transforms, norms, activations, dropout and the optimiser.
    with FlopCounterMode(display=False) as counter:
        step()
    step_gflop, product_gflop = counter.get_total_flops() / 1e9, 8 * 2 * N_MATRIX**3 / 1e9
    step(is_bf16=True)
    product()
    # The speed of a shared machine drifts: each step is measured between two runs of the product.
    rates: dict[bool, list[float]] = {False: [], True: []}
    ratios: dict[bool, list[float]] = {False: [], True: []}
    baselines = []
    before = product_gflop / seconds(product)
    for _ in range(N_STEPS):
        for is_bf16 in (False, True):
            rate = step_gflop / seconds(lambda is_bf16=is_bf16: step(is_bf16))  # type: ignore[misc]
            after = product_gflop / seconds(product)
            rates[is_bf16].append(rate)
            ratios[is_bf16].append(2.0 * rate / (before + after))
            baselines += [before, after]
            before = after
    name = f"fp32 product of {N_MATRIX} x {N_MATRIX}, 1 thread"
    for is_bf16, label, target in ((False, "fp32", "ratio >= 0.64"), (True, "bf16 autocast", "")):
        report.add(
            f"training step of the paper's encoder, {N_RECORDS} x 5 s, {label}",
            statistics.median(rates[is_bf16]),
            "GFLOP/s",
            target=target,
            baseline=statistics.median(rates[is_bf16]) / statistics.median(ratios[is_bf16]),
            baseline_name=name,
        )
