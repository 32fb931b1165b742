"""A day of twelve leads and two weeks of one: opening, wide and narrow views, memory. Never fails on wall time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from long_records import write_long_record
from report import BenchmarkReport

from physioclr_core.leads import STANDARD_LEADS

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]

ENVIRONMENT = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
MOST_USS_MB = 250


def timings_of(*arguments: str | Path) -> dict[str, float]:
    """Run the script in a process of its own."""
    command = [sys.executable, str(Path(__file__).with_name("long_timings.py")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=True, timeout=500)
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("name", "duration_s", "fs_hz", "leads"),
    [("24 h x 12 leads", 86400.0, 500.0, None), ("14 days x 1 lead", 14 * 86400.0, 250.0, ["II"])],
)
def test_long_recording(
    report: BenchmarkReport,
    test_data: Callable[..., Path],
    tmp_path: Path,
    name: str,
    duration_s: float,
    fs_hz: float,
    leads: list[str] | None,
) -> None:
    sources = sorted(test_data("mitdb").glob("*.hea"))
    header = write_long_record(tmp_path / "long", sources, duration_s, fs_hz, leads or STANDARD_LEADS)
    found = timings_of(header)
    baseline = timings_of(header, "--plain")
    report.add(
        f"{name}: window made to first paint",
        found["painted_ms"],
        "ms",
        target="<= 500 ms",
        baseline=baseline["painted_ms"],
        baseline_name="pyqtgraph, one lead in memory",
    )
    report.add(f"{name}: pyramid built", found["pyramid_s"], "s")
    report.add(
        f"{name}: whole width, read and drawn afresh",
        found["whole_afresh_ms"],
        "ms",
        target="<= 30 ms",
        baseline=baseline["whole_afresh_ms"],
        baseline_name="pyqtgraph 'peak', one lead",
    )
    report.add(f"{name}: whole width, redraw", found["whole_ms"], "ms", target="<= 30 ms")
    report.add(f"{name}: 10 s, pan", found["pan_10s_ms"], "ms", target="<= 15 ms")
    report.add(f"{name}: 10 s, jump to elsewhere", found["jump_10s_ms"], "ms", target="<= 15 ms")
    report.add(f"{name}: 1 h, jump to elsewhere", found["jump_1h_ms"], "ms")
    figure, others_mb = f"{name}: memory (USS)", baseline["uss_mb"]
    report.add(figure, found["uss_mb"], "MB", target="<= 250 MB", baseline=others_mb, baseline_name="same")
    assert found["uss_mb"] <= MOST_USS_MB
    (tmp_path / "long.dat").unlink()
