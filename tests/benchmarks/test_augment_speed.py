"""How fast batches are changed in training, beside what every batch goes through on its way into a network."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import pytest
from real_records import real_signal_mv
from report import BenchmarkReport

from physioclr_core.augment.pipeline import augment
from physioclr_core.augment.presets import AUGMENT_PRESETS
from physioclr_core.data.segments import network_input

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(900)]

N_RECORDS, N_SAMPLES, FS_HZ = 64, 400, 100.0
N_REPEATS = 40


def records_s(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return N_RECORDS / (time.perf_counter() - started)


@pytest.mark.parametrize("preset", ["light", "contrastive"])
def test_changing_crops_of_four_seconds(preset: str, report: BenchmarkReport) -> None:
    signal = np.stack([real_signal_mv(entry)[:, :N_SAMPLES] for entry in range(N_RECORDS)])
    mask, has_lead = np.ones((N_RECORDS, N_SAMPLES), bool), np.ones((N_RECORDS, 12), bool)
    rng = np.random.default_rng(0)

    def change() -> None:
        augment(signal, mask, has_lead, FS_HZ, AUGMENT_PRESETS[preset], rng)

    def standardise() -> None:
        network_input(signal, mask)

    change()
    # In turns: the speed of a shared machine drifts.
    pairs = [(records_s(change), records_s(standardise)) for _ in range(N_REPEATS)]
    measured, baseline = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    report.add(
        f"augmentation {preset!r}, {N_RECORDS} crops of 4 s at 100 Hz, one thread",
        measured,
        "records/s",
        baseline=baseline,
        baseline_name="network_input of the same crops",
    )
