"""How long "why" takes, beside the network alone on as many inputs. Never fails on wall time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest
from real_records import entries_with, real_signal_mv, record_of
from report import BenchmarkReport

from physioclr_core.infer.attribution import BATCH
from physioclr_core.infer.model import EcgModel
from physioclr_core.infer.windows import windows_of
from physioclr_core.physiology.explain import explain_record

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

N_RECORDS = 12


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor time of a call."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


def test_why_of_ten_seconds_and_twelve_leads(report: BenchmarkReport) -> None:
    model = EcgModel(n_threads=1, allow_gpu=False)
    codes = ("CRBBB", "AFIB", "1AVB", "NORM")
    entries = [entry for code in codes for entry in entries_with(code, [9])[: N_RECORDS // len(codes)]]
    records = [record_of(real_signal_mv(entry.entry)) for entry in entries]
    n_runs: list[int] = []
    explain_record(records[0], model)
    ours, theirs = [], []
    for record in records:
        told: list[int] = []
        ours.append(seconds(lambda record=record, told=told: explain_record(record, model, on_progress=_keep(told))))
        n_runs.append(told[-1])
        made = windows_of(record, model.manifest.input)
        x, mask = (np.repeat(part, BATCH, axis=0) for part in (made.x, made.mask))

        def alone(x: np.ndarray = x, mask: np.ndarray = mask, n: int = told[-1]) -> None:
            for _ in range(-(-n // BATCH)):
                model.logits(x, mask)

        theirs.append(seconds(alone))
    figure = f"why, all statements, 10 s x 12 leads, {statistics.median(n_runs):.0f} runs of the network"
    wall, processor = (statistics.median(times) for times in zip(*ours, strict=True))
    wall_alone, processor_alone = (statistics.median(times) for times in zip(*theirs, strict=True))
    name = "the network alone"
    report.add(
        f"{figure}, processor time", processor, "s", target="<= 1.5 s", baseline=processor_alone, baseline_name=name
    )
    report.add(f"{figure}, wall time", wall, "s", baseline=wall_alone, baseline_name=name)
    report.add("the slowest of them, processor time", max(processor for _, processor in ours), "s")


def _keep(told: list[int]) -> Callable[[int, int], None]:
    return lambda n_done, n_all: told.append(n_done)
